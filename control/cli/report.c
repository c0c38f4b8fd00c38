/* SPDX-License-Identifier: BSD-3-Clause */
/* What `sluice` says when something is wrong, and the calls that say it. Opens the invocation's
 * connection on its first call (main.c closes it). */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const char *invocation_under = "dp ";

int fail(const char *fmt, ...)
{
	va_list ap;

	fputs("error: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return STATUS_FAILED;
}

int usage(const struct command *command, const char *fmt, ...)
{
	va_list ap;

	fputs("error: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (command != NULL)
		fprintf(stderr, "usage: sluice %s%s %s\nmore:  sluice %s%s --help\n",
			invocation_under, command->name, command->synopsis, invocation_under,
			command->name);
	return STATUS_USAGE;
}

static void fail_open(const char *path, int err)
{
	fail("cannot reach the dataplane at %s: %s", path, strerror(err));
	if (err == EACCES || err == EPERM) {
		fputs("  the socket has mode 0660: run as root or as a member of its group\n",
			stderr);
		return;
	}
	fprintf(stderr,
		"  start it:           sluice-dataplane --socket %s\n"
		"  or name its socket: sluice --socket PATH …, or SLUICE_SOCKET=PATH\n",
		path);
}

static void fail_lost(const char *path, int err)
{
	if (err == EMSGSIZE)
		fail("the request is over %u MiB, more than the socket takes in one message: split "
		     "it",
			LIMIT_RPC_LINE_BYTES >> 20);
	else if (err == EPIPE)
		fail("the dataplane at %s closed the connection", path);
	else if (err == EPROTO)
		fail("what answers at %s does not speak JSON-RPC", path);
	else
		fail("talking to the dataplane at %s: %s", path, strerror(err));
}

static void print_detail(const char *name, const json_t *value)
{
	char *text;

	if (json_is_string(value)) {
		fprintf(stderr, "  %-5s %s\n", name, json_string_value(value));
		return;
	}
	text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	fprintf(stderr, "  %-5s %s\n", name, text != NULL ? text : "?");
	free(text);
}

void report_details(const json_t *data)
{
	static const char *const order[] = {
		"path", "field", "want", "got", "by", "with", "limit", NULL};
	const char *name;
	json_t *value;
	int i;

	for (i = 0; order[i] != NULL; i++)
		if ((value = json_object_get(data, order[i])) != NULL)
			print_detail(order[i], value);
	json_object_foreach ((json_t *)data, name, value) {
		bool shown = false;

		for (i = 0; order[i] != NULL; i++)
			shown = shown || strcmp(name, order[i]) == 0;
		if (!shown)
			print_detail(name, value);
	}
}

static void print_error(const json_t *error)
{
	const char *message = json_string_value(json_object_get(error, "message"));

	fail("%s", message != NULL ? message : "the dataplane refused and did not say why");
	report_details(json_object_get(error, "data"));
}

json_t *cli_try(struct cli *cli, const char *method, json_t *params, json_t **error)
{
	json_t *answer = NULL, *result = NULL;
	int err = 0;

	*error = NULL;
	if (cli->client == NULL && (err = client_open(cli->socket, 0, &cli->client)) < 0) {
		fail_open(cli->socket, -err);
		goto out;
	}
	err = client_call(cli->client, method, params, &answer);
	if (err < 0) {
		fail_lost(cli->socket, -err);
		goto out;
	}
	*error = json_incref(json_object_get(answer, "error"));
	if (*error == NULL)
		result = json_incref(json_object_get(answer, "result"));
out:
	json_decref(answer);
	json_decref(params);
	return result;
}

json_t *cli_call(struct cli *cli, const char *method, json_t *params)
{
	json_t *error, *result = cli_try(cli, method, params, &error);

	if (error == NULL)
		return result;
	print_error(error);
	/* a program reading stdout gets JSON either way */
	if (cli->json)
		print_json(json_pack("{s:O}", "error", error));
	json_decref(error);
	return NULL;
}

int cli_event(struct cli *cli, double timeout_s, json_t **out)
{
	int got = client_event(cli->client, timeout_s, out);

	if (got >= 0)
		return got;
	fail_lost(cli->socket, -got);
	return -1;
}

int print_json(json_t *json)
{
	int err = json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);

	putchar('\n');
	json_decref(json);
	return err == 0 ? STATUS_OK : fail("cannot write the answer as JSON");
}

int print_json_line(const json_t *json)
{
	int err = json_dumpf(json, stdout, JSON_COMPACT | JSON_ENCODE_ANY);

	putchar('\n');
	fflush(stdout);
	return err == 0 ? STATUS_OK : fail("cannot write the answer as JSON");
}

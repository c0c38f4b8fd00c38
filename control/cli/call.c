/* SPDX-License-Identifier: BSD-3-Clause */
/* See call.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "call.h"
#include "text.h"

static const char *from_environment(const char *name, const char *preset)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : preset;
}

void control_defaults(struct cli *cli)
{
	cli->control = from_environment("SLUICE_CONTROL", CONTROL_DEFAULT);
	cli->token_file = from_environment("SLUICE_TOKEN_FILE", NULL);
	cli->cacert = from_environment("SLUICE_CACERT", NULL);
	cli->cert = from_environment("SLUICE_CERT", NULL);
	cli->key = from_environment("SLUICE_KEY", NULL);
}

struct http_target control_target(const struct cli *cli)
{
	return (struct http_target){.control = cli->control,
		.token_file = cli->token_file,
		.cacert = cli->cacert,
		.cert = cli->cert,
		.key = cli->key};
}

struct http *control_http(struct cli *cli)
{
	struct http_target target = control_target(cli);
	char why[HTTP_WHY];

	if (cli->http == NULL && http_open(&target, &cli->http, why) != 0)
		fail("%s", why);
	return cli->http;
}

int control_unreachable(const struct cli *cli, const struct http_answer *answer)
{
	bool remote = strncmp(cli->control, "https://", 8) == 0;
	int status = fail("cannot reach the control plane at %s: %s", cli->control, answer->why);

	if (answer->os_error == EACCES || answer->os_error == EPERM)
		fputs("  the socket has mode 0660: run as root or as a member of its group\n",
			stderr);
	else if (remote)
		fputs("  want https://HOST:PORT as sluice-control's --listen has it, and its "
		      "authority by --cacert FILE\n",
			stderr);
	else if (strchr(cli->control, ':') != NULL && strchr(cli->control, '/') == NULL)
		fprintf(stderr,
			"  this was taken for the path of a unix socket; over TCP it is "
			"https://%s, with --token-file and --cacert\n",
			cli->control);
	else if (answer->os_error != 0)
		fprintf(stderr,
			"  start it:           sluice-control --socket %s\n"
			"  or name its socket: sluice --control PATH …, or SLUICE_CONTROL=PATH\n",
			cli->control);
	return status;
}

int control_ask(struct cli *cli, const struct http_request *request, struct http_answer *answer)
{
	struct http *http = control_http(cli);

	if (http == NULL)
		return STATUS_FAILED;
	return http_call(http, request, answer) ? STATUS_UNREACHED : STATUS_OK;
}

int control_try(struct cli *cli, const struct http_request *request, struct http_answer *answer)
{
	int status = control_ask(cli, request, answer);

	return status == STATUS_UNREACHED ? control_unreachable(cli, answer) : status;
}

/* What to do, where the answer itself can hardly know. */
static const char *advice(const struct cli *cli, int status, const char *detail)
{
	switch (status) {
	case 401:
		return cli->token_file != NULL
			       ? "the token is not known, or has expired: ask an admin for a new "
				 "one"
			       : "give a token: --token-file FILE, or SLUICE_TOKEN_FILE=FILE";
	case 403:
		/* a tenant's limit, which the answer has named, is not its role's */
		return detail != NULL && strstr(detail, "grant") != NULL
			       ? "operators may grant more: sluice tenant"
			       : "your role does not allow it";
	case 412:
		return "somebody changed it in the meantime: look again, then give its revision";
	case 413:
		return "split it into several";
	case 429:
		return "too many requests: wait a second";
	default:
		return NULL;
	}
}

/* A problem without what is told otherwise, for report_details. */
static json_t *problem_details(const json_t *problem)
{
	static const char *const told[] = {
		"type", "title", "status", "detail", "instance", "refused"};
	json_t *details = json_copy((json_t *)problem);
	size_t i;

	for (i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		json_object_del(details, told[i]);
	return details;
}

int tell_would_refuse(const json_t *answer)
{
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(answer, "refused"), i, one)
		fail("the dataplane would refuse %s %s: %s", json_text(one, "kind"),
			json_text(one, "name"), json_text(one, "reason"));
	return json_array_size(json_object_get(answer, "refused")) > 0 ? STATUS_FAILED : STATUS_OK;
}

void tell_unasked(const json_t *answer)
{
	const json_t *dataplane = json_object_get(answer, "dataplane");

	if (json_is_false(json_object_get(dataplane, "asked")))
		fprintf(stderr, "the dataplane was not asked what it would refuse: %s\n",
			json_text(dataplane, "why"));
}

int control_refused(const struct cli *cli, struct http_answer *answer, const char *where)
{
	const char *detail = json_string_value(json_object_get(answer->json, "detail"));
	const char *title = json_string_value(json_object_get(answer->json, "title"));
	const char *hint = advice(cli, answer->status, detail);
	json_t *details = problem_details(answer->json);

	detail = detail != NULL ? detail : title;
	if (tell_would_refuse(answer->json) != STATUS_OK)
		hint = NO_CHECK_HINT;
	else if (detail != NULL)
		fail("%s%s%s", where != NULL ? where : "", where != NULL ? ": " : "", detail);
	else
		fail("%s answered %d and did not say why", cli->control, answer->status);
	report_details(details);
	if (hint != NULL)
		fprintf(stderr, "  %s\n", hint);
	if (cli->json && answer->json != NULL)
		print_json(json_incref(answer->json));
	json_decref(details);
	json_decref(answer->json);
	answer->json = NULL;
	return STATUS_FAILED;
}

int control_call(struct cli *cli, const struct http_request *request, json_t **json)
{
	struct http_answer answer;
	int status = control_try(cli, request, &answer);

	if (status != STATUS_OK)
		return status;
	if (answer.status < 200 || answer.status > 299)
		return control_refused(cli, &answer, NULL);
	if (answer.json == NULL && answer.status != 204)
		return fail(
			"what answers at %s is not sluice-control: it sent no JSON", cli->control);
	*json = answer.json;
	return STATUS_OK;
}

json_t *control_get(struct cli *cli, char *path)
{
	struct http_request request = {.method = "GET", .path = path};
	json_t *json = NULL;

	control_call(cli, &request, &json);
	free(path);
	return json;
}

int control_pages(struct cli *cli, char *path, control_each each, void *arg)
{
	int status = STATUS_OK;
	char *next = xstrdup(path), *after;
	const char *cursor;
	json_t *page;

	while (next != NULL) {
		page = control_get(cli, next);
		next = NULL;
		if (page == NULL) {
			status = STATUS_FAILED;
			break;
		}
		status = each(json_object_get(page, "items"), arg);
		cursor = json_string_value(json_object_get(page, "next"));
		if (cursor != NULL && status == STATUS_OK) {
			after = http_escape(cursor);
			next = xprintf("%s&after=%s", path, after);
			free(after);
		}
		json_decref(page);
	}
	free(path);
	return status;
}

int wait_seconds(const struct args *args, int wait, int no_wait, json_int_t *seconds)
{
	*seconds = args->set[no_wait] ? 0 : WAIT_PRESET_S;
	if (args->set[wait] && args->set[no_wait])
		return usage(args->command, "give --wait or --no-wait, not both");
	return args_number(args, wait, 0, WAIT_MAX_S, seconds);
}

const char *time_text(const json_t *us, char *out)
{
	json_int_t at = json_integer_value(us);
	time_t seconds = (time_t)(at / 1000000);
	struct tm tm;
	size_t len;

	if (at == 0)
		return strcpy(out, "-");
	len = strftime(out, 40, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
	snprintf(out + len, 40 - len, ".%03d", (int)(at / 1000 % 1000));
	return out;
}

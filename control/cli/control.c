/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls to sluice-control, and how their errors are told; the options that changes of intents have
 * in common, and what became of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "intent.h"

void control_unreachable(const struct cli *cli, const struct http_answer *answer)
{
	fail("cannot reach the control plane at %s: %s", cli->control, answer->why);
	if (strncmp(cli->control, "https://", 8) == 0)
		fputs("  want https://HOST:PORT as sluice-control's --listen has it, and its "
		      "authority by --cacert FILE\n",
			stderr);
	else if (strchr(cli->control, ':') != NULL && strchr(cli->control, '/') == NULL)
		fprintf(stderr,
			"  this was taken for the path of a unix socket; over TCP it is "
			"https://%s, with --token-file and --cacert\n",
			cli->control);
	else
		tell_start(answer->os_error, "control", cli->control, "control", "SLUICE_CONTROL");
}

void control_lost(const struct cli *cli, const struct http_answer *answer)
{
	control_unreachable(cli, answer);
	leave_failed();
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

int tell_refused(const json_t *answer, const struct documents *all, const char *verb)
{
	int status = STATUS_OK;
	const json_t *one;
	char *where;
	size_t i;

	json_array_foreach (json_object_get(answer, "refused"), i, one) {
		where = document_where(documents_find(all, one), "");
		status = fail("%sthe dataplane %s %s %s: %s", where, verb, json_text(one, "kind"),
			json_text(one, "name"), json_text(one, "reason"));
		free(where);
	}
	return status;
}

void control_refused(const struct cli *cli, const struct http_answer *answer, const char *where,
	const struct documents *all)
{
	static const char *const told[] = {
		"type", "title", "status", "detail", "instance", "refused"};
	const char *detail = json_string_value(json_object_get(answer->json, "detail"));
	const char *hint = advice(cli, answer->status, detail);
	json_t *details = json_copy(answer->json);
	size_t i;

	for (i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		json_object_del(details, told[i]);
	if (detail == NULL)
		detail = json_string_value(json_object_get(answer->json, "title"));
	if (tell_refused(answer->json, all, "would refuse") != STATUS_OK)
		hint = "nothing was changed; with --no-check it is kept all the same, and tried "
		       "again when what it needs changes";
	else if (detail != NULL)
		fail("%s%s", where, detail);
	else
		fail("%s answered %d and did not say why", cli->control, answer->status);
	report_details(details);
	if (hint != NULL)
		fprintf(stderr, "  %s\n", hint);
	if (cli->json && answer->json != NULL)
		print_json(json_incref(answer->json));
	json_decref(details);
}

json_t *control_call(struct cli *cli, const struct http_request *request)
{
	struct http_answer answer;

	if (http_call(cli, request, &answer) != STATUS_OK)
		control_lost(cli, &answer);
	if (answer.status < 200 || answer.status > 299) {
		control_refused(cli, &answer, "", NULL);
		leave_failed();
	}
	if (answer.json == NULL && answer.status != 204)
		die("what answers at %s is not sluice-control: it sent no JSON", cli->control);
	return answer.json;
}

json_t *control_get(struct cli *cli, char *path)
{
	json_t *json = control_call(cli, &(struct http_request){.method = "GET", .path = path});

	free(path);
	return json;
}

json_t *control_show(struct cli *cli, char *path)
{
	json_t *json = control_get(cli, path);

	if (!cli->json)
		return json;
	print_json(json);
	return NULL;
}

json_t *control_peek(struct cli *cli, const char *path)
{
	struct http_request request = {.method = "GET", .path = path};
	struct http_answer answer;

	if (http_call(cli, &request, &answer) == STATUS_OK && answer.status == 200)
		return answer.json;
	json_decref(answer.json);
	return NULL;
}

void control_pages(struct cli *cli, char *path, control_each each, void *arg)
{
	char *next = xstrdup(path), *after;
	const char *cursor;
	json_t *page;

	while (next != NULL) {
		page = control_get(cli, next);
		each(json_object_get(page, "items"), arg);
		cursor = json_string_value(json_object_get(page, "next"));
		after = cursor != NULL ? http_escape(cursor) : NULL;
		next = after != NULL ? xprintf("%s&after=%s", path, after) : NULL;
		free(after);
		json_decref(page);
	}
	free(path);
}

/* ---- intents ---- */

char *intent_url(int type, const char *name)
{
	char *escaped = http_escape(name);
	char *url = xprintf("/v1/%s/%s", intent_path((enum intent_type)type), escaped);

	free(escaped);
	return url;
}

json_t *intent_document(int type, const json_t *intent)
{
	json_t *copy = json_copy((json_t *)intent), *document;

	json_object_del(copy, "status");
	json_object_del(copy, "meta");
	if (type >= 0)
		json_object_set_new(copy, "kind", json_string(intent_kind((enum intent_type)type)));
	document = fields_ordered(type >= 0 ? intent_types[type].fields : NULL, copy);
	json_decref(copy);
	return document;
}

/* ---- changes of them ---- */

char *change_query(const struct args *args, int first)
{
	bool no_wait = args->set[first + CHANGE_NO_WAIT];

	if (args->set[first + CHANGE_WAIT] && no_wait)
		usage("give --wait or --no-wait, not both");
	if (args->set[first + CHANGE_DRY_RUN])
		return xstrdup("dry_run=1");
	return xprintf("wait=%lld%s", no_wait ? 0 : (long long)args->number[first + CHANGE_WAIT],
		args->set[first + CHANGE_NO_CHECK] ? "&check=false" : "");
}

bool change_waits(const struct args *args, int first)
{
	return !args->set[first + CHANGE_NO_WAIT] && args->number[first + CHANGE_WAIT] > 0;
}

int tell_dry_run(const struct cli *cli, json_t *answer, const struct documents *all, bool diff)
{
	const json_t *changes = json_object_get(answer, "changes"), *one;
	const json_t *dataplane = json_object_get(answer, "dataplane");
	int status = STATUS_OK;
	size_t i;

	if (cli->json)
		print_json(json_incref(answer));
	for (i = 0; !cli->json && (one = json_array_get(changes, i)) != NULL; i++) {
		const struct document *document = diff ? documents_find(all, one) : NULL;

		difference_print(one, "now", document != NULL ? document->file->name : "wanted");
	}
	if (!cli->json && !diff && json_array_size(changes) == 0)
		puts("nothing would change");
	fflush(stdout);
	if (diff || !cli->json) {
		status = tell_refused(answer, all, "would refuse");
		if (json_is_false(json_object_get(dataplane, "asked")))
			fprintf(stderr, "the dataplane was not asked what it would refuse: %s\n",
				json_text(dataplane, "why"));
	} else if (json_array_size(json_object_get(answer, "refused")) > 0) {
		status = STATUS_FAILED;
	}
	if (diff)
		status = json_array_size(changes) > 0 ? STATUS_FAILED : STATUS_OK;
	json_decref(answer);
	return status;
}

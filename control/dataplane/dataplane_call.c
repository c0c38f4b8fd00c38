/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls to the dataplane and their answers, line by line (dataplane.h). Answers come in the order
 * of the calls; the ids only make sure of it. Owns the calls that wait. */
#include "dataplane_link.h"

#include <errno.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"

#define ANSWER_BYTES (256u << 20) /* of one line; more is not the dataplane we know */

/* ---- calls ---- */

void link_watch_overdue(struct dataplane *dp)
{
	uint32_t ms = dp->greeted ? dp->answer_ms : dp->hello_ms;
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	if (TAILQ_EMPTY(&dp->calls))
		evtimer_del(dp->overdue);
	else
		evtimer_add(dp->overdue, &tv);
}

void link_answer_all(struct call_list *calls)
{
	struct call *call;

	while ((call = TAILQ_FIRST(calls))) {
		TAILQ_REMOVE(calls, call, link);
		if (call->answer)
			call->answer(NULL, NULL, call->arg);
		free(call);
	}
}

static void free_text(const void *data, size_t length, void *arg)
{
	free(arg);
}

/* One line: head, params, tail. 0, -EMSGSIZE, -ENOMEM. */
static int make_line(json_int_t id, const char *method, const char *params, size_t length,
	char **line, size_t *total)
{
	char head[128];
	int used = snprintf(head, sizeof(head),
		"{\"jsonrpc\":\"2.0\",\"id\":%" JSON_INTEGER_FORMAT ",\"method\":\"%s\"%s", id,
		method, params ? ",\"params\":" : "");
	char *at;

	if (used + length + 1 > LIMIT_RPC_LINE_BYTES)
		return -EMSGSIZE;
	at = *line = malloc(used + length + 2);
	if (!at)
		return -ENOMEM;
	memcpy(at, head, used);
	if (length)
		memcpy(at + used, params, length);
	memcpy(at + used + length, "}\n", 2);
	*total = used + length + 2;
	return 0;
}

int link_send(struct dataplane *dp, const char *method, const char *params, size_t length,
	dataplane_answer answer, void *arg)
{
	bool first = TAILQ_EMPTY(&dp->calls);
	struct call *call;
	size_t total;
	char *line;
	int err;

	if (!dp->bev)
		return -ENOTCONN;
	err = make_line(dp->last_id + 1, method, params, length, &line, &total);
	if (err)
		return err;
	call = malloc(sizeof(*call));
	if (!call)
		goto err_line;
	*call = (struct call){.id = dp->last_id + 1, .answer = answer, .arg = arg};
	if (evbuffer_add_reference(bufferevent_get_output(dp->bev), line, total, free_text, line))
		goto err_call;
	dp->last_id++;
	TAILQ_INSERT_TAIL(&dp->calls, call, link);
	if (first)
		link_watch_overdue(dp);
	return 0;

err_call:
	free(call);
err_line:
	free(line);
	return -ENOMEM;
}

int dataplane_call_text(struct dataplane *dp, const char *method, const char *params, size_t length,
	dataplane_answer answer, void *arg)
{
	if (dp->state != DATAPLANE_UP)
		return -ENOTCONN;
	return link_send(dp, method, params, length, answer, arg);
}

int dataplane_call(struct dataplane *dp, const char *method, json_t *params,
	dataplane_answer answer, void *arg)
{
	char *text = NULL;
	int err = -ENOTCONN;

	if (dp->state != DATAPLANE_UP)
		goto done;
	err = -ENOMEM;
	if (params && !(text = json_dumps(params, JSON_COMPACT)))
		goto done;
	err = link_send(dp, method, text, text ? strlen(text) : 0, answer, arg);
	free(text);
done:
	json_decref(params);
	return err;
}

/* ---- answers ---- */

static void take_answer(struct dataplane *dp, const json_t *message)
{
	static const struct timeval now = {0, 0};
	const json_t *result = json_object_get(message, "result");
	const json_t *error = json_object_get(message, "error");
	const json_t *id = json_object_get(message, "id");
	struct call *call = TAILQ_FIRST(&dp->calls);

	/* an answer without an id is to a line that it could not read, or a refusal of the
	 * connection */
	if (!call || (!result && !error) ||
		(json_is_integer(id) ? json_integer_value(id) != call->id : !error)) {
		evtimer_add(dp->drop, &now);
		return;
	}
	TAILQ_REMOVE(&dp->calls, call, link);
	link_watch_overdue(dp);
	if (call->answer)
		call->answer(error ? NULL : result, error, call->arg);
	free(call);
}

static void take_line(struct dataplane *dp, const char *line, size_t length)
{
	static const struct timeval now = {0, 0};
	json_t *message = json_loadb(line, length, 0, NULL);

	if (!json_is_object(message))
		evtimer_add(dp->drop, &now);
	else if (!json_object_get(message, "method"))
		take_answer(dp, message);
	else if (json_is_object(json_object_get(message, "params")))
		link_tell_event(dp, json_object_get(message, "params"));
	json_decref(message);
}

/* Where the first line of the input ends; -1: not yet. What was searched is not searched again. */
static ssize_t line_end(struct dataplane *dp, struct evbuffer *in)
{
	struct evbuffer_ptr from, end;
	size_t have = evbuffer_get_length(in);

	if (dp->scanned >= have || evbuffer_ptr_set(in, &from, dp->scanned, EVBUFFER_PTR_SET))
		return -1;
	end = evbuffer_search(in, "\n", 1, &from);
	if (end.pos < 0)
		dp->scanned = have;
	return end.pos;
}

void link_read(struct dataplane *dp)
{
	struct bufferevent *bev = dp->bev;
	struct evbuffer *in = bev ? bufferevent_get_input(bev) : NULL;
	ssize_t end;

	/* callbacks may not close the connection, but they are told that it is to be dropped */
	while (in && !evtimer_pending(dp->drop, NULL) && (end = line_end(dp, in)) >= 0) {
		char *line = (char *)evbuffer_pullup(in, end + 1);

		if (!line) {
			link_lost(dp, DATAPLANE_DOWN);
			return;
		}
		dp->scanned = 0;
		take_line(dp, line, end);
		evbuffer_drain(in, end + 1);
	}
	if (in && evbuffer_get_length(in) > ANSWER_BYTES)
		link_lost(dp, DATAPLANE_DOWN);
}

/* ---- all pages of a list ---- */

struct listing {
	struct dataplane *dp;
	const char *type; /* its own, behind the structure */
	json_t *match;
	json_t *result; /* {"objects": []} */
	dataplane_answer answer;
	void *arg;
};

static void listing_free(struct listing *list)
{
	json_decref(list->match);
	json_decref(list->result);
	free(list);
}

static void listing_end(struct listing *list, const json_t *result, const json_t *error)
{
	list->answer(result, error, list->arg);
	listing_free(list);
}

static void on_page(const json_t *result, const json_t *error, void *arg);

static int ask_page(struct listing *list, const json_t *cursor)
{
	json_t *params = json_pack(
		"{s:s, s:O*, s:O*}", "type", list->type, "match", list->match, "cursor", cursor);

	if (!params)
		return -ENOMEM;
	return dataplane_call(list->dp, "list", params, on_page, list);
}

static void on_page(const json_t *result, const json_t *error, void *arg)
{
	struct listing *list = arg;
	json_t *all = json_object_get(list->result, "objects");
	const json_t *cursor = json_object_get(result, "cursor");

	if (!result) {
		listing_end(list, NULL, error);
		return;
	}
	if (json_array_extend(all, json_object_get(result, "objects")))
		listing_end(list, NULL, NULL);
	else if (!cursor)
		listing_end(list, list->result, NULL);
	else if (ask_page(list, cursor))
		listing_end(list, NULL, NULL);
}

int dataplane_list_match(
	struct dataplane *dp, const char *type, json_t *match, dataplane_answer answer, void *arg)
{
	struct listing *list = calloc(1, sizeof(*list) + strlen(type) + 1);
	int err = -ENOMEM;

	if (!list) {
		json_decref(match);
		return -ENOMEM;
	}
	*list = (struct listing){.dp = dp, .match = match, .answer = answer, .arg = arg};
	list->type = strcpy((char *)(list + 1), type);
	list->result = json_pack("{s:[]}", "objects");
	if (list->result)
		err = ask_page(list, NULL);
	if (err)
		listing_free(list);
	return err;
}

int dataplane_list(struct dataplane *dp, const char *type, dataplane_answer answer, void *arg)
{
	return dataplane_list_match(dp, type, NULL, answer, arg);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice events: what happens, as sluice-control tells it (server-sent events). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "show.h"
#include "text.h"

enum { EVENTS_FOLLOW, EVENTS_EVENT, EVENTS_LIMIT };

#define QUIET_S	    0.4	  /* what is kept comes without such a pause */
#define ALL_OF_THEM "0-0" /* no event has this id: everything that is kept comes */
#define RETRY_S	    1
#define LATEST	    4096

static const struct option_def events_options[] = {
	{"follow", 'f', OPTION_FLAG, NULL, "what happens from now on, until Ctrl-C", WORD_NONE},
	{"event", 'e', OPTION_MANY, "NAME", "these only: link, link.up, intent …; may be repeated",
		WORD_EVENTS},
	{"limit", 'n', OPTION_VALUE, "N", "the last N only; with --follow: end after N", WORD_NONE},
	{.name = NULL},
};

struct listening {
	const struct cli *cli;
	bool follow;
	json_int_t limit; /* negative: none */
	json_int_t count;
	json_t *kept; /* without --follow */
	char last_id[128];
};

static void print_event(const struct cli *cli, const json_t *event)
{
	static const char *const told[] = {"id", "at", "level", "event"};
	const char *at = json_text(event, "at"), *level = json_text(event, "level");
	json_t *rest;
	char *text;
	size_t i;

	if (cli->json) {
		print_json_line(event);
		return;
	}
	rest = json_copy((json_t *)event);
	for (i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		json_object_del(rest, told[i]);
	text = pairs_text(rest);
	printf("%s%s%s%s%s%s%s\n", at, *at != '\0' ? "  " : "",
		strcmp(level, "info") != 0 && strcmp(level, "debug") != 0 ? level : "",
		strcmp(level, "info") != 0 && strcmp(level, "debug") != 0 && *level != '\0' ? " "
											    : "",
		json_text(event, "event"), *text != '\0' ? "  " : "", text);
	fflush(stdout);
	free(text);
	json_decref(rest);
}

static bool heard(const struct http_event *event, void *arg)
{
	struct listening *l = arg;
	json_t *json = json_loads(event->data, 0, NULL);

	snprintf(l->last_id, sizeof(l->last_id), "%s", event->id);
	/* everything was asked for: of course something older is gone */
	if (json == NULL || (!l->follow && strcmp(event->event, "gap") == 0)) {
		json_decref(json);
		return true;
	}
	l->count++;
	if (l->follow) {
		print_event(l->cli, json);
	} else {
		json_array_append(l->kept, json);
		if (json_array_size(l->kept) > (size_t)(l->limit > 0 ? l->limit : LATEST))
			json_array_remove(l->kept, 0);
	}
	json_decref(json);
	return !ferror(stdout) && (!l->follow || l->limit < 0 || l->count < l->limit);
}

/* "/v1/events?event=a,b": new. */
static char *events_path(const struct args *args)
{
	char *path = xstrdup("/v1/events"), *escaped, *longer;
	int i;

	for (i = 0; i < args->many_count; i++) {
		escaped = http_escape(args->many[i]);
		longer = xprintf("%s%s%s", path, i == 0 ? "?event=" : ",", escaped);
		free(escaped);
		free(path);
		path = longer;
	}
	return path;
}

/* Until it is enough; a connection that breaks is made again, and goes on where it was. */
static int listen_on(struct cli *cli, struct listening *l, struct http_listen *listen)
{
	struct http *http = control_http(cli);
	struct http_answer answer;
	bool began = false;
	int ended;

	if (http == NULL)
		return STATUS_FAILED;
	for (;;) {
		ended = http_stream(http, listen, &answer);
		began = began || ended >= 0;
		if (ended == 0) {
			json_decref(answer.json);
			return STATUS_OK;
		}
		if (answer.status >= 400)
			return control_refused(cli, &answer, NULL);
		json_decref(answer.json);
		if (!began || !l->follow)
			return control_unreachable(cli, &answer);
		if (ended == 1)
			fprintf(stderr, "lost %s (%s); trying again\n", cli->control, answer.why);
		sleep(RETRY_S);
		if (l->last_id[0] != '\0')
			listen->last_id = l->last_id;
	}
}

static int events_run(struct cli *cli, const struct args *args)
{
	struct listening l = {.cli = cli, .follow = args->set[EVENTS_FOLLOW], .limit = -1};
	struct http_listen listen = {.each = heard, .arg = &l};
	json_t *event;
	char *path;
	int status;
	size_t i;

	if (args->count > 0)
		return usage(args->command, "events takes no words; a filter is --event %s",
			args->words[0]);
	if (args_number(args, EVENTS_LIMIT, 1, 1 << 30, &l.limit) != STATUS_OK)
		return STATUS_USAGE;
	path = events_path(args);
	listen.path = path;
	if (!l.follow) {
		listen.last_id = ALL_OF_THEM;
		listen.quiet_s = QUIET_S;
	}
	l.kept = json_array();
	status = listen_on(cli, &l, &listen);
	json_array_foreach (l.kept, i, event)
		print_event(cli, event);
	json_decref(l.kept);
	free(path);
	return status;
}

const struct command command_events = {
	.name = "events",
	.synopsis = "[-f] [--event NAME …] [--limit N]",
	.summary = "what happened lately, or with -f what happens",
	.details = "  sluice events -f --event intent --event link\n"
		   "A name stands for those below it: mac for mac.learned and mac.moved. A "
		   "connection\n"
		   "that breaks is made again, and what happened in between is told.\n",
	.options = events_options,
	.run = events_run,
};

/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens: sluice events, as sluice-control tells it (server-sent events), and sluice dp
 * watch, as the dataplane does. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

/* What an event says besides its name, which has been printed. */
static void print_rest(json_t *event)
{
	json_object_del(event, "event");
	fputs(json_object_size(event) > 0 ? "  " : "", stdout);
	pairs_write(stdout, event);
	putchar('\n');
	fflush(stdout);
}

/* ---- sluice events ---- */

enum { EVENTS_FOLLOW, EVENTS_EVENT, EVENTS_LIMIT };

#define QUIET_S	    0.4	  /* what is kept comes without such a pause */
#define ALL_OF_THEM "0-0" /* no event has this id: everything that is kept comes */
#define RETRY_S	    1
#define LATEST	    4096

static const struct option_def events_options[] = {
	{"follow", 'f', .help = "what happens from now on, until Ctrl-C"},
	{"event", 'e', OPTION_MANY, "NAME", "these only: link, link.up, intent …; may be repeated",
		.word = WORD_CONTROL_EVENTS},
	{"limit", 'n', OPTION_NUMBER, "N", .help = "the last N only; with --follow: end after N",
		.min = 1, .max = ANY_NUMBER, .preset = -1},
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

static void print_event(const struct cli *cli, json_t *event)
{
	const char *at = json_text(event, "at"), *level = json_text(event, "level");
	bool usual = strcmp(level, "info") == 0 || strcmp(level, "debug") == 0 || *level == '\0';

	if (cli->json) {
		print_json_line(json_incref(event));
		return;
	}
	printf("%s%s%s%s%s", at, *at != '\0' ? "  " : "", usual ? "" : level, usual ? "" : " ",
		json_text(event, "event"));
	json_object_del(event, "id");
	json_object_del(event, "at");
	json_object_del(event, "level");
	print_rest(event);
}

static bool heard(const char *name, const char *id, const char *data, void *arg)
{
	struct listening *l = arg;
	json_t *event = json_loads(data, 0, NULL);

	snprintf(l->last_id, sizeof(l->last_id), "%s", id);
	/* everything was asked for: of course something older is gone */
	if (event == NULL || (!l->follow && strcmp(name, "gap") == 0)) {
		json_decref(event);
		return true;
	}
	l->count++;
	if (l->follow) {
		print_event(l->cli, event);
	} else {
		json_array_append(l->kept, event);
		if (json_array_size(l->kept) > (size_t)(l->limit > 0 ? l->limit : LATEST))
			json_array_remove(l->kept, 0);
	}
	json_decref(event);
	return !ferror(stdout) && (!l->follow || l->limit < 0 || l->count < l->limit);
}

/* "/v1/events?event=a,b": new. */
static char *events_path(const struct args *args)
{
	char *path, *escaped;
	size_t size;
	FILE *out = open_memstream(&path, &size);
	int i;

	fputs("/v1/events", out);
	for (i = 0; i < args->many_count; i++) {
		escaped = http_escape(args->many[i]);
		fprintf(out, "%s%s", i == 0 ? "?event=" : ",", escaped);
		free(escaped);
	}
	fclose(out);
	return path;
}

/* Until it is enough; a connection that breaks is made again, and goes on where it was. Returns how
 * it ended. */
static struct http_answer listen_on(
	struct cli *cli, struct listening *l, struct http_request *request)
{
	struct http_answer answer;
	bool began = false;

	while (http_call(cli, request, &answer) != STATUS_OK) {
		began = began || answer.status == 200;
		if (answer.status >= 400 || !began || !l->follow)
			return answer;
		if (answer.status == 200)
			fprintf(stderr, "lost %s (%s); trying again\n", cli->control, answer.why);
		sleep(RETRY_S);
		if (l->last_id[0] != '\0')
			request->last_id = l->last_id;
	}
	answer.why[0] = '\0';
	return answer;
}

static int events_run(struct cli *cli, const struct args *args)
{
	struct listening l = {.cli = cli,
		.follow = args->set[EVENTS_FOLLOW],
		.limit = args->number[EVENTS_LIMIT],
		.kept = json_array()};
	struct http_request request = {.method = "GET", .each = heard, .arg = &l};
	struct http_answer answer;
	json_t *event;
	char *path;
	size_t i;

	if (args->count > 0)
		usage("events takes no words; a filter is --event %s", args->words[0]);
	if (!l.follow) {
		request.last_id = ALL_OF_THEM;
		request.quiet_s = QUIET_S;
	}
	request.path = path = events_path(args);
	answer = listen_on(cli, &l, &request);
	json_array_foreach (l.kept, i, event)
		print_event(cli, event);
	if (answer.status >= 400) {
		control_refused(cli, &answer, "", NULL);
		leave_failed();
	}
	if (answer.why[0] != '\0')
		control_lost(cli, &answer);
	json_decref(l.kept);
	free(path);
	return STATUS_OK;
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
	.most = ANY_NUMBER,
	.run = events_run,
};

/* ---- sluice dp watch ---- */

enum { WATCH_COUNT, WATCH_TIMEOUT };

static const struct option_def watch_options[] = {
	{"count", 'n', OPTION_NUMBER, "N", .help = "stop after N events", .min = 1,
		.max = ANY_NUMBER, .preset = -1},
	{"timeout", 't', OPTION_NUMBER, "SECONDS", .help = "stop after so long", .min = 1,
		.max = ANY_NUMBER},
	{.name = NULL},
};

static void print_now(const struct cli *cli, json_t *event)
{
	char clock[NUMBER_BYTES];

	if (cli->json) {
		print_json_line(json_incref(event));
		return;
	}
	printf("%s  %-12s", clock_text(time(NULL), clock), json_text(event, "event"));
	print_rest(event);
}

static int watch_run(struct cli *cli, const struct args *args)
{
	json_t *events = args->count > 0 ? json_array() : json_pack("[s, s]", "link", "mac");
	json_int_t timeout = args->number[WATCH_TIMEOUT], seen;
	double until = clock_now() + (double)timeout, left;
	json_t *event;
	int i;

	for (i = 0; i < args->count; i++)
		json_array_append_new(events, json_string(args->words[i]));
	json_decref(cli_call(cli, "watch", json_pack("{s:o}", "events", events)));
	for (seen = 0; seen != args->number[WATCH_COUNT] && !ferror(stdout); seen++) {
		left = timeout > 0 ? until - clock_now() : -1;
		if ((timeout > 0 && left <= 0) || !cli_event(cli, left, &event))
			break;
		print_now(cli, event);
		json_decref(event);
	}
	return STATUS_OK;
}

const struct command command_watch = {
	.name = "watch",
	.synopsis = "[EVENT …] [--count N] [--timeout SECONDS]",
	.summary = "print events as they happen",
	.details = "EVENT is link, mac or a full name such as mac.learned; without one: all of "
		   "them.\n",
	.options = watch_options,
	.words = WORD_EVENTS,
	.most = ANY_NUMBER,
	.run = watch_run,
};

/* SPDX-License-Identifier: BSD-3-Clause */
/* See progress.h. */
#include <stdlib.h>
#include <unistd.h>

#include "call.h"
#include "progress.h"
#include "text.h"

#define SILENT_S 0.5 /* what is over by then needs no line */

static struct {
	struct http *http;
	size_t documents;
	double start;
	bool shown, off;
} line;

static void show(const char *text)
{
	fprintf(stderr, "\r\033[K%s", text);
	fflush(stderr);
	line.shown = true;
}

void progress_documents(const struct documents *all)
{
	char number[NUMBER_BYTES], *text;

	if (!isatty(STDERR_FILENO) || all->count < PROGRESS_LARGE)
		return;
	text = xprintf("%s documents read from %zu file%s…",
		number_grouped((json_int_t)all->count, number), all->file_count,
		all->file_count == 1 ? "" : "s");
	show(text);
	free(text);
}

void progress_begin(struct cli *cli, size_t documents)
{
	struct http_target target = control_target(cli);
	char why[HTTP_WHY];

	target.patience_ms = 1000;
	line.documents = documents;
	line.start = clock_now();
	line.off = cli->json || !isatty(STDERR_FILENO) || http_open(&target, &line.http, why) != 0;
}

/* The reconciler's intents that the dataplane does not have yet; -1: it did not say. */
static json_int_t pending(void)
{
	struct http_request request = {.method = "GET", .path = "/v1/status"};
	struct http_answer answer;
	const json_t *value;
	json_int_t count = -1;

	if (http_call(line.http, &request, &answer) != 0)
		return -1;
	value = json_object_get(json_object_get(answer.json, "reconciler"), "pending");
	if (json_is_integer(value))
		count = json_integer_value(value);
	json_decref(answer.json);
	return count;
}

void progress_tick(void *unused)
{
	char applied[NUMBER_BYTES], whole[NUMBER_BYTES], *text;
	json_int_t all = (json_int_t)line.documents, left;

	(void)unused;
	if (line.off || clock_now() - line.start < SILENT_S)
		return;
	left = pending();
	if (left < 0)
		text = xprintf("sent %s documents…", number_grouped(all, whole));
	else
		text = xprintf("applied %s of %s…",
			number_grouped(left < all ? all - left : 0, applied),
			number_grouped(all, whole));
	show(text);
	free(text);
}

void progress_end(void)
{
	if (line.shown)
		fputs("\r\033[K", stderr);
	line.shown = false;
	http_close(line.http);
	line.http = NULL;
}

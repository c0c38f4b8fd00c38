/* SPDX-License-Identifier: BSD-3-Clause */
/* See watch.h. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"
#include "watch.h"

static void pause_s(double seconds)
{
	struct timespec ts = {.tv_sec = (time_t)seconds};

	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	nanosleep(&ts, NULL);
}

/* On a terminal the picture is redrawn in place; into a file or pipe pictures follow each other. */
static void begin_picture(const struct cli *cli, double every, bool first)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	if (cli->json)
		return;
	if (!isatty(STDOUT_FILENO)) {
		if (!first)
			putchar('\n');
		return;
	}
	strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&now, &tm));
	printf("\033[H\033[J%s  every %g s, Ctrl-C ends\n\n", text, every);
}

static int watch_seconds(const struct args *args, double *every)
{
	const char *text = args->value[WATCH_OPTION];

	*every = 1;
	if (text == NULL)
		return STATUS_OK;
	if (is_number(text, true))
		*every = strtod(text, NULL);
	if (!is_number(text, true) || *every < 0.1 || *every > 86400)
		return usage(
			args->command, "--watch wants seconds, 0.1 to 86400, not \"%s\"", text);
	return STATUS_OK;
}

int watch_run(struct cli *cli, const struct args *args, watch_paint paint, void *arg)
{
	json_int_t count = -1, i;
	double every, last = 0, now;
	int status;

	if (args->set[WATCH_COUNT] && !args->set[WATCH_OPTION])
		return usage(args->command, "--count goes with --watch");
	if (watch_seconds(args, &every) != STATUS_OK ||
		args_number(args, WATCH_COUNT, 1, 1 << 30, &count) != STATUS_OK)
		return STATUS_USAGE;
	if (!args->set[WATCH_OPTION])
		return paint(cli, arg, 0);
	/* a picture goes out in one write, so that it does not flicker */
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (i = 0; i != count; i++) {
		if (i > 0)
			pause_s(every);
		begin_picture(cli, every, i == 0);
		now = clock_now();
		status = paint(cli, arg, i > 0 ? now - last : 0);
		last = now;
		fflush(stdout);
		if (status != STATUS_OK)
			return status;
		if (ferror(stdout))
			return STATUS_FAILED; /* main.c says why */
	}
	return STATUS_OK;
}

bool is_rate(const char *counter)
{
	static const char *const ends[] = {"packets", "bytes", "dropped", "missed", "drops",
		"loops", "naps", "cycles", "lost", "refused", "replicated", "originated",
		"answered", "held", "merged", "punted", "from_kernel"};
	size_t i;

	if (ends_with(counter, "table_bytes")) /* memory in use */
		return false;
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends_with(counter, ends[i]))
			return true;
	return false;
}

const char *rate_unit(const char *counter)
{
	if (ends_with(counter, "bytes"))
		return "bit/s";
	return ends_with(counter, "packets") ? "pkt/s" : "/s";
}

const char *rate_text(
	const char *counter, const json_t *now, const json_t *before, double since, char *out)
{
	json_int_t grown = json_integer_value(now) - json_integer_value(before);
	double rate;

	/* a counter that went down belongs to a new object or a new daemon */
	if (before == NULL || since <= 0 || grown < 0)
		return strcpy(out, "-");
	rate = (double)grown / since;
	if (ends_with(counter, "bytes"))
		rate *= 8;
	return number_scaled(rate, out);
}

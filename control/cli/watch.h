/* SPDX-License-Identifier: BSD-3-Clause */
/* --watch and --count: the same picture again and again, with what happened in between as rates.
 * Owns the terminal while it runs. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "cli.h"

/* The two options every watching command has; place them first in its list. */
enum { WATCH_OPTION, WATCH_COUNT, WATCH_OPTIONS };
#define WATCH_OPTION_DEFS                                                                          \
	{"watch", 'w', OPTION_MAYBE, "SECONDS",                                                    \
		"again every second, or every SECONDS, with rates", WORD_NONE},                    \
	{                                                                                          \
		"count", 'c', OPTION_VALUE, "N", "with --watch: stop after N pictures", WORD_NONE  \
	}

/* Paints one picture: STATUS_OK, or the status to leave with. since: seconds since the picture
 * before, 0 for the first. */
typedef int (*watch_paint)(struct cli *cli, void *arg, double since);

/* Paints once, or with --watch until interrupted. */
int watch_run(struct cli *cli, const struct args *args, watch_paint paint, void *arg);

/* Is this counter one that only grows, so that a rate says something? */
bool is_rate(const char *counter);
/* "/s" column's title: "pkt/s", "bit/s" or "/s". */
const char *rate_unit(const char *counter);
/* now - before, a second: "1.23 M"; "-" when it went down or there is no before. out has
 * NUMBER_BYTES. */
const char *rate_text(
	const char *counter, const json_t *now, const json_t *before, double since, char *out);

#endif

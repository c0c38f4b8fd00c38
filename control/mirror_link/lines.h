/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON objects over a unix socket, one a line, in both directions: how sluice-control and
 * sluice-kernel speak (wire.h). Never blocks. One thread, the loop's. */
#ifndef MIRROR_LINK_LINES_H
#define MIRROR_LINK_LINES_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>

#define LINE_BYTES   (20u << 20) /* more than the largest intent */
#define LINES_FULL   (4u << 20)	 /* what the other end has not read: who can wait, waits */
#define LINES_QUEUED (64u << 20) /* more ends it */

struct lines;

struct lines_listener {
	void (*said)(const json_t *line, void *arg); /* borrowed */
	/* The other end is gone, does not read, or has sent what is no JSON object. Called once,
	 * also from within lines_say(). */
	void (*ended)(const char *why, void *arg);
	void *arg;
};

/* Takes over fd, which is connected and non-blocking. listener is copied. */
struct lines *lines_open(struct event_base *base, int fd, const struct lines_listener *listener);
/* What was not sent yet is lost. May be called from within the listener; NULL is fine. */
void lines_free(struct lines *lines);
/* line is stolen. */
void lines_say(struct lines *lines, json_t *line);
bool lines_is_full(const struct lines *lines);

/* Is who is at the other end of this unix socket root, or of this process's user? */
bool lines_is_trusted(int fd);

#endif

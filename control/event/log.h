/* SPDX-License-Identifier: BSD-3-Clause */
/* The log of control: one JSON object a line, {"at", "level", "event", …}. Anybody may write to it;
 * what others should hear, too, goes to the bus (bus.h). One thread; never blocks: a line that a
 * full pipe does not take is lost and counted. */
#ifndef EVENT_LOG_H
#define EVENT_LOG_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_ };
extern const char *const log_level_names[]; /* "debug", … NULL */

/* On stderr (file NULL) or at the end of the file. 0 or -errno: then it stays where it was. */
int log_open(const char *file, enum log_level least);
void log_reopen(void); /* on SIGHUP, after a rotation; keeps the old one when that fails */
void log_close(void);

void log_text(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* For the bus, which makes the text of an event once: the object's text without a newline (new,
 * free() it), and its way into the log. id 0: none. fields is stolen. */
char *log_make(enum log_level level, const char *event, const char *tenant, uint64_t id,
	json_t *fields, size_t *len);
void log_line(enum log_level level, const char *text, size_t len);

uint64_t log_lost(void); /* lines */

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Prometheus text format. */
#include "prom.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void add(struct text *p, const char *text)
{
	text_add(p, text, strlen(text));
}

/* Backslash, newline and, in the value of a label, the quote are escaped; nothing else is. */
static void add_escaped(struct text *p, const char *text, bool label)
{
	char *to = text_more(p, 2 * strlen(text));
	char *at = to;

	if (!to)
		return;
	for (; *text; text++) {
		if (*text == '\\' || *text == '\n' || (label && *text == '"'))
			*at++ = '\\';
		*at++ = *text == '\n' ? 'n' : *text;
	}
	p->len += at - to;
}

void prom_family(struct text *p, const char *name, enum prom_kind kind, const char *help)
{
	add(p, "# HELP ");
	add(p, name);
	add(p, " ");
	add_escaped(p, help, false);
	add(p, "\n# TYPE ");
	add(p, name);
	add(p, kind == PROM_COUNTER ? " counter\n" : " gauge\n");
}

static void add_sample(struct text *p, const char *name, const char *value, va_list labels)
{
	const char *label, *text;
	const char *before = "{";

	add(p, name);
	while ((label = va_arg(labels, const char *))) {
		text = va_arg(labels, const char *);
		if (!text)
			continue;
		add(p, before);
		add(p, label);
		add(p, "=\"");
		add_escaped(p, text, true);
		add(p, "\"");
		before = ",";
	}
	add(p, *before == ',' ? "} " : " ");
	add(p, value);
	add(p, "\n");
}

void prom_u64(struct text *p, const char *name, uint64_t value, ...)
{
	char text[32];
	va_list labels;

	snprintf(text, sizeof(text), "%" PRIu64, value);
	va_start(labels, value);
	add_sample(p, name, text, labels);
	va_end(labels);
}

void prom_f64(struct text *p, const char *name, double value, ...)
{
	char text[40];
	va_list labels;

	if (isnan(value))
		strcpy(text, "NaN");
	else if (isinf(value))
		strcpy(text, value > 0 ? "+Inf" : "-Inf");
	else
		snprintf(text, sizeof(text), "%.15g", value);
	va_start(labels, value);
	add_sample(p, name, text, labels);
	va_end(labels);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* A filter as text, the one way that all equal ones are written (TS 29.212 section 5.4.2: out,
 * numbers). */
#include "filter.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

struct writer {
	char *text;
	size_t size, len; /* len: what all of it takes, as snprintf counts */
};

static void add(struct writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct writer *w, const char *fmt, ...)
{
	bool room = w->len < w->size;
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(room ? w->text + w->len : NULL, room ? w->size - w->len : 0, fmt, args);

	va_end(args);
	w->len += n > 0 ? (size_t)n : 0;
}

static void add_end(struct writer *w, const struct filter_end *e)
{
	char address[INET6_ADDRSTRLEN];

	if (e->family == 0) {
		add(w, "%s", e->assigned ? "assigned" : "any");
	} else {
		inet_ntop(e->family == 6 ? AF_INET6 : AF_INET, e->bytes, address, sizeof(address));
		add(w, "%s%s", e->negated ? "!" : "", address);
		if (e->len != (e->family == 6 ? 128 : 32))
			add(w, "/%u", e->len);
	}
	for (uint32_t i = 0; i < e->n_ports; i++) {
		add(w, "%s%u", i == 0 ? " " : ",", e->ports[i].low);
		if (e->ports[i].high != e->ports[i].low)
			add(w, "-%u", e->ports[i].high);
	}
}

int filter_format(const struct filter *filter, char *text, size_t size)
{
	struct writer w = {text, size, 0};

	add(&w, "%s out ", filter->deny ? "deny" : "permit");
	if (filter->proto == FILTER_PROTO_ANY)
		add(&w, "ip from ");
	else
		add(&w, "%u from ", filter->proto);
	add_end(&w, &filter->remote);
	add(&w, " to ");
	add_end(&w, &filter->local);
	if (filter->has_tos && filter->tos_mask == 0xff)
		add(&w, " tos 0x%02x", filter->tos);
	else if (filter->has_tos)
		add(&w, " tos 0x%02x/0x%02x", filter->tos, filter->tos_mask);
	if (filter->has_spi)
		add(&w, " spi 0x%08x", filter->spi);
	if (filter->has_flow_label)
		add(&w, " flowlabel 0x%05x", filter->flow_label);
	return (int)w.len;
}

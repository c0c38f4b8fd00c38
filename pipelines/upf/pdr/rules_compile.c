/* SPDX-License-Identifier: BSD-3-Clause */
/* PDRs' filters → entries (rules_hot.h): one form for what means the same. What can never match
 * is left out, and what comes after a filter that takes everything. Main thread only. Owns the
 * buffers it compiles into. */
#include <errno.h>
#include <netinet/in.h>
#include <rte_byteorder.h>
#include <stdlib.h>

#include "rules_hot.h"

#define MAX_RANGES (RULES_MAX_FILTERS * 2 * FILTER_PORTS)

static struct rules_entry *buffer;
static struct filter_ports *ranges;
static uint32_t buffered, ranges_used;

static int buffers_make(void)
{
	if (buffer == NULL)
		buffer = malloc(RULES_MAX_FILTERS * sizeof(*buffer));
	if (ranges == NULL)
		ranges = malloc(MAX_RANGES * sizeof(*ranges));
	return buffer != NULL && ranges != NULL ? 0 : -ENOMEM;
}

void rules_compile_fini(void)
{
	free(buffer);
	free(ranges);
	buffer = NULL;
	ranges = NULL;
}

static void require(struct rules_entry *e, uint32_t mask, uint32_t value)
{
	e->word |= value;
	e->word_mask |= mask;
}

static void require_family(struct rules_entry *e, uint8_t family)
{
	require(e, WORD_KEY(KEY_V4 | KEY_V6), WORD_KEY(family == 4 ? KEY_V4 : KEY_V6));
}

static void end_address(const struct filter_end *end, uint32_t *word, uint8_t *len)
{
	*len = end->family == 0 ? 0 : end->len;
	for (uint32_t i = 0; i < 4 && 32u * i < *len; i++) {
		uint32_t be;

		memcpy(&be, &end->bytes[4 * i], 4);
		word[i] = rte_be_to_cpu_32(be) & prefix_mask(*len, i);
	}
}

/* The ranges' hull; several are kept aside. */
static void end_ports(const struct filter_end *end, struct rules_entry *e, bool remote)
{
	uint16_t low = UINT16_MAX, high = 0;

	for (uint32_t i = 0; i < end->n_ports; i++) {
		low = RTE_MIN(low, end->ports[i].low);
		high = RTE_MAX(high, end->ports[i].high);
	}
	if (end->n_ports == 0)
		low = 0, high = UINT16_MAX;
	else
		require(e, WORD_KEY(KEY_PORTS), WORD_KEY(KEY_PORTS));
	*(remote ? &e->remote_low : &e->local_low) = low;
	*(remote ? &e->remote_high : &e->local_high) = high;
	if (end->n_ports < 2)
		return;
	if (e->remote_ranges == 0)
		e->ranges = ranges_used;
	*(remote ? &e->remote_ranges : &e->local_ranges) = end->n_ports;
	memcpy(&ranges[ranges_used], end->ports, end->n_ports * sizeof(*ranges));
	ranges_used += end->n_ports;
	e->flags |= ENTRY_SCAN_DOUBT;
}

/* Can it match at all? */
static bool filter_possible(const struct filter *f)
{
	uint8_t family = f->remote.family ? f->remote.family : f->local.family;
	bool ports = f->remote.n_ports + f->local.n_ports > 0;

	if (f->remote.family && f->local.family && f->remote.family != f->local.family)
		return false;
	if (f->remote.assigned) /* the UE's own address at the other end */
		return false;
	if ((f->remote.negated && f->remote.family == 0) ||
		(f->local.negated && f->local.family == 0 && !f->local.assigned))
		return false; /* all but any */
	if (f->proto == IPPROTO_ICMPV6 && family == 4)
		return false;
	if (f->proto == IPPROTO_ICMP && family == 6)
		return false;
	if (f->has_flow_label && family == 4)
		return false;
	return !(ports && f->has_spi);
}

static void filter_word(struct rules_entry *e, const struct filter *f)
{
	if (f->proto != FILTER_PROTO_ANY)
		require(e, WORD_PROTO(0xff), WORD_PROTO(f->proto));
	if (f->proto == IPPROTO_ICMPV6 || f->has_flow_label)
		require_family(e, 6);
	if (f->proto == IPPROTO_ICMP)
		require_family(e, 4);
	if (f->has_tos)
		require(e, WORD_TOS(f->tos_mask), WORD_TOS(f->tos & f->tos_mask));
	if (f->remote.family)
		require_family(e, f->remote.family);
	if (f->local.family)
		require_family(e, f->local.family);
	if (f->local.assigned)
		require(e, WORD_KEY(KEY_ASSIGNED), WORD_KEY(f->local.negated ? 0 : KEY_ASSIGNED));
}

/* All but a prefix: for bitmaps, only as far as one word says all of it. */
static uint8_t end_not(const struct filter_end *end, uint8_t flag)
{
	return flag | ENTRY_SCAN_DOUBT | (end->len > 32 ? ENTRY_WIDE_DOUBT : 0);
}

static void filter_entry(struct rules_entry *e, const struct filter *f)
{
	filter_word(e, f);
	end_address(&f->remote, e->remote, &e->remote_len);
	end_address(&f->local, e->local, &e->local_len);
	end_ports(&f->remote, e, true);
	end_ports(&f->local, e, false);
	if (f->deny)
		e->flags |= ENTRY_DENY;
	if (f->remote.negated)
		e->flags |= end_not(&f->remote, ENTRY_REMOTE_NOT);
	if (f->local.negated && f->local.family)
		e->flags |= end_not(&f->local, ENTRY_LOCAL_NOT);
	if (f->has_spi) {
		e->spi = f->spi;
		e->flags |= ENTRY_SPI | ENTRY_SCAN_DOUBT | ENTRY_WIDE_DOUBT;
	}
	if (f->has_flow_label) {
		e->flow_label = f->flow_label;
		e->flags |= ENTRY_FLOW_LABEL | ENTRY_SCAN_DOUBT | ENTRY_WIDE_DOUBT;
	}
}

static void ethernet_entry(struct rules_entry *e, const struct api_ethernet_filter *f)
{
	memcpy(e->source, f->source.bytes, 6);
	memcpy(e->destination, f->destination.bytes, 6);
	e->vlan = f->vlan;
	e->ethertype = f->ethertype;
	require(e, WORD_KEY(KEY_FRAME), WORD_KEY(KEY_FRAME));
	e->flags |= ENTRY_ETHERNET | ENTRY_SCAN_DOUBT | ENTRY_WIDE_DOUBT;
}

/* An entry of this rule that matches any packet, or NULL. */
static struct rules_entry *entry_add(const struct rule *rule, uint8_t ordinal)
{
	struct rules_entry *e = &buffer[buffered];

	if (buffered >= RULES_MAX_FILTERS)
		return NULL;
	buffered++;
	memset(e, 0, sizeof(*e));
	e->rule = ordinal;
	e->act = rule->act;
	e->remote_high = e->local_high = UINT16_MAX;
	if (rule->qfi != QFI_NONE)
		require(e, WORD_QFI(0xff), WORD_QFI(rule->qfi));
	return e;
}

/* 1: the rest of the list is never reached. */
static int rule_compile(const struct rule *rule, uint8_t ordinal)
{
	struct rules_entry *e;
	bool denied = false;

	if (rule->n_filters + rule->n_ethernet == 0) {
		e = entry_add(rule, ordinal);
		return e == NULL ? -ENOSPC : rules_entry_is_any(e);
	}
	for (uint32_t i = 0; i < rule->n_filters; i++) {
		if (!filter_possible(&rule->filter[i]))
			continue;
		e = entry_add(rule, ordinal);
		if (e == NULL)
			return -ENOSPC;
		filter_entry(e, &rule->filter[i]);
		denied |= e->flags & ENTRY_DENY;
		if (rules_entry_is_any(e))
			return !denied;
	}
	for (uint32_t i = 0; i < rule->n_ethernet; i++) {
		e = entry_add(rule, ordinal);
		if (e == NULL)
			return -ENOSPC;
		ethernet_entry(e, &rule->ethernet[i]);
	}
	return 0;
}

/* A refusal that nothing of its rule follows refuses nothing. */
static void denies_cut(uint8_t ordinal)
{
	while (buffered > 0 && buffer[buffered - 1].rule == ordinal &&
		(buffer[buffered - 1].flags & ENTRY_DENY))
		buffered--;
}

int rules_compile(const struct rule *rule, uint32_t n, const struct rules_entry **entry,
	uint32_t *entries, const struct filter_ports **ports, uint32_t *n_ports)
{
	int rc = buffers_make();

	buffered = ranges_used = 0;
	if (rc == 0 && n >= RULES_NONE)
		rc = -ENOSPC;
	for (uint32_t i = 0; i < n && rc == 0; i++) {
		rc = rule_compile(&rule[i], i);
		denies_cut(i);
	}
	*entry = buffer;
	*entries = buffered;
	*ports = ranges;
	*n_ports = ranges_used;
	return RTE_MIN(rc, 0);
}

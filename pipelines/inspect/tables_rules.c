/* SPDX-License-Identifier: BSD-3-Clause */
/* The classifier's table: the rule lists of the box, filter by filter, in the order in which
 * they are met. Sessions with equal rules share a list; sessions_uplink and sessions_downlink
 * say which. Main thread only. */
#include <arpa/inet.h>
#include <rte_byteorder.h>
#include <stdio.h>
#include <string.h>

#include "rules_hot.h"
#include "schema.h"
#include "tables.h"

#define TEXT 48 /* of a key field */

static bool asks_key(const struct rules_entry *e, uint8_t flag)
{
	return e->word_mask & e->word & WORD_KEY(flag);
}

/* The byte of the word at `shift`. */
static void number_key(struct table_row *row, const struct rules_entry *e, unsigned shift)
{
	if (e->word_mask >> shift & 0xff)
		row_key(row, "%u", (unsigned)(e->word >> shift & 0xff));
	else
		row_key(row, "any");
}

static void prefix_key(struct table_row *row, const struct rules_entry *e, const uint32_t *address,
	uint8_t len, bool negated)
{
	struct api_ip ip = {.family = asks_key(e, KEY_V6) ? 6 : 4, .len = len};
	char prefix[64];

	for (int i = 0; i < (ip.family == 6 ? 4 : 1); i++) {
		uint32_t be = rte_cpu_to_be_32(address[i]);

		memcpy(ip.bytes + 4 * i, &be, 4);
	}
	api_ip_format(&ip, true, prefix);
	if (len == 0 && !negated)
		row_key(row, "any");
	else
		row_key(row, "%s%s", negated ? "!" : "", prefix);
}

static void mac_key(struct table_row *row, const uint8_t *bytes)
{
	static const struct api_mac_addr any;
	struct api_mac_addr mac;
	char text[64] = "any";

	memcpy(mac.bytes, bytes, sizeof(mac.bytes));
	if (memcmp(&mac, &any, sizeof(any)) != 0)
		api_mac_format(&mac, text);
	row_key(row, "%s", text);
}

/* "80,443,8000-8999", cut where there is no room for more. */
static void ports_key(struct table_row *row, const struct filter_ports *range, uint32_t n)
{
	char text[TEXT] = "any";
	size_t used = 0;

	for (uint32_t i = 0; n > 1 || range->low != 0 || range->high != 65535; i++) {
		char one[16];
		int len;

		if (i == n)
			break;
		len = range[i].low == range[i].high
			      ? snprintf(one, sizeof(one), "%u", range[i].low)
			      : snprintf(one, sizeof(one), "%u-%u", range[i].low, range[i].high);
		if (used + len + 5 > TEXT) {
			strcpy(text + used, ",...");
			break;
		}
		used += snprintf(text + used, TEXT - used, "%s%s", i ? "," : "", one);
	}
	row_key(row, "%s", text);
}

static void ends_keys(struct table_row *row, const struct rules *r, const struct rules_entry *e)
{
	struct filter_ports remote = {e->remote_low, e->remote_high};
	struct filter_ports local = {e->local_low, e->local_high};
	const struct filter_ports *ports = &r->ports[e->ranges];

	prefix_key(row, e, e->remote, e->remote_len, e->flags & ENTRY_REMOTE_NOT);
	ports_key(row, e->remote_ranges ? ports : &remote, RTE_MAX(e->remote_ranges, 1u));
	if (asks_key(e, KEY_ASSIGNED))
		row_key(row, "assigned");
	else
		prefix_key(row, e, e->local, e->local_len, e->flags & ENTRY_LOCAL_NOT);
	ports_key(row, e->local_ranges ? ports + e->remote_ranges : &local,
		RTE_MAX(e->local_ranges, 1u));
}

/* What has no column of its own. */
static void also_param(struct table_row *row, const struct rules_entry *e)
{
	char text[96] = "none";
	size_t used = 0;

	if (e->word_mask >> 8 & 0xff)
		used += sprintf(text + used, "tos 0x%02x/0x%02x ", e->word >> 8 & 0xff,
			e->word_mask >> 8 & 0xff);
	if (e->flags & ENTRY_SPI)
		used += sprintf(text + used, "spi 0x%x ", e->spi);
	if (e->flags & ENTRY_FLOW_LABEL)
		used += sprintf(text + used, "flowlabel 0x%x ", e->flow_label);
	if (e->flags & ENTRY_ETHERNET && e->vlan)
		used += sprintf(text + used, "vlan %u ", e->vlan);
	if (e->flags & ENTRY_ETHERNET && e->ethertype)
		used += sprintf(text + used, "ethertype 0x%04x ", e->ethertype);
	if (used)
		text[used - 1] = '\0';
	row_param(row, "%s", text);
}

enum { SET_ACT, SKIP_RULE, NO_RULE }; /* actions */

static void classifier_row(
	struct table_row *row, const struct rules *r, const struct rules_entry *e)
{
	if (e->flags & ENTRY_ETHERNET) {
		mac_key(row, e->source);
		row_key(row, "any");
		mac_key(row, e->destination);
		row_key(row, "any");
	} else {
		ends_keys(row, r, e);
	}
	number_key(row, e, 0);
	number_key(row, e, 16);
	row->action = e->flags & ENTRY_DENY ? SKIP_RULE : SET_ACT;
	if (row->action == SET_ACT)
		row_param(row, "%u", e->act);
	row_param(row, "%u", e->rule);
	also_param(row, e);
}

/* A list without a filter to look at is a row all the same. */
static void trivial_row(struct table_row *row, const struct rules *r)
{
	for (int i = 2; i < 8; i++)
		row_key(row, "any");
	row->action = r->result.act == RULES_NONE ? NO_RULE : SET_ACT;
	row_param(row, "%u", r->result.act);
	row_param(row, "%u", r->result.rule);
	row_param(row, "none");
}

static void list_row(struct table_row *row, uint32_t list, const struct rules *r, uint32_t at)
{
	memset(row, 0, sizeof(*row));
	row_key(row, "%u", list);
	row_key(row, "%u", at);
	if (r->entries == 0)
		trivial_row(row, r);
	else
		classifier_row(row, r, &r->entry[at]);
}

/* cursor[0]: the list, [1]: its entry that comes next, [2]: which list it was, since its index may
 * be another's by the next page. */
static uint32_t classifier_read(
	const struct table_decl *table, uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	uint32_t from = RTE_MIN(cursor[0], (uint64_t)UINT32_MAX), n = 0;
	uint32_t list = rules_after(from - (from != 0));
	uint64_t at =
		list != 0 && list == cursor[0] && rules_hash(list) == cursor[2] ? cursor[1] : 0;

	for (; list != 0; list = rules_after(list), at = 0) {
		const struct rules *r = rules_hot[list];
		uint32_t all = RTE_MAX(r->entries, 1u);

		for (; at < all && n < max; at++, n++)
			list_row(&rows[n], list, r, at);
		if (at < all)
			break;
	}
	cursor[0] = list;
	cursor[1] = list != 0 ? at : 0;
	cursor[2] = list != 0 ? rules_hash(list) : 0;
	return n;
}

static uint32_t classifier_count(void)
{
	uint32_t lists, filters;
	uint64_t bytes;

	rules_count(&lists, &filters, &bytes);
	return filters;
}

const struct table_decl classifier_decl = {
	.name = "classifier",
	.help = "SDF filters of rule lists (PDRs in order of precedence): the first that matches",
	.key = {{"rules", 32, "exact"}, {"order", 16, "exact"}, {"remote", 128, "ternary"},
		{"remote_ports", 16, "range"}, {"local", 128, "ternary"},
		{"local_ports", 16, "range"}, {"protocol", 8, "ternary"}, {"qfi", 6, "ternary"}},
	.actions = {[SET_ACT] = {"set_act",
			    {{"act", 8, NULL}, {"rule", 8, NULL}, {"also", 0, NULL}}},
		[SKIP_RULE] = {"skip_rule", {{"rule", 8, NULL}, {"also", 0, NULL}}},
		[NO_RULE] = {.name = "drop_no_rule"}},
	.size = 1u << 22,
	.count = classifier_count,
	.read = classifier_read,
};

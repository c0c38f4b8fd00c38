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
#include "tables_upf.h"

#define ROW_TEXT(field, ...) snprintf(field, sizeof(field), __VA_ARGS__)
#define FIELDS(...)	     ((const struct table_field[]){__VA_ARGS__})
#define TEXT		     48

/* The byte of the word at `shift` that the entry asks for, or -1: any. */
static int asked(const struct rules_entry *e, unsigned shift)
{
	return e->word_mask >> shift & 0xff ? (int)(e->word >> shift & 0xff) : -1;
}

static bool asks_key(const struct rules_entry *e, uint8_t flag)
{
	return e->word_mask & e->word & WORD_KEY(flag);
}

static void number_text(char *text, int value)
{
	if (value < 0)
		snprintf(text, TEXT, "any");
	else
		snprintf(text, TEXT, "%d", value);
}

static void prefix_text(
	char *text, const struct rules_entry *e, const uint32_t *address, uint8_t len, bool negated)
{
	struct api_ip ip = {.family = asks_key(e, KEY_V6) ? 6 : 4, .len = len};
	char prefix[64];

	for (int i = 0; i < (ip.family == 6 ? 4 : 1); i++) {
		uint32_t be = rte_cpu_to_be_32(address[i]);

		memcpy(ip.bytes + 4 * i, &be, 4);
	}
	api_ip_format(&ip, true, prefix);
	if (len == 0 && !negated)
		snprintf(text, TEXT, "any");
	else
		snprintf(text, TEXT, "%s%.46s", negated ? "!" : "", prefix);
}

static void mac_text(char *text, const uint8_t *bytes)
{
	static const uint8_t any[6];
	struct api_mac_addr mac;

	memcpy(mac.bytes, bytes, sizeof(mac.bytes));
	if (memcmp(bytes, any, sizeof(any)) == 0)
		snprintf(text, TEXT, "any");
	else
		api_mac_format(&mac, text);
}

/* "80,443,8000-8999", cut where there is no room for more. */
static void ports_text(char *text, const struct filter_ports *range, uint32_t n)
{
	size_t used = 0;

	if (n == 1 && range->low == 0 && range->high == 65535) {
		snprintf(text, TEXT, "any");
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		char one[16];
		int len =
			range[i].low == range[i].high
				? snprintf(one, sizeof(one), "%u", range[i].low)
				: snprintf(one, sizeof(one), "%u-%u", range[i].low, range[i].high);

		if (used + len + 5 > TEXT) {
			strcpy(text + used, ",...");
			return;
		}
		used += snprintf(text + used, TEXT - used, "%s%s", i ? "," : "", one);
	}
}

static void ends_text(const struct rules *r, const struct rules_entry *e, struct table_row *row)
{
	struct filter_ports remote = {e->remote_low, e->remote_high};
	struct filter_ports local = {e->local_low, e->local_high};
	const struct filter_ports *ports = &r->ports[e->ranges];

	prefix_text(row->key_text[2], e, e->remote, e->remote_len, e->flags & ENTRY_REMOTE_NOT);
	if (asks_key(e, KEY_ASSIGNED))
		ROW_TEXT(row->key_text[4], "assigned");
	else
		prefix_text(
			row->key_text[4], e, e->local, e->local_len, e->flags & ENTRY_LOCAL_NOT);
	if (e->remote_ranges)
		ports_text(row->key_text[3], ports, e->remote_ranges);
	else
		ports_text(row->key_text[3], &remote, 1);
	if (e->local_ranges)
		ports_text(row->key_text[5], ports + e->remote_ranges, e->local_ranges);
	else
		ports_text(row->key_text[5], &local, 1);
}

/* What has no column of its own. */
static void rest_text(const struct rules_entry *e, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	if (e->word_mask >> 8 & 0xff)
		used += snprintf(text + used, size - used, "tos 0x%02x/0x%02x ",
			e->word >> 8 & 0xff, e->word_mask >> 8 & 0xff);
	if (e->flags & ENTRY_SPI)
		used += snprintf(text + used, size - used, "spi 0x%x ", e->spi);
	if (e->flags & ENTRY_FLOW_LABEL)
		used += snprintf(text + used, size - used, "flowlabel 0x%x ", e->flow_label);
	if (e->flags & ENTRY_ETHERNET && e->vlan)
		used += snprintf(text + used, size - used, "vlan %u ", e->vlan);
	if (e->flags & ENTRY_ETHERNET && e->ethertype)
		used += snprintf(text + used, size - used, "ethertype 0x%04x ", e->ethertype);
	if (used)
		text[used - 1] = '\0';
	else
		snprintf(text, size, "none");
}

static void classifier_row(uint32_t list, const struct rules *r, uint32_t at, struct table_row *row)
{
	const struct rules_entry *e = &r->entry[at];

	memset(row, 0, sizeof(*row));
	ROW_TEXT(row->key_text[0], "%u", list);
	ROW_TEXT(row->key_text[1], "%u", at);
	if (e->flags & ENTRY_ETHERNET) {
		mac_text(row->key_text[2], e->source);
		ROW_TEXT(row->key_text[3], "any");
		mac_text(row->key_text[4], e->destination);
		ROW_TEXT(row->key_text[5], "any");
	} else {
		ends_text(r, e, row);
	}
	number_text(row->key_text[6], asked(e, 0));
	number_text(row->key_text[7], asked(e, 16));
	row->action = e->flags & ENTRY_DENY ? 1 : 0;
	ROW_TEXT(row->param_text[0], "%u", row->action ? e->rule : e->act);
	if (!row->action)
		ROW_TEXT(row->param_text[1], "%u", e->rule);
	rest_text(e, row->param_text[row->action ? 1 : 2], sizeof(row->param_text[0]));
}

/* A list without a filter to look at is a row all the same. */
static void trivial_row(uint32_t list, const struct rules *r, struct table_row *row)
{
	memset(row, 0, sizeof(*row));
	ROW_TEXT(row->key_text[0], "%u", list);
	ROW_TEXT(row->key_text[1], "0");
	for (int i = 2; i < 8; i++)
		ROW_TEXT(row->key_text[i], "any");
	row->action = r->result.act == RULES_NONE ? 2 : 0;
	ROW_TEXT(row->param_text[0], "%u", r->result.act);
	ROW_TEXT(row->param_text[1], "%u", r->result.rule);
	ROW_TEXT(row->param_text[2], "none");
}

/* cursor[0]: the list, [1]: its entry that comes next, [2]: which list it was, since its index may
 * be another's by the next page. */
static uint32_t classifier_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	uint32_t from = RTE_MIN(cursor[0], (uint64_t)UINT32_MAX), n = 0;
	uint32_t list = rules_after(from - (from != 0));
	uint64_t at =
		list != 0 && list == cursor[0] && rules_hash(list) == cursor[2] ? cursor[1] : 0;

	for (; list != 0; list = rules_after(list), at = 0) {
		const struct rules *r = rules_hot[list];
		uint32_t all = RTE_MAX(r->entries, 1u);

		for (; at < all && n < max; at++, n++)
			if (r->entries == 0)
				trivial_row(list, r, &rows[n]);
			else
				classifier_row(list, r, at, &rows[n]);
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

static const struct table_action classifier_actions[] = {
	{"set_act", FIELDS({"act", 8, NULL}, {"rule", 8, NULL}, {"also", 0, NULL}), 3},
	{"skip_rule", FIELDS({"rule", 8, NULL}, {"also", 0, NULL}), 2},
	{"drop_no_rule", NULL, 0},
};

const struct table_decl classifier_decl = {
	.name = "classifier",
	.help = "SDF filters of rule lists (PDRs in order of precedence): the first that matches",
	.key = FIELDS({"rules", 32, "exact"}, {"order", 16, "exact"}, {"remote", 128, "ternary"},
		{"remote_ports", 16, "range"}, {"local", 128, "ternary"},
		{"local_ports", 16, "range"}, {"protocol", 8, "ternary"}, {"qfi", 6, "ternary"}),
	.n_key = 8,
	.actions = classifier_actions,
	.n_actions = RTE_DIM(classifier_actions),
	.size = 1u << 22,
	.count = classifier_count,
	.read = classifier_read,
};

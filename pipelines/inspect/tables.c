/* SPDX-License-Identifier: BSD-3-Clause */
/* The switch's tables as data, and their rows for people. Main thread only. */
#include "tables.h"

#include <arpa/inet.h>
#include <rte_common.h>
#include <stdio.h>

#include "attachment.h"
#include "exact_page.h"
#include "fdb.h"
#include "hot.h"
#include "schema.h"
#include "slice.h"
#include "tables_upf.h"
#include "tunnel.h"

#define ROW_TEXT(field, ...) snprintf(field, sizeof(field), __VA_ARGS__)

/* Walks ids 1..limit, calling row for those that are there. */
static uint32_t walk_ids(uint64_t *cursor, struct table_row *rows, uint32_t max, uint32_t limit,
	bool (*row)(uint16_t id, struct table_row *row))
{
	uint64_t id = *cursor != 0 ? *cursor : 1;
	uint32_t n = 0;

	for (; id <= limit && n < max; id++) {
		memset(&rows[n], 0, sizeof(rows[n]));
		n += row(id, &rows[n]);
	}
	*cursor = id <= limit ? id : 0;
	return n;
}

/* ---- access: (port, VLAN) → slice ---- */

static bool access_row(uint16_t id, struct table_row *row)
{
	const struct attachment_hot *a = &attachment_hot[id];

	if (a->slice == 0)
		return false;
	ROW_TEXT(row->key_text[0], "%s", port_name(a->port));
	ROW_TEXT(row->key_text[1], "%u", a->vlan & ATTACHMENT_VID);
	ROW_TEXT(row->param_text[0], "{slice %u}", a->slice);
	ROW_TEXT(row->param_text[1], "{attachment %u}", id);
	attachment_counters_read(id, &row->counters);
	return true;
}

static uint32_t access_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	return walk_ids(cursor, rows, max, LIMIT_ATTACHMENTS, access_row);
}

static uint32_t access_count(void)
{
	uint32_t n = 0;

	for (uint32_t id = 1; id <= LIMIT_ATTACHMENTS; id++)
		n += attachment_hot[id].slice != 0;
	return n;
}

/* ---- vtep4, vtep6: (local, remote, UDP port, VNI) → slice ---- */

struct vtep_page {
	struct table_row *rows;
	uint32_t n;
	bool is_ipv6;
};

static void vtep_row(const uint64_t *key, uint64_t value, bool is_ipv6, struct table_row *row)
{
	uint64_t word = key[0];
	uint8_t mark = word >> 24 & 0xff;
	uint32_t vni_be = (uint32_t)word & RTE_BE32(0xffffff00);
	char text[INET6_ADDRSTRLEN];

	memset(row, 0, sizeof(*row));
	inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, key + 1, text, sizeof(text));
	ROW_TEXT(row->key_text[0], "%s", text);
	inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, (const char *)(key + 1) + (is_ipv6 ? 16 : 4), text,
		sizeof(text));
	bool any = mark == VTEP_ANY_PEER && (is_ipv6 ? key[3] | key[4] : key[1] >> 32) == 0;

	ROW_TEXT(row->key_text[1], "%s", any ? "*" : text);
	if (mark == VTEP_ANY_PEER)
		ROW_TEXT(row->key_text[2], "*");
	else
		ROW_TEXT(row->key_text[2], "%u", rte_be_to_cpu_16(word >> 32));
	if (mark != 0)
		ROW_TEXT(row->key_text[3], "*");
	else
		ROW_TEXT(row->key_text[3], "%u", rte_be_to_cpu_32(vni_be) >> 8);
	row->action = mark == 0							? 0
		      : mark == VTEP_ANY_VNI || (mark == VTEP_ANY_PEER && !any) ? 1
										: 2;
	if (mark == 0) {
		ROW_TEXT(row->param_text[0], "{slice %u}", VTEP_SLICE(value));
		ROW_TEXT(row->param_text[1], "{tunnel %u}", VTEP_TUNNEL(value));
	}
}

static void vtep_add(const uint64_t *key, uint64_t value, void *arg)
{
	struct vtep_page *page = arg;

	vtep_row(key, value, page->is_ipv6, &page->rows[page->n++]);
}

static uint32_t vtep_read(
	struct exact_table *t, uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	struct vtep_page page = {.rows = rows, .is_ipv6 = t == &vtep6_table};

	return exact_page(t, cursor, max, vtep_add, &page);
}

static uint32_t vtep4_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	return vtep_read(&vtep4_table, cursor, rows, max);
}

static uint32_t vtep6_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	return vtep_read(&vtep6_table, cursor, rows, max);
}

static uint32_t vtep4_count(void)
{
	return vtep4_table.count;
}

static uint32_t vtep6_count(void)
{
	return vtep6_table.count;
}

/* ---- fdb: (slice, MAC) → door ---- */

/* Number of the action that leads there, and its first parameter. */
static uint8_t door_action(door_t door, char (*text)[96])
{
	bool tunnel = DOOR_KIND(door) == DOOR_TUNNEL;

	if (DOOR_KIND(door) == DOOR_SESSION) {
		ROW_TEXT(*text, "{session %u}", DOOR_SESSION_ID(door));
		return 2;
	}
	ROW_TEXT(*text, tunnel ? "{tunnel %u}" : "{attachment %u}", DOOR_ID(door));
	return tunnel;
}

static uint32_t fdb_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	struct fdb_entry entry[256];
	uint32_t n = fdb_iterate(cursor, entry, RTE_MIN(max, (uint32_t)RTE_DIM(entry)));

	for (uint32_t i = 0; i < n; i++) {
		struct table_row *row = &rows[i];
		char mac[64];

		memset(row, 0, sizeof(*row));
		api_mac_format(&entry[i].mac, mac);
		ROW_TEXT(row->key_text[0], "{slice %u}", entry[i].slice);
		ROW_TEXT(row->key_text[1], "%.40s", mac);
		row->action = door_action(entry[i].door, &row->param_text[0]);
		ROW_TEXT(row->param_text[1], "%s",
			entry[i].movable     ? "movable"
			: entry[i].is_static ? "static"
					     : "learned");
		ROW_TEXT(row->param_text[2], "%u", entry[i].age_s);
	}
	return n;
}

/* ---- tunnels: what encapsulation finds ---- */

static bool tunnel_row(uint16_t id, struct table_row *row)
{
	char state[160];

	if (!tunnel_is_used(id))
		return false;
	tunnel_state(id, state);
	ROW_TEXT(row->key_text[0], "{tunnel %u}", id);
	ROW_TEXT(row->param_text[0], "%u", 1u << (tunnel_hot[id].paths & PATHS_LOG2));
	ROW_TEXT(row->param_text[1], "%.60s", state);
	tunnel_counters_read(id, &row->counters);
	return true;
}

static uint32_t tunnels_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	return walk_ids(cursor, rows, max, LIMIT_TUNNELS, tunnel_row);
}

static uint32_t tunnels_count(void)
{
	uint32_t n = 0;

	for (uint32_t id = 1; id <= LIMIT_TUNNELS; id++)
		n += tunnel_is_used(id);
	return n;
}

/* ---- declarations ---- */

#define FIELDS(...) ((const struct table_field[]){__VA_ARGS__})

static const struct table_action access_actions[] = {
	{"enter_slice", FIELDS({"slice", 16, NULL}, {"attachment", 16, NULL}), 2},
};
static const struct table_action vtep_actions[] = {
	{"decapsulate", FIELDS({"slice", 16, NULL}, {"tunnel", 16, NULL}), 2},
	{"drop_unknown_vni", NULL, 0},
	{"drop_unknown_peer", NULL, 0},
};
static const struct table_action fdb_actions[] = {
	{"to_attachment", FIELDS({"attachment", 16, NULL}, {"kind", 1, NULL}, {"age_s", 32, NULL}),
		3},
	{"to_tunnel", FIELDS({"tunnel", 16, NULL}, {"kind", 1, NULL}, {"age_s", 32, NULL}), 3},
	{"to_session", FIELDS({"session", 20, NULL}, {"kind", 1, NULL}, {"age_s", 32, NULL}), 3},
};
static const struct table_action tunnel_actions[] = {
	{"encapsulate", FIELDS({"path_slots", 8, NULL}, {"state", 0, NULL}), 2},
};

static const struct table_decl access_table = {
	.name = "access",
	.help = "which slice a frame of a port and VLAN enters (VLAN 0: untagged)",
	.key = FIELDS({"port", 8, "exact"}, {"vlan", 12, "exact"}),
	.n_key = 2,
	.actions = access_actions,
	.n_actions = RTE_DIM(access_actions),
	.size = LIMIT_ATTACHMENTS,
	.counters = true,
	.count = access_count,
	.read = access_read,
};
static const struct table_decl vtep4_decl = {
	.name = "vtep4",
	.help = "which slice a tunnel packet over IPv4 enters",
	.key = FIELDS({"local", 32, "exact"}, {"remote", 32, "exact"}, {"dst_port", 16, "exact"},
		{"vni", 24, "exact"}),
	.n_key = 4,
	.actions = vtep_actions,
	.n_actions = RTE_DIM(vtep_actions),
	.size = LIMIT_MEMBERS + 2 * LIMIT_TUNNELS,
	.count = vtep4_count,
	.read = vtep4_read,
};
static const struct table_decl vtep6_decl = {
	.name = "vtep6",
	.help = "which slice a tunnel packet over IPv6 enters",
	.key = FIELDS({"local", 128, "exact"}, {"remote", 128, "exact"}, {"dst_port", 16, "exact"},
		{"vni", 24, "exact"}),
	.n_key = 4,
	.actions = vtep_actions,
	.n_actions = RTE_DIM(vtep_actions),
	.size = LIMIT_MEMBERS + 2 * LIMIT_TUNNELS,
	.count = vtep6_count,
	.read = vtep6_read,
};
static const struct table_decl fdb_decl = {
	.name = "fdb",
	.help = "where a MAC of a slice is; what is not here is flooded",
	.key = FIELDS({"slice", 16, "exact"}, {"mac", 48, "exact"}),
	.n_key = 2,
	.actions = fdb_actions,
	.n_actions = RTE_DIM(fdb_actions),
	.size = LIMIT_MACS,
	.count = fdb_count,
	.read = fdb_read,
};
static const struct table_decl tunnel_decl = {
	.name = "tunnels",
	.help = "what a tunnel puts in front of a frame, and by which paths it leaves",
	.key = FIELDS({"tunnel", 16, "exact"}),
	.n_key = 1,
	.actions = tunnel_actions,
	.n_actions = RTE_DIM(tunnel_actions),
	.size = LIMIT_TUNNELS,
	.counters = true,
	.count = tunnels_count,
	.read = tunnels_read,
};

const struct table_decl *const pipeline_tables[] = {&access_table, &vtep4_decl, &vtep6_decl,
	&interfaces_decl, &sessions_uplink_decl, &fdb_decl, &sessions_downlink_decl, &routes4_decl,
	&routes6_decl, &nexthops_decl, &neighbors_decl, &classifier_decl, &session_meters_decl,
	&forwarding_decl, &tunnel_decl, &tunnel_peers_decl, NULL};

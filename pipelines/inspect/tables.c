/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of slices, tunnels, routing and GTP-U peers as data, with their rows for people, and
 * the list of all tables. Owns nothing. */
#include "tables.h"

#include <rte_byteorder.h>
#include <rte_common.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "attachment.h"
#include "exact.h"
#include "fdb.h"
#include "fib.h"
#include "gtpu_path.h"
#include "hot.h"
#include "l3.h"
#include "neighbor.h"
#include "nexthop.h"
#include "peer.h"
#include "schema.h"
#include "session_index.h"
#include "tunnel.h"

#define PAGE 64 /* entries that are copied at a time */

/* ---- rows ---- */

void row_key(struct table_row *row, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(row->keys[row->n_keys++], sizeof(row->keys[0]), format, args);
	va_end(args);
}

void row_param(struct table_row *row, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(row->params[row->n_params++], sizeof(row->params[0]), format, args);
	va_end(args);
}

void row_key_ip(struct table_row *row, const struct api_ip *ip, bool prefix)
{
	char text[64];

	api_ip_format(ip, prefix, text);
	row_key(row, "%s", text);
}

/* ---- iterators ---- */

static uint32_t ids_read(
	const struct table_decl *table, uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	uint64_t id = *cursor != 0 ? *cursor : 1;
	uint32_t n = 0;

	for (; id <= table->size && n < max; id++) {
		memset(&rows[n], 0, sizeof(rows[n]));
		n += table->by_id(id, &rows[n]);
	}
	*cursor = id <= table->size ? id : 0;
	return n;
}

static uint32_t ids_count(const struct table_decl *table)
{
	uint32_t n = 0;

	for (uint32_t id = 1; id <= table->size; id++)
		n += table->by_id(id, NULL);
	return n;
}

uint32_t table_count(const struct table_decl *table)
{
	if (table->by_session != NULL)
		return sessions_count(table->by_session);
	if (table->by_id != NULL)
		return ids_count(table);
	return table->rows != NULL ? *table->rows : table->count();
}

uint32_t table_read(
	const struct table_decl *table, uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	if (table->by_session != NULL)
		return sessions_read(table->by_session, cursor, rows, max);
	if (table->by_id != NULL)
		return ids_read(table, cursor, rows, max);
	return table->read(table, cursor, rows, max);
}

/* ---- access ---- */

static bool access_row(uint16_t id, struct table_row *row)
{
	const struct attachment_hot *a = &attachment_hot[id];

	if (a->slice == 0 || row == NULL)
		return a->slice != 0;
	row_key(row, "%s", port_name(a->port));
	row_key(row, "%u", a->vlan & ATTACHMENT_VID);
	row_param(row, "{slice %u}", a->slice);
	row_param(row, "{attachment %u}", id);
	attachment_counters_read(id, &row->counters);
	return true;
}

static const struct table_decl access_decl = {
	.name = "access",
	.help = "which slice a frame of a port and VLAN enters (VLAN 0: untagged)",
	.key = {{"port", 8, "exact"}, {"vlan", 12, "exact"}},
	.actions = {{"enter_slice", {{"slice", 16, NULL}, {"attachment", 16, NULL}}}},
	.size = LIMIT_ATTACHMENTS,
	.counters = true,
	.by_id = access_row,
};

/* ---- vtep4, vtep6 ---- */

enum vtep_action { VTEP_DECAPSULATE, VTEP_UNKNOWN_VNI, VTEP_UNKNOWN_PEER };

struct vtep_page {
	struct table_row *rows;
	uint32_t n;
	uint8_t family;
};

static void vtep_row(const uint64_t *key, uint64_t value, void *arg)
{
	struct vtep_page *page = arg;
	struct table_row *row = &page->rows[page->n++];
	const uint8_t *addresses = (const uint8_t *)(key + 1);
	struct api_ip local = {.family = page->family}, remote = local, none = local;
	uint32_t bytes = page->family == 6 ? 16 : 4;
	uint8_t mark = key[0] >> 24 & 0xff;
	bool any;

	memset(row, 0, sizeof(*row));
	memcpy(local.bytes, addresses, bytes);
	memcpy(remote.bytes, addresses + bytes, bytes);
	any = mark == VTEP_ANY_PEER && memcmp(&remote, &none, sizeof(none)) == 0;
	row_key_ip(row, &local, false);
	if (any)
		row_key(row, "*");
	else
		row_key_ip(row, &remote, false);
	if (mark == VTEP_ANY_PEER)
		row_key(row, "*");
	else
		row_key(row, "%u", rte_be_to_cpu_16(key[0] >> 32));
	if (mark != 0) {
		row_key(row, "*");
		row->action = any || mark == VTEP_GTPU ? VTEP_UNKNOWN_PEER : VTEP_UNKNOWN_VNI;
		return;
	}
	row_key(row, "%u", rte_be_to_cpu_32((uint32_t)key[0] & RTE_BE32(0xffffff00)) >> 8);
	row_param(row, "{slice %u}", VTEP_SLICE(value));
	row_param(row, "{tunnel %u}", VTEP_TUNNEL(value));
}

static uint32_t vtep_read(
	const struct table_decl *table, uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	struct vtep_page page = {.rows = rows, .family = table->family};

	return exact_page(
		page.family == 4 ? &vtep4_table : &vtep6_table, cursor, max, vtep_row, &page);
}

#define VTEP_ACTIONS                                                                               \
	{                                                                                          \
		[VTEP_DECAPSULATE] = {"decapsulate", {{"slice", 16, NULL}, {"tunnel", 16, NULL}}}, \
		[VTEP_UNKNOWN_VNI] = {.name = "drop_unknown_vni"},                                 \
		[VTEP_UNKNOWN_PEER] = {.name = "drop_unknown_peer"},                               \
	}

static const struct table_decl vtep4_decl = {
	.name = "vtep4",
	.help = "which slice a tunnel packet over IPv4 enters",
	.key = {{"local", 32, "exact"}, {"remote", 32, "exact"}, {"dst_port", 16, "exact"},
		{"vni", 24, "exact"}},
	.actions = VTEP_ACTIONS,
	.size = LIMIT_MEMBERS + 2 * LIMIT_TUNNELS,
	.rows = &vtep4_table.count,
	.read = vtep_read,
	.family = 4,
};
static const struct table_decl vtep6_decl = {
	.name = "vtep6",
	.help = "which slice a tunnel packet over IPv6 enters",
	.key = {{"local", 128, "exact"}, {"remote", 128, "exact"}, {"dst_port", 16, "exact"},
		{"vni", 24, "exact"}},
	.actions = VTEP_ACTIONS,
	.size = LIMIT_MEMBERS + 2 * LIMIT_TUNNELS,
	.rows = &vtep6_table.count,
	.read = vtep_read,
	.family = 6,
};

/* ---- fdb ---- */

static void fdb_row(const struct fdb_entry *e, struct table_row *row)
{
	char mac[64];

	memset(row, 0, sizeof(*row));
	api_mac_format(&e->mac, mac);
	row_key(row, "{slice %u}", e->slice);
	row_key(row, "%s", mac);
	switch (DOOR_KIND(e->door)) {
	case DOOR_SESSION:
		row->action = 2;
		row_param(row, "{session %u}", DOOR_SESSION_ID(e->door));
		break;
	case DOOR_TUNNEL:
		row->action = 1;
		row_param(row, "{tunnel %u}", DOOR_ID(e->door));
		break;
	default:
		row_param(row, "{attachment %u}", DOOR_ID(e->door));
	}
	row_param(row, "%s", e->movable ? "movable" : e->is_static ? "static" : "learned");
	row_param(row, "%u", e->age_s);
}

static uint32_t fdb_read(
	const struct table_decl *table, uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	struct fdb_entry entries[PAGE];
	uint32_t n = fdb_iterate(cursor, entries, RTE_MIN(max, (uint32_t)PAGE));

	for (uint32_t i = 0; i < n; i++)
		fdb_row(&entries[i], &rows[i]);
	return n;
}

static const struct table_decl fdb_decl = {
	.name = "fdb",
	.help = "where a MAC of a slice is; what is not here is flooded",
	.key = {{"slice", 16, "exact"}, {"mac", 48, "exact"}},
	.actions = {{"to_attachment",
			    {{"attachment", 16, NULL}, {"kind", 1, NULL}, {"age_s", 32, NULL}}},
		{"to_tunnel", {{"tunnel", 16, NULL}, {"kind", 1, NULL}, {"age_s", 32, NULL}}},
		{"to_session", {{"session", 20, NULL}, {"kind", 1, NULL}, {"age_s", 32, NULL}}}},
	.size = LIMIT_MACS,
	.count = fdb_count,
	.read = fdb_read,
};

/* ---- routes4, routes6 ---- */

static const char *const owners[] = {
	[FIB_NONE] = "none",
	[FIB_GATEWAY] = "gateway",
	[FIB_CONNECTED] = "connected",
	[FIB_ROUTE] = "route",
	[FIB_NEIGHBOR] = "neighbor",
	[FIB_SESSION] = "session",
};

static void route_row(const struct fib_entry *e, struct table_row *row)
{
	char text[96];

	memset(row, 0, sizeof(*row));
	if (e->owner == FIB_SESSION) /* no next hop: SESSION_PREFIX() */
		snprintf(text, sizeof(text), "{session %u}", e->nexthop & LIMIT_SESSIONS);
	else
		nexthop_text(e->nexthop, text);
	row_key(row, "{slice %u}", e->slice);
	row_key_ip(row, &e->prefix, true);
	row_param(row, "%u", e->nexthop);
	row_param(row, "%s", text);
	row_param(row, "%s", owners[e->owner]);
}

static uint32_t routes_read(
	const struct table_decl *table, uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	struct fib_entry entries[PAGE];
	uint32_t n = fib_page(table->family, 0, cursor, entries, RTE_MIN(max, (uint32_t)PAGE));

	for (uint32_t i = 0; i < n; i++)
		route_row(&entries[i], &rows[i]);
	return n;
}

#define ROUTE_ACTIONS                                                                              \
	{                                                                                          \
		{"to_nexthop", {{"nexthop", 32, NULL}, {"way", 0, NULL}, {"owner", 3, NULL}}},     \
	}

static uint32_t routes4_count(void)
{
	return fib_count(4);
}

static uint32_t routes6_count(void)
{
	return fib_count(6);
}

static const struct table_decl routes4_decl = {
	.name = "routes4",
	.help = "where an IPv4 packet of an l3 slice goes",
	.key = {{"slice", 16, "exact"}, {"prefix", 32, "lpm"}},
	.actions = ROUTE_ACTIONS,
	.size = LIMIT_FIB_ROUTES,
	.count = routes4_count,
	.read = routes_read,
	.family = 4,
};
static const struct table_decl routes6_decl = {
	.name = "routes6",
	.help = "where an IPv6 packet of an l3 slice goes",
	.key = {{"slice", 16, "exact"}, {"prefix", 128, "lpm"}},
	.actions = ROUTE_ACTIONS,
	.size = LIMIT_FIB_ROUTES,
	.count = routes6_count,
	.read = routes_read,
	.family = 6,
};

/* ---- nexthops ---- */

static uint32_t nexthops_read(
	const struct table_decl *table, uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	uint32_t index = *cursor < NEXTHOPS ? nexthop_after(*cursor) : 0, n = 0, last = 0;

	for (; index != 0 && n < max; index = nexthop_after(index)) {
		struct table_row *row = &rows[n++];
		char text[96];

		memset(row, 0, sizeof(*row));
		nexthop_text(index, text);
		row_key(row, "%u", index);
		row_param(row, "%s", text);
		last = index;
	}
	*cursor = index != 0 ? last : 0;
	return n;
}

static const struct table_decl nexthops_decl = {
	.name = "nexthops",
	.help = "what routes of l3 slices lead to, shared among them",
	.key = {{"nexthop", 32, "exact"}},
	.actions = {{"send", {{"way", 0, NULL}}}},
	.size = LIMIT_NEXTHOPS,
	.count = nexthop_count,
	.read = nexthops_read,
};

/* ---- neighbors ---- */

static const char *const states[] = {
	[NEIGHBOR_STATIC] = "static",
	[NEIGHBOR_REACHABLE] = "reachable",
	[NEIGHBOR_STALE] = "stale",
	[NEIGHBOR_INCOMPLETE] = "incomplete",
	[NEIGHBOR_FAILED] = "failed",
};

static void neighbor_row(const struct neighbor_entry *e, struct table_row *row)
{
	char mac[64];

	memset(row, 0, sizeof(*row));
	api_mac_format(&e->mac, mac);
	row_key(row, "{slice %u}", e->slice);
	if (e->attachment != 0)
		row_key(row, "{attachment %u}", e->attachment);
	else
		row_key(row, "%s", "");
	row_key_ip(row, &e->address, false);
	row_param(row, "%s", mac);
	row_param(row, "%s", states[e->state]);
	row_param(row, "%u", e->age_s);
}

static uint32_t neighbors_read(
	const struct table_decl *table, uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	struct neighbor_entry entries[PAGE];
	uint32_t n = neighbor_iterate(cursor, entries, RTE_MIN(max, (uint32_t)PAGE));

	for (uint32_t i = 0; i < n; i++)
		neighbor_row(&entries[i], &rows[i]);
	return n;
}

static const struct table_decl neighbors_decl = {
	.name = "neighbors",
	.help = "the MAC of a host on an attachment; who is not here is asked for (l3) or let "
		"through",
	.key = {{"slice", 16, "exact"}, {"attachment", 16, "exact"}, {"address", 128, "exact"}},
	.actions = {{"resolve", {{"mac", 48, NULL}, {"state", 3, NULL}, {"age_s", 32, NULL}}}},
	.size = LIMIT_HOSTS,
	.count = neighbor_count,
	.read = neighbors_read,
};

/* ---- tunnels ---- */

static bool tunnel_row(uint16_t id, struct table_row *row)
{
	char state[160];

	if (!tunnel_is_used(id) || row == NULL)
		return tunnel_is_used(id);
	tunnel_state(id, state);
	row_key(row, "{tunnel %u}", id);
	row_param(row, "%u", 1u << (tunnel_hot[id].paths & PATHS_LOG2));
	row_param(row, "%.60s", state);
	tunnel_counters_read(id, &row->counters);
	return true;
}

static const struct table_decl tunnels_decl = {
	.name = "tunnels",
	.help = "what a tunnel puts in front of a frame, and by which paths it leaves",
	.key = {{"tunnel", 16, "exact"}},
	.actions = {{"encapsulate", {{"path_slots", 8, NULL}, {"state", 0, NULL}}}},
	.size = LIMIT_TUNNELS,
	.counters = true,
	.by_id = tunnel_row,
};

/* ---- interfaces and tunnel_peers of the user plane ---- */

static bool interface_row(uint16_t id, struct table_row *row)
{
	static const char *const sides[] = {
		[INTERFACE_ACCESS] = "access", [INTERFACE_CORE] = "core"};
	const struct api_gtpu *gtpu = upf_is_started() ? gtpu_config(id) : NULL;

	if (gtpu == NULL || row == NULL)
		return gtpu != NULL;
	row_key_ip(row, &gtpu->address, false);
	row_param(row, "%s", sides[gtpu->interface]);
	row_param(row, "{gtpu %u}", id);
	return true;
}

static const struct table_decl interfaces_decl = {
	.name = "interfaces",
	.help = "which side of the user plane GTP-U to an own address comes from",
	.key = {{"address", 128, "exact"}},
	.actions = {{"set_source_interface", {{"interface", 1, NULL}, {"gtpu", 8, NULL}}}},
	.size = LIMIT_GTPU,
	.by_id = interface_row,
};

static bool peer_row(uint16_t id, struct table_row *row)
{
	struct api_ip address;
	char state[160];
	uint16_t gtpu;

	if (!upf_is_started() || !peer_describe(id, &gtpu, &address))
		return false;
	if (row == NULL)
		return true;
	tunnel_state(id, state);
	row_key(row, "{gtpu %u}", gtpu);
	row_key_ip(row, &address, false);
	row_param(row, "%.95s", state);
	row_param(row, "%s", gtpu_path_text(gtpu_path_state(id)));
	tunnel_counters_read(id, &row->counters);
	return true;
}

static const struct table_decl tunnel_peers_decl = {
	.name = "tunnel_peers",
	/* who sent a packet is not looked up, its session is found by TEID alone */
	.help = "GTP-U peers in use: gNBs and other UPFs; counts what is sent to them, what they "
		"send counts at sessions",
	.key = {{"gtpu", 8, "exact"}, {"peer", 128, "exact"}},
	.actions = {{"encapsulate", {{"state", 0, NULL}, {"path", 0, NULL}}}},
	.size = LIMIT_TUNNELS,
	.counters = true,
	.out_only = true,
	.by_id = peer_row,
};

const struct table_decl *const pipeline_tables[] = {&access_decl, &vtep4_decl, &vtep6_decl,
	&interfaces_decl, &sessions_uplink_decl, &fdb_decl, &sessions_downlink_decl, &routes4_decl,
	&routes6_decl, &nexthops_decl, &neighbors_decl, &classifier_decl, &session_meters_decl,
	&forwarding_decl, &tunnels_decl, &tunnel_peers_decl, NULL};

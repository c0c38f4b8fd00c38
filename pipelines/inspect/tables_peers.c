/* SPDX-License-Identifier: BSD-3-Clause */
/* The user plane's own addresses and its peers as tables. Main thread only. */
#include <rte_common.h>
#include <stdio.h>
#include <string.h>

#include "gtpu_path.h"
#include "peer.h"
#include "schema.h"
#include "tables_upf.h"
#include "tunnel.h"
#include "session_index.h"

#define ROW_TEXT(field, ...) snprintf(field, sizeof(field), __VA_ARGS__)
#define FIELDS(...)	     ((const struct table_field[]){__VA_ARGS__})

/* ---- interfaces ---- */

static const char *const interfaces[] = {[INTERFACE_ACCESS] = "access", [INTERFACE_CORE] = "core"};

static uint32_t interfaces_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	uint64_t id = *cursor ? *cursor : 1;
	uint32_t n = 0;

	for (; upf_is_started() && id <= LIMIT_GTPU && n < max; id++) {
		const struct api_gtpu *gtpu = gtpu_config(id);
		struct table_row *row = &rows[n];
		char address[64];

		if (!gtpu)
			continue;
		memset(row, 0, sizeof(*row));
		api_ip_format(&gtpu->address, false, address);
		ROW_TEXT(row->key_text[0], "%.47s", address);
		ROW_TEXT(row->param_text[0], "%s", interfaces[gtpu->interface]);
		ROW_TEXT(row->param_text[1], "{gtpu %u}", (unsigned)id);
		n++;
	}
	*cursor = id <= LIMIT_GTPU && upf_is_started() ? id : 0;
	return n;
}

static uint32_t interfaces_count(void)
{
	uint32_t n = 0;

	for (uint16_t id = 1; upf_is_started() && id <= LIMIT_GTPU; id++)
		n += gtpu_config(id) != NULL;
	return n;
}

/* ---- tunnel_peers ---- */

static uint32_t peers_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	uint64_t id = *cursor ? *cursor : 1;
	uint32_t n = 0;

	for (; upf_is_started() && id <= LIMIT_TUNNELS && n < max; id++) {
		struct table_row *row = &rows[n];
		struct api_ip address;
		char text[160];
		uint16_t gtpu;

		if (!peer_describe(id, &gtpu, &address))
			continue;
		memset(row, 0, sizeof(*row));
		api_ip_format(&address, false, text);
		ROW_TEXT(row->key_text[0], "{gtpu %u}", gtpu);
		ROW_TEXT(row->key_text[1], "%.47s", text);
		tunnel_state(id, text);
		ROW_TEXT(row->param_text[0], "%.95s", text);
		ROW_TEXT(row->param_text[1], "%s", gtpu_path_text(gtpu_path_state(id)));
		tunnel_counters_read(id, &row->counters);
		n++;
	}
	*cursor = id <= LIMIT_TUNNELS && upf_is_started() ? id : 0;
	return n;
}

/* ---- declarations ---- */

static const struct table_action interface_actions[] = {
	{"set_source_interface", FIELDS({"interface", 1, NULL}, {"gtpu", 8, NULL}), 2},
};
static const struct table_action peer_actions[] = {
	{"encapsulate", FIELDS({"state", 0, NULL}, {"path", 0, NULL}), 2},
};

const struct table_decl interfaces_decl = {
	.name = "interfaces",
	.help = "which side of the user plane GTP-U to an own address comes from",
	.key = FIELDS({"address", 128, "exact"}),
	.n_key = 1,
	.actions = interface_actions,
	.n_actions = RTE_DIM(interface_actions),
	.size = LIMIT_GTPU,
	.count = interfaces_count,
	.read = interfaces_read,
};
const struct table_decl tunnel_peers_decl = {
	.name = "tunnel_peers",
	/* who sent a packet is not looked up, its session is found by TEID alone */
	.help = "GTP-U peers in use: gNBs and other UPFs; counts what is sent to them, what they "
		"send counts at sessions",
	.key = FIELDS({"gtpu", 8, "exact"}, {"peer", 128, "exact"}),
	.n_key = 2,
	.actions = peer_actions,
	.n_actions = RTE_DIM(peer_actions),
	.size = LIMIT_TUNNELS,
	.counters = true,
	.out_only = true,
	.count = peer_count,
	.read = peers_read,
};

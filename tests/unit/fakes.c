/* SPDX-License-Identifier: BSD-3-Clause */
/* Core and pipelines without packets: they count what rpc asks of them. Linked into test_rpc and
 * the socket's fuzzer in place of the real rooms. */
#include "fakes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attachment.h"
#include "attachment_tap.h"
#include "box.h"
#include "police.h"
#include "port.h"
#include "schema.h"
#include "slice.h"
#include "tables.h"
#include "tun.h"
#include "tunnel.h"
#include "underlay.h"

struct fakes fakes;

#define DROP_INFO(id, name, help) {name, help},
const struct drop_info drop_info[DROP_REASONS] = {
	DROP_REASONS_SLICE(DROP_INFO) DROP_REASONS_BOX(DROP_INFO)};

struct ids {
	bool used[LIMIT_SLICES + 1];
};
static struct ids slice_ids, attachment_ids, tunnel_ids;

static int take(struct ids *ids, uint16_t *id)
{
	for (int i = 1; i <= LIMIT_SLICES; i++) {
		if (ids->used[i])
			continue;
		ids->used[i] = true;
		*id = i;
		return 0;
	}
	return -ENOSPC;
}

/* slices */
int slice_reserve(uint16_t *id)
{
	fakes.slices_held++;
	return take(&slice_ids, id);
}

void slice_release(uint16_t id)
{
	fakes.slices_held--;
	slice_ids.used[id] = false;
}

void slice_mac_set(uint16_t id, const struct api_slice *cfg)
{
}

static bool slice_live[LIMIT_SLICES + 1];
static uint8_t slice_mac[LIMIT_SLICES + 1]; /* last byte of the one it was given */

void slice_gateway_mac(uint16_t id, struct api_mac_addr *out)
{
	uint8_t last = slice_mac[id] ? slice_mac[id] : fakes.gateway_mac;

	*out = (struct api_mac_addr){{0x02, 0x5c, 0, 0, id, last}};
}

void slice_share_set(uint16_t id, uint32_t weight, uint64_t guarantee_bps)
{
	fakes.weight = weight;
	fakes.guarantee_bps = guarantee_bps;
}

void slice_set(uint16_t id, const struct api_slice *cfg)
{
	fakes.slices_set += !slice_live[id];
	slice_live[id] = true;
	slice_mac[id] = cfg->mac.bytes[5];
}

void slice_unset(uint16_t id)
{
	fakes.slices_set--;
	slice_live[id] = false;
	slice_release(id);
}

void slice_counters_read(uint16_t id, struct counters *out)
{
	*out = (struct counters){1, 60, 2, 120, 3};
}

void slice_drops_read(uint16_t id, uint64_t *drops)
{
	drops[DROP_SAME_DOOR] = 7;
}

/* attachments */
static bool attachment_live[LIMIT_ATTACHMENTS + 1];

int attachment_reserve(uint16_t *id)
{
	fakes.attachments_held++;
	return take(&attachment_ids, id);
}

void attachment_release(uint16_t id)
{
	fakes.attachments_held--;
	attachment_ids.used[id] = false;
}

void attachment_set(uint16_t id, uint16_t slice, uint16_t port, uint16_t vlan)
{
	fakes.attachments_set += !attachment_live[id];
	attachment_live[id] = true;
}

void attachment_unset(uint16_t id)
{
	fakes.attachments_set--;
	attachment_live[id] = false;
	attachment_release(id);
}

void attachment_port_mtu(uint16_t port)
{
}

void attachment_counters_read(uint16_t id, struct counters *out)
{
	*out = (struct counters){1, 60, 2, 120, 3};
}

/* their taps: what is open, by name */
static struct {
	char name[16];
	uint8_t mac[6];
	uint32_t mtu;
} tun[16];

int tun_open(
	const char *name, const struct api_mac_addr *mac, uint32_t mtu, int *fd, uint32_t *index)
{
	fakes.touched++;
	for (uint32_t i = 0; i < sizeof(tun) / sizeof(tun[0]); i++)
		if (!strcmp(tun[i].name, name) || !strcmp(name, "eth0"))
			return -EEXIST;
	*fd = 0;
	while (tun[*fd].name[0])
		++*fd;
	strcpy(tun[*fd].name, name);
	memset(tun[*fd].mac, 0, 6);
	if (mac)
		memcpy(tun[*fd].mac, mac->bytes, 6);
	tun[*fd].mtu = mtu;
	*index = 100 + *fd;
	fakes.tuns_open++;
	return 0;
}

void tun_close(int fd, const char *name)
{
	fakes.touched++;
	fakes.tuns_open--;
	tun[fd].name[0] = '\0';
}

void tun_wait_all_closed(void)
{
}

bool tun_wait_closed(const char *name)
{
	return false;
}

int tun_mac(int fd, const struct api_mac_addr *mac)
{
	memcpy(tun[fd].mac, mac->bytes, 6);
	return 0;
}

bool tun_name_valid(const char *name)
{
	return !strchr(name, '%');
}

const char *fakes_tun(const char *name)
{
	static char text[40];

	for (uint32_t i = 0; i < sizeof(tun) / sizeof(tun[0]); i++) {
		const uint8_t *m = tun[i].mac;

		if (strcmp(tun[i].name, name) != 0)
			continue;
		snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x %u", m[0], m[1], m[2],
			m[3], m[4], m[5], tun[i].mtu);
		return text;
	}
	return "";
}

void (*attachment_tap_on_gone)(uint16_t attachment);
static int tap_fd[LIMIT_ATTACHMENTS + 1]; /* and 1 */

void attachment_tap_set(uint16_t attachment, int fd)
{
	fakes.taps_set += !tap_fd[attachment];
	tap_fd[attachment] = fd + 1;
}

void attachment_tap_unset(uint16_t attachment)
{
	fakes.taps_set -= tap_fd[attachment] != 0;
	tap_fd[attachment] = 0;
}

int fakes_tap(uint16_t attachment)
{
	return tap_fd[attachment] - 1;
}

void attachment_tap_counters_read(uint16_t attachment, struct tap_counters *out)
{
	*out = (struct tap_counters){1, 60, 2, 120};
}

void attachment_taps_counters_read(struct tap_counters *out)
{
	*out = (struct tap_counters){3, 180, 4, 240};
}

/* tunnels */
static bool tunnel_live[LIMIT_TUNNELS + 1];

int tunnel_reserve(uint16_t *id)
{
	fakes.tunnels_held++;
	return take(&tunnel_ids, id);
}

void tunnel_release(uint16_t id)
{
	fakes.tunnels_held--;
	tunnel_ids.used[id] = false;
}

void tunnel_set(uint16_t id, const struct api_tunnel *cfg)
{
	fakes.tunnels_set += !tunnel_live[id];
	tunnel_live[id] = true;
}

void tunnel_unset(uint16_t id)
{
	fakes.tunnels_set--;
	tunnel_live[id] = false;
	tunnel_release(id);
}

void member_set(uint16_t slice, uint16_t tunnel)
{
	fakes.members_set++;
}

void member_unset(uint16_t slice, uint16_t tunnel)
{
	fakes.members_set--;
}

void tunnel_state(uint16_t id, char *text)
{
	strcpy(text, "no route");
}

void tunnel_counters_read(uint16_t id, struct counters *out)
{
	*out = (struct counters){1, 60, 2, 120, 3};
}

/* meters */
static struct ids meter_ids;
static bool meter_live[LIMIT_METERS + 1];
static uint16_t meter_of[3][LIMIT_SLICES + 1];

int police_reserve(uint16_t *id)
{
	fakes.meters_held++;
	return take(&meter_ids, id);
}

void police_release(uint16_t id)
{
	fakes.meters_held--;
	meter_ids.used[id] = false;
}

void police_set(uint16_t id, const struct api_meter *cfg)
{
	fakes.meters_set += !meter_live[id];
	meter_live[id] = true;
}

void police_unset(uint16_t id)
{
	fakes.meters_set--;
	meter_live[id] = false;
	police_release(id);
}

void police_use(enum police_place place, uint16_t owner, uint16_t meter)
{
	fakes.metered[place] += (meter != 0) - (meter_of[place][owner] != 0);
	meter_of[place][owner] = meter;
	fakes.meter_used[place] = meter;
}

void police_add(enum police_place place, uint16_t owner, struct meter_counts *sum)
{
	static const struct meter_counts one = {.packets = {1, 2, 3}, .bytes = {64, 128, 192}};

	for (int c = 0; c < METER_COLORS; c++) {
		sum->packets[c] += one.packets[c] * (1 + place);
		sum->bytes[c] += one.bytes[c] * (1 + place);
	}
}

/* underlay */
void underlay_address_set(uint16_t port, const struct api_ip *prefix)
{
	fakes.addresses_set++;
}

void underlay_address_unset(uint16_t port, const struct api_ip *prefix)
{
	fakes.addresses_set--;
}

void underlay_neighbor_set(
	uint16_t port, const struct api_ip *address, const struct api_mac_addr *mac)
{
	fakes.neighbors_set++;
}

void underlay_neighbor_unset(uint16_t port, const struct api_ip *address)
{
	fakes.neighbors_set--;
}

void underlay_stale(void)
{
}

void underlay_port_gone(uint16_t port)
{
}

bool underlay_hop_wanted(uint16_t port, const struct api_ip *address, bool *known)
{
	*known = !fakes.missing;
	return port == fakes.hop.port && fakes.hop.address.family == address->family &&
	       !memcmp(fakes.hop.address.bytes, address->bytes, 16);
}

uint32_t underlay_hops_missing(uint64_t *cursor, struct underlay_hop *out, uint32_t max)
{
	*cursor = 0;
	*out = fakes.hop;
	return fakes.missing;
}

uint32_t underlay_hop_news(struct underlay_hop *out, uint32_t max)
{
	uint32_t n = fakes.hop_news;

	fakes.hop_news = 0;
	*out = fakes.hop;
	return n;
}

void underlay_resolve(void)
{
	fakes.resolves++;
}

/* tables */
#define TABLE_ROWS 200

uint32_t table_count(const struct table_decl *table)
{
	(void)table;
	return TABLE_ROWS;
}

uint32_t table_read(
	const struct table_decl *table, uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	uint32_t got = 0;

	(void)table;
	for (; *cursor < TABLE_ROWS && got < max; ++*cursor, got++) {
		memset(&rows[got], 0, sizeof(rows[got]));
		sprintf(rows[got].keys[0], "%d", (int)*cursor);
		strcpy(rows[got].params[0], "slice 1");
	}
	if (*cursor == TABLE_ROWS)
		*cursor = 0;
	return got;
}

static const struct table_decl fake_table = {.name = "attachments",
	.help = "a table",
	.key = {{"port", 16, "exact"}},
	.actions = {{"set_slice", {{"slice", 16, NULL}}}},
	.size = 10,
	.counters = true};
const struct table_decl *const pipeline_tables[] = {&fake_table, NULL};

void fakes_reset(void)
{
	fakes_fdb_reset();
	fakes_port_reset();
	memset(&slice_ids, 0, sizeof(slice_ids));
	memset(&attachment_ids, 0, sizeof(attachment_ids));
	memset(&tunnel_ids, 0, sizeof(tunnel_ids));
	memset(&meter_ids, 0, sizeof(meter_ids));
	memset(meter_live, 0, sizeof(meter_live));
	memset(meter_of, 0, sizeof(meter_of));
	memset(slice_live, 0, sizeof(slice_live));
	memset(attachment_live, 0, sizeof(attachment_live));
	memset(tunnel_live, 0, sizeof(tunnel_live));
	memset(tun, 0, sizeof(tun));
	memset(tap_fd, 0, sizeof(tap_fd));
	memset(&fakes, 0, sizeof(fakes));
	fakes.fdb_limit = LIMIT_MACS;
	fakes_l3_reset();
	fakes_upf_reset();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Own GTP-U addresses, and the peers that sessions send to. Main thread only. Owns both. What
 * workers see of a peer is its tunnel's paths (tunnel.c). */
#include "peer.h"

#include <errno.h>
#include <rte_hash_crc.h>
#include <stdio.h>
#include <stdlib.h>

#include "gtpu.h"
#include "gtpu_path.h"
#include "ids.h"
#include "schema.h"
#include "tunnel.h"
#include "session_index.h"

struct own {
	bool used, prepared;
	struct api_gtpu cfg;  /* published */
	struct api_gtpu next; /* prepared */
};

struct peer {
	uint32_t uses; /* 0: the tunnel is no peer's */
	uint16_t gtpu;
	uint16_t next; /* of the same hash */
	struct api_ip address;
};

#define HEADS 4096

static struct own own[LIMIT_GTPU + 1];
static struct ids ids;
static struct peer *peers; /* by tunnel id */
static uint16_t head[HEADS];
static uint32_t count;

int peer_init(void)
{
	peers = calloc(LIMIT_TUNNELS + 1, sizeof(*peers));
	return peers != NULL ? 0 : -ENOMEM;
}

void peer_fini(void)
{
	free(peers);
	peers = NULL;
	count = 0;
	memset(head, 0, sizeof(head));
	memset(own, 0, sizeof(own));
	ids.limit = 0;
}

/* ---- own addresses ---- */

int gtpu_reserve(uint16_t *id)
{
	int rc = upf_start();

	if (rc != 0)
		return rc;
	if (ids.limit == 0)
		ids_init(&ids, LIMIT_GTPU);
	return ids_reserve(&ids, id);
}

void gtpu_release(uint16_t id)
{
	own[id].prepared = false;
	ids_give(&ids, id);
}

void gtpu_prepare(uint16_t id, const struct api_gtpu *cfg)
{
	own[id].prepared = cfg != NULL;
	if (cfg != NULL)
		own[id].next = *cfg;
}

const struct api_gtpu *gtpu_config(uint16_t id)
{
	const struct own *o = &own[id <= LIMIT_GTPU ? id : 0];

	return o->prepared ? &o->next : o->used ? &o->cfg : NULL;
}

uint16_t gtpu_find(uint32_t interface, uint8_t family)
{
	for (uint16_t id = 1; id <= LIMIT_GTPU; id++) {
		const struct api_gtpu *cfg = gtpu_config(id);

		if (cfg != NULL && cfg->interface == interface && cfg->address.family == family)
			return id;
	}
	return 0;
}

static bool same_address(const struct api_ip *a, const struct api_ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* As the running transaction leaves it, or as it is. */
static bool is_own(const struct api_ip *address)
{
	for (uint16_t id = 1; id <= LIMIT_GTPU; id++)
		if ((own[id].used && same_address(&own[id].cfg.address, address)) ||
			(own[id].prepared && same_address(&own[id].next.address, address)))
			return true;
	return false;
}

static void tunnel_of(uint16_t gtpu, const struct api_ip *address, struct api_tunnel *cfg)
{
	const struct api_gtpu *o = gtpu_config(gtpu);
	char text[64];

	*cfg = (struct api_tunnel){.encap = ENCAP_GTPU,
		.local = o->address,
		.remote = *address,
		.dst_port = GTPU_PORT,
		.ttl = o->ttl,
		.df = true,
		.dscp = o->dscp,
		.udp_csum = o->udp_csum,
		.accept_zero_csum6 = o->accept_zero_csum6};
	api_ip_format(address, false, text);
	snprintf(cfg->name, sizeof(cfg->name), "gtpu %.58s", text);
}

void gtpu_set(uint16_t id, const struct api_gtpu *cfg)
{
	struct own *o = &own[id];
	bool entered = o->used;
	bool same = entered && o->cfg.accept_zero_csum6 == cfg->accept_zero_csum6 &&
		    memcmp(&o->cfg.address, &cfg->address, sizeof(cfg->address)) == 0;
	struct api_tunnel tunnel;

	if (entered && !same)
		vtep_gtpu(&o->cfg.address, id, false, false);
	if (!same)
		vtep_gtpu(&cfg->address, id, cfg->accept_zero_csum6, true);
	o->cfg = *cfg;
	o->used = true;
	o->prepared = false;
	for (uint32_t i = 1; peers != NULL && i <= LIMIT_TUNNELS; i++)
		if (peers[i].uses > 0 && peers[i].gtpu == id) {
			tunnel_of(id, &peers[i].address, &tunnel);
			tunnel_set(i, &tunnel);
		}
}

static void free_id(void *arg)
{
	ids_give(&ids, (uintptr_t)arg);
}

void gtpu_unset(uint16_t id)
{
	vtep_gtpu(&own[id].cfg.address, id, false, false);
	own[id] = (struct own){0};
	rcu_defer(free_id, (void *)(uintptr_t)id);
}

/* ---- peers ---- */

static uint16_t *chain_of(uint16_t gtpu, const struct api_ip *address)
{
	uint64_t high, low;

	memcpy(&high, address->bytes, 8);
	memcpy(&low, address->bytes + 8, 8);
	return &head[rte_hash_crc_8byte(high, rte_hash_crc_8byte(low, gtpu)) % HEADS];
}

int peer_take(uint16_t gtpu, const struct api_ip *address, uint16_t *id)
{
	uint16_t *chain = chain_of(gtpu, address);
	struct api_tunnel cfg;

	for (uint16_t i = *chain; i != 0; i = peers[i].next)
		if (peers[i].gtpu == gtpu && same_address(&peers[i].address, address)) {
			peers[i].uses++;
			*id = i;
			return 0;
		}
	/* what is sent there would come back, and not be less for it */
	int rc = is_own(address) ? -EADDRINUSE : tunnel_reserve(id);

	if (rc != 0)
		return rc;
	tunnel_of(gtpu, address, &cfg);
	tunnel_set(*id, &cfg);
	peers[*id] = (struct peer){.uses = 1, .gtpu = gtpu, .next = *chain, .address = cfg.remote};
	*chain = *id;
	count++;
	gtpu_path_add(*id);
	return 0;
}

void peer_hold(uint16_t id)
{
	peers[id].uses++;
}

void peer_give(uint16_t id)
{
	struct peer *p = &peers[id];
	uint16_t *at;

	if (--p->uses > 0)
		return;
	for (at = chain_of(p->gtpu, &p->address); *at != id;)
		at = &peers[*at].next;
	gtpu_path_remove(id);
	*at = p->next;
	*p = (struct peer){0};
	count--;
	tunnel_unset(id);
}

bool peer_is_at(const struct api_ip *address)
{
	for (uint32_t i = 1; peers != NULL && i <= LIMIT_TUNNELS; i++)
		if (peers[i].uses > 0 && same_address(&peers[i].address, address))
			return true;
	return false;
}

uint32_t peer_count(void)
{
	return count;
}

bool peer_describe(uint16_t id, uint16_t *gtpu, struct api_ip *address)
{
	if (peers == NULL || id > LIMIT_TUNNELS || peers[id].uses == 0)
		return false;
	*gtpu = peers[id].gtpu;
	*address = peers[id].address;
	return true;
}

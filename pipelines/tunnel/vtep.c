/* SPDX-License-Identifier: BSD-3-Clause */
/* The endpoint tables of the box. Main thread only. Owns vtep4_table, vtep6_table and
 * tunnel_port[]. */
#include <rte_hash_crc.h>
#include <rte_malloc.h>
#include <stdlib.h>

#include "gtpu.h"
#include "hot.h"
#include "tunnel.h"
#include "tunnel_parts.h"
#include "xdp_filter.h"

struct exact_table vtep4_table, vtep6_table;
uint8_t *tunnel_port;
static uint32_t *port_users; /* [65536] tunnels that use a UDP port */

/* a member, its peer, its local address and the two of them are an entry each */
#define ENTRIES (LIMIT_MEMBERS + 3 * LIMIT_TUNNELS + 2 * LIMIT_GTPU)

int vtep_init(void)
{
	tunnel_port = rte_zmalloc("tunnel_port", 65536, RTE_CACHE_LINE_SIZE);
	port_users = calloc(65536, sizeof(*port_users));
	if (tunnel_port == NULL || port_users == NULL)
		return -ENOMEM;
	int rc = exact_init(&vtep4_table, "vtep4", VTEP4_WORDS, ENTRIES);

	return rc == 0 ? exact_init(&vtep6_table, "vtep6", VTEP6_WORDS, ENTRIES) : rc;
}

void vtep_fini(void)
{
	exact_fini(&vtep4_table);
	exact_fini(&vtep6_table);
	rte_free(tunnel_port);
	free(port_users);
	tunnel_port = NULL;
	port_users = NULL;
}

/* The key of (local, remote, word); remote may be left out (NULL). Returns its table. */
static struct exact_table *make_key(
	const struct api_ip *local, const struct api_ip *remote, uint64_t word, uint64_t *key)
{
	uint32_t a, b = 0;

	memset(key, 0, VTEP6_WORDS * sizeof(*key));
	key[0] = word;
	if (local->family == 6) {
		memcpy(key + 1, local->bytes, 16);
		if (remote != NULL)
			memcpy(key + 3, remote->bytes, 16);
		return &vtep6_table;
	}
	memcpy(&a, local->bytes, 4);
	if (remote != NULL)
		memcpy(&b, remote->bytes, 4);
	key[1] = (uint64_t)b << 32 | a;
	return &vtep4_table;
}

static uint64_t word_of(const struct api_tunnel *cfg, uint32_t vni_be, uint64_t mark)
{
	return vtep_word(rte_cpu_to_be_16(cfg->dst_port), vni_be, mark) |
	       (cfg->encap == ENCAP_GENEVE ? VTEP_GENEVE : 0);
}

static void put(struct exact_table *t, const uint64_t *key, uint64_t value)
{
	if (exact_put(t, key, value) < 0)
		RTE_LOG(ERR, USER1, "no room in the endpoint table\n");
}

/* Counts users of (local address, or local and remote one): the entry stays while there is one. */
static void count_users(const struct api_ip *local, const struct api_ip *remote, bool add)
{
	uint64_t key[VTEP6_WORDS];
	struct exact_table *t = make_key(local, remote, vtep_word(0, 0, VTEP_ANY_PEER), key);
	uint64_t *value = exact_find(t, key);
	uint64_t users = (value != NULL ? *value : 0) + (add ? 1 : -1);

	if (users == 0)
		exact_delete(t, key);
	else
		put(t, key, users);
}

/* Who leaves a port says nothing of what it carries: it may be another kind's by now. */
static void count_port(uint16_t port_be, enum tunnel_kind kind, bool add)
{
	port_users[port_be] += add ? 1 : -1;
	if (add || port_users[port_be] == 0)
		__atomic_store_n(&tunnel_port[port_be], add ? kind : TUNNEL_NONE, __ATOMIC_RELAXED);
}

/* Not one that another has taken over. */
static void delete_own(struct exact_table *t, const uint64_t *key, uint16_t owner)
{
	const uint64_t *value = exact_find(t, key);

	if (value != NULL && (uint16_t)*value == owner)
		exact_delete(t, key);
}

void vtep_gtpu(const struct api_ip *local, uint16_t id, bool accept_zero_csum6, bool add)
{
	uint64_t key[VTEP6_WORDS];
	struct exact_table *t = make_key(local, NULL, vtep_word(0, 0, VTEP_GTPU), key);

	if (add)
		put(t, key, id | (accept_zero_csum6 ? VTEP_ZERO_CSUM6 : 0));
	else
		delete_own(t, key, id);
	count_users(local, NULL, add);
	count_port(RTE_BE16(GTPU_PORT), TUNNEL_GTPU, add);
	xdp_filter_local(local, RTE_BE16(GTPU_PORT), true, add);
}

void vtep_peer(const struct api_tunnel *cfg, uint16_t tunnel, bool add)
{
	uint16_t port_be = rte_cpu_to_be_16(cfg->dst_port);

	count_users(&cfg->local, &cfg->remote, add);
	if (cfg->encap == ENCAP_GTPU)
		return; /* let in by TEID, whoever sends it */
	uint64_t key[VTEP6_WORDS];
	struct exact_table *t =
		make_key(&cfg->local, &cfg->remote, word_of(cfg, 0, VTEP_ANY_VNI), key);

	if (add)
		put(t, key, tunnel);
	else
		delete_own(t, key, tunnel);
	count_users(&cfg->local, NULL, add);
	count_port(port_be, cfg->encap == ENCAP_GENEVE ? TUNNEL_GENEVE : TUNNEL_VXLAN, add);
	xdp_filter_local(&cfg->local, port_be, false, add);
}

static uint64_t slice_marks(uint16_t slice)
{
	uint8_t flags = slice_hot[slice].flags;

	return (flags & SLICE_IS_L3 ? VTEP_L3 : 0) | (flags & SLICE_CLAMP_MSS ? VTEP_CLAMP_MSS : 0);
}

void vtep_member(
	const struct api_tunnel *cfg, uint32_t vni_be, uint16_t slice, uint16_t tunnel, bool add)
{
	uint64_t key[VTEP6_WORDS];
	struct exact_table *t = make_key(&cfg->local, &cfg->remote, word_of(cfg, vni_be, 0), key);
	uint64_t *value = exact_find(t, key);

	if (add)
		put(t, key,
			slice | (uint64_t)tunnel << 16 |
				(cfg->accept_zero_csum6 ? VTEP_ZERO_CSUM6 : 0) |
				slice_marks(slice));
	else if (value != NULL && VTEP_SLICE(*value) == slice && VTEP_TUNNEL(*value) == tunnel)
		exact_delete(t, key);
}

bool vtep_is_member(const struct api_tunnel *cfg, uint32_t vni_be, uint16_t slice)
{
	uint64_t key[VTEP6_WORDS];
	struct exact_table *t = make_key(&cfg->local, &cfg->remote, word_of(cfg, vni_be, 0), key);
	const uint64_t *value = exact_find(t, key);

	return value != NULL && VTEP_SLICE(*value) == slice;
}

static uint32_t share_of(const uint64_t *address, uint32_t words)
{
	uint32_t hash = 0;

	for (uint32_t i = 0; i < words; i++)
		hash = rte_hash_crc_8byte(address[i], hash);
	return 1 + hash % (PEER_SHARES - 1);
}

/* (An entry with remote 0 says that the local address is an endpoint: it is nobody's.) */
uint32_t peer_share4(const uint8_t *local, const uint8_t *remote)
{
	uint64_t key[VTEP4_WORDS] = {vtep_word(0, 0, VTEP_ANY_PEER),
		(uint64_t) * (const wire32_t *)remote << 32 | *(const wire32_t *)local};

	if (key[1] >> 32 == 0 || exact_find(&vtep4_table, key) == NULL)
		return PEER_STRANGERS;
	return share_of(key + 1, 1);
}

uint32_t peer_share6(const uint8_t *local, const uint8_t *remote)
{
	uint64_t key[VTEP6_WORDS] = {vtep_word(0, 0, VTEP_ANY_PEER)};

	memcpy(key + 1, local, 16);
	memcpy(key + 3, remote, 16);
	if ((key[3] | key[4]) == 0 || exact_find(&vtep6_table, key) == NULL)
		return PEER_STRANGERS;
	return share_of(key + 3, 2);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Networks and next hops of l3 slices beside the model (networks.h). Owns both maps. */
#include "networks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"

#include "nouns.h"

/* A next hop that routes name. */
struct hop {
	struct place_key key; /* attachment, address */
	uint32_t routes;
};

static struct keymap networks = {
	.key_bytes = sizeof(struct place_key), .entry_bytes = sizeof(struct network)};
static struct keymap hops = {
	.key_bytes = sizeof(struct place_key), .entry_bytes = sizeof(struct hop)};
static uint32_t lengths[2][129]; /* networks of each length, by family */
static uint32_t hops_at[LIMIT_ATTACHMENTS + 1];
uint32_t networks_on_ports;

static uint32_t *length_count(const struct api_ip *prefix)
{
	return &lengths[prefix->family == 6][prefix->len];
}

struct network *network_any(uint16_t slice, const struct api_ip *prefix)
{
	struct place_key key = {slice, *prefix};

	api_ip_mask(&key.ip);
	return keymap_find(&networks, &key);
}

struct network *network_find(uint16_t slice, const struct api_ip *prefix)
{
	struct place_key key = {slice, *prefix};
	struct network *network = keymap_find(&networks, &key);

	return network && network->addresses > 0 ? network : NULL;
}

static struct network *network_cut(uint16_t slice, const struct api_ip *address, uint8_t len)
{
	struct api_ip prefix = *address;

	prefix.len = len;
	api_ip_mask(&prefix);
	return network_find(slice, &prefix);
}

struct network *network_of(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	for (int len = address->family == 4 ? 32 : 128; len >= 0; len--) {
		struct network *network;

		if (lengths[address->family == 6][len] == 0)
			continue;
		network = network_cut(slice, address, len);
		if (network && network->attachment == attachment)
			return network;
	}
	return NULL;
}

int network_add(uint16_t slice, uint16_t attachment, const struct api_ip *prefix)
{
	struct place_key key = {slice, *prefix};
	struct network *network;

	api_ip_mask(&key.ip);
	network = keymap_add(&networks, &key);
	if (!network)
		return -ENOMEM;
	*length_count(&key.ip) += network->addresses == 0;
	network->attachment = attachment;
	network->addresses++;
	return 0;
}

/* Networks that have lost their last address since the last sweep. */
static struct place_key *left;
static uint32_t left_count, left_room;

/* The answer to the last question is most of that to the next one: networks of an attachment go
 * together, and all next hops have to be looked through for the first of them. */
static struct {
	uint16_t slice, attachment; /* 0: there is none */
	struct hop *hop;
	uint32_t count, room;
} stranded;

void network_remove(uint16_t slice, const struct api_ip *prefix)
{
	struct network *network = network_cut(slice, prefix, prefix->len);

	if (--network->addresses > 0)
		return;
	(*length_count(&network->key.ip))--;
	if (!array_grow(&left, &left_room, left_count, sizeof(*left)))
		return; /* it stays, found by nobody, until an address brings it back */
	left[left_count++] = network->key;
}

void networks_sweep(void)
{
	stranded.attachment = 0;
	while (left_count > 0) {
		struct network *network = keymap_find(&networks, &left[--left_count]);

		if (network && network->addresses == 0)
			keymap_remove(&networks, network);
	}
}

bool network_host(const struct api_ip *address, uint8_t len)
{
	struct api_ip prefix = *address, edge;

	prefix.len = len;
	if (len + 1 >= (address->family == 4 ? 32 : 128))
		return true;
	edge = api_ip_edge(&prefix, false);
	if (!memcmp(edge.bytes, address->bytes, sizeof(edge.bytes)))
		return false;
	edge = api_ip_edge(&prefix, true);
	return address->family == 6 || memcmp(edge.bytes, address->bytes, sizeof(edge.bytes));
}

/* Over IPv6 the anycast address of a network's routers is a host's as far as others are concerned.
 */
struct network *network_reserving(uint16_t slice, const struct api_ip *address)
{
	for (uint8_t len = 1; address->family == 4 && len <= 30; len++) {
		struct network *network;

		if (lengths[0][len] == 0 || network_host(address, len))
			continue;
		network = network_cut(slice, address, len);
		if (network)
			return network;
	}
	return NULL;
}

/* ---- next hops of routes ---- */

static struct hop *hop_find(const struct l3_via *via)
{
	struct place_key key = {via->attachment, via->address};

	return via->attachment && via->address.family ? keymap_find(&hops, &key) : NULL;
}

static int hop_add(const struct l3_via *via)
{
	struct place_key key = {via->attachment, via->address};
	struct hop *hop;

	if (!via->attachment || !via->address.family)
		return 0;
	hop = keymap_add(&hops, &key);
	if (!hop)
		return -ENOMEM;
	if (hop->routes++ == 0)
		hops_at[via->attachment]++;
	return 0;
}

static void hop_remove(const struct l3_via *via)
{
	struct hop *hop = hop_find(via);

	if (!hop || --hop->routes > 0)
		return;
	hops_at[via->attachment]--;
	keymap_remove(&hops, hop);
}

int ways_hold(const struct l3_via *via, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!hop_add(&via[i]))
			continue;
		while (i-- > 0)
			hop_remove(&via[i]);
		return -ENOMEM;
	}
	return 0;
}

void ways_release(const struct l3_via *via, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		hop_remove(&via[i]);
}

/* false: no memory. */
static bool find_stranded(uint16_t slice, uint16_t attachment)
{
	stranded.count = 0;
	stranded.attachment = 0;
	for (size_t i = 0; hops_at[attachment] > 0 && i < hops.room; i++) {
		const struct hop *hop = keymap_at(&hops, i);

		if (!hop || hop->key.id != attachment ||
			network_of(slice, attachment, &hop->key.ip))
			continue;
		if (!array_grow(
			    &stranded.hop, &stranded.room, stranded.count, sizeof(*stranded.hop)))
			return false;
		stranded.hop[stranded.count++] = *hop;
	}
	stranded.slice = slice;
	stranded.attachment = attachment;
	return true;
}

uint32_t ways_stranded(uint16_t slice, uint16_t attachment, const struct api_ip *prefix)
{
	uint32_t routes = 0;

	if (hops_at[attachment] == 0)
		return 0;
	if ((stranded.slice != slice || stranded.attachment != attachment) &&
		!find_stranded(slice, attachment))
		return hops_at[attachment]; /* to be safe */
	for (uint32_t i = 0; i < stranded.count; i++)
		if (api_ip_within(&stranded.hop[i].key.ip, prefix))
			routes += stranded.hop[i].routes;
	return routes;
}

uint32_t ways_over(uint16_t attachment, const struct api_ip *address)
{
	struct l3_via via = {.attachment = attachment, .address = *address};
	const struct hop *hop;

	via.address.len = address->family == 4 ? 32 : 128;
	hop = hop_find(&via);
	return hop ? hop->routes : 0;
}

void networks_free(void)
{
	keymap_free(&networks);
	keymap_free(&hops);
	free(left);
	free(stranded.hop);
	memset(&stranded, 0, sizeof(stranded));
	left = NULL;
	left_count = left_room = 0;
	memset(lengths, 0, sizeof(lengths));
	memset(hops_at, 0, sizeof(hops_at));
	networks_on_ports = 0;
}

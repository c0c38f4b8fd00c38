/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops of the underlay (underlay_hop.h): chains of equal hash over an array that grows. A hop
 * is there while it has a MAC, a path, or news that was not told. Owns them. */
#include "underlay_hop.h"

#include <errno.h>
#include <rte_hash_crc.h>
#include <rte_log.h>
#include <stdlib.h>
#include <string.h>

#define HEADS	    16384
#define CHANGES_MAX 64 /* more in one transaction: all paths are resolved anew */

struct hop {
	struct api_ip address;
	struct api_mac_addr mac;
	uint16_t port;
	bool used, known, changed;
	bool told;	/* as wanted */
	bool queued;	/* in news[] */
	uint32_t paths; /* over it */
	uint32_t next;	/* of the same hash, or of the free ones */
	uint32_t news;	/* the next one of which there may be news */
};

static struct hop *hops; /* [room]; 0 is none */
static uint32_t room, top, free_head;
static uint32_t *head; /* [HEADS] */
static uint32_t changes[CHANGES_MAX], n_changes;
static uint32_t news_first, news_last;

int hop_init(void)
{
	room = 1024;
	top = 1;
	free_head = n_changes = news_first = news_last = 0;
	hops = calloc(room, sizeof(*hops));
	head = calloc(HEADS, sizeof(*head));
	return hops != NULL && head != NULL ? 0 : -ENOMEM;
}

void hop_fini(void)
{
	free(hops);
	free(head);
	hops = NULL;
	head = NULL;
}

static uint32_t *chain_of(uint16_t port, const struct api_ip *address)
{
	uint64_t high, low;

	memcpy(&high, address->bytes, 8);
	memcpy(&low, address->bytes + 8, 8);
	return &head[rte_hash_crc_8byte(high, rte_hash_crc_8byte(low, port)) % HEADS];
}

static uint32_t find(uint16_t port, const struct api_ip *address)
{
	uint32_t i = *chain_of(port, address);

	while (i != 0 && !(hops[i].port == port && hops[i].address.family == address->family &&
				 memcmp(hops[i].address.bytes, address->bytes, 16) == 0))
		i = hops[i].next;
	return i;
}

static uint32_t index_take(void)
{
	uint32_t index = free_head;

	if (index != 0) {
		free_head = hops[index].next;
		return index;
	}
	if (top == room) {
		struct hop *more = realloc(hops, 2 * room * sizeof(*hops));

		if (more == NULL)
			return 0;
		memset(more + room, 0, room * sizeof(*hops));
		hops = more;
		room *= 2;
	}
	return top++;
}

/* Found or made; 0: no memory. */
static uint32_t hop_at(uint16_t port, const struct api_ip *address)
{
	uint32_t index = find(port, address), *chain;

	if (index != 0)
		return index;
	index = index_take();
	if (index == 0) {
		RTE_LOG(ERR, USER1, "no memory for a next hop of the underlay\n");
		return 0;
	}
	chain = chain_of(port, address);
	hops[index] = (struct hop){.address = *address, .port = port, .used = true, .next = *chain};
	*chain = index;
	return index;
}

static void free_if_unused(uint32_t index)
{
	struct hop *h = &hops[index];
	uint32_t *at = chain_of(h->port, &h->address);

	if (h->known || h->paths > 0 || h->queued)
		return;
	while (*at != index)
		at = &hops[*at].next;
	*at = h->next;
	*h = (struct hop){.next = free_head};
	free_head = index;
}

/* ---- paths ---- */

static void queue_news(uint32_t index)
{
	struct hop *h = &hops[index];

	if (h->queued || h->told == (h->paths > 0))
		return;
	h->queued = true;
	h->news = 0;
	if (news_first == 0)
		news_first = index;
	else
		hops[news_last].news = index;
	news_last = index;
}

uint32_t hop_take(uint16_t port, const struct api_ip *address)
{
	uint32_t index = hop_at(port, address);

	if (index != 0 && hops[index].paths++ == 0)
		queue_news(index);
	return index;
}

void hop_give(uint32_t index)
{
	if (index == 0 || --hops[index].paths > 0)
		return;
	queue_news(index);
	free_if_unused(index);
}

/* ---- MACs ---- */

bool hop_mac(uint32_t index, struct api_mac_addr *mac)
{
	*mac = hops[index].mac;
	return hops[index].known;
}

uint16_t hop_port(uint32_t index)
{
	return hops[index].port;
}

static void note_change(uint32_t index)
{
	if (hops[index].paths == 0 || hops[index].changed)
		return;
	hops[index].changed = true;
	if (n_changes < CHANGES_MAX)
		changes[n_changes] = index;
	n_changes++;
}

void hop_set_mac(uint16_t port, const struct api_ip *address, const struct api_mac_addr *mac)
{
	uint32_t index = mac != NULL ? hop_at(port, address) : find(port, address);

	if (index == 0)
		return;
	hops[index].known = mac != NULL;
	if (mac != NULL)
		hops[index].mac = *mac;
	note_change(index);
	free_if_unused(index);
}

bool hop_changed(uint32_t index)
{
	return hops[index].changed;
}

int hop_changes(void)
{
	return n_changes > CHANGES_MAX ? 2 : n_changes > 0;
}

void hop_settle(void)
{
	for (uint32_t i = 0; i < RTE_MIN(n_changes, (uint32_t)CHANGES_MAX); i++)
		hops[changes[i]].changed = false;
	for (uint32_t i = 1; n_changes > CHANGES_MAX && i < top; i++)
		hops[i].changed = false;
	n_changes = 0;
}

/* ---- what is wanted ---- */

bool underlay_hop_wanted(uint16_t port, const struct api_ip *address, bool *known)
{
	uint32_t index = find(port, address);

	*known = hops[index].known;
	return hops[index].paths > 0;
}

uint32_t underlay_hops_missing(uint64_t *cursor, struct underlay_hop *out, uint32_t max)
{
	uint32_t n = 0, i = RTE_MAX(*cursor, 1ull);

	for (; i < top && n < max; i++)
		if (hops[i].used && hops[i].paths > 0 && !hops[i].known)
			out[n++] = (struct underlay_hop){
				.port = hops[i].port, .wanted = true, .address = hops[i].address};
	*cursor = i < top ? i : 0;
	return n;
}

uint32_t underlay_hop_news(struct underlay_hop *out, uint32_t max)
{
	uint32_t n = 0;

	while (news_first != 0 && n < max) {
		uint32_t index = news_first;
		struct hop *h = &hops[index];
		bool wanted = h->paths > 0;

		news_first = h->news;
		h->queued = false;
		if (h->told != wanted)
			out[n++] = (struct underlay_hop){
				.port = h->port, .wanted = wanted, .address = h->address};
		h->told = wanted;
		free_if_unused(index);
	}
	return n;
}

void underlay_port_gone(uint16_t port)
{
	for (uint32_t i = 1; i < top; i++)
		if (hops[i].used && hops[i].port == port)
			hops[i].told = false;
}

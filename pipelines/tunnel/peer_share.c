/* SPDX-License-Identifier: BSD-3-Clause */
/* See peer_share.h. Runs on workers. */
#include "peer_share.h"

#include <rte_hash_crc.h>

#include "hot.h"

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

/* SPDX-License-Identifier: BSD-3-Clause */
/* Hashes for tables in memory and for numbers that must come out the same everywhere. None of them
 * withstands somebody who chooses the keys. */
#ifndef LIB_HASH_H
#define LIB_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* FNV-1a (draft-eastlake-fnv), by bytes: the same on every machine and in every version, so what is
 * derived from it may be stored or agreed upon. */
#define HASH_FNV64 UINT64_C(0xcbf29ce484222325) /* the first `hash` */
#define HASH_FNV32 UINT32_C(0x811c9dc5)

static inline uint64_t hash_fnv64(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static inline uint32_t hash_fnv32(uint32_t hash, const void *data, size_t len)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ byte[i]) * UINT32_C(0x01000193);
	return hash;
}

/* Eight bytes at a time: much faster for keys of some length. Differs by byte order. */
static inline uint64_t hash_words(const void *data, size_t len, uint64_t seed)
{
	const uint8_t *at = data;
	uint64_t hash = seed ^ len * UINT64_C(0x9e3779b97f4a7c15);

	while (len) {
		size_t part = len < 8 ? len : 8;
		uint64_t word = 0;

		memcpy(&word, at, part);
		hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
		hash ^= hash >> 32;
		at += part;
		len -= part;
	}
	hash *= UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ hash >> 29;
}

#endif

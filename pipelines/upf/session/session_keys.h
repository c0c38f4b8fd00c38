/* SPDX-License-Identifier: BSD-3-Clause */
/* Who has a TEID, or an address of a UE: the keys of sessions, as a transaction takes and leaves
 * them. Main thread only. */
#ifndef UPF_SESSION_KEYS_H
#define UPF_SESSION_KEYS_H

#include "session_store.h"

/* One F-TEID or one address of a UE in one slice. */
enum key_kind { KEY_TEID = 1, KEY_UE4, KEY_UE6, KEY_PREFIX };
struct session_key {
	uint8_t kind, group;
	uint8_t len;	 /* KEY_PREFIX */
	uint8_t family;	 /* KEY_PREFIX */
	uint16_t where;	 /* slice or gtpu */
	uint16_t pad[3]; /* 0: hashed, as all of it */
	uint32_t low;	 /* TEID, IPv4 address (host order) */
	uint8_t bytes[16];
} __rte_aligned(8);
_Static_assert(sizeof(struct session_key) == 32, "rte_hash_crc() takes words of 8 bytes");
/* 16 groups of at most an IPv4 and an IPv6 address and all framed prefixes. */
#define SESSION_KEYS_MAX (SESSION_GROUPS * (LIMIT_SESSION_FRAMED + 2))

/* All keys of a compiled session; ue is looked at when the block is SESSION_FRAMED. How many. */
uint32_t keys_of_block(uint32_t index, const struct session_block *block, const struct api_ue *ue,
	struct session_key *key);
bool key_is_among(const struct session_key *key, const struct session_key *list, uint32_t n);

/* Index of the session that has it as the running transaction sees it; 0: nobody. */
uint32_t key_owner(const struct session_key *key);
/* Is its entry nobody's when the transaction is over? That of a TEID is also when a session has it
 * that needs none. */
bool key_is_left(const struct session_key *key);
/* May one that another session has be taken in advance? Once a transaction, and no TEID that was
 * chosen. */
bool key_may_lend(const struct session_key *key);
/* One that was taken so and is not left by who had it: false when there is none behind *cursor (0
 * at first). */
bool key_owed(uint32_t *cursor, struct session_key *key, uint32_t *owner, uint32_t *lender);
/* Takes one that nobody has, or that may be lent / leaves it to whoever wants it: 0, -ENOSPC,
 * -ENOMEM; -EBUSY when it was taken in advance itself. Nobody's for workers, or still who had it,
 * until commit. And the ways back, in reverse order. */
int key_take(const struct session_key *key, uint32_t index);
void key_untake(const struct session_key *key);
int key_release(const struct session_key *key, uint32_t index);
void key_unrelease(const struct session_key *key, uint32_t owner);
/* Makes it so for workers: cannot fail. key_settle(): for each that was taken, before all of it. */
void key_settle(const struct session_key *key);
void key_publish(const struct session_key *key, uint32_t index);
void key_unpublish(const struct session_key *key);
/* The transaction is over. */
void keys_settle(void);
int keys_init(void);
void keys_fini(void);

#endif

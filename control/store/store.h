/* SPDX-License-Identifier: BSD-3-Clause */
/* What outlives a crash: intents, their history, tokens, answers to idempotent requests, the audit
 * log. Implemented by sqlite_*.c (WAL); narrow enough for etcd to come beside it: nobody else knows
 * what is behind. One thread. What a call has written is on disk when it returns, but after
 * store_start(): then it is in the kernel's hands, which a crash of this process does not touch,
 * and store_state() tells when it is on disk. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

struct store;

/* dir is made when it is not there (mode 0700). 0; -errno with why filled for a person: what to do.
 * A newer schema is refused, an older one is brought up. A second process is refused (-EBUSY). */
int store_open(const char *dir, struct store **out, char *why, size_t why_size);
/* Could dir be made, or its file be opened? The same answers; nothing is made. */
int store_could_open(const char *dir, char *why, size_t why_size);
void store_close(struct store *store);
/* From now on a thread waits for the disk, and nobody else does. 0, -errno. */
int store_start(struct store *store);
/* An eventfd that is readable when store_state() tells something new; -1 before store_start(). */
int store_fd(const struct store *store);

struct store_state {
	uint64_t written; /* how many commits there were since store_start() */
	uint64_t durable; /* and how many of them are on disk */
	int err;   /* the disk has failed: what is not durable by now never will be, and all changes
		      are refused with this from now on. What is true is what the next start reads
		    */
	bool busy; /* the thread has the store to itself for a while: who calls it now waits, but
		      for store_audit_add() and store_token_find() */
};
void store_state(struct store *store, struct store_state *out);
/* 1: a change is on its way that will be committed by one turn of the loop, and better does not
 * find the store busy; -1: no more. */
void store_hold(struct store *store, int more);

/* Says which site the store is used for. 0: it was so before, or had no intents yet and is so from
 * now on; -EPERM: its intents were another site's box's, why says what to do (serving them as this
 * site would empty the dataplane); -errno. */
int store_claim(struct store *store, const char *site, char *why, size_t why_size);
/* The newest format that was ever committed: a reader that knows only older ones may not take what
 * is in the store for all there is. */
uint32_t store_format(const struct store *store);
/* Of the last commit; 0: there never was one. */
uint64_t store_revision(const struct store *store);

/* Every intent as it is, in order of type and name; the callback's -errno stops it and is returned.
 */
struct stored {
	const char *kind, *name;
	const char *spec; /* JSON text */
	uint64_t revision;
	int64_t created_us, updated_us;
	const char *author;
};
int store_load(struct store *store, int (*each)(const struct stored *one, void *arg), void *arg);

struct store_change {
	const char *kind, *name;
	const char *before, *after; /* JSON texts; NULL: was, is not there */
};
/* The answer that is repeated when the same request comes again (idempotency key). */
struct store_answer {
	const char *actor, *key;
	const char *request_hash; /* hex; the same key with another request is a conflict */
	int status;
	const char *etag; /* or NULL */
	const char *body;
};
struct store_commit {
	const struct store_change *changes;
	size_t count;
	const char *actor;  /* who, for history and audit */
	const char *source; /* "unix uid 0", "198.18.0.9", for audit */
	const char *action; /* "PUT /v1/slices/blue" */
	int64_t now_us;
	const struct store_answer *answer; /* or NULL */
	uint32_t format; /* that a reader of these changes needs (intent_format()) */
};
/* All or nothing, *revision the new one: store_revision() + 1, or the
 * same when there are no changes (the answer and the audit entry are written all the same).
 * Durable: see above. -ENOSPC (the disk is full), -EIO: nothing has changed, and the store goes on.
 */
int store_commit(struct store *store, const struct store_commit *commit, uint64_t *revision);
/* The same by the store's thread, for many changes: the store is busy meanwhile. *commit and all
 * that it names stay as they are until store_commit_end(). When that may be called, an eventfd is
 * written to. 0; -errno: nothing was begun. One at a time. */
int store_commit_begin(struct store *store, const struct store_commit *commit, int told);
/* What came of it; waits where it is not over. As store_commit(). */
int store_commit_end(struct store *store, uint64_t *revision);

#define ANSWER_BYTES 8192 /* of a body; of a larger one the caller leaves out fields */

/* 0: found, *out (new) {request_hash, status, etag?, body}; -ENOENT. Older than a day are
 * forgotten, and all but the newest 1,000 of an actor. */
int store_answer_find(struct store *store, const char *actor, const char *key, json_t **out);

/* History, newest first: [{id, revision, at_us, actor, kind, name, before, after}] (before and
 * after are JSON values or null), ids less than `before` (0: from the newest) and at most limit.
 * kind, name NULL: all. A revision has an entry for each intent it changed, hence ids. The newest
 * 100,000 are kept, fewer when they are huge (512 MiB in all). */
int store_history(struct store *store, const char *kind, const char *name, uint64_t before,
	int limit, json_t **out);

/* Audit, newest first: [{id, at_us, actor, source, action, status, detail, count}]. Commits write
 * their own entry (status 200); others are added by store_audit_add, which may be late by a second
 * but is not lost by a clean stop. What changed nothing (status 300 and more, or detail
 * "unchanged") is kept apart: the newest 100,000 of these, and of changes. Repeats of it within a
 * second are one entry with their count. */
int store_audit_add(struct store *store, const char *actor, const char *source, const char *action,
	int status, const char *detail, int64_t now_us);
int store_audit(struct store *store, uint64_t before, int limit, json_t **out);

/* Bearer tokens: the store knows the SHA-256 of a token, in hex, never the token. */
struct store_token {
	char id[24];
	char name[64];
	char role[16];
	char tenant[64];
	char hash[65];
	int64_t created_us, expires_us; /* 0: never */
};
int store_token_add(struct store *store, const struct store_token *token);
int store_token_find(struct store *store, const char *hash, struct store_token *out); /* -ENOENT */
int store_token_delete(struct store *store, const char *id);			      /* -ENOENT */
int store_tokens(
	struct store *store, int (*each)(const struct store_token *token, void *arg), void *arg);

/* Ten times a second from the loop: what may be late is written, old answers and history beyond its
 * bounds are taken away, a little at a time. */
void store_tick(struct store *store, int64_t now_us);

#endif

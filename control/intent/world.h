/* SPDX-License-Identifier: BSD-3-Clause */
/* All intents in memory, and the rules between them: references, names, VNIs, places on ports,
 * booked capacity. Changed by transactions: begin, any number of put and delete, check, then commit
 * (after the store has it) or rollback, which leaves no trace. One thread.
 *
 * A transaction may take many turns of the loop. Between world_leave() and world_enter() all who
 * read see the world as it was before, whole; from world_publish() on, as it is after. */
#ifndef INTENT_WORLD_H
#define INTENT_WORLD_H

#include "intent.h"

struct world;

/* An intent stays where it is in memory until the end of the transaction that changes or deletes
 * it, and one that a transaction has put until it puts or deletes it again. */
struct world *world_create(void);
void world_free(struct world *world);

/* ---- reading ---- */

struct intent *world_find(const struct world *world, enum intent_type type, const char *name);
/* In order of names; NULL at the end. world_after: the first whose name is greater. */
struct intent *world_first(const struct world *world, enum intent_type type);
struct intent *world_next(const struct intent *intent);
struct intent *world_after(const struct world *world, enum intent_type type, const char *name);
size_t world_count(const struct world *world, enum intent_type type);

/* The intent that holds a place of tenants: its slice or virtual dedicated network; NULL: free. */
struct intent *world_at_place(
	const struct world *world, const char *site, const char *port, uint32_t vlan);
/* The host at a place with this MAC; in order of names, *cursor begins NULL. NULL: no more. */
struct intent *world_hosts_at(const struct world *world, const char *site, const char *port,
	uint32_t vlan, struct intent *after);
/* Networks that name this host. */
struct intent *world_network_of(const struct world *world, const char *host, struct intent *after);
/* What slices and networks have booked on a WAN. */
uint64_t world_booked_bps(const struct world *world, const char *wan);
/* What a tenant has of what its grant limits: "slices", "hosts", "local_data_networks", "sessions".
 */
uint64_t world_tenant_count(const struct world *world, const char *tenant, const char *what);
/* Sums of its slices' and networks' committed_bps and peak_bps; wan "": in all. */
uint64_t world_tenant_committed_bps(const struct world *world, const char *tenant, const char *wan);
uint64_t world_tenant_peak_bps(const struct world *world, const char *tenant, const char *wan);
/* A WAN of the site, by preference and name; NULL at the end. */
struct intent *world_wans_of(const struct world *world, const char *site, struct intent *after);

/* Why an intent is refused, as its tenant may read it: nothing of what is others' or of how WANs
 * are built. Of operators' own intents all of it. Fills text and returns it. */
const char *world_reason_told(
	const struct world *world, const struct intent *intent, char *text, size_t size);
/* The same of any reason, for that tenant. */
const char *world_told(
	const struct world *world, const char *tenant, const char *reason, char *text, size_t size);

/* ---- changing ---- */

enum world_effect { WORLD_CREATED, WORLD_UPDATED, WORLD_UNCHANGED, WORLD_DELETED };

/* One difference of a transaction. before and after are owned by the world until it ends. */
struct world_change {
	enum intent_type type;
	const char *name;
	const struct intent *intent; /* as it will be; NULL when deleted. Until world_publish() */
	const struct intent *was; /* as it was before the transaction; NULL: was not there. Likewise
				   */
	enum world_effect effect;
	bool asked; /* put or deleted itself; false: taken along, as a network by its hosts */
	const json_t *before, *after; /* NULL: was, is not there */
};

int world_begin(struct world *world); /* 0; -EBUSY: one is open. It is entered */
/* From now on who reads sees the world as it was before the transaction; as it has made it. */
void world_leave(struct world *world);
void world_enter(struct world *world);

/* The open transaction is a tenant's: world_check() refuses what is beyond the grant of the tenant
 * whose the intents are, with RPC_ERR_FORBIDDEN. */
void world_limit(struct world *world);

/* Creates or replaces by type and name. 0, or -1 with err. Refuses at once what is wrong in itself
 * (intent_parse); rules between intents wait for world_check, so the order within a transaction
 * does not matter. */
int world_put(
	struct world *world, enum intent_type type, const json_t *spec, struct rpc_error *err);
/* The same of what intent_parse() made of it before; obj and spec are taken over in any case. */
int world_put_parsed(struct world *world, enum intent_type type, union intent_object *obj,
	json_t *spec, struct rpc_error *err);
/* -1 with RPC_ERR_NOT_FOUND when it is not there. */
int world_delete(
	struct world *world, enum intent_type type, const char *name, struct rpc_error *err);

/* Allocates what was left out (VNIs, WANs of endpoints) and checks the rules for all that the
 * transaction touched. 0, or -1 with err: RPC_ERR_PARAMS (a reference that leads nowhere: path,
 * want, got), RPC_ERR_IN_USE (by), RPC_ERR_CONFLICT (with), RPC_ERR_CAPACITY (limit; the message
 * says how much is missing where). err->path begins with the number of the put or delete:
 * "[2].endpoints[0].port". Networks whose hosts have moved to other sites become part of the
 * transaction. */
int world_check(struct world *world, struct rpc_error *err);
/* The same in pieces: goes on until the time until_us of the monotonic clock, but does something in
 * any case; 0: to the end. 1: there is more to do. */
int world_check_step(struct world *world, uint64_t until_us, struct rpc_error *err);

/* What the transaction does, in order of first touch, unchanged ones included: how many there may
 * be, and the one at a place; false: there is none. */
size_t world_touched(const struct world *world);
bool world_change_at(const struct world *world, size_t at, struct world_change *change);

/* From now on everybody sees what the transaction has made: the changed ones get revision, time and
 * author, and are pending. Or it is given up, and nobody ever does. */
void world_publish(struct world *world, uint64_t revision, int64_t now_us, const char *author);
void world_discard(struct world *world);
/* After either: what nobody sees any more is put away, in pieces as by world_check_step(). False:
 * there is more. The next transaction begins when there is not. */
bool world_finish(struct world *world, uint64_t until_us);
/* All at once. */
void world_commit(struct world *world, uint64_t revision, int64_t now_us, const char *author);
void world_rollback(struct world *world);

/* At start, from the store: as it was written, no checks between intents. 0 or -EINVAL: err says
 * why. */
int world_load(struct world *world, enum intent_type type, const json_t *spec, uint64_t revision,
	int64_t created_us, int64_t updated_us, const char *author, struct rpc_error *err);

#endif

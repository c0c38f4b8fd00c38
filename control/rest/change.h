/* SPDX-License-Identifier: BSD-3-Clause */
/* The way of a change through rights, rules, store, reconciler and events. change.c decides,
 * commit.c makes it so. One thread: a change
 * of one intent begins and ends within one call of the loop; that of an apply takes as many as it
 * needs (apply.c, apply_steps.c), and others wait in line for it (line.c). */
#ifndef REST_CHANGE_H
#define REST_CHANGE_H

#include "rest.h"
#include "text.h"

/* What came of one intent; a copy, so that it outlives the transaction. */
struct change_note {
	enum intent_type type;
	enum world_effect effect;
	api_name name, tenant;
};

/* What of change_put() depends on nothing but the document: it may be done before the change. */
struct change_draft {
	union intent_object *obj; /* NULL: none */
	json_t *spec;
};
/* false: it is refused, or there is no memory; change_put() says which. */
bool draft_read(const struct actor *actor, enum intent_type type, const json_t *given,
	struct change_draft *draft);
void draft_free(struct change_draft *draft);

struct change {
	const struct actor *actor;
	const char *action;
	int64_t now_us;
	bool open;		      /* the world's transaction */
	unsigned documents;	      /* ops before this one are an apply's documents */
	int status;		      /* of the refusal; 0: by err.code */
	struct rpc_error err;	      /* the refusal */
	uint64_t revision;	      /* that it gets, or of what is there when nothing changes */
	struct world_change *changed; /* after change_check; the unchanged that were put follow */
	size_t changed_count, noted_count;   /* without, with those */
	unsigned effects[WORLD_DELETED + 1]; /* how many of each */
	struct change_note *notes;	     /* noted_count of them; after change_commit */
	bool committed;
};

/* All return 0, or -1 with the refusal in c. change_end rolls back what was not committed. */
int change_begin(struct change *c, const struct actor *actor, const char *action);
int change_put(struct change *c, enum intent_type type, const json_t *given, bool must_be_new,
	struct change_draft *draft); /* of given, and taken over; NULL: it is read now */
int change_delete(struct change *c, enum intent_type type, const char *name);
int change_check(struct change *c);
/* The two parts of it, one touched intent at a time: may the tenant change it (before the rules);
 * is it changed, and how (after them; changed has room for it). */
int change_check_tenant(struct change *c, const struct world_change *one);
void change_refused_by_rules(struct change *c); /* what a tenant may not hear of it is taken out */
int change_commit(struct change *c, const struct store_answer *answer); /* answer may be NULL */
void change_end(struct change *c);

/* Parts of change_commit(), for one intent: what the store gets, what is noted for later, what
 * those who listen are told; the format that the store needs grows with it. 0 or -ENOMEM. */
int change_texts(const struct world_change *one, struct store_change *out);
void change_texts_free(struct store_change *list, size_t count);
void change_note(const struct world_change *one, struct change_note *note);
void change_format(const struct world_change *one, uint32_t *format);
void change_tell(const struct change *c, const struct change_note *note);
/* 0 or -errno. Without changes only the audit entry (and the answer) is written. */
int change_store(struct change *c, const struct store_answer *answer);
int change_not_stored(struct change *c, int err); /* refuses for it. Returns -1 */

/* Refuses: status and a sentence. Returns -1. */
int change_fail(struct change *c, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* {kind, name, effect, before, after}, as change_reply_dry_run() tells them. New. */
json_t *change_difference(const struct world_change *one);

/* Ends the change and answers the request with its refusal. */
void change_reply_refusal(struct change *c, struct request *r);
/* Ends it and answers 200 {dry_run, changes:[{kind, name, effect, before, after}], refused:[{kind,
 * name, reason}], dataplane:{site, asked, why?}}, when the dataplane has been asked. */
void change_reply_dry_run(struct change *c, struct request *r);

/* The two of rehearse.c. After change_check(): ends the change, and answers r when the dataplane
 * has said what it would refuse of it: body (taken over) with that; */
void rehearse_dry_run(struct change *c, struct request *r, json_t *body);
/* 409 with that, or, when there is nothing, by calling again(r), whose change is to be committed.
 * false: nothing was done, the change goes on: it has been asked already, or is not to be
 * (?check=false, too large). */
bool rehearse_first(struct change *c, struct request *r, void (*again)(struct request *r));
/* Is it to be asked about first? The rest of it is the caller's, and at last this: check was made
 * of the change, whose transaction is over. With text (the body of a dry run without its end; taken
 * over) it is answered, else as above. NULL check: there was no memory. */
bool rehearse_wants(const struct change *c, struct request *r);
void rehearse_run(struct request *r, const struct actor *actor, struct reconcile_check *check,
	struct text *text, void (*again)(struct request *r));

extern const char *const effect_names[];

/* ---- who sees what ---- */

/* One who sees its tenant's things only, and of sites and WANs the names. */
bool actor_limited(const struct actor *actor);
bool actor_sees_intent(const struct actor *actor, const struct intent *intent);
/* Sites and WANs belong to operators. */
bool type_is_tenants(enum intent_type type);

/* As this actor may see it: as it is, or as it will be after the change. New; NULL: no memory. */
json_t *show_intent(const struct actor *actor, const struct intent *intent);
json_t *show_change(const struct change *c, const struct world_change *one);

/* ---- requests ---- */

/* Idempotency-Key: 1 when the request was answered (again, or refused); 0: go on, with answer
 * filled but for status, etag and body (key NULL: there is no such header). Lives as long as r. */
struct idempotency {
	struct store_answer answer;
	char actor[160];
	char hash[80];
};
int idempotency_begin(struct request *r, struct idempotency *idempotency);

/* Commits and answers. With wait_s the answer comes later: the intent `type` `name` as it is then,
 * or for an apply (type -1) body with what was refused. */
struct change_answer {
	int status;
	json_t *body; /* stolen; NULL: none */
	int type;
	const char *name;
	uint64_t revision; /* of the intent: for the ETag */
	bool etag, location;
	int64_t wait_s;
	struct text text; /* of an apply, instead of body: without its end; taken over */
};
void change_reply(struct change *c, struct request *r, const struct idempotency *idempotency,
	struct change_answer *answer);
/* What is kept of an answer to be given again: all of it, or, where that is long, its small fields
 * and the names of the others. New; NULL: no memory. */
char *answer_keep(json_t *body);
void reply_json_text(struct request *r, struct text *text); /* 200; its text is taken over */
/* Its second part: answers when the change is committed. */
void change_answered(struct change *c, struct request *r, struct change_answer *answer);

/* ---- the line (line.c) ---- */

/* As line_wait(): go(arg), now or later; gone(arg): the client went before. 0, -ENOMEM. */
int line_join(struct request *r, void (*go)(void *arg), void (*gone)(void *arg), void *arg);
void line_take(void);
void line_release(void);
void line_stop(void);

/* ---- handlers, for routes.c; arg of the route is the type ---- */

extern const struct route_query rest_change_query[], rest_page_query[];

void intent_list(struct request *r);
void intent_get(struct request *r);
void intent_create(struct request *r);
void intent_put(struct request *r);
void intent_patch(struct request *r);
void intent_delete(struct request *r);
void intent_history(struct request *r);

#endif

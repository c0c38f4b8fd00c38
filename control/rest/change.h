/* SPDX-License-Identifier: BSD-3-Clause */
/* One change of intents, and what the files of this room share. write.c says what a request asks
 * for, change.c what its actor may do, steps.c makes it so and answers, line.c lets one change
 * after the other. One thread. */
#ifndef REST_CHANGE_H
#define REST_CHANGE_H

#include "document.h"
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

enum prune { PRUNE_NONE, PRUNE_KINDS, PRUNE_ALL };

/* What a step says. */
enum change_next {
	CHANGE_ON,   /* there is more to do */
	CHANGE_WAIT, /* for the store */
	CHANGE_OVER, /* the next change may come */
};

struct change {
	struct request *r; /* NULL: the client has gone, or it is rest_change()'s */
	struct actor actor;
	char line[256];			    /* "PUT /v1/slices/blue" */
	void (*handler)(struct request *r); /* called again when the dataplane would take it */
	int64_t now_us, wait_s;
	bool dry_run;

	/* what is asked for: put() puts or deletes the next of it. 0, or -1 with the refusal */
	int (*put)(struct change *c, bool *more);
	enum intent_type type;	    /* of one intent: */
	const char *name;	    /* NULL: not a string; world_put() says so. The request's */
	bool is_apply;		    /* else of an apply: */
	struct change_draft *draft; /* of the first `drafts` documents */
	size_t drafts, documents;
	json_t *named; /* {"kind name": true}: what the documents say */
	bool kinds[INTENT_TYPES];
	enum prune prune;
	int prune_type;		   /* the next one */
	struct intent *pruned;	   /* the last that was looked at */
	const struct rest_op *ops; /* else of rest_change(): */
	size_t op_count;

	/* how far it is */
	enum change_next (*step)(struct change *c, uint64_t until_us);
	void (*then)(struct change *c); /* when others may change something: answers r, frees c */
	size_t at;			/* place in the step's list */
	bool holds;			/* the store off its checkpoint */
	bool open;			/* the world's transaction */
	bool committed; /* or on its way to the store: it is not given up any more */

	/* what comes of it */
	int refusal_status;	      /* of the refusal; 0: by err.code */
	struct rpc_error err;	      /* the refusal */
	uint64_t revision;	      /* that it gets, or of what is there when nothing changes */
	struct world_change *changed; /* the unchanged that were put follow; until world_finish() */
	size_t changed_count, noted_count;   /* without, with those */
	unsigned effects[WORLD_DELETED + 1]; /* how many of each */
	struct change_note *notes;	     /* noted_count of them */
	struct store_commit commit;
	struct store_change *texts; /* text_count of them have texts */
	size_t text_count;
	struct reconcile_check *check;

	/* the answer */
	int status;
	json_t *body;		   /* of one intent; NULL: none */
	struct text text;	   /* of an apply or a dry run, without its end */
	uint64_t wrote;		   /* the revision of one intent */
	bool has_location;	   /* it was created */
	struct store_answer again; /* to the same Idempotency-Key; key NULL: there is none */
	char again_actor[160], again_key[160], again_hash[80], again_etag[ETAG_BYTES];
	char *again_text;
	uint64_t waiter; /* the reconciler's number */
	size_t refused;	 /* of the notes that were looked at */
};

/* Of a request when r is given. */
struct change *change_new(struct request *r, const struct actor *actor, const char *line);
void change_free(struct change *c);
void change_run(struct change *c); /* the line is free */
void change_hold(struct change *c, bool holds);

/* Idempotency-Key (write.c): true when the request was answered, again or as refused; false: it
 * goes on, with again.key set when it has one. */
bool change_is_answered(struct change *c);

/* ---- change.c: all return 0, or -1 with the refusal in c ---- */

int change_put(struct change *c, enum intent_type type, const json_t *given, bool must_be_new,
	struct change_draft *draft); /* of given, and taken over; NULL: it is read now */
int change_delete(struct change *c, enum intent_type type, const char *name);
/* May a tenant change one touched intent as it does? */
int change_check_tenant(struct change *c, const struct world_change *one);
void change_refused_by_rules(struct change *c); /* what a tenant may not hear of it is taken out */
/* Refuses: status and a sentence. */
int change_fail(struct change *c, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* False: it is refused; change_put() says why. */
bool draft_read(const struct actor *actor, enum intent_type type, const json_t *given,
	struct change_draft *draft);
void draft_free(struct change_draft *draft);

/* ---- who sees what ---- */

/* One who sees its tenant's things only, and of sites and WANs the names. */
bool actor_limited(const struct actor *actor);
bool actor_sees_intent(const struct actor *actor, const struct intent *intent);
/* Sites and WANs belong to operators. */
bool type_is_tenants(enum intent_type type);

/* As this actor may see it: as it is, or as it will be after the change. New. */
json_t *show_intent(const struct actor *actor, const struct intent *intent);
json_t *show_change(const struct change *c, const struct world_change *one);

void reply_json_text(struct request *r, struct text *text); /* 200; its text is taken over */

/* ---- line.c ---- */

void line_join(struct change *c); /* change_run(c), now or later; freed if its client goes before */
void line_take(void);
void line_release(void);
void line_stop(void);

/* ---- handlers, for routes.c; arg of the route is the type ---- */

#define PAGE_LIMIT                                                                                 \
	{                                                                                          \
		"limit", "how many at most; default 100", .kind = QUERY_NUMBER, .min = 1,          \
							  .max = 1000, .preset = 100               \
	}
#define HISTORY_PAGE                                                                               \
	"{\"type\":\"object\",\"required\":[\"items\"],\"properties\":{\"items\":{\"type\":"       \
	"\"array\",\"items\":{\"type\":\"object\"}},\"next\":{\"type\":\"integer\"}}}"
extern const struct route_query rest_change_query[], rest_page_query[];

void intent_list(struct request *r);
void intent_get(struct request *r);
void intent_write(struct request *r); /* POST, PUT, PATCH, DELETE */
void intent_history(struct request *r);

#endif

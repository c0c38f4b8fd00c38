/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the reconciler share; nobody else includes it.
 *
 * Intents are a source of groups in the dataplane (dataplane/objects/claims.h), which judges each
 * group by itself and says what became of it. An owner is an intent: a group of the objects that it
 * was compiled to. An item is an object: how many intents want it. */
#ifndef RECONCILE_RECONCILER_H
#define RECONCILE_RECONCILER_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "compile.h"
#include "reconcile.h"
#include "text.h"

/* So long it works at one turn of the loop; then others have theirs. */
#define RECONCILE_BIT_US 5000
#define REASON_BYTES	 272

/* ---- forms: what a group consists of ---- */

struct item;

struct object_text {
	enum object_type type;
	struct item *item; /* NULL: of a form that is only asked about */
	char *text;	   /* canonical JSON */
};

struct form {
	struct object_text *objects;
	uint32_t count;
	uint64_t revision; /* a hash of all of them; 0: there are none */
};

static inline uint32_t form_size(const struct form *form)
{
	return form ? form->count : 0;
}

/* ---- items ---- */

struct item {
	RB_ENTRY(item) entry;
	enum object_type type;
	uint32_t wanted; /* by so many intents, in their newest form */
	uint32_t there;	 /* for so many, in the form that is in force; not both are 0 */
	char key[];
};
RB_HEAD(item_tree, item);

/* ---- owners ---- */

/* What was compiled, on its way to the dataplane. */
enum owner_step {
	STEP_NONE,    /* it is there, or was refused, or is not compiled yet */
	STEP_PENDING, /* for one of the next calls */
	STEP_TRYING,  /* in the call that is out */
};

/* Which of its states are events for people. */
enum owner_tells {
	TELLS_CHANGES,
	TELLS_ALWAYS,	/* it was changed: even if the state is what it was */
	TELLS_REFUSALS, /* it is applied again after a restart of the dataplane */
};

struct owner {
	RB_ENTRY(owner) entry;
	enum intent_type type;
	api_name name;
	/* As it was compiled last; NULL: not yet, or it was refused. */
	struct form *want;
	struct form *in; /* in force, maybe the same; NULL: none that is known */
	/* revision of the group in the dataplane, as far as known; 0: none */
	uint64_t there;
#define REVISION_UNKNOWN 1 /* there it is, but perhaps not as it was said */
	uint64_t seen;	   /* stamp of the resync that listed it */
	uint64_t stamp;	   /* of the last call that has changed it */
	enum intent_state state;
	char reason[256];
	uint64_t seq;  /* of the touch that it is unsettled since; 0: it is settled */
	bool queued;   /* to be compiled */
	bool restores; /* refused, and wants what it had before the dataplane lost that */
	enum owner_step step;
	enum owner_tells tells;
	enum intent_state shown; /* by its intent, and counted so; INTENT_STATES: there is none */
	TAILQ_ENTRY(owner) queue_link, try_link, unsettled_link;
	TAILQ_ENTRY(owner) refused_link; /* as long as its state is INTENT_REFUSED */
};
TAILQ_HEAD(owner_list, owner);
RB_HEAD(owner_tree, owner);

struct applied_listener {
	void (*applied)(void *arg);
	void *arg;
};

struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct reconciler *rec;
	uint64_t number, seq;
	struct event *timer;
	void (*done)(bool settled, void *arg);
	void *arg;
};

/* An object that was found in the dataplane and that no source claims. */
struct leftover {
	enum object_type type;
	char *key;
};

/* What the call that is out is about. */
enum call_kind { CALL_NONE, CALL_INTENTS, CALL_LEFTOVERS };

struct reconciler {
	struct event_base *base;
	struct world *world;
	struct dataplane *dp;
	struct compiled_list compiled; /* by owner_compile() */
	const char *site;
	const char *const *keep;
	uint32_t second_look_ms, silent_ms;
	struct event *work, *resync, *pause, *second_look;
	bool enabled;	/* the store has had a commit */
	uint32_t calls; /* that will call back with this as their argument */

	struct item_tree items;
	struct owner_tree owners;
	uint32_t item_count, there_count; /* items; those that are there */
	uint32_t refused_count;
	struct owner_list queue;		 /* to be compiled */
	struct owner_list pending[INTENT_TYPES]; /* to be tried */
	struct owner_list trying;
	struct owner_list unsettled;		    /* by seq */
	struct owner_list refused_owners;	    /* refused_count of them */
	uint32_t open_count;			    /* owners that are queued, pending or tried */
	uint32_t open_objects;			    /* of those that are pending or tried */
	size_t states[INTENT_TYPES][INTENT_STATES]; /* intents, by the state that they show */
	uint64_t seq;

	uint64_t instance;
	bool known;	/* what is there */
	uint64_t stamp; /* counts calls and resyncs */

	/* the call that is out, or whose answer is being told */
	enum call_kind call;
	uint64_t out_since_us; /* 0: its answer has come */
	json_t *verdicts;      /* of the answer; NULL: it is out, or there was none */
	size_t told;	       /* of the verdicts */
	bool split;	       /* the pending intents do not go in one call */
	bool any_applied;      /* of a split try: who was refused is tried once more */
	bool doubt;	       /* no call before a resync is over */
	uint32_t doubts;       /* so many since the last resync by the clock */
	struct text text;      /* of the call */

	/* the resync that goes on */
	bool resync_wanted;
	enum list_kind { LIST_NONE, LIST_INTENTS, LIST_UNCLAIMED } list;
	enum object_type list_type;
	uint64_t list_stamp;
	json_t *page;		    /* groups or objects; NULL: it has not come */
	json_t *cursor;		    /* of the next page; NULL: this is the last */
	size_t compared;	    /* of the page */
	struct leftover *leftovers; /* unclaimed, to be deleted, by type */
	uint32_t leftover_count, leftover_room;
	uint32_t leftovers_most; /* that are remembered */
	bool beyond;		 /* there are more of them than are remembered at once */
	uint32_t drift;

	TAILQ_HEAD(, waiter) waiters;
	uint64_t last_waiter;

	uint64_t generation[OBJECT_TYPES];
	struct applied_listener *applied;
	uint32_t applied_count, applied_room;
	void (*on_status)(const struct intent *intent, void *arg);
	void *on_status_arg;
	struct reconcile_counters counters;
};

int item_cmp(const struct item *a, const struct item *b);
int owner_cmp(const struct owner *a, const struct owner *b);
RB_PROTOTYPE(item_tree, item, entry, item_cmp)
RB_PROTOTYPE(owner_tree, owner, entry, owner_cmp)

/* ---- item.c ---- */

/* NULL: no intent wants it, or has it in force. */
const struct item *item_find(const struct reconciler *rec, enum object_type type, const char *key);

/* The compiled objects as a form, which takes their texts and leaves the list empty; rec NULL: it
 * is only asked about, else it is to be counted at once, and no more when it is freed. */
struct form *form_make(struct reconciler *rec, struct compiled_list *list);
void form_free(struct form *form);
/* Its objects are wanted, or in force (there): counted. NULL is fine. */
void form_count(struct reconciler *rec, const struct form *form, bool there, int by);

/* ---- owner.c ---- */

struct owner *owner_find(const struct owner_tree *owners, enum intent_type type, const char *name);
struct owner *owner_get(struct reconciler *rec, enum intent_type type, const char *name);
/* "slice blue", as groups are called. */
#define LABEL_BYTES (LIMIT_NAME + 64)
const char *owner_label(const struct owner *owner, char label[LABEL_BYTES]);
/* The type and name that a label says; NULL: it is no intent's. */
const char *label_name(const char *label, enum intent_type *type);
void owner_queue(struct reconciler *rec, struct owner *owner); /* to be compiled */
void owner_unsettled(struct reconciler *rec, struct owner *owner);
void owner_pend(struct reconciler *rec, struct owner *owner); /* to be tried */
void owner_try(struct reconciler *rec, struct owner *owner);  /* it is in the call */
void owner_untry(struct reconciler *rec, struct owner *owner);
void owner_go(struct reconciler *rec, struct owner *owner); /* its group is to be nothing */
/* The dataplane lost what was in force. */
void owner_lost(struct reconciler *rec, struct owner *owner);
void owner_settle(
	struct reconciler *rec, struct owner *owner); /* what it wants is so; may free it */
/* By the dataplane or the compiler: what is in force stays. */
void owner_refuse(struct reconciler *rec, struct owner *owner, const char *reason);
void owner_free(struct reconciler *rec, struct owner *owner);
/* The intent shows a state, which is counted; NULL: there is none any more. */
void owner_show(struct reconciler *rec, struct owner *owner, const struct intent *intent);
/* Are the port and all addresses of a WAN there? */
bool owner_wan_is_there(struct reconciler *rec, const char *name);
/* The WAN of the n-th place of a slice or network; "": it is elsewhere, or has none; NULL: there is
 * no such place. */
const char *owner_wan_of(
	const struct reconciler *rec, const struct intent *intent, uint32_t number);
/* To rec->compiled: nothing where there is no such intent. false: refused. */
bool owner_compile(
	struct reconciler *rec, enum intent_type type, const char *name, struct rpc_error *error);
/* Compiles what is queued until then; true: there is more. */
bool owners_compile(struct reconciler *rec, uint64_t until_us);

/* ---- round.c: calls, one at a time ---- */

void round_next(struct reconciler *rec);
/* Tells what became of the groups of an answer, until the time until_us (0: all); true: of all. */
bool round_settle(struct reconciler *rec, uint64_t until_us);
bool round_waits(const struct reconciler *rec); /* something is pending */
/* A group of a call, added to text: its owner, revision and objects; form NULL: it is to go. */
void round_group(struct text *text, const char *owner, const struct form *form);
/* Begins a call about groups of intents. */
void round_begin(struct text *text);
/* A group that is not in this call and will say something else of objects that these share. */
void round_stale(struct text *text, const char *owner, bool first);
/* In conflict with what no source of ours has, and that is not kept: that would be taken away. */
bool round_is_cured(struct reconciler *rec, const json_t *error);
/* Why a group is refused, as an intent's status says it. */
void round_reason(const json_t *error, char *reason);

/* ---- resync.c ---- */

#define LEFTOVERS_MOST 32768 /* of 1 KiB: half of the 64 MiB that a resync may take */
void resync_begin(struct reconciler *rec);
bool resync_compare(struct reconciler *rec, uint64_t until_us); /* true: there is more */
void resync_lost(struct reconciler *rec);
void resync_free(struct reconciler *rec);
/* The objects that are nobody's as a call; false: there are none. */
bool leftovers_call(struct reconciler *rec);
void leftovers_called(struct reconciler *rec, const json_t *error); /* its answer; NULL: done */

/* ---- reconcile.c ---- */

void reconcile_work(struct reconciler *rec);		   /* from the loop, soon */
#define PAUSE_MS 1000					   /* when memory is short */
void reconcile_pause(struct reconciler *rec, uint32_t ms); /* nothing is done for so long */
bool reconcile_synced(const struct reconciler *rec);
uint32_t reconcile_differing(const struct reconciler *rec); /* objects */
bool reconcile_kept(const struct reconciler *rec, enum object_type type, const char *key);

#endif

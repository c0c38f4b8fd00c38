/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the reconciler share; nobody else includes it.
 *
 * An item is an object of the dataplane: what is there (`actual`), and through its refs what is
 * wanted. An owner is an intent as it was compiled: two sets of refs, one in force (`in`), one
 * wanted
 * (`want`); they are the same set once it is applied, and the other one is empty. A try puts `in`
 * to `want`; a refusal puts it back, and the items follow from what is in force. What the mirror
 * says stands in the item itself, and counts where no ref in force does. */
#ifndef RECONCILE_RECONCILER_H
#define RECONCILE_RECONCILER_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "compile.h"
#include "reconcile.h"

/* So long it works at one turn of the loop; then others have theirs. */
#define RECONCILE_BIT_US 5000

struct owner;
struct item;

struct ref {
	TAILQ_ENTRY(ref) link; /* of the item's */
	struct owner *owner;
	struct item *item;
	char *text;
	uint32_t set; /* of the owner's two */
};

struct refs {
	struct ref *item;
	uint32_t count;
};

/* An item that is there names another one, which cannot go before it. */
struct need {
	LIST_ENTRY(need) link; /* of on->users */
	struct item *user, *on;
};

struct needs {
	uint32_t count;
	struct need need[];
};

/* Where an item stands that may differ from what it should be. */
enum item_list {
	LIST_NONE,
	LIST_HELD,    /* it may not: leftover.c */
	LIST_AWAITED, /* an intent that is still to be tried wants it: looked at then */
	LIST_DIRTY,   /* of intents, and what nobody wants: tries */
	LIST_FIRST,   /* of the mirror, by portions: what others need, and neighbours */
	LIST_BULK,    /* routes and MACs */
	LIST_LAST,    /* what others have needed */
	LIST_PORTION, /* of the three: the next to go, or out */
	LISTS
};

/* Why it is not as the mirror wants it. */
enum item_aside {
	ASIDE_NO,
	ASIDE_WAITS,   /* for another item to come, change or go */
	ASIDE_REFUSED, /* by the dataplane; is not there either */
	ASIDE_LEFT,    /* even that was refused: is there as it was */
	ASIDE_YIELDED, /* a MAC that the dataplane has learned elsewhere */
};

TAILQ_HEAD(item_queue, item);

struct item {
	RB_ENTRY(item) entry;
	TAILQ_ENTRY(item) list_link, aside_link;
	TAILQ_HEAD(, ref) refs;
	char *mirror; /* what the kernel says; may be the same memory as actual */
	struct item *awaits;
	char *reason; /* it is aside for; NULL: for what it waits says it */
	struct needs *needs;
	LIST_HEAD(, need) users;
	struct item_queue waiters;
	char *actual;	/* as far as known; NULL: not there */
	uint64_t stamp; /* of the last change of actual by a transaction */
	uint64_t seen;	/* stamp of the resync that listed it */
	enum object_type type;
	uint8_t list;	/* enum item_list */
	uint8_t aside;	/* enum item_aside */
	bool mirrored;	/* its changes go by portions as long as no intent knows it */
	bool shadowed;	/* an intent and the mirror want it, when it was last looked at */
	bool strange;	/* was found in the dataplane, and not put there in this life */
	bool going;	/* deleted by the transaction that is built or out */
	bool again;	/* …and put anew by it */
	bool early;	/* …before what it needs is put anew */
	bool out;	/* in a transaction that is out */
	bool clears;	/* goes first, for the try that waits; counted */
	bool dirty;	/* may differ */
	bool desired;	/* somebody wants it, when it was last looked at */
	bool contested; /* refs may not agree */
	bool stuck;	/* refused, and nobody's fault: left alone until something else has
			been applied, or the next resync */
	bool replace;	/* in this try it is deleted first, then put anew */
	bool old;	/* as an earlier life of control left it */
	char *lost; /* as it was when it was old and was torn down for a try; NULL: it was not */
	bool held;  /* nobody wants it, and it stays all the same: leftover.c */
	char key[];
};

struct owner {
	RB_ENTRY(owner) entry;
	enum intent_type type;
	api_name name;
	struct refs set[2];
	uint32_t in, want, back; /* back: what was in force before it was tried */
	enum intent_state state;
	char reason[256];
	uint64_t seq; /* of the touch that it is unsettled since */
	bool queued, pending, trying, unsettled;
	bool rejected; /* could not be compiled: want is empty for that */
	bool news;     /* its state is told even if it is what it was */
	bool torn;     /* was refused after its ports had been torn down: not again by itself */
	bool ever;     /* was in force in this life of control */
	bool quiet;    /* applied again after a restart: no news */
	bool counted;  /* among rec->states, in the state that its intent shows: */
	enum intent_state shown;
	TAILQ_ENTRY(owner) queue_link, try_link, unsettled_link;
	TAILQ_ENTRY(owner) refused_link; /* as long as its state is INTENT_REFUSED */
};
TAILQ_HEAD(owner_list, owner);
RB_HEAD(owner_tree, owner);
RB_HEAD(item_tree, item);

/* One op of the transaction that is out: ops[n] of its text. */
struct round_op {
	bool put;
	enum object_type type;
	uint32_t count, room;
	struct item **item;
};
#define ROUND_RANKS	37
#define ROUND_TRY_BYTES (2u << 20) /* the dataplane's main thread is busy with it for as long */
/* So many of them stand for an item that is looked at, and may be as it is wanted. */
#define ROUND_LOOK_BYTES 2048

/* What the mirror has said of an item that was out. */
struct late {
	TAILQ_ENTRY(late) link;
	enum object_type type;
	char *text; /* NULL: it is gone */
	char key[];
};

struct applied_listener {
	void (*applied)(void *arg);
	void *arg;
};
#define APPLIED_LISTENERS 8

struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct reconciler *rec;
	uint64_t number, seq;
	struct event *timer;
	void (*done)(bool settled, void *arg);
	void *arg;
};

struct reconciler {
	struct event_base *base;
	struct world *world;
	struct dataplane *dp;
	char *site;
	char **keep;
	uint32_t second_look_ms;
	struct event *work, *resync, *pause, *second_look;
	bool enabled; /* the store has had a commit */
	bool stopped;
	bool touch_lost; /* for want of memory: everything is to be touched */
	uint32_t calls;	 /* that will call back with this as their argument */

	struct item_tree items;
	struct owner_tree owners;
	uint32_t item_count, desired_count, actual_count, dirty_count, stuck_count, refused_count;
	uint32_t held_count, lost_count;
	struct item_queue list[LISTS];
	uint64_t looked;			 /* items that rounds have looked at: for tests */
	struct item *near[OBJECT_TYPES];	 /* what was last named: often the same again */
	struct owner_list queue;		 /* to be compiled */
	struct owner_list pending[INTENT_TYPES]; /* to be tried */
	struct owner_list trying;
	struct owner_list unsettled;	  /* by seq */
	struct owner_list refused_owners; /* refused_count of them */
	uint32_t trying_count;
	uint32_t open_count;			      /* owners that are queued, pending or tried */
	uint32_t states[INTENT_TYPES][INTENT_STATES]; /* intents, by the state that they show */
	uint64_t seq;

	uint64_t instance;
	bool connected; /* and not looked at since */
	bool known;	/* what is there */
	uint64_t stamp; /* counts transactions and resyncs */

	/* the transaction that is out, or about to be */
	bool applying, split;
	bool settling;	     /* a try is over, and not all of its intents have heard of it */
	bool unsticks;	     /* …and something was applied by it */
	bool loose;	     /* a resync has found something: first that is put right */
	bool replacing;	     /* items have `replace` set */
	bool doubt;	     /* no transaction before a resync is over */
	uint32_t doubts;     /* so many since the last resync by the clock */
	bool tear;	     /* the next transaction only deletes */
	bool torn;	     /* one has, in this try */
	bool lost_released;  /* what is lost is to be looked at by the next round */
	uint32_t refusals;   /* in a row */
	uint32_t fill_most;  /* intents in one try: few after it was halved, then more again */
	uint64_t retried_at; /* counters.transactions when those refused in a split try were tried
				again */
	uint64_t applying_since_us;
	struct round_op op[ROUND_RANKS];
	uint32_t ops;
	char *text;
	size_t text_used, text_room;

	/* the mirror */
	bool mirror_ready;
	uint32_t mirrored_count, shadowed_count, aside_refused_count, waiting_count;
	struct item_queue refused; /* by the dataplane, longest ago first */
	TAILQ_HEAD(, late) late;
	bool portion;	       /* what is out or about to be is one */
	bool portion_turn;     /* the next is one */
	uint32_t portion_most; /* items */
	bool news;	       /* something was applied that a refused one may have waited for */
	bool retrying;	       /* the refused are in the lists again */
	bool clearing;	       /* too much is in the way of a try: portions first */
	uint32_t carried, carry_most;
	uint32_t clear_count; /* items that are to go for it */
	uint32_t evict_most;
	char aside_text[256];
	uint64_t generation[OBJECT_TYPES];
	struct applied_listener applied[APPLIED_LISTENERS];
	uint32_t applied_count;

	/* the resync that goes on */
	bool listing;
	bool resync_wanted;
	enum object_type list_type;
	uint64_t list_stamp;
	json_t *page;			  /* objects; NULL: it has not come */
	json_t *cursor;			  /* of the next page; NULL: this is the last */
	size_t compared;		  /* objects of the page */
	uint32_t leftovers;		  /* that this resync has found first */
	uint32_t leftovers_most;	  /* of them are remembered */
	bool beyond;			  /* there are more of them than are remembered at once */
	char missing_from[API_KEY_BYTES]; /* so far */
	uint32_t asking;		  /* for MACs that may have been learned */
	uint32_t drift;
	char drift_first[API_KEY_BYTES + 16];

	TAILQ_HEAD(, waiter) waiters;
	uint64_t last_waiter;

	void (*on_status)(const struct intent *intent, void *arg);
	void *on_status_arg;
	void (*on_drift)(uint32_t objects, const char *first, void *arg);
	void *on_drift_arg;
	struct reconcile_counters counters;
};

int item_cmp(const struct item *a, const struct item *b);
int owner_cmp(const struct owner *a, const struct owner *b);
RB_PROTOTYPE(item_tree, item, entry, item_cmp)
RB_PROTOTYPE(owner_tree, owner, entry, owner_cmp)

/* ---- item.c ---- */

struct item *item_get(struct reconciler *rec, enum object_type type, const char *key, bool make);
/* The first of that type whose key is not before `from`, or of a later type. */
struct item *item_from(struct reconciler *rec, enum object_type type, const char *from);
void item_mark(struct reconciler *rec, struct item *item); /* dirty */
void item_clean(struct reconciler *rec, struct item *item);
void item_move(struct reconciler *rec, struct item *item, enum item_list list, bool front);
const char *item_wanted(const struct item *item); /* by intents in force; NULL: by none */
/* actual becomes text, which is copied; NULL: it is gone. -ENOMEM. */
int item_is(struct reconciler *rec, struct item *item, const char *text);
/* The same of what the mirror wants. -ENOMEM. */
int item_say(struct reconciler *rec, struct item *item, const char *text);
/* What it should be; NULL: nobody wants it. What is kept is wanted as it is. */
const char *item_desired(struct reconciler *rec, struct item *item);
void item_stick(struct reconciler *rec, struct item *item, bool stuck);
/* It was torn down, and is wanted back should the try fail. -ENOMEM. */
int item_lose(struct reconciler *rec, struct item *item);
void item_hold(struct reconciler *rec, struct item *item, bool held);
void items_unstick(struct reconciler *rec); /* they are dirty again */
/* Nobody wants it in what is in force, but some intent does that is still to be tried: so it is
 * after a start, and what is there already stays until then. */
bool item_awaited(const struct item *item);
/* Frees it when nobody wants it and it is not there; not while a transaction is out. */
void item_sweep(struct reconciler *rec, struct item *item);
bool item_same(const struct item *item, const char *text); /* as it is there; NULL: it is not */
void item_is_in(struct item *item);			   /* no transaction any more */
bool item_kept(const struct reconciler *rec, enum object_type type, const char *key); /* `keep` */
bool item_bare(const struct item *item);    /* nothing is known of it, and nobody names it */
bool item_on_port(const struct item *item); /* address, neighbor, route: of the underlay */
bool item_text_on_port(enum object_type type, const char *key, const char *text);
void items_free(struct reconciler *rec);

/* ---- needs.c ---- */

/* actual has changed: what it names. -ENOMEM. */
int needs_link(struct reconciler *rec, struct item *item);
void needs_unlink(struct reconciler *rec, struct item *item);
/* The first object that text names and that is not there, made where it is not even known; NULL:
 * all are there. -ENOMEM. */
int needs_missing(
	struct reconciler *rec, const struct item *item, const char *text, struct item **missing);
bool needs_on_network(const char *text, const struct api_ip *network); /* some address in it */
/* Calls found for each item that is there and cannot stay when this one goes, as long as it returns
 * true. Those by an address are all on its network. */
void needs_users(struct item *item, bool (*found)(struct item *user, void *arg), void *arg);

/* ---- mirrored.c ---- */

bool mirrored_type(enum object_type type);
enum item_list mirrored_list(struct reconciler *rec, struct item *item);
/* Sets an item aside, with why; it goes from the dataplane if it is there. */
void mirrored_refuse(
	struct reconciler *rec, struct item *item, enum item_aside aside, const char *reason);
void mirrored_wait(struct reconciler *rec, struct item *item, struct item *on, const char *reason);
void mirrored_unset(struct reconciler *rec, struct item *item); /* it is not aside any more */
void mirrored_again(struct reconciler *rec, struct item *item); /* as if it had just been said */
void mirrored_wake(struct reconciler *rec, struct item *item);	/* those that wait for it */
void mirrored_late(struct reconciler *rec);			/* what was said while it was out */
void mirrored_late_free(struct reconciler *rec);
/* So many of those that were refused are tried again. */
void mirrored_retry(struct reconciler *rec, uint32_t most);
/* Nobody has wanted it so far, but the mirror may, once it has its picture. */
bool mirrored_unclaimed(const struct reconciler *rec, const struct item *item);

/* ---- portion.c ---- */

#define PORTION_MOST 1000
#define CARRY_MOST   4000
#define CLEAR_MOST   20000			 /* of more than those it is looked for later */
#define EVICT_MOST   16				 /* at first */
int portion_build(struct reconciler *rec);	 /* as round_build; 1: there is nothing to do */
bool portion_idle(const struct reconciler *rec); /* nothing waits for one */
void portion_applied(struct reconciler *rec);
void portion_refused(struct reconciler *rec, const json_t *error);
void portion_return(struct reconciler *rec); /* what has not gone */

/* ---- way.c ---- */

/* What the mirror wants and that needs an item that goes is deleted before it, by the same
 * transaction; too many of them: by portions first (clearing). add: into an op. -ENOMEM. */
void way_cleared(struct reconciler *rec, struct item *item); /* it is gone, or stays after all */
int way_carry(struct reconciler *rec, struct item *item,
	int (*add)(struct reconciler *rec, struct item *item, bool put));
/* The item is refused for what the mirror wants: that is set aside, and goes in the next try.
 * false: it is not that. */
bool way_give(struct reconciler *rec, struct item *item, bool put, const json_t *error);

/* ---- owner.c ---- */

struct owner *owner_get(struct reconciler *rec, enum intent_type type, const char *name, bool make);
/* Where it stands; the lists are the caller's. */
void owner_place(
	struct reconciler *rec, struct owner *owner, bool queued, bool pending, bool trying);
void owner_queue(struct reconciler *rec, struct owner *owner); /* to be compiled */
void owner_unsettled(struct reconciler *rec, struct owner *owner);
void owner_pend(struct reconciler *rec, struct owner *owner);			 /* to be tried */
void owner_set_clear(struct reconciler *rec, struct owner *owner, uint32_t set); /* items: dirty */
/* The wanted set is replaced. -ENOMEM. */
int owner_want(struct reconciler *rec, struct owner *owner, const struct compiled_list *list);
void owner_mark(struct reconciler *rec, struct owner *owner); /* the items of both sets */
void owner_settle(
	struct reconciler *rec, struct owner *owner); /* what it wants is so; may free it */
/* By the dataplane: what was in force before the try is so again, or nothing when that is refused.
 */
void owner_refuse(struct reconciler *rec, struct owner *owner, const char *reason);
/* By the compiler: what is in force stays. */
void owner_reject(struct reconciler *rec, struct owner *owner, const char *reason);
/* Was applied once, and is to be again: the dataplane has lost it. */
void owner_again(struct reconciler *rec, struct owner *owner);
void owner_free(struct reconciler *rec, struct owner *owner);
/* The intent shows a state, which is counted; NULL: there is none any more. */
void owner_show(struct reconciler *rec, struct owner *owner, const struct intent *intent);
/* Are the port and all addresses of a WAN there? */
bool owner_wan_is_there(struct reconciler *rec, const char *name);
/* The WAN of the n-th place of a slice or network; "": it is elsewhere, or has none; NULL: there is
 * no such place. */
const char *owner_wan_of(
	const struct reconciler *rec, const struct intent *intent, uint32_t number);

/* ---- work.c ---- */

bool work_compile(struct reconciler *rec, uint64_t until_us); /* true: there is more */

/* ---- round.c, round_text.c, round_refused.c ---- */

void round_next(struct reconciler *rec);
/* Tells what has become of the intents of a try that is over, until the time until_us (0: of all);
 * true: of all. Before that nothing else is compiled or tried. */
bool round_settle(struct reconciler *rec, uint64_t until_us);
void round_lost(struct reconciler *rec);	/* what is tried is to be tried again */
bool round_waits(const struct reconciler *rec); /* something is pending */
void round_halve(struct reconciler *rec);
void round_untry(
	struct reconciler *rec, struct owner *owner); /* back to what is in force, pending */
/* The transaction's text and ops. 0, -ENOMEM, -EMSGSIZE. ops == 0: nothing differs. */
int round_build(struct reconciler *rec);
void round_ops_free(struct reconciler *rec);
/* The item that an error names. NULL: none. */
struct item *round_named(struct reconciler *rec, const json_t *error, bool *put);
/* The place of an op in a transaction; early: a deletion of what is put anew by it. */
size_t round_rank(enum object_type type, bool on_port, bool put, bool early);
bool round_rank_puts(size_t rank, enum object_type *type); /* else it deletes */
/* Why an object is refused, as an intent's status says it. */
#define ROUND_REASON 272
void round_reason(enum object_type type, const char *key, const char *message, char *reason);
/* Changes the try such that another one makes sense. */
void round_refused(struct reconciler *rec, const json_t *error);

/* ---- replace.c ---- */

/* What an item is in conflict with, as far as an error names it; NULL: it does not. */
struct item *replace_other(struct reconciler *rec, const json_t *error);
/* "slice blue" → the type, and the key within the text. NULL: it is no object's name. */
const struct api_type *replace_label(const char *label, const char **key);
/* Calls found for each that is there and names this one. */
void replace_users(struct reconciler *rec, struct item *item,
	bool (*found)(struct item *user, void *arg), void *arg);
/* The item and what it is in conflict with, and all that needs them, are deleted and put anew in
 * the next try. false: that makes no difference to the last one. */
bool replace_add(struct reconciler *rec, struct item *item, bool put, const json_t *error);
/* In conflict with what is not to change, or not even known: somebody may have put it by hand.
 * True: a resync comes first; a few times between two that come by the clock. */
bool replace_doubts(struct reconciler *rec, const json_t *error);
void replace_forget(struct reconciler *rec);

/* ---- resync.c ---- */

#define RESYNC_LEFTOVERS 32768 /* of 1 KiB: half of the 64 MiB that a resync may take */
void resync_begin(struct reconciler *rec);
bool resync_compare(struct reconciler *rec, uint64_t until_us); /* true: there is more */
void resync_lost(struct reconciler *rec);
void resync_page_free(struct reconciler *rec);

/* ---- leftover.c ---- */

enum leftover {
	LEFTOVER_NONE,
	LEFTOVER_HELD,	/* of a refused intent: it stays */
	LEFTOVER_LATER, /* of one that is still to be tried: that tells */
};
/* Of an item that is there and that nobody wants. */
enum leftover leftover_of(struct reconciler *rec, const struct item *item);
void leftover_release(struct reconciler *rec); /* those held are looked at anew */

/* ---- reconcile.c ---- */

void reconcile_work(struct reconciler *rec);		   /* from the loop, soon */
#define PAUSE_MS 1000					   /* when memory is short */
void reconcile_pause(struct reconciler *rec, uint32_t ms); /* nothing is done for so long */
bool reconcile_answered(struct reconciler *rec); /* first thing in each callback; false: stopped */
bool reconcile_synced(const struct reconciler *rec);
void reconcile_looked(struct reconciler *rec); /* a resync is over */

/* ---- wanted.c ---- */

void wanted_tell(struct reconciler *rec); /* those who listen to what was applied */

/* ---- wait.c ---- */

void wait_check(struct reconciler *rec);
void wait_free(struct reconciler *rec);

#endif

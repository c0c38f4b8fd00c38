/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of a check share (reconciler_check() of reconcile.h); nobody else includes it.
 *
 * Subjects are the intents of the change and those that depend on them, as they would be compiled;
 * probes the objects that those want, or wanted before. A probe that would differ from what is
 * there is put or deleted by the check; what stands in the way of another one and would give way,
 * or be put anew, becomes a probe itself, and all is asked again. */
#ifndef RECONCILE_CHECK_PARTS_H
#define RECONCILE_CHECK_PARTS_H

#include "reconciler.h"

struct subject {
	RB_ENTRY(subject) entry;
	enum intent_type type;
	api_name name;
	bool changed;  /* by the change itself */
	bool compiled; /* else it cannot be, or is another one that is in trouble */
	bool refused;
	bool rejected; /* whatever the dataplane says */
	char reason[ROUND_REASON];
	struct compiled_list list;
	api_name *wan; /* of a slice or network: what it goes over here */
	uint32_t wans;
};
RB_HEAD(check_subjects, subject);
int check_subject_cmp(const struct subject *a, const struct subject *b);
RB_PROTOTYPE(check_subjects, subject, entry, check_subject_cmp)

struct probe {
	RB_ENTRY(probe) entry;
	struct subject *wants; /* the first that does; NULL: none */
	const char *text;      /* as it does; the subject's */
	bool away;	       /* goes, though no intent says so: it would give way */
	bool replace;	       /* is deleted first, if it is there */
	struct probe *cause;   /* for this one, which it names; NULL: for its own sake */
	bool refused;	       /* told in this round already */
	bool shared;	       /* by several subjects */
	bool contested;	       /* not all agree on it */
	enum object_type type;
	char key[];
};
RB_HEAD(check_probes, probe);
int check_probe_cmp(const struct probe *a, const struct probe *b);
RB_PROTOTYPE(check_probes, probe, entry, check_probe_cmp)

struct probe_op {
	struct probe **probe;
	uint32_t count, room;
};

typedef bool check_step(struct reconcile_check *check);

struct reconcile_check {
	struct reconciler *rec;
	struct check_subjects subjects;
	struct check_probes probes;
	uint32_t subject_count, rounds, rejections;
	size_t added;	      /* changes that have become subjects */
	struct subject *next; /* to be compiled, or probed */
	bool is_compiled;     /* they all are */
	bool lost;	      /* no memory */
	bool out;	      /* a call is */
	bool again;
	const char *why;	/* it is not asked; NULL: it is */
	uint64_t waiting;	/* for what was touched before; 0: not */
	struct event *patience; /* looks whether the dataplane still answers */
	struct event *turn;	/* the next bit */
	check_step *step;
	reconciler_checked done;
	void *arg;

	/* the round */
	struct probe *next_probe; /* to be collected */
	json_t *refused;	  /* the answer's; NULL: none */
	size_t judged;		  /* of those */
	struct probe_op op[ROUND_RANKS];
	size_t leaf_rank; /* where the next message goes on */
	uint32_t leaf;
	char *text;
	size_t text_used, text_room;
	struct probe_op sent[ROUND_RANKS]; /* borrowed parts of op: ops[n] of the message */
	bool sent_put[ROUND_RANKS];
	uint32_t sent_count;
};

/* The probe of that object, made where there is none; NULL: no memory. */
struct probe *check_probe(struct reconcile_check *check, enum object_type type, const char *key);
/* What it would be, by the subjects and everybody else; NULL: nobody wants it. Borrowed. */
const char *check_wanted(const struct reconcile_check *check, const struct probe *probe);
struct item *check_item(const struct reconcile_check *check, const struct probe *probe);

/* NULL: there is none. */
struct probe *check_find(struct reconcile_check *check, enum object_type type, const char *key);
struct subject *check_subject(
	const struct reconcile_check *check, enum intent_type type, const char *name);
/* Made where there is none; NULL: no memory. */
struct subject *check_subject_make(
	struct reconcile_check *check, enum intent_type type, const char *name);
/* Is it one whose objects are as they would be compiled? */
bool check_is_subject(const struct reconcile_check *check, const struct owner *owner);
/* As item_wanted(), of everybody but the subjects. */
const struct ref *check_others_ref(const struct reconcile_check *check, const struct item *item);
void check_refuse(struct subject *subject, const char *reason); /* the first reason stays */

/* ---- check_judge.c ---- */

/* An error of the message that was sent: asks for another round, or blames somebody. */
void check_judge(struct reconcile_check *check, const json_t *error);

/* ---- check_text.c ---- */

/* Which probes differ, in the order of a transaction: from none on, one by one. -ENOMEM. */
void check_collect_begin(struct reconcile_check *check);
int check_collect(struct reconcile_check *check, struct probe *probe);
/* The next message of the round: 0, 1 when there is none, -ENOMEM, -EMSGSIZE. */
int check_message(struct reconcile_check *check);
void check_text_free(struct reconcile_check *check);

#endif

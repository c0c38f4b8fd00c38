/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of completion share: complete.c takes the line apart and answers for `dp`,
 * complete_intent.c for sluice-control's commands. */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include "cli.h"
#include "live.h"

struct completion {
	struct live live;
	struct cli cli; /* how to reach sluice-control */
	const char *current;
	char **words; /* before the current one, without options; later without the command's */
	int count;
	const struct group *group;	   /* NULL: not yet known */
	const struct command *command;	   /* NULL: not yet known */
	const struct option_def *value_of; /* the option whose value the current word is */
	bool file_value;		   /* of an option of every command */
};

/* One candidate, when it begins as the current word does. */
void offer(const struct completion *c, const char *prefix, const char *text);

/* complete_dp.c: types; fields behind a type, answers' too for a match; words of keys. */
void offer_types(const struct completion *c, bool stats);
void offer_fields(struct completion *c, bool match);
void offer_keys(struct completion *c);
/* Names of objects of a type; the different values of a field in the objects, which are stolen and
 * may be NULL. */
void offer_names(struct completion *c, const char *prefix, const char *type);
void offer_values(
	const struct completion *c, const char *prefix, json_t *objects, const char *field);

/* complete_intent.c: the words of sluice-control's commands; false: it is none of those. */
bool offer_intent_arguments(struct completion *c);

#endif

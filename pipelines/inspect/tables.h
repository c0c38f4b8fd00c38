/* SPDX-License-Identifier: BSD-3-Clause */
/* The pipelines' tables described as data (design.md section 4), for table.list, table.read and the
 * reference page. */
#ifndef PIPELINES_TABLES_H
#define PIPELINES_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"

#define TABLE_KEYS_MAX	   8
#define TABLE_PARAMS_MAX   8
#define TABLE_CURSOR_WORDS 3

struct table_field {
	const char *name;
	unsigned bits;
	const char *match; /* "exact", "lpm", "ternary", "range"; NULL for a parameter */
};

struct table_action {
	const char *name;
	const struct table_field *params;
	unsigned n_params;
};

/* Texts may name objects by id, as "{slice 3}": rpc/names.c puts names in. */
struct table_row {
	char key_text[TABLE_KEYS_MAX][48];
	unsigned action;
	char param_text[TABLE_PARAMS_MAX][96];
	struct counters counters;
};

struct table_decl {
	const char *name;
	const char *help;
	const struct table_field *key;
	unsigned n_key;
	const struct table_action *actions;
	unsigned n_actions;
	uint32_t size;
	bool counters; /* rows carry them */
	bool out_only; /* of those, what came in is not counted by row */
	uint32_t (*count)(void);
	/* Up to max rows (1 at least) from a cursor on: TABLE_CURSOR_WORDS words, 0 at first, the
	 * first one 0 again at the end. They name the row that came last or comes next by its key,
	 * never by how many came before: what goes between two pages takes no other row along. Any
	 * words will do. Fewer than max, even none, before the end: it has looked at as many as
	 * one call may cost. Main thread. */
	uint32_t (*read)(uint64_t *cursor, struct table_row *rows, uint32_t max);
};

/* Of tables_l3.c. */
extern const struct table_decl routes4_decl, routes6_decl, nexthops_decl, neighbors_decl;

extern const struct table_decl *const pipeline_tables[]; /* NULL-terminated, in a packet's order */

#endif

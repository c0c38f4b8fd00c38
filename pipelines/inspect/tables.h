/* SPDX-License-Identifier: BSD-3-Clause */
/* The pipelines' tables declared as data (design.md section 4): table.list, table.read and the
 * reference page come out of the declarations. Main thread only. */
#ifndef PIPELINES_TABLES_H
#define PIPELINES_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"
#include "ip.h"

#define TABLE_KEYS_MAX	   8
#define TABLE_PARAMS_MAX   8
#define TABLE_ACTIONS_MAX  6
#define TABLE_CURSOR_WORDS 3

struct table_field {
	const char *name;
	unsigned bits;
	const char *match; /* "exact", "lpm", "ternary", "range"; NULL for a parameter */
};

struct table_action {
	const char *name;
	struct table_field params[TABLE_PARAMS_MAX + 1]; /* up to one without a name */
};

/* Texts may name objects by id, as "{slice 3}": rpc/names.c puts names in. */
struct table_row {
	char keys[TABLE_KEYS_MAX][48];
	char params[TABLE_PARAMS_MAX][96];
	uint32_t n_keys, n_params;
	uint32_t action; /* its place in the table's actions */
	struct counters counters;
};

struct session_page;

/* A table has one of three iterators. */
struct table_decl {
	const char *name;
	const char *help;
	struct table_field key[TABLE_KEYS_MAX + 1];	    /* up to one without a name */
	struct table_action actions[TABLE_ACTIONS_MAX + 1]; /* likewise */
	uint32_t size;
	bool counters; /* rows carry them */
	bool out_only; /* of those, what came in is not counted by row */

	/* By ids from 1 to size: is there a row? With `row`, which is empty, fills it. */
	bool (*by_id)(uint16_t id, struct table_row *row);

	/* By sessions: gives the page the rows of its session, in order. */
	void (*by_session)(struct session_page *page);

	/* How many rows: a counter, or who counts them. */
	const uint32_t *rows;
	uint32_t (*count)(void);
	/* Up to max rows (1 at least) from a cursor on: TABLE_CURSOR_WORDS words, 0 at first, the
	 * first one 0 again at the end. They name the row that came last or comes next by its key,
	 * never by how many came before: what goes between two pages takes no other row along. Any
	 * words will do. Fewer than max, even none, before the end: it has looked at as many as
	 * one call may cost. */
	uint32_t (*read)(const struct table_decl *table, uint64_t *cursor, struct table_row *rows,
		uint32_t max);
	uint8_t family; /* for `read` */
};

extern const struct table_decl *const pipeline_tables[]; /* NULL-terminated, in a packet's order */

uint32_t table_count(const struct table_decl *table);
/* As `read` above, by whichever iterator. */
uint32_t table_read(
	const struct table_decl *table, uint64_t *cursor, struct table_row *rows, uint32_t max);

/* ---- for those that declare tables ---- */

/* The row's next key field, its next parameter. */
void row_key(struct table_row *row, const char *format, ...) __attribute__((format(printf, 2, 3)));
void row_param(struct table_row *row, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void row_key_ip(struct table_row *row, const struct api_ip *ip, bool prefix);

/* tables_upf.c: `by_session`. */
uint32_t sessions_count(void (*fill)(struct session_page *page));
uint32_t sessions_read(void (*fill)(struct session_page *page), uint64_t *cursor,
	struct table_row *rows, uint32_t max);

extern const struct table_decl sessions_uplink_decl, sessions_downlink_decl, forwarding_decl,
	session_meters_decl;			/* tables_upf.c */
extern const struct table_decl classifier_decl; /* tables_rules.c */

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* What the sqlite_*.c files share: the connection, the prepared statements, the audit entries that
 * wait. Nobody outside of control/store includes it, but for its tests. One thread, and the one of
 * sqlite_sync.c. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <bsd/sys/tree.h>
#include <pthread.h>
#include <sqlite3.h>

#include "store.h"

enum statement {
	ST_BEGIN,
	ST_COMMIT,
	ST_ROLLBACK,
	ST_REVISION,
	ST_REVISION_SET,
	ST_SITE,
	ST_SITE_SET,
	ST_FORMAT,
	ST_FORMAT_SET,
	ST_LOAD,
	ST_PUT,
	ST_DELETE,
	ST_HISTORY_ADD,
	ST_HISTORY,
	ST_HISTORY_KIND,
	ST_HISTORY_NAME,
	ST_AUDIT_ADD,
	ST_REFUSED_ADD,
	ST_AUDIT_ID,
	ST_AUDIT,
	ST_ANSWER_ADD,
	ST_ANSWER_FIND,
	ST_TOKEN_ADD,
	ST_TOKEN_DELETE,
	ST_TOKENS,
	ST_SPACE, /* pages that hold something */
	ST_HISTORY_SPAN,
	ST_ANSWER_SPAN,
	ST_ANSWER_OLD,
	ST_HISTORY_TRIM,
	ST_AUDIT_TRIM,
	ST_REFUSED_TRIM,
	ST_ANSWER_TRIM_ACTOR,
	ST_ANSWER_TRIM,
	STATEMENTS
};

struct audit_entry {
	struct audit_entry *next;
	char actor[64], source[64], action[256], detail[256];
	int status;
	bool changed; /* something: then no entry of what changed nothing takes its place */
	int64_t id, at_us, count;
};

#define AUDIT_WAITING 1024 /* entries that may wait; then the oldest are written at once */
#define AUDIT_BUSY    8192 /* as long as the thread has the connection */
#define AUDIT_EACH    10 /* of them of one actor and source that changed nothing; more are counted */
#define ANSWERS_EACH  1000 /* repeatable answers of one actor */

/* A commit that the thread makes. */
struct store_job {
	const struct store_commit *commit;
	int64_t revision, audit_id;
	int told; /* the caller's eventfd */
	int err;
};

/* From written on it is shared, under lock. */
struct store_sync {
	bool started;
	int held;	       /* changes on their way: no checkpoint now */
	char same_version[40]; /* a write that changes nothing */
	int wal, fd;	       /* the WAL's file; the eventfd for the loop */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t written, durable; /* commits */
	bool checkpoint;	   /* wanted or under way: the connection is the thread's */
	bool commits;		   /* likewise: store.job */
	bool stop;
	int err; /* the disk has lost what was committed: nothing more is */
};

struct token_entry {
	RB_ENTRY(token_entry) link;
	struct store_token token;
};
RB_HEAD(token_tree, token_entry);

struct store {
	sqlite3 *db;
	struct store_sync sync;
	struct store_job job;
	struct token_tree tokens; /* all, by their hash: nobody waits for the thread to be known */
	sqlite3_stmt *statement[STATEMENTS];
	uint64_t revision;
	uint32_t format; /* see store_format() */
	int64_t now_us;	 /* the latest that anybody told */
	struct audit_entry *audit_first, **audit_last;
	uint32_t audit_count;
	int64_t audit_id;	 /* the last one's, in both tables */
	int64_t audit_untrimmed; /* entries since the tables' bounds were looked at */
	int64_t audit_at_us, trim_at_us, checkpoint_at_us, written_us;
	int wal_pages; /* as of the last commit */
	/* bounds; tests make them small */
	int64_t history_keep, audit_keep, answer_keep, pages_keep;
	int trim_step; /* rows taken away in one tick */
};

/* -errno for a result code of SQLite; 0 for SQLITE_OK, _ROW, _DONE. */
int sql_errno(struct store *store, int rc);

/* Runs a statement. types has a letter for each value that it takes: 't' const char * (may be
 * NULL), 'i' int64_t. 0 or -errno. */
int sql_run(struct store *store, enum statement which, const char *types, ...);
/* The same with rows: the -errno of one stops it and is returned. */
typedef int (*sql_row)(sqlite3_stmt *stmt, void *arg);
int sql_rows(
	struct store *store, enum statement which, sql_row row, void *arg, const char *types, ...);
/* First column of the first row; 0 rows: *out stays. 0 or -errno. */
int sql_number(struct store *store, enum statement which, int64_t *out);

/* Begins; the matching end commits when err is 0, else rolls back. Returns what came of it. */
int sql_begin(struct store *store);
int sql_end(struct store *store, int err);

/* sqlite_token.c: 0 or -errno. */
int tokens_load(struct store *store);
void tokens_free(struct store *store);

/* sqlite_commit.c: by the thread. */
void job_run(struct store *store);
/* sqlite_history.c: 0 or -errno. */
int audit_flush(struct store *store);

/* sqlite_history.c: within a transaction: writes the audit entries that wait; the caller calls
 * audit_forget when that is durable. */
int audit_write(struct store *store);
void audit_forget(struct store *store);

/* sqlite_sync.c: a commit has left so many pages in the WAL. */
void sync_written(struct store *store, int pages);
void sync_own(struct store *store);    /* waits until the connection is the caller's */
void sync_commit(struct store *store); /* the thread is to run the job */
int sync_err(struct store *store);
void sync_tick(struct store *store, int64_t now_us);
void sync_stop(struct store *store); /* when all is durable */

const char *sql_text(sqlite3_stmt *stmt, int column); /* NULL when it is NULL */

#endif

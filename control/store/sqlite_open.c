/* SPDX-License-Identifier: BSD-3-Clause */
/* Opens and closes the store: directory, lock, schema and its migrations, prepared statements, and
 * whose store it is.
 * The lock on the file is SQLite's own, held as long as the store is open: its exclusive mode
 * also needs no shared memory beside the file, which a full disk could tear away. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "folder.h"
#include "sqlite.h"

#define PAGES_KEEP 131072 /* of 4 KiB */

/* migration[N] brings a file of user_version N to N + 1; never change one that was released. */
static const char *const migrations[] = {
	"CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL);"
	"INSERT INTO meta VALUES (1, 0);"
	"CREATE TABLE intent (kind TEXT NOT NULL, name TEXT NOT NULL, spec TEXT NOT NULL,"
	" revision INTEGER NOT NULL, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL,"
	" author TEXT NOT NULL, PRIMARY KEY (kind, name));"
	"CREATE TABLE history (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, at_us INTEGER "
	"NOT NULL,"
	" actor TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, before TEXT, after TEXT);"
	"CREATE INDEX history_of ON history (kind, name, id);"
	"CREATE TABLE audit (id INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, actor TEXT NOT NULL,"
	" source TEXT NOT NULL, action TEXT NOT NULL, status INTEGER NOT NULL, detail TEXT NOT "
	"NULL);"
	"CREATE TABLE answer (id INTEGER PRIMARY KEY, actor TEXT NOT NULL, key TEXT NOT NULL,"
	" hash TEXT NOT NULL, status INTEGER NOT NULL, etag TEXT, body TEXT NOT NULL,"
	" at_us INTEGER NOT NULL, UNIQUE (actor, key));"
	"CREATE TABLE token (id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL,"
	" tenant TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, created_us INTEGER NOT NULL,"
	" expires_us INTEGER NOT NULL);",
	"ALTER TABLE meta ADD COLUMN site TEXT",
	/* what changed nothing has a table, and bounds, of its own; ids are of one series */
	"CREATE TABLE refused (id INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, actor TEXT NOT NULL,"
	" source TEXT NOT NULL, action TEXT NOT NULL, status INTEGER NOT NULL, detail TEXT NOT "
	"NULL, count INTEGER NOT NULL);"
	"INSERT INTO refused SELECT *, 1 FROM audit WHERE status >= 300 OR detail = 'unchanged';"
	"DELETE FROM audit WHERE status >= 300 OR detail = 'unchanged';"
	"CREATE INDEX answer_of ON answer (actor, id)",
	"ALTER TABLE meta ADD COLUMN format INTEGER NOT NULL DEFAULT 0",
};
#define VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

static const char *const texts[STATEMENTS] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_ROLLBACK] = "ROLLBACK",
	[ST_REVISION] = "SELECT revision FROM meta",
	[ST_REVISION_SET] = "UPDATE meta SET revision = ?1",
	[ST_SITE] = "SELECT site FROM meta",
	[ST_SITE_SET] = "UPDATE meta SET site = ?1",
	[ST_FORMAT] = "SELECT format FROM meta",
	[ST_FORMAT_SET] = "UPDATE meta SET format = max(format, ?1)",
	[ST_LOAD] = "SELECT kind, name, spec, revision, created_us, updated_us, author FROM intent"
		    " ORDER BY kind, name",
	[ST_PUT] = "INSERT INTO intent VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) ON CONFLICT (kind, name)"
		   " DO UPDATE SET spec = ?3, revision = ?4, updated_us = ?5, author = ?6",
	[ST_DELETE] = "DELETE FROM intent WHERE kind = ?1 AND name = ?2",
	[ST_HISTORY_ADD] = "INSERT INTO history (revision, at_us, actor, kind, name, before, after)"
			   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
#define HISTORY                                                                                    \
	"SELECT id, revision, at_us, actor, kind, name, before, after FROM history WHERE id < ?1"
	[ST_HISTORY] = HISTORY " ORDER BY id DESC LIMIT ?2",
	[ST_HISTORY_KIND] = HISTORY " AND kind = ?3 ORDER BY id DESC LIMIT ?2",
	[ST_HISTORY_NAME] = HISTORY " AND kind = ?3 AND name = ?4 ORDER BY id DESC LIMIT ?2",
	[ST_AUDIT_ADD] = "INSERT INTO audit (id, at_us, actor, source, action, status, detail)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[ST_REFUSED_ADD] = "INSERT INTO refused VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[ST_AUDIT_ID] = "SELECT max(ifnull((SELECT max(id) FROM audit), 0),"
			" ifnull((SELECT max(id) FROM refused), 0))",
	[ST_AUDIT] = "SELECT *, 1 FROM audit WHERE id < ?1 UNION ALL"
		     " SELECT * FROM refused WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
	[ST_ANSWER_ADD] =
		"INSERT OR REPLACE INTO answer (actor, key, hash, status, etag, body, at_us)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[ST_ANSWER_FIND] = "SELECT hash, status, etag, body FROM answer"
			   " WHERE actor = ?1 AND key = ?2 AND at_us > ?3",
	[ST_TOKEN_ADD] = "INSERT INTO token VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[ST_TOKEN_DELETE] = "DELETE FROM token WHERE id = ?1",
	[ST_TOKENS] = "SELECT * FROM token ORDER BY created_us, id",
	[ST_SPACE] = "SELECT a.page_count - b.freelist_count"
		     " FROM pragma_page_count a, pragma_freelist_count b",
	/* two searches by key; min and max in one SELECT would read the whole table */
	[ST_HISTORY_SPAN] =
		"SELECT (SELECT max(id) FROM history) - (SELECT min(id) FROM history) + 1",
	[ST_ANSWER_SPAN] = "SELECT (SELECT max(id) FROM answer) - (SELECT min(id) FROM answer) + 1",
	[ST_ANSWER_OLD] = "DELETE FROM answer WHERE id < (SELECT min(id) FROM answer) + ?1"
			  " AND at_us <= ?2",
	[ST_HISTORY_TRIM] = "DELETE FROM history WHERE id < (SELECT min(id) FROM history) + ?1",
#define TRIM(table)                                                                                \
	"DELETE FROM " table " WHERE id IN (SELECT id FROM " table                                 \
	" WHERE id <= (SELECT id FROM " table                                                      \
	" ORDER BY id DESC LIMIT 1 OFFSET ?1) ORDER BY id LIMIT ?2)"
	/* of who has the most of the newest: nobody's changes push out those of others */
	[ST_AUDIT_TRIM] =
		"DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE actor ="
		" (SELECT actor FROM (SELECT actor FROM audit ORDER BY id DESC LIMIT 1000)"
		" GROUP BY actor ORDER BY count(*) DESC LIMIT 1) ORDER BY id"
		" LIMIT max(0, min(?2, (SELECT count(*) FROM audit) - ?1)))",
	[ST_REFUSED_TRIM] = TRIM("refused"),
	[ST_ANSWER_TRIM_ACTOR] =
		"DELETE FROM answer WHERE actor = ?1 AND id <= (SELECT id FROM answer"
		" WHERE actor = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
	[ST_ANSWER_TRIM] = "DELETE FROM answer WHERE id < (SELECT min(id) FROM answer) + ?1",
};

int sql_errno(struct store *store, int rc)
{
	int err;

	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	}
	err = sqlite3_system_errno(store->db);
	return err == ENOSPC || err == EDQUOT ? -ENOSPC : -EIO;
}

/* Prepared once, and bound. NULL: sqlite3_errcode() tells why not. */
static sqlite3_stmt *prepare(
	struct store *store, enum statement which, const char *types, va_list values)
{
	sqlite3_stmt **stmt = &store->statement[which];
	int rc = SQLITE_OK;

	sync_own(store);
	if (!*stmt && sqlite3_prepare_v3(store->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
			      stmt, NULL) != SQLITE_OK)
		return NULL;
	sqlite3_reset(*stmt);
	for (int i = 0; types[i] && rc == SQLITE_OK; i++) {
		if (types[i] == 't')
			rc = sqlite3_bind_text(
				*stmt, i + 1, va_arg(values, const char *), -1, SQLITE_STATIC);
		else
			rc = sqlite3_bind_int64(*stmt, i + 1, va_arg(values, int64_t));
	}
	return rc == SQLITE_OK ? *stmt : NULL;
}

static int run_list(struct store *store, enum statement which, sql_row row, void *arg,
	const char *types, va_list values)
{
	sqlite3_stmt *stmt = prepare(store, which, types, values);
	int err = 0, rc = SQLITE_DONE;

	if (!stmt) {
		err = sql_errno(store, sqlite3_errcode(store->db));
		return err ? err : -EIO;
	}
	while (!err && (rc = sqlite3_step(stmt)) == SQLITE_ROW && row)
		err = row(stmt, arg);
	if (!err)
		err = sql_errno(store, rc);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt); /* the texts are the caller's */
	return err;
}

int sql_run(struct store *store, enum statement which, const char *types, ...)
{
	va_list values;
	int err;

	va_start(values, types);
	err = run_list(store, which, NULL, NULL, types, values);
	va_end(values);
	return err;
}

int sql_rows(
	struct store *store, enum statement which, sql_row row, void *arg, const char *types, ...)
{
	va_list values;
	int err;

	va_start(values, types);
	err = run_list(store, which, row, arg, types, values);
	va_end(values);
	return err;
}

static int number_row(sqlite3_stmt *stmt, void *out)
{
	*(int64_t *)out = sqlite3_column_int64(stmt, 0);
	return 0;
}

int sql_number(struct store *store, enum statement which, int64_t *out)
{
	return sql_rows(store, which, number_row, out, "");
}

const char *sql_text(sqlite3_stmt *stmt, int column)
{
	return (const char *)sqlite3_column_text(stmt, column);
}

int sql_begin(struct store *store)
{
	int err = sync_err(store);

	return err ? err : sql_run(store, ST_BEGIN, "");
}

int sql_end(struct store *store, int err)
{
	if (!err)
		err = sql_run(store, ST_COMMIT, "");
	/* some errors (a full disk among them) have rolled back by themselves */
	if (err && !sqlite3_get_autocommit(store->db))
		sql_run(store, ST_ROLLBACK, "");
	return err;
}

static int wal_grown(void *arg, sqlite3 *db, const char *name, int pages)
{
	sync_written(arg, pages);
	return SQLITE_OK;
}

static int version_read(sqlite3 *db, int *version)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		*version = sqlite3_column_int(stmt, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	return rc;
}

/* Each step with its new number in one transaction: killed between two, it goes on from there. */
static int migrate(sqlite3 *db, int version)
{
	char set[48];
	int rc = SQLITE_OK;

	for (; version < VERSION && rc == SQLITE_OK; version++) {
		snprintf(set, sizeof(set), "PRAGMA user_version = %d; COMMIT", version + 1);
		rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(db, migrations[version], NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(db, set, NULL, NULL, NULL);
		if (rc != SQLITE_OK && !sqlite3_get_autocommit(db))
			sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	}
	return rc;
}

static int fail_folder(const char *dir, int err, char *why, size_t size)
{
	snprintf(why, size,
		"cannot make the store's directory %s: %s; make its parent, or choose another with "
		"--store",
		dir, strerror(-err));
	return err;
}

static int fail_file(const char *path, int err, char *why, size_t size)
{
	snprintf(why, size, "cannot open %s: %s", path, strerror(-err));
	return err;
}

static int file_path(const char *dir, char *path, size_t size, char *why, size_t why_size)
{
	if ((size_t)snprintf(path, size, "%s/store.db", dir) < size)
		return 0;
	snprintf(why, why_size, "the path of the store is too long: %s", dir);
	return -ENAMETOOLONG;
}

/* The directory, and the file with a mode that SQLite then gives its WAL, too. */
static int file_make(const char *dir, char *path, size_t size, char *why, size_t why_size)
{
	int fd = file_path(dir, path, size, why, why_size);

	if (fd < 0)
		return fd;
	if (mkdir(dir, 0700) && errno != EEXIST)
		return fail_folder(dir, -errno, why, why_size);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_file(path, -errno, why, why_size);
	close(fd);
	return 0;
}

int store_could_open(const char *dir, char *why, size_t size)
{
	char path[PATH_MAX];
	int rc = file_path(dir, path, sizeof(path), why, size);

	if (rc)
		return rc;
	if (access(dir, F_OK)) {
		rc = errno == ENOENT ? folder_takes(dir) : -errno;
		return rc ? fail_folder(dir, rc, why, size) : 0;
	}
	rc = faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) ? -errno : 0;
	if (!rc || rc == -ENOENT)
		rc = folder_takes(path); /* the file, or what SQLite puts beside it */
	return rc ? fail_file(path, rc, why, size) : 0;
}

static int explain(struct store *store, const char *path, int rc, char *why, size_t why_size)
{
	int err = sql_errno(store, rc);

	if (err == -EBUSY)
		snprintf(why, why_size,
			"%s is in use by another sluice-control; stop it, or choose another "
			"directory with --store",
			path);
	else if (err == -EBADMSG)
		snprintf(why, why_size,
			"%s is damaged or not a store of sluice-control: %s; put a copy back, or "
			"move it away to begin anew",
			path, sqlite3_errmsg(store->db));
	else if (err == -ENOSPC)
		snprintf(why, why_size, "no room on the disk of %s; make some and start again",
			path);
	else
		snprintf(why, why_size, "cannot open %s: %s", path, sqlite3_errmsg(store->db));
	return err ? err : -EIO;
}

static int prepare_file(struct store *store, const char *path, char *why, size_t why_size)
{
	int version = 0, rc;
	int64_t revision = 0, format = 0;

	rc = sqlite3_exec(store->db,
		"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = "
		"FULL;"
		"PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 16777216;"
		"PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384",
		NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = version_read(store->db, &version);
	if (rc == SQLITE_OK && version > VERSION) {
		snprintf(why, why_size,
			"%s was written by a newer sluice-control (schema %d, this one knows %d): "
			"install that one",
			path, version, VERSION);
		return -EPROTONOSUPPORT;
	}
	/* in exclusive mode a lock once taken is kept: this takes it */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(store->db, "BEGIN EXCLUSIVE; COMMIT", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = migrate(store->db, version);
	if (rc != SQLITE_OK || sql_number(store, ST_REVISION, &revision) ||
		sql_number(store, ST_FORMAT, &format) ||
		sql_number(store, ST_AUDIT_ID, &store->audit_id) || tokens_load(store))
		return explain(store, path, rc != SQLITE_OK ? rc : sqlite3_errcode(store->db), why,
			why_size);
	store->revision = (uint64_t)revision;
	store->format = (uint32_t)format;
	snprintf(store->sync.same_version, sizeof(store->sync.same_version),
		"PRAGMA user_version = %d", VERSION);
	sqlite3_wal_hook(store->db, wal_grown, store);
	return 0;
}

int store_open(const char *dir, struct store **out, char *why, size_t why_size)
{
	struct store *store;
	char path[512];
	int err, rc;

	err = file_make(dir, path, sizeof(path), why, why_size);
	if (err)
		return err;
	store = xcalloc(1, sizeof(*store));
	store->audit_last = &store->audit_first;
	store->history_keep = store->audit_keep = 100000;
	store->answer_keep = 20000;
	store->pages_keep = PAGES_KEEP;
	store->trim_step = 500;
	rc = sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE, NULL);
	if (rc != SQLITE_OK)
		err = explain(store, path, rc, why, why_size);
	else
		err = prepare_file(store, path, why, why_size);
	if (err) {
		store_close(store);
		return err;
	}
	*out = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->audit_first && sql_begin(store) == 0)
		sql_end(store, audit_write(store));
	audit_forget(store);
	sync_stop(store);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(store->statement[i]);
	sqlite3_close(store->db);
	tokens_free(store);
	free(store);
}

uint32_t store_format(const struct store *store)
{
	return store->format;
}

uint64_t store_revision(const struct store *store)
{
	return store->revision;
}

/* ---- whose store it is: one that was filled for a site does not serve another by mistake, since
 * all that the dataplane has would be deleted as nobody's ---- */

struct owner {
	char site[256];
};

static int owner_row(sqlite3_stmt *stmt, void *arg)
{
	struct owner *owner = arg;
	const char *site = sql_text(stmt, 0);

	snprintf(owner->site, sizeof(owner->site), "%s", site ? site : "");
	return 0;
}

int store_claim(struct store *store, const char *site, char *why, size_t why_size)
{
	struct owner owner = {.site = ""};
	int err = sql_rows(store, ST_SITE, owner_row, &owner, "");

	if (!err && !strcmp(owner.site, site))
		return 0;
	if (!err && *owner.site && store->revision > 0) {
		snprintf(why, why_size,
			"this store is of site %s, not %s: give --site %s (or \"site\" in the "
			"file); for another "
			"site begin with another --store, and apply what `sluice get` prints of "
			"this one",
			owner.site, site, owner.site);
		return -EPERM;
	}
	/* nobody's yet, or without a single intent so far */
	if (!err)
		err = sql_begin(store);
	if (!err)
		err = sql_end(store, sql_run(store, ST_SITE_SET, "t", site));
	if (err)
		snprintf(why, why_size, "cannot write whose store it is: %s", strerror(-err));
	return err;
}

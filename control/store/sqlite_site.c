/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose store it is: one that was filled for a site does not serve another by mistake, since all
 * that the dataplane has would be deleted as nobody's. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sqlite.h"

/* 0, owner filled or ""; -errno. */
static int owner_read(struct store *store, char *owner, size_t size)
{
	sqlite3_stmt *stmt = sql_prepare(store, ST_SITE, "");
	const char *text;
	int rc;

	*owner = '\0';
	if (!stmt)
		return sql_errno(store, sqlite3_errcode(store->db));
	rc = sqlite3_step(stmt);
	text = rc == SQLITE_ROW ? sql_text(stmt, 0) : NULL;
	if (text)
		snprintf(owner, size, "%s", text);
	sqlite3_reset(stmt);
	return sql_errno(store, rc);
}

int store_claim(struct store *store, const char *site, char *why, size_t why_size)
{
	char owner[256];
	int err = owner_read(store, owner, sizeof(owner));

	if (!err && !strcmp(owner, site))
		return 0;
	if (!err && *owner && store->revision > 0) {
		snprintf(why, why_size,
			"this store is of site %s, not %s: give --site %s (or \"site\" in the "
			"file); for another "
			"site begin with another --store, and apply what `sluice get` prints of "
			"this one",
			owner, site, owner);
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

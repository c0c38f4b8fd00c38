/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store_rig.h"

char rig_dir[64];
struct store *rig_store;

void rig_up(void)
{
	char why[256] = "";

	snprintf(rig_dir, sizeof(rig_dir), "/tmp/sluice-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(rig_dir));
	ck_assert_msg(store_open(rig_dir, &rig_store, why, sizeof(why)) == 0, "%s", why);
}

void rig_remove(void)
{
	static const char *const files[] = {"store.db", "store.db-wal", "store.db-shm"};
	char path[128];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", rig_dir, files[i]);
		unlink(path);
	}
	rmdir(rig_dir);
}

void rig_down(void)
{
	store_close(rig_store);
	rig_store = NULL;
	rig_remove();
}

void rig_reopen(void)
{
	char why[256] = "";

	store_close(rig_store);
	rig_store = NULL;
	ck_assert_msg(store_open(rig_dir, &rig_store, why, sizeof(why)) == 0, "%s", why);
}

int rig_put(const char *kind, const char *name, const char *before, const char *after)
{
	struct store_change change = {.kind = kind, .name = name, .before = before, .after = after};
	struct store_commit commit = {
		.changes = &change,
		.count = 1,
		.actor = "root",
		.source = "unix uid 0",
		.action = "PUT /v1/slices/x",
		.now_us = 1000,
	};
	uint64_t revision;

	return store_commit(rig_store, &commit, &revision);
}

static char intents[65536];

static int intent_append(const struct stored *one, void *arg)
{
	size_t at = strlen(intents);

	(void)arg;
	snprintf(intents + at, sizeof(intents) - at, "%s=%s@%d;", one->name, one->spec,
		(int)one->revision);
	return 0;
}

const char *rig_intents(void)
{
	intents[0] = 0;
	ck_assert_int_eq(store_load(rig_store, intent_append, NULL), 0);
	return intents;
}

double rig_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

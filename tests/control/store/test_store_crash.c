/* SPDX-License-Identifier: BSD-3-Clause */
/* The store under kill -9 and on a full disk. The latter is a small tmpfs in a mount namespace of
 * the test's own process. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../suite.h"
#include "store_rig.h"

#define KILLS 100
#define NAMES 16 /* the writer goes round these */

static void spec_of(char *out, size_t size, uint64_t revision)
{
	/* of many lengths, some over several pages */
	int fill = (int)(revision * 7919 % 9000);

	snprintf(out, size, "{\"n\":%d,\"fill\":\"%0*d\"}", (int)revision, fill + 1, 0);
}

/* Commits for ever; each change touches two names, and each acknowledged revision goes to fd. */
static void writer(int fd)
{
	static char spec[16384];

	for (;;) {
		uint64_t next = store_revision(rig_store) + 1, revision;
		char name[2][16];
		struct store_change changes[2];
		struct store_commit commit = {.changes = changes,
			.count = 2,
			.actor = "w",
			.source = "s",
			.action = "a",
			.now_us = 1};

		spec_of(spec, sizeof(spec), next);
		for (int i = 0; i < 2; i++) {
			snprintf(name[i], sizeof(name[i]), "%c%d", "ab"[i], (int)(next % NAMES));
			changes[i] = (struct store_change){
				.kind = "slice", .name = name[i], .after = spec};
		}
		if (store_commit(rig_store, &commit, &revision) || revision != next)
			_exit(1);
		if (write(fd, &revision, sizeof(revision)) != sizeof(revision))
			_exit(2);
		if (next % 8 == 0) {
			rig_store->wal_pages = 100000; /* checkpoints are killed, too */
			store_tick(rig_store, (int64_t)next * 2000000);
		}
	}
}

static uint64_t seen[2][NAMES];

static int intent_check(const struct stored *one, void *arg)
{
	static char spec[16384];
	int which = one->name[0] == 'b', at = atoi(one->name + 1);

	(void)arg;
	spec_of(spec, sizeof(spec), one->revision);
	ck_assert_str_eq(one->spec, spec);
	ck_assert_int_eq((int)(one->revision % NAMES), at);
	seen[which][at] = one->revision;
	return 0;
}

/* All up to acknowledged is there, and the two names of a commit are of the same one. */
static void store_check(uint64_t acknowledged)
{
	uint64_t revision = store_revision(rig_store);

	ck_assert_uint_ge(revision, acknowledged);
	memset(seen, 0, sizeof(seen));
	ck_assert_int_eq(store_load(rig_store, intent_check, NULL), 0);
	for (int i = 0; i < NAMES; i++) {
		uint64_t last = revision - (revision + NAMES - (uint64_t)i) % NAMES;

		ck_assert_uint_eq(seen[0][i], seen[1][i]);
		ck_assert_uint_eq(seen[0][i], revision >= NAMES || last <= revision ? last : 0);
	}
}

static uint64_t acknowledged_read(int fd, uint64_t last)
{
	uint64_t one;

	while (read(fd, &one, sizeof(one)) == sizeof(one))
		last = one;
	close(fd);
	return last;
}

START_TEST(commit_that_was_acknowledged_survives_kill_9)
{
	uint64_t acknowledged = 0;
	char why[256];

	srand(4711);
	store_close(rig_store);
	for (int round = 0; round < KILLS; round++) {
		int fds[2], status;
		pid_t child;

		ck_assert_int_eq(pipe(fds), 0);
		child = fork();
		if (child == 0) {
			close(fds[0]);
			if (store_open(rig_dir, &rig_store, why, sizeof(why)) ||
				(round % 2 && store_start(rig_store))) /* by a thread, too */
				_exit(3);
			writer(fds[1]);
		}
		close(fds[1]);
		/* once it works, however slow the disk is */
		if (read(fds[0], &acknowledged, sizeof(acknowledged)) == sizeof(acknowledged))
			usleep((useconds_t)(rand() % 30000));
		kill(child, SIGKILL);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_msg(WIFSIGNALED(status), "the writer ended by itself: %d", status);
		acknowledged = acknowledged_read(fds[0], acknowledged);
		ck_assert_msg(store_open(rig_dir, &rig_store, why, sizeof(why)) == 0, "%s", why);
		store_check(acknowledged);
		if (round < KILLS - 1)
			store_close(rig_store);
	}
	printf("store: %d kills, %d commits acknowledged, none lost\n", KILLS, (int)acknowledged);
	ck_assert_uint_ge(acknowledged, KILLS);
}
END_TEST

static bool tmpfs_mount(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", rig_dir, "tmpfs", 0, "size=2m") == 0;
}

static int fill_up(const char *path)
{
	static char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
	return errno;
}

START_TEST(commit_on_a_full_disk_is_refused_and_the_store_goes_on)
{
	char why[256], path[128], *before, big[20001];
	int err = 0, count = 0;

	if (geteuid() != 0)
		return; /* mounts need root; scripts/test runs as root */
	store_close(rig_store);
	ck_assert_msg(tmpfs_mount(), "%s", strerror(errno));
	ck_assert_msg(store_open(rig_dir, &rig_store, why, sizeof(why)) == 0, "%s", why);
	memset(big, 'x', 20000);
	big[0] = big[19999] = '"';
	big[20000] = 0;
	ck_assert_int_eq(rig_put("slice", "first", NULL, "{}"), 0);

	/* something else fills the disk, then the store itself does */
	snprintf(path, sizeof(path), "%s/other", rig_dir);
	ck_assert_int_eq(fill_up(path), ENOSPC);
	ck_assert_int_eq(truncate(path, 1024 * 1024), 0);
	for (; count < 1000 && !err; count++)
		err = rig_put("slice", "big", NULL, big);
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_gt(count, 2);

	/* nothing changed, reading goes on, the refusal comes again, ticks do no harm */
	ck_assert_int_eq((int)store_revision(rig_store), count);
	before = strdup(rig_intents());
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(rig_put("slice", "big", NULL, big), -ENOSPC);
		store_audit_add(rig_store, "eve", "s", "PUT", 507, "full", 1);
		store_tick(rig_store, (i + 1) * INT64_C(2000000));
	}
	ck_assert_str_eq(rig_intents(), before);
	ck_assert_int_eq((int)store_revision(rig_store), count);

	/* room again: goes on without being opened anew, and all is there when it is */
	unlink(path);
	ck_assert_int_eq(rig_put("slice", "after", NULL, "{}"), 0);
	rig_reopen();
	ck_assert_ptr_nonnull(strstr(rig_intents(), "after={}"));
	ck_assert_ptr_nonnull(strstr(rig_intents(), "first={}@1"));
	ck_assert_int_eq((int)store_revision(rig_store), count + 1);
	store_close(rig_store);
	rig_store = NULL;
	free(before);
	umount(rig_dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_crash");
	TCase *tc = tcase_create("store_crash");

	tcase_add_checked_fixture(tc, rig_up, rig_down);
	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, commit_that_was_acknowledged_survives_kill_9);
	tcase_add_test(tc, commit_on_a_full_disk_is_refused_and_the_store_goes_on);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}

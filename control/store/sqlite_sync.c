/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting for the disk, in a thread of its own, so that the loop goes on: commits leave their bytes
 * with the kernel, one fdatasync() of the WAL makes all of them so far durable. The thread also
 * makes large commits and brings the WAL back into the database, with the connection to itself for
 * as long: whoever calls the store meanwhile waits. Owns the thread and what is counted; called by
 * the loop's thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sqlite.h"

#define CHECKPOINT_SOON 1000		 /* pages of WAL */
#define CHECKPOINT_LATE 16384		 /* at which nothing puts it off */
#define CHECKPOINT_US	INT64_C(1000000) /* between two, and since the last change */

/* The WAL begins anew only here: by SQLite's order its new header is on disk before anything comes
 * after it, and that, too, is waited for here. Nothing but a write does it; this one changes
 * nothing. -EIO: what was committed may not be on the disk, ever. */
static int checkpoint(struct store *store)
{
	int rc = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(store->db, store->sync.same_version, NULL, NULL, NULL);
	return rc != SQLITE_OK && sqlite3_extended_errcode(store->db) == SQLITE_IOERR_FSYNC ? -EIO
											    : 0;
}

/* The job may fail, and the store goes on. */
static void work_job(struct store *store)
{
	struct store_sync *sync = &store->sync;

	pthread_mutex_unlock(&sync->lock);
	job_run(store);
	pthread_mutex_lock(&sync->lock);
	sync->written += !store->job.err;
	sync->commits = false;
	pthread_cond_broadcast(&sync->changed);
	eventfd_write(store->job.told, 1);
	eventfd_write(sync->fd, 1);
}

/* One of the two, with the lock let go of. */
static void work(struct store *store)
{
	struct store_sync *sync = &store->sync;
	uint64_t written = sync->written;
	bool commits = written > sync->durable;
	int err;

	pthread_mutex_unlock(&sync->lock);
	if (commits)
		err = fdatasync(sync->wal) ? -errno : 0;
	else
		err = checkpoint(store);
	pthread_mutex_lock(&sync->lock);
	if (err)
		sync->err = err;
	else if (commits)
		sync->durable = written;
	if (!commits)
		sync->checkpoint = false;
	pthread_cond_broadcast(&sync->changed);
	eventfd_write(sync->fd, 1);
}

static void *run(void *arg)
{
	struct store *store = arg;
	struct store_sync *sync = &store->sync;

	pthread_mutex_lock(&sync->lock);
	for (;;) {
		if (!sync->err && (sync->written > sync->durable || sync->checkpoint))
			work(store);
		else if (sync->commits)
			work_job(store);
		else if (sync->stop)
			break;
		else
			pthread_cond_wait(&sync->changed, &sync->lock);
	}
	pthread_mutex_unlock(&sync->lock);
	return NULL;
}

/* ---- for the files of the store ---- */

void sync_written(struct store *store, int pages)
{
	struct store_sync *sync = &store->sync;

	store->wal_pages = pages;
	store->written_us = store->now_us;
	if (!sync->started || pthread_equal(pthread_self(), sync->thread))
		return;
	pthread_mutex_lock(&sync->lock);
	sync->written++;
	pthread_cond_broadcast(&sync->changed);
	pthread_mutex_unlock(&sync->lock);
}

void sync_own(struct store *store)
{
	struct store_sync *sync = &store->sync;

	if (!sync->started || pthread_equal(pthread_self(), sync->thread))
		return;
	pthread_mutex_lock(&sync->lock);
	while (sync->commits || (sync->checkpoint && !sync->err))
		pthread_cond_wait(&sync->changed, &sync->lock);
	pthread_mutex_unlock(&sync->lock);
}

/* Tells the thread. */
static void set(struct store *store, bool *wanted)
{
	pthread_mutex_lock(&store->sync.lock);
	*wanted = true;
	pthread_cond_broadcast(&store->sync.changed);
	pthread_mutex_unlock(&store->sync.lock);
}

void sync_commit(struct store *store)
{
	set(store, &store->sync.commits);
}

int sync_err(struct store *store)
{
	struct store_state state;

	store_state(store, &state);
	return state.err;
}

void sync_tick(struct store *store, int64_t now_us)
{
	struct store_sync *sync = &store->sync;
	bool late = store->wal_pages >= CHECKPOINT_LATE;
	bool quiet = !sync->held && now_us - store->written_us >= CHECKPOINT_US &&
		     now_us - store->checkpoint_at_us >= CHECKPOINT_US;

	/* it waits for the disk several times, and changes that come wait for all of that: while
	 * they come one after the other, their pages are better taken back together */
	if (store->wal_pages < CHECKPOINT_SOON || (!quiet && !late))
		return;
	store->checkpoint_at_us = now_us;
	if (sync->started)
		set(store, &sync->checkpoint);
	else
		checkpoint(store);
}

void sync_stop(struct store *store)
{
	struct store_sync *sync = &store->sync;

	if (!sync->started)
		return;
	set(store, &sync->stop);
	pthread_join(sync->thread, NULL);
	sync->started = false;
	pthread_mutex_destroy(&sync->lock);
	pthread_cond_destroy(&sync->changed);
	close(sync->fd);
	close(sync->wal);
	sqlite3_exec(store->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
}

/* ---- for everyone ---- */

int store_start(struct store *store)
{
	struct store_sync *sync = &store->sync;
	char path[520];
	int err, rc;

	snprintf(path, sizeof(path), "%s-wal", sqlite3_db_filename(store->db, NULL));
	/* still with synchronous = FULL: the file, its header and its name are durable by this.
	 * Without room the first commit sees to that, and waits for it. */
	sqlite3_exec(store->db, sync->same_version, NULL, NULL, NULL);
	rc = sqlite3_exec(store->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return sql_errno(store, rc);
	sync->wal = open(path, O_RDONLY | O_CLOEXEC);
	if (sync->wal < 0)
		return -errno;
	sync->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sync->fd < 0) {
		err = -errno;
		goto err_wal;
	}
	pthread_mutex_init(&sync->lock, NULL);
	pthread_cond_init(&sync->changed, NULL);
	err = -pthread_create(&sync->thread, NULL, run, store);
	if (err)
		goto err_fd;
	sync->started = true;
	return 0;

err_fd:
	close(sync->fd);
err_wal:
	close(sync->wal);
	return err;
}

int store_fd(const struct store *store)
{
	return store->sync.started ? store->sync.fd : -1;
}

void store_state(struct store *store, struct store_state *out)
{
	struct store_sync *sync = &store->sync;

	*out = (struct store_state){.err = 0};
	if (!sync->started)
		return;
	pthread_mutex_lock(&sync->lock);
	*out = (struct store_state){.written = sync->written,
		.durable = sync->durable,
		.err = sync->err,
		.busy = sync->commits || (sync->checkpoint && !sync->err)};
	pthread_mutex_unlock(&sync->lock);
}

void store_hold(struct store *store, int more)
{
	store->sync.held += more;
}

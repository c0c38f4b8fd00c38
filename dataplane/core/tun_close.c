/* SPDX-License-Identifier: BSD-3-Clause */
/* Closing of interfaces held through /dev/net/tun (tun.h). Main thread only. Owns the threads
 * that close, for the kernel takes some ten milliseconds for one, or for all of one network
 * namespace at once. */
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "tun.h"
#include "tun_delete.h"

#define CLOSERS	  8 /* for interfaces in as many namespaces: mostly they wait */
#define BATCH	  4096
#define GATHER_US 10000

struct closing {
	TAILQ_ENTRY(closing) next;
	int fd;
	bool busy; /* in the works: only its thread takes it out of the list */
	char name[IFNAMSIZ];
};

static TAILQ_HEAD(closings, closing) closings = TAILQ_HEAD_INITIALIZER(closings);
static uint32_t threads, idle;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

struct batch {
	struct closing *of[BATCH];
	int fd[BATCH];
	size_t count;
};

static struct closing *first_waiting(void)
{
	struct closing *c;

	TAILQ_FOREACH (c, &closings, next)
		if (!c->busy)
			break;
	return c;
}

static void batch_take(struct batch *b)
{
	struct closing *c = first_waiting(); /* NULL: another thread has taken them meanwhile */
	ino_t netns = c != NULL && TAILQ_NEXT(c, next) != NULL ? tun_netns(c->fd) : 0;

	b->count = 0;
	for (; c != NULL && b->count < BATCH; c = TAILQ_NEXT(c, next)) {
		if (c->busy || (b->count != 0 && (netns == 0 || tun_netns(c->fd) != netns)))
			continue;
		c->busy = true;
		b->of[b->count] = c;
		b->fd[b->count++] = c->fd;
	}
}

static void batch_close(struct batch *b)
{
	if (b->count > 1)
		tun_delete(b->fd, b->count);
	for (size_t i = 0; i < b->count; i++)
		close(b->fd[i]);
}

static void *close_all(void *arg)
{
	struct batch *b = arg;

	pthread_mutex_lock(&lock);
	for (;;) {
		if (first_waiting() == NULL) {
			idle++;
			pthread_cond_wait(&changed, &lock);
			idle--;
			continue;
		}
		/* seldom does one come alone: the more at once the better */
		pthread_mutex_unlock(&lock);
		usleep(GATHER_US);
		pthread_mutex_lock(&lock);
		batch_take(b);
		pthread_mutex_unlock(&lock);
		batch_close(b);
		pthread_mutex_lock(&lock);
		for (size_t i = 0; i < b->count; i++) {
			TAILQ_REMOVE(&closings, b->of[i], next);
			free(b->of[i]);
		}
		pthread_cond_broadcast(&changed);
	}
	return NULL;
}

/* One more, if all are at work; with the lock. */
static void closer_start(void)
{
	struct batch *b = idle == 0 && threads < CLOSERS ? malloc(sizeof(*b)) : NULL;
	sigset_t all, before;
	pthread_t thread;
	bool started;

	if (b == NULL)
		return;
	/* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = pthread_create(&thread, NULL, close_all, b) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!started) {
		free(b);
		return;
	}
	threads++;
	pthread_detach(thread);
}

void tun_close(int fd, const char *name)
{
	struct closing *c = calloc(1, sizeof(*c));

	pthread_mutex_lock(&lock);
	closer_start();
	if (c != NULL && threads != 0) {
		c->fd = fd;
		strncpy(c->name, name, sizeof(c->name) - 1);
		TAILQ_INSERT_TAIL(&closings, c, next);
		pthread_cond_broadcast(&changed);
		fd = -1;
	}
	pthread_mutex_unlock(&lock);
	if (fd < 0)
		return;
	free(c);
	close(fd);
}

static struct closing *find_closing(const char *name)
{
	struct closing *c;

	TAILQ_FOREACH (c, &closings, next)
		if (strcmp(c->name, name) == 0)
			break;
	return c;
}

bool tun_wait_closed(const char *name)
{
	struct closing *c;
	bool was = false;

	pthread_mutex_lock(&lock);
	while ((c = find_closing(name)) != NULL) {
		was = true;
		if (!c->busy) {
			TAILQ_REMOVE(&closings, c, next);
			TAILQ_INSERT_HEAD(&closings, c, next);
		}
		pthread_cond_wait(&changed, &lock);
	}
	pthread_mutex_unlock(&lock);
	return was;
}

void tun_wait_all_closed(void)
{
	pthread_mutex_lock(&lock);
	while (!TAILQ_EMPTY(&closings))
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* One thread beside the loop: 16 MiB of JSON take seconds to parse and to free (parser.h). Jobs go
 * there and come back under one lock; an eventfd wakes the loop. jansson's counts of references
 * are atomic: what a handler has kept of a tree stays. */
#include "parser.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "body.h"

struct job {
	STAILQ_ENTRY(job) entry;
	struct request *r; /* NULL: only frees the body */
	json_t *body;
	json_error_t where;
};

STAILQ_HEAD(jobs, job);

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t news;
	struct jobs todo, done;
	bool running, ending;
	int fd; /* readable when done has some */
	struct event *event;
} parser = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER};

static void work(struct job *job)
{
	if (job->r) {
		job->body = body_parse(job->r, &job->where);
		return;
	}
	json_decref(job->body);
	free(job);
}

static void put_done(struct job *job)
{
	STAILQ_INSERT_TAIL(&parser.done, job, entry);
	if (eventfd_write(parser.fd, 1))
		return; /* full: it is readable */
}

static void *run(void *arg)
{
	struct job *job;
	bool parses;

	pthread_mutex_lock(&parser.lock);
	while ((job = STAILQ_FIRST(&parser.todo)) || !parser.ending) {
		if (!job) {
			pthread_cond_wait(&parser.news, &parser.lock);
			continue;
		}
		STAILQ_REMOVE_HEAD(&parser.todo, entry);
		pthread_mutex_unlock(&parser.lock);
		parses = job->r;
		work(job);
		pthread_mutex_lock(&parser.lock);
		if (parses)
			put_done(job);
	}
	pthread_mutex_unlock(&parser.lock);
	return NULL;
}

static int put_todo(struct request *r, json_t *body)
{
	struct job *job = parser.running ? calloc(1, sizeof(*job)) : NULL;

	if (!job)
		return -ENOMEM;
	job->r = r;
	job->body = body;
	pthread_mutex_lock(&parser.lock);
	STAILQ_INSERT_TAIL(&parser.todo, job, entry);
	pthread_cond_signal(&parser.news);
	pthread_mutex_unlock(&parser.lock);
	return 0;
}

int parser_take(struct request *r)
{
	int rc = put_todo(r, NULL);

	r->parsing = r->body_large = !rc;
	return rc;
}

void parser_free(json_t *body)
{
	if (put_todo(NULL, body))
		json_decref(body);
}

static struct job *take_done(void)
{
	struct job *job;

	pthread_mutex_lock(&parser.lock);
	job = STAILQ_FIRST(&parser.done);
	if (job)
		STAILQ_REMOVE_HEAD(&parser.done, entry);
	pthread_mutex_unlock(&parser.lock);
	return job;
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	eventfd_t count;
	struct job *job;

	if (eventfd_read(parser.fd, &count))
		return;
	while ((job = take_done())) {
		job->r->parsing = false;
		body_parsed(job->r, job->body, &job->where);
		free(job);
	}
}

int parser_start(void)
{
	int rc;

	STAILQ_INIT(&parser.todo);
	STAILQ_INIT(&parser.done);
	parser.ending = false;
	json_object_seed(0); /* before there are two threads */
	parser.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (parser.fd < 0)
		return -errno;
	parser.event = event_new(http.base, parser.fd, EV_READ | EV_PERSIST, on_done, NULL);
	if (!parser.event || event_add(parser.event, NULL))
		return -ENOMEM;
	rc = pthread_create(&parser.thread, NULL, run, NULL);
	parser.running = !rc;
	return -rc;
}

void parser_stop(void)
{
	if (parser.running) {
		pthread_mutex_lock(&parser.lock);
		parser.ending = true;
		pthread_cond_signal(&parser.news);
		pthread_mutex_unlock(&parser.lock);
		pthread_join(parser.thread, NULL);
		parser.running = false;
		on_done(-1, 0, NULL);
	}
	if (parser.event)
		event_free(parser.event);
	if (parser.fd >= 0)
		close(parser.fd);
	parser.event = NULL;
	parser.fd = -1;
}

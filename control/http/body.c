/* SPDX-License-Identifier: BSD-3-Clause */
/* What comes with a request: its query, and its body, small ones parsed at once, large ones by a
 * thread of their own, in which the tree of a body is freed, too. Owns that thread and the count of
 * bytes that bodies hold. */
#include "http_private.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "alloc.h"

/* ---- query and body ---- */

#define TENANT_BYTES (1u << 20)
#define INLINE_BYTES (64u << 10) /* of JSON: some ms */
#define HELD_BODIES  8		 /* so many of the greatest may be in memory at once */
#define NO_LINE	     (-2)	 /* in json_error_t: the body was not parsed */
/* Values of a body: an empty object of two bytes takes some 200 of memory. */
#define VALUES_MOST   2000000
#define TENANT_VALUES 400000

static uint64_t held_bytes;

/* ---- query ---- */

/* evhttp wants a "=" in each; "?dry_run" stands for "?dry_run=". New. */
static char *with_equals(const char *query)
{
	char *out = xmalloc(2 * strlen(query) + 2), *to = out;

	while (*query) {
		size_t len = strcspn(query, "&");

		memcpy(to, query, len);
		to += len;
		if (len && !memchr(query, '=', len))
			*to++ = '=';
		query += len;
		if (*query)
			query++;
		if (len && *query)
			*to++ = '&';
		else if (!len && to > out && to[-1] == '&' && !*query)
			to--;
	}
	*to = '\0';
	return out;
}

static const struct route_query *find_query(const struct route *route, const char *name)
{
	for (const struct route_query *query = route->query; query && query->name; query++)
		if (!strcmp(query->name, name))
			return query;
	return NULL;
}

/* "limit, after": what the route knows. */
static void list_names(const struct route *route, char *text, size_t size)
{
	size_t len = 0;

	snprintf(text, size, "none");
	for (const struct route_query *query = route->query; query && query->name; query++) {
		len += snprintf(text + len, size - len, "%s%s", len ? ", " : "", query->name);
		if (len >= size)
			break;
	}
}

static bool is_flag(const char *text)
{
	static const char *const words[] = {"", "1", "true", "0", "false"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(text, words[i]))
			return true;
	return false;
}

static bool is_number(const struct route_query *query, const char *text)
{
	char *end;
	int64_t number;

	errno = 0;
	number = strtoll(text, &end, 10);
	return !errno && end != text && !*end && strspn(text, "-0123456789") == strlen(text) &&
	       number >= query->min && number <= query->max;
}

static bool is_word(const struct route_query *query, const char *text, struct rpc_error *err)
{
	size_t len = 0;

	for (const char *const *word = query->words; *word; word++) {
		if (!strcmp(*word, text))
			return true;
		if (len < sizeof(err->want))
			len += snprintf(err->want + len, sizeof(err->want) - len, "%s%s",
				len ? ", " : "", *word);
	}
	return false;
}

/* What is not understood is refused, never taken for the default: "dry_run=yes" would change
 * things. */
static bool check_value(struct request *r, const struct route_query *query, const char *text)
{
	struct rpc_error err = {0};
	bool fine = true;

	if (query->kind == QUERY_FLAG) {
		fine = is_flag(text);
		snprintf(err.want, sizeof(err.want), "1, true, 0 or false");
	} else if (query->kind == QUERY_NUMBER) {
		fine = is_number(query, text);
		snprintf(err.want, sizeof(err.want), "integer %" PRId64 " to %" PRId64, query->min,
			query->max);
	} else if (query->kind == QUERY_WORD) {
		fine = is_word(query, text, &err);
	}
	if (fine)
		return true;
	snprintf(err.path, sizeof(err.path), "%s", query->name);
	snprintf(err.got, sizeof(err.got), "%.150s", text);
	reply_refusal(r, 400, &err,
		query->kind == QUERY_NUMBER ? "the query's %s is not a number that is taken"
					    : "the query's %s is not understood",
		query->name);
	return false;
}

static bool check_query(struct request *r)
{
	const struct evkeyval *one, *other;
	struct rpc_error err = {0};

	TAILQ_FOREACH (one, &r->query, next) {
		if (!find_query(r->route, one->key)) {
			list_names(r->route, err.want, sizeof(err.want));
			snprintf(err.got, sizeof(err.got), "%s", one->key);
			snprintf(err.path, sizeof(err.path), "%s", one->key);
			reply_refusal(
				r, 400, &err, "the query has a parameter that is not known here");
			return false;
		}
		for (other = TAILQ_NEXT(one, next); other; other = TAILQ_NEXT(other, next))
			if (!strcmp(one->key, other->key)) {
				snprintf(err.path, sizeof(err.path), "%s", one->key);
				reply_refusal(r, 400, &err, "the query has a parameter twice");
				return false;
			}
		if (!check_value(r, find_query(r->route, one->key), one->value))
			return false;
	}
	return true;
}

bool query_read(struct request *r)
{
	const char *query = r->raw_query;
	char *text;
	int rc;

	if (!*query)
		return true;
	text = strstr(query, "%00") ? NULL : with_equals(query);
	rc = text ? evhttp_parse_query_str(text, &r->query) : -1;
	free(text);
	if (!rc)
		return check_query(r);
	TAILQ_INIT(&r->query);
	reply_problem(r, 400, "the query is malformed; want NAME=VALUE&…");
	return false;
}

const char *request_query(const struct request *r, const char *name)
{
	const struct evkeyval *one;

	TAILQ_FOREACH (one, &r->query, next)
		if (!strcmp(one->key, name))
			return one->value;
	return NULL;
}

int64_t request_number(const struct request *r, const char *name)
{
	const char *text = request_query(r, name);

	return text ? strtoll(text, NULL, 10) : find_query(r->route, name)->preset;
}

bool request_flag(const struct request *r, const char *name)
{
	const char *text = request_query(r, name);

	return text && strcmp(text, "0") && strcmp(text, "false");
}

/* ---- body ---- */

/* "application/json; charset=utf-8" is application/json. */
static bool media_is(const char *type, const char *media)
{
	size_t len = strlen(media);

	if (strncasecmp(type, media, len))
		return false;
	type += len + strspn(type + len, " \t");
	return !*type || *type == ';';
}

static bool media_taken(struct request *r)
{
	const char *type = request_header(r, "Content-Type");
	const char *encoding = request_header(r, "Content-Encoding");
	bool patch = !strcmp(r->method, "PATCH");

	if (encoding && strcasecmp(encoding, "identity")) {
		reply_problem(r, 415, "bodies are taken as they are; send no Content-Encoding");
		return false;
	}
	if (!type || media_is(type, "application/json") ||
		(patch && media_is(type, "application/merge-patch+json")))
		return true;
	reply_problem(r, 415, "want Content-Type application/json%s, got %s",
		patch ? " or application/merge-patch+json" : "", type);
	return false;
}

static bool may_continue(struct request *r)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const char *expect = request_header(r, "Expect");

	if (expect && strcasecmp(expect, "100-continue")) {
		r->keep = false;
		reply_problem(r, 417, "want \"Expect: 100-continue\", or none");
		return false;
	}
	if (expect && !r->old && !r->complete)
		evbuffer_add(bufferevent_get_output(r->conn->bev), go_on, sizeof(go_on) - 1);
	return true;
}

static uint64_t body_most(const struct request *r)
{
	uint64_t most = http.limits.body_bytes, of_role = UINT64_MAX;

	if (r->actor.role < ROLE_VIEWER)
		of_role = STRANGER_BYTES;
	else if (r->actor.role < ROLE_OPERATOR && (!http.large || strcmp(r->route->id, http.large)))
		of_role = TENANT_BYTES;
	return most < of_role ? most : of_role;
}

void body_refuse_large(struct request *r)
{
	r->keep = false;
	reply_problem(r, 413, "the body is larger than the %" PRIu64 " bytes that %s takes%s",
		r->body_most, r->line,
		r->body_most < http.limits.body_bytes ? " of this role; \"sluice apply\" takes more"
						      : "");
}

bool body_expected(struct request *r, bool has_body)
{
	const http_parser *parser = &r->conn->parser;

	r->body_most = body_most(r);
	if (has_body && !r->route->body) {
		reply_problem(r, 400, "%s takes no body", r->line);
		return false;
	}
	if (r->route->body && !has_body) {
		reply_problem(r, 400, "the body is empty; want JSON");
		return false;
	}
	if (has_body && !media_taken(r))
		return false;
	if (has_body && !(parser->flags & F_CHUNKED) && parser->content_length > r->body_most) {
		body_refuse_large(r);
		return false;
	}
	return may_continue(r);
}

bool body_add(struct request *r, const char *text, size_t len)
{
	bool small = evbuffer_get_length(r->text) + len <= INLINE_BYTES;

	if (!small && held_bytes + len > (uint64_t)http.limits.body_bytes * HELD_BODIES) {
		reply_problem(r, 503, "too many large bodies at once; try again later");
		return false;
	}
	evbuffer_add(r->text, text, len);
	held_bytes += len;
	return true;
}

static void hash_make(struct request *r, const void *body, size_t len)
{
	sha256_hex((const void *const[]){r->method, " ", r->url, "\n", body},
		(const size_t[]){strlen(r->method), 1, strlen(r->url), 1, len}, 5, r->hash);
}

/* Not fewer than its values: what is in texts counts, too. */
static bool has_too_many(const struct request *r, const char *text, size_t len)
{
	size_t most = r->actor.role < ROLE_OPERATOR ? TENANT_VALUES : VALUES_MOST, count = 0;

	for (size_t i = 0; i < len; i++)
		count += text[i] == ',' || text[i] == '{' || text[i] == '[';
	return count > most;
}

/* The body's JSON, NULL with where; its hash is made, too. In any thread: while this runs nobody
 * else uses the request's text, hash, method and URL. */
static json_t *body_parse(struct request *r, json_error_t *where)
{
	size_t len = evbuffer_get_length(r->text);
	const char *text = (const char *)evbuffer_pullup(r->text, -1);

	if (len > INLINE_BYTES && has_too_many(r, text, len)) {
		snprintf(where->text, sizeof(where->text),
			"the body has more values than one may have: send it in parts");
		where->line = NO_LINE;
		return NULL;
	}
	hash_make(r, text, len);
	return json_loadb(text, len, JSON_REJECT_DUPLICATES, where);
}

static void text_free(struct request *r)
{
	if (!r->text)
		return;
	held_bytes -= evbuffer_get_length(r->text);
	evbuffer_free(r->text);
	r->text = NULL;
}

/* In the loop: runs the handler, refuses, or frees the request when its client has gone. */
static void body_parsed(struct request *r, json_t *body, const json_error_t *where)
{
	r->body = body;
	text_free(r);
	if (!r->conn)
		request_free(r);
	else if (body)
		request_run(r);
	else if (where->line == NO_LINE)
		reply_problem(r, 413, "%s", where->text);
	else
		reply_problem(r, 400, "the body is not JSON that is taken: line %d, column %d: %s",
			where->line, where->column, where->text);
}

static void parser_take(struct request *r);
static bool is_busy_for(const struct request *r);

void body_read(struct request *r)
{
	size_t len = evbuffer_get_length(r->text);
	json_error_t where = {0};

	r->conn->state = CONN_ANSWERING;
	r->conn->deadline_us = 0;
	if (!r->route->body)
		request_run(r);
	else if (!len)
		reply_problem(r, 400, "the body is empty; want JSON");
	else if (len <= INLINE_BYTES)
		body_parsed(r, body_parse(r, &where), &where);
	else if (is_busy_for(r))
		reply_problem(r, 503,
			"another large body of this tenant is being read; try again when "
			"it has been answered");
	else
		parser_take(r);
}

static void parser_free(json_t *body);

void body_free(struct request *r)
{
	text_free(r);
	if (r->body_large && r->body)
		parser_free(r->body);
	else
		json_decref(r->body);
}

const char *request_body_hash(struct request *r)
{
	if (!*r->hash)
		hash_make(r, "", 0);
	return r->hash;
}

/* ---- the thread for large bodies ---- */

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
	const struct request *now; /* is parsed */
	bool running, ending;
	int fd; /* readable when done has some */
	struct event *event;
} parser = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER};

static void work(struct job *job)
{
	if (job->r) {
		if (!atomic_load(&job->r->closed)) /* request_closed() */
			job->body = body_parse(job->r, &job->where);
		return;
	}
	json_decref(job->body);
	free(job);
	malloc_trim(0);
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
		parser.now = job->r;
		pthread_mutex_unlock(&parser.lock);
		parses = job->r;
		work(job);
		pthread_mutex_lock(&parser.lock);
		parser.now = NULL;
		if (parses) {
			STAILQ_INSERT_TAIL(&parser.done, job, entry);
			eventfd_write(parser.fd, 1); /* full: it is readable */
		}
	}
	pthread_mutex_unlock(&parser.lock);
	return NULL;
}

static void put_todo(struct request *r, json_t *body)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->r = r;
	job->body = body;
	pthread_mutex_lock(&parser.lock);
	if (r)
		STAILQ_INSERT_TAIL(&parser.todo, job, entry);
	else /* the memory of one body before the next one takes its own */
		STAILQ_INSERT_HEAD(&parser.todo, job, entry);
	pthread_cond_signal(&parser.news);
	pthread_mutex_unlock(&parser.lock);
}

static bool is_same_tenant(const struct request *a, const struct request *b)
{
	return a && a->actor.role < ROLE_OPERATOR && !strcmp(a->actor.tenant, b->actor.tenant);
}

/* Of a tenant one large body at a time: others wait for each. */
static bool is_busy_for(const struct request *r)
{
	const struct job *job;
	bool busy;

	if (r->actor.role >= ROLE_OPERATOR)
		return false;
	pthread_mutex_lock(&parser.lock);
	busy = is_same_tenant(parser.now, r);
	STAILQ_FOREACH (job, &parser.todo, entry)
		busy |= is_same_tenant(job->r, r);
	pthread_mutex_unlock(&parser.lock);
	return busy;
}

/* Parses the request's text; body_parsed is called from the loop. */
static void parser_take(struct request *r)
{
	r->parsing = r->body_large = true;
	put_todo(r, NULL);
}

/* Gives a reference back: the tree of a 16 MiB body takes a second to free. */
static void parser_free(json_t *body)
{
	if (parser.running)
		put_todo(NULL, body);
	else
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
	event_add(parser.event, NULL);
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

/* SPDX-License-Identifier: BSD-3-Clause */
/* A small server on control/http with every kind of answer, before a store that only knows a few
 * tokens. Run by test_http.py and test_http_load.py; ends on SIGTERM, SIGHUP reads the certificate
 * again. */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "http.h"
#include "store_fake.h"
#include "intent_types.h"

static struct event_base *base;
static json_t *gone_log;

/* ---- handlers ---- */

static void echo(struct request *r)
{
	const struct actor *actor = request_actor(r);
	const char *name = request_route(r)->path[4] == 'n' ? request_param(r, "name") : "";

	reply_json(r, 200,
		json_pack("{s:O?, s:s, s:s, s:s, s:s, s:s, s:s}", "body", request_body(r), "name",
			name, "line", request_line(r), "who", actor->name, "role",
			role_names[actor->role], "tenant", actor->tenant, "source", actor->source));
}

static void show_hash(struct request *r)
{
	reply_json(r, 200, json_pack("{s:s}", "hash", request_body_hash(r)));
}

static void number(struct request *r)
{
	reply_json(r, 200,
		json_pack("{s:I, s:b, s:s*}", "limit", (json_int_t)request_number(r, "limit"),
			"flag", request_flag(r, "flag"), "text", request_query(r, "text")));
}

static void small(struct request *r)
{
	static const char text[] = "{\"state\":\"ok\",\"slices\":1000,\"ports\":4,\"uptime_s\":12}";

	reply_header(r, "ETag", "\"7\"");
	reply_text(r, 200, "application/json", text, sizeof(text) - 1);
}

static int references;

static void release(const void *text, size_t len, void *arg)
{
	references--;
}

static void big(struct request *r)
{
	static char text[4 << 20];

	if (!*text)
		memset(text, 'x', sizeof(text));
	references++;
	reply_reference(r, 200, "text/plain", text, sizeof(text), release, NULL);
}

static void nothing(struct request *r)
{
	reply_nothing(r, 204);
}

static void refuse(struct request *r)
{
	struct rpc_error err = {0};

	rpc_fail(&err, RPC_ERR_CAPACITY, "WAN kt has 10 bit/s less than this needs");
	strcpy(err.path, "bandwidth.committed_bps");
	strcpy(err.with, "slice blue");
	err.limit = 5;
	reply_error(r, &err);
}

static void gone_show(struct request *r)
{
	struct http_counters counters;

	http_counters(&counters);
	reply_json(r, 200,
		json_pack("{s:O, s:i, s:O, s:i, s:i, s:i, s:i, s:i}", "gone", gone_log,
			"references", references, "audit", fake_audit, "timeouts",
			(int)counters.timeouts, "refused_connections",
			(int)counters.refused_connections, "refused_rate",
			(int)counters.refused_rate, "connections", counters.connections, "streams",
			counters.streams));
}

/* ---- later, and streams ---- */

struct wait {
	LIST_ENTRY(wait) entry;
	struct request *r;
	struct event *timer;
	int left;
	size_t bytes;
	useconds_t busy_us; /* what each chunk takes */
	bool deaf;	    /* did not ask for gone() */
};
static LIST_HEAD(, wait) waits = LIST_HEAD_INITIALIZER(waits);

static void wait_free(struct wait *wait)
{
	LIST_REMOVE(wait, entry);
	event_free(wait->timer);
	free(wait);
}

static void wait_gone(void *arg)
{
	struct wait *wait = arg;

	json_array_append_new(gone_log, json_string(request_line(wait->r)));
	wait_free(wait);
}

static struct wait *wait_new(
	struct request *r, int64_t ms, bool again, void (*fired)(evutil_socket_t, short, void *))
{
	struct timeval after = {ms / 1000, ms % 1000 * 1000};
	struct wait *wait = calloc(1, sizeof(*wait));

	wait->r = r;
	wait->timer = event_new(base, -1, again ? EV_PERSIST : 0, fired, wait);
	event_add(wait->timer, &after);
	LIST_INSERT_HEAD(&waits, wait, entry);
	return wait;
}

static void later_fired(evutil_socket_t fd, short what, void *arg)
{
	struct wait *wait = arg;

	reply_json(wait->r, 200, json_pack("{s:b}", "late", 1));
	wait_free(wait);
}

static void later(struct request *r)
{
	struct wait *wait;

	wait = wait_new(r, request_number(r, "ms"), false, later_fired);
	wait->deaf = request_flag(r, "deaf");
	if (!wait->deaf)
		request_on_gone(r, wait_gone, wait);
}

static void stream_fired(evutil_socket_t fd, short what, void *arg)
{
	struct wait *wait = arg;
	size_t len = wait->bytes + 8;
	char *text = malloc(len + 1);

	memset(text, 'y', len);
	memcpy(text, "data: ", 6);
	memcpy(text + len - 2, "\n\n", 2);
	if (!stream_send(wait->r, text, len))
		wait = NULL; /* gone() has been called */
	free(text);
	if (wait && wait->busy_us)
		usleep(wait->busy_us);
	if (wait && !--wait->left) {
		stream_end(wait->r);
		wait_free(wait);
	}
}

static void stream(struct request *r)
{
	struct wait *wait = wait_new(r, request_number(r, "ms"), true, stream_fired);
	int64_t count = request_number(r, "count");

	wait->busy_us = request_number(r, "busy") * 1000;
	wait->left = count ? count : -1;
	wait->bytes = request_number(r, "bytes");
	reply_stream(r, "text/event-stream", wait_gone, wait);
	if (request_flag(r, "now"))
		stream_fired(-1, 0, wait);
}

static void openapi(struct request *r);

/* ---- routes ---- */

static const struct route_query number_query[] = {
	{"limit", "how many", .kind = QUERY_NUMBER, .min = 1, .max = 1000, .preset = 100},
	{"flag", "a flag", .kind = QUERY_FLAG}, {"text", "a text", .kind = QUERY_TEXT}, {0}};
static const struct route_query change_query[] = {
	{"dry_run", "nothing is changed", .kind = QUERY_TEXT}, {0}};
static const struct route_query later_query[] = {
	{"ms", "when", .kind = QUERY_NUMBER, .min = 0, .max = 60000, .preset = 100},
	{"deaf", "", .kind = QUERY_TEXT}, {0}};
static const struct route_query stream_query[] = {
	{"count", "of chunks, 0: no end", .kind = QUERY_NUMBER, .min = 0, .max = 1000000,
		.preset = 3},
	{"bytes", "of a chunk", .kind = QUERY_NUMBER, .min = 0, .max = 1 << 20, .preset = 1},
	{"ms", "between two", .kind = QUERY_NUMBER, .min = 1, .max = 10000, .preset = 10},
	{"now", "one at once", .kind = QUERY_TEXT},
	{"busy", "ms that a chunk takes", .kind = QUERY_NUMBER, .min = 0, .max = 100, .preset = 0},
	{0}};

#define ANY		     "{\"type\":\"object\"}"
#define ROUTE(m, p, h, l, i) .method = m, .path = p, .handler = h, .least = l, .id = i, .summary = i
static const struct route table[] = {{ROUTE("GET", "/v1/small", small, ROLE_VIEWER, "small")},
	{ROUTE("GET", "/open", small, ROLE_NONE, "open")},
	{ROUTE("POST", "/v1/echo", echo, ROLE_TENANT, "echo"), .body = ANY, .tag = "echo"},
	{ROUTE("GET", "/v1/names/{name}", echo, ROLE_VIEWER, "name_get"),
		.result = "#/components/schemas/slice", .tag = "names"},
	{ROUTE("PUT", "/v1/names/{name}", echo, ROLE_OPERATOR, "name_put"),
		.body = "#/components/schemas/slice", .query = change_query, .tag = "names"},
	{ROUTE("PATCH", "/v1/names/{name}", echo, ROLE_OPERATOR, "name_patch"), .body = ANY,
		.query = change_query},
	{ROUTE("DELETE", "/v1/names/{name}", nothing, ROLE_ADMIN, "name_delete"),
		.query = change_query},
	{ROUTE("GET", "/v1/names/special", small, ROLE_VIEWER, "name_special")},
	{ROUTE("GET", "/v1/number", number, ROLE_VIEWER, "number"), .query = number_query},
	{ROUTE("POST", "/v1/hash", show_hash, ROLE_ADMIN, "hash"), .body = ANY,
		.query = number_query},
	{ROUTE("GET", "/v1/big", big, ROLE_VIEWER, "big"), .produces = "text/plain"},
	{ROUTE("POST", "/v1/refuse", refuse, ROLE_ADMIN, "refuse")},
	{ROUTE("GET", "/v1/openapi.json", openapi, ROLE_VIEWER, "openapi")},
	{ROUTE("GET", "/v1/gone", gone_show, ROLE_ADMIN, "gone")},
	{ROUTE("GET", "/v1/later", later, ROLE_VIEWER, "later"), .query = later_query},
	{ROUTE("POST", "/v1/later", later, ROLE_ADMIN, "later_change"), .query = later_query},
	{ROUTE("GET", "/v1/stream", stream, ROLE_VIEWER, "stream"), .query = stream_query,
		.produces = "text/event-stream"},
	{0}};
static const struct route *const tables[] = {table, NULL};

static void openapi(struct request *r)
{
	reply_json(r, 200, openapi_document(tables));
}

/* ---- main ---- */

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	char why[512] = "";

	if (number == SIGHUP)
		printf("reload %d %s\n", http_reload(why, sizeof(why)), why);
	else
		event_base_loopbreak(base);
	fflush(stdout);
}

static void parse_options(int argc, char **argv, struct http_config *config)
{
	static struct http_peer peer;
	struct http_limits *limits = &config->limits;
	int option;

	while ((option = getopt(argc, argv, "s:l:c:k:a:p:C:E:B:H:R:I:Q:")) >= 0)
		switch (option) {
		case 's':
			config->socket = optarg;
			break;
		case 'l':
			config->listen = optarg;
			break;
		case 'c':
			config->certificate = optarg;
			break;
		case 'k':
			config->key = optarg;
			break;
		case 'a':
			config->client_ca = optarg;
			break;
		case 'p': /* uid 0 is of this role */
			while (strcmp(role_names[peer.role], optarg))
				peer.role++;
			peer.any_gid = true;
			config->peers = &peer;
			config->peer_count = 1;
			break;
		case 'C':
			limits->connections = atoi(optarg);
			break;
		case 'E':
			limits->connections_each = atoi(optarg);
			break;
		case 'B':
			limits->body_bytes = atoi(optarg);
			break;
		case 'H':
			limits->header_bytes = atoi(optarg);
			break;
		case 'R':
			limits->request_s = atoi(optarg);
			break;
		case 'I':
			limits->idle_s = atoi(optarg);
			break;
		case 'Q':
			limits->requests_each_s = atoi(optarg);
			break;
		}
}

int main(int argc, char **argv)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	struct http_config config = {0};
	struct event *signals[3];
	char why[512] = "";

	parse_options(argc, argv, &config);
	base = event_base_new();
	gone_log = json_array();
	fake_store_init();
	intent_types_init();
	if (http_start(base, &config, (struct store *)&base, tables, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		http_stop();
	} else {
		for (int i = 0; i < 3; i++) {
			signals[i] = evsignal_new(base, numbers[i], on_signal, NULL);
			event_add(signals[i], NULL);
		}
		printf("ready\n");
		fflush(stdout);
		event_base_dispatch(base);
		http_stop();
		for (int i = 0; i < 3; i++)
			event_free(signals[i]);
	}
	while (!LIST_EMPTY(&waits)) {
		struct wait *wait = LIST_FIRST(&waits);

		if (wait->deaf)
			reply_json(wait->r, 200, json_null());
		wait_free(wait);
	}
	json_decref(gone_log);
	fake_store_free();
	event_base_free(base);
	libevent_global_shutdown();
	return *why != '\0';
}

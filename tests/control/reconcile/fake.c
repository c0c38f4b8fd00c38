/* SPDX-License-Identifier: BSD-3-Clause */
/* See fake.h. The socket and its misbehaviour; what it holds is fake_state.c's. */
#include "fake.h"

#include <check.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_state.h"

struct fake_client {
	struct fake *fake;
	struct bufferevent *bev;
	struct fake_client *next;
	size_t counted; /* bytes of the input that were */
	bool closing;	/* when what it has to write is written */
};

static void client_free(struct fake_client *client)
{
	struct fake_client **at = &client->fake->clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	bufferevent_free(client->bev);
	free(client);
}

/* How many of n bytes still go before the cut; fewer than n: the connection ends with them. */
static size_t count_bytes(struct fake *fake, size_t n)
{
	uint64_t before = fake->bytes;

	fake->bytes += n;
	if (!fake->cut_at || fake->bytes < fake->cut_at || before >= fake->cut_at)
		return n;
	n = fake->cut_at - before - 1;
	return n;
}

static void client_send(struct fake_client *client, const json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);
	size_t length = strlen(text), goes;

	text[length++] = '\n';
	goes = count_bytes(client->fake, length);
	bufferevent_write(client->bev, text, goes);
	free(text);
	client->closing |= goes < length;
}

static void client_line(struct fake_client *client, const char *line, size_t length)
{
	json_t *request = json_loadb(line, length, 0, NULL), *answer;
	struct fake *fake = client->fake;

	if (!request) /* a cut line */
		return;
	fake->calls++;
	answer = fake_answer(fake, json_string_value(json_object_get(request, "method")),
		json_object_get(request, "params"));
	json_object_set_new(answer, "jsonrpc", json_string("2.0"));
	json_object_set(answer, "id", json_object_get(request, "id"));
	client_send(client, answer);
	json_decref(answer);
	json_decref(request);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct fake_client *client = arg;

	if (client->closing && !evbuffer_get_length(bufferevent_get_output(bev)))
		client_free(client);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct fake_client *client = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t fresh = evbuffer_get_length(in) - client->counted, goes;
	struct evbuffer_ptr from;
	size_t length;
	char *line;

	if (client->fake->hang || client->closing)
		return;
	goes = count_bytes(client->fake, fresh);
	if (goes < fresh) {
		client_free(client);
		return;
	}
	evbuffer_ptr_set(in, &from, client->counted, EVBUFFER_PTR_SET);
	client->counted = evbuffer_get_length(in);
	if (evbuffer_search(in, "\n", 1, &from).pos < 0)
		return;
	while (!client->closing && (line = evbuffer_readln(in, &length, EVBUFFER_EOL_LF))) {
		client_line(client, line, length);
		free(line);
	}
	client->counted = evbuffer_get_length(in);
	if (client->closing)
		on_written(bev, client);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	client_free(arg);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
	struct sockaddr *addr, int size, void *arg)
{
	struct fake_client *client = calloc(1, sizeof(*client));
	struct fake *fake = arg;

	if (fake->turn_away) { /* as the dataplane does it: unread, and with no id */
		dprintf(fd,
			"{\"error\":{\"code\":-32600,\"message\":\"%s\"},\"id\":null,"
			"\"jsonrpc\":\"2.0\"}\n",
			fake->turn_away);
		fake->connections++;
		close(fd);
		free(client);
		return;
	}
	client->fake = fake;
	client->bev = bufferevent_socket_new(fake->base, fd, BEV_OPT_CLOSE_ON_FREE);
	client->next = fake->clients;
	fake->clients = client;
	fake->connections++;
	bufferevent_setcb(client->bev, on_read, on_written, on_event, client);
	bufferevent_enable(client->bev, EV_READ | EV_WRITE);
}

static void listen_at(struct fake *fake)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	strcpy(addr.sun_path, fake->path);
	unlink(fake->path);
	fake->listener = evconnlistener_new_bind(fake->base, on_connection, fake,
		LEV_OPT_CLOSE_ON_FREE, 16, (struct sockaddr *)&addr, sizeof(addr));
	ck_assert_ptr_nonnull(fake->listener);
}

void fake_start(struct fake *fake, struct event_base *base)
{
	static int number;

	memset(fake, 0, sizeof(*fake));
	snprintf(fake->path, sizeof(fake->path), "/tmp/sluice-fake-%d-%d.sock", (int)getpid(),
		number++);
	fake->base = base;
	fake->groups = json_object();
	fake->hand = json_object();
	fake->state = json_object();
	fake->in_force = json_object();
	fake->transactions = json_array();
	fake->refuse = json_object();
	fake->limits = json_object();
	fake->instance = 1000;
	fake->page = 1000;
	listen_at(fake);
}

void fake_drop_clients(struct fake *fake)
{
	while (fake->clients)
		client_free(fake->clients);
}

void fake_stop(struct fake *fake)
{
	fake_drop_clients(fake);
	if (fake->listener)
		evconnlistener_free(fake->listener);
	fake->listener = NULL;
	unlink(fake->path);
}

void fake_again(struct fake *fake, bool loses_state)
{
	fake->instance++;
	if (loses_state)
		fake_lose_all(fake);
	listen_at(fake);
}

void fake_free(struct fake *fake)
{
	fake_stop(fake);
	json_decref(fake->groups);
	json_decref(fake->hand);
	json_decref(fake->state);
	json_decref(fake->in_force);
	json_decref(fake->transactions);
	json_decref(fake->snapshot);
	json_decref(fake->refuse);
	json_decref(fake->limits);
}

void fake_event(struct fake *fake, const char *params)
{
	json_t *message = json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", "event",
		"params", json_loads(params, 0, NULL));

	for (struct fake_client *client = fake->clients; client; client = client->next)
		client_send(client, message);
	json_decref(message);
}

/* ---- the loop ---- */

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	*(bool *)arg = true;
}

bool run_until(struct event_base *base, const bool *flag, int ms)
{
	bool late = false;
	struct event *timer = evtimer_new(base, on_time, &late);
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	evtimer_add(timer, &tv);
	while (!late && !(flag && *flag))
		event_base_loop(base, EVLOOP_ONCE);
	event_free(timer);
	return flag && *flag;
}

void run_for(struct event_base *base, int ms)
{
	run_until(base, NULL, ms);
}

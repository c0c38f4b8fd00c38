/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls to the dataplane: a blocking JSON-RPC client on a unix socket, one message a line
 * (contract.md, "The socket"). Answers come in the order of the requests and one request is out at
 * a time, so whatever comes without an id before the answer is a notification and is kept for
 * cli_event(). Owns the connection and its buffer. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "bounds.h"
#include "cli.h"

struct client {
	int fd;
	json_int_t id;
	json_t *events; /* notifications not yet asked for */
	char *buf;
	size_t len, size;
	size_t searched; /* bytes of buf known to hold no newline */
};

/* patience_ms bounds every connect, send and receive; 0 waits for ever. The socket or -errno. */
static int client_socket(const char *path, int patience_ms)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval tv = {patience_ms / 1000, (patience_ms % 1000) * 1000};
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* SO_SNDTIMEO bounds connect() too: a full backlog would block it */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int client_open(struct cli *cli)
{
	int fd = client_socket(cli->socket, cli->patience_ms);

	if (fd < 0)
		return fd;
	cli->client = xcalloc(1, sizeof(*cli->client));
	cli->client->fd = fd;
	cli->client->events = json_array();
	return 0;
}

void client_close(struct client *client)
{
	if (client == NULL)
		return;
	close(client->fd);
	json_decref(client->events);
	free(client->buf);
	free(client);
}

static int send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int send_request(struct client *client, const char *method, const json_t *params)
{
	json_t *request = json_pack("{s:s, s:I, s:s, s:O*}", "jsonrpc", "2.0", "id", ++client->id,
		"method", method, "params", params);
	char *line = json_dumps(request, JSON_COMPACT);
	size_t len = strlen(line);
	int err = -EMSGSIZE;

	json_decref(request);
	line[len] = '\n'; /* takes the NUL's place: send_all is given the length */
	if (len <= LIMIT_RPC_LINE_BYTES)
		err = send_all(client->fd, line, len + 1);
	free(line);
	return err;
}

/* 1 when some bytes were added to the buffer, 0 when the time passed, -errno. */
static int receive_some(struct client *client, int wait_ms)
{
	struct pollfd pfd = {.fd = client->fd, .events = POLLIN};
	ssize_t n;
	int ready;

	if (client->size - client->len < 65536) {
		client->size = client->size ? client->size * 2 : 1u << 18;
		client->buf = xrealloc(client->buf, client->size);
	}
	/* only a bounded wait needs poll; without one SO_RCVTIMEO, where set, bounds recv */
	if (wait_ms >= 0) {
		ready = poll(&pfd, 1, wait_ms);
		if (ready <= 0)
			return ready == 0 || errno == EINTR ? 0 : -errno;
	}
	do {
		n = recv(client->fd, client->buf + client->len, client->size - client->len, 0);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? -EPIPE : -errno;
	client->len += (size_t)n;
	return 1;
}

/* Takes one whole line out of the buffer: 1 with *message, 0 when there is none yet, -EPROTO. */
static int take_line(struct client *client, json_t **message)
{
	char *end = NULL;
	size_t used;

	if (client->len > client->searched)
		end = memchr(client->buf + client->searched, '\n', client->len - client->searched);
	if (end == NULL) {
		client->searched = client->len;
		return 0;
	}
	*message = json_loadb(client->buf, (size_t)(end - client->buf), 0, NULL);
	used = (size_t)(end - client->buf) + 1;
	memmove(client->buf, client->buf + used, client->len - used);
	client->len -= used;
	client->searched = 0;
	if (json_is_object(*message))
		return 1;
	json_decref(*message);
	*message = NULL;
	return -EPROTO;
}

/* 1 with *message, 0 when timeout_s passed (negative: wait for ever), -errno. */
static int receive(struct client *client, double timeout_s, json_t **message)
{
	double until = clock_now() + timeout_s;
	int got;

	while ((got = take_line(client, message)) == 0) {
		double left = until - clock_now();

		if (timeout_s >= 0 && left <= 0)
			return 0;
		got = receive_some(client, timeout_s < 0 ? -1 : (int)(left * 1000) + 1);
		if (got < 0)
			return got;
	}
	return got;
}

/* An object with "result" or "error" (the caller owns it) into *answer. 0, or -errno: -EMSGSIZE
 * when the request is longer than the socket takes, -EPIPE when the other side closed, -EPROTO when
 * what came is not an answer. */
static int client_call(
	struct client *client, const char *method, const json_t *params, json_t **answer)
{
	int got = send_request(client, method, params);

	/* A server that refuses a line closes before reading all of it, but says why first: read
	 * that. */
	if (got < 0 && got != -EPIPE && got != -ECONNRESET)
		return got;
	for (;;) {
		got = receive(client, -1, answer);
		if (got < 0)
			return got == -ECONNRESET ? -EPIPE : got;
		if (json_object_get(*answer, "method") == NULL)
			break;
		json_array_append(client->events, json_object_get(*answer, "params"));
		json_decref(*answer);
	}
	return json_object_get(*answer, "result") != NULL ||
			       json_object_get(*answer, "error") != NULL
		       ? 0
		       : -EPROTO;
}

static void die_lost(const char *path, int err) __attribute__((noreturn));

static void die_lost(const char *path, int err)
{
	if (err == EMSGSIZE)
		die("the request is over %u MiB, more than the socket takes in one message: split "
		    "it",
			LIMIT_RPC_LINE_BYTES >> 20);
	if (err == EPIPE)
		die("the dataplane at %s closed the connection", path);
	if (err == EPROTO)
		die("what answers at %s does not speak JSON-RPC", path);
	die("talking to the dataplane at %s: %s", path, strerror(err));
}

json_t *cli_try(struct cli *cli, const char *method, json_t *params, json_t **error)
{
	json_t *answer = NULL, *result;
	int err = cli->client == NULL ? client_open(cli) : 0;

	if (err < 0 && cli->patience_ms == 0) {
		fail("cannot reach the dataplane at %s: %s", cli->socket, strerror(-err));
		tell_start(-err, "dataplane", cli->socket, "socket", "SLUICE_SOCKET");
		leave_failed();
	}
	if (err == 0)
		err = client_call(cli->client, method, params, &answer);
	if (err < 0 && cli->patience_ms == 0)
		die_lost(cli->socket, -err);
	*error = json_incref(json_object_get(answer, "error"));
	result = *error == NULL ? json_incref(json_object_get(answer, "result")) : NULL;
	json_decref(answer);
	json_decref(params);
	return result;
}

json_t *cli_call(struct cli *cli, const char *method, json_t *params)
{
	json_t *error, *result = cli_try(cli, method, params, &error);
	const char *message = json_string_value(json_object_get(error, "message"));

	if (error == NULL)
		return result;
	fail("%s", message != NULL ? message : "the dataplane refused and did not say why");
	report_details(json_object_get(error, "data"));
	/* a program reading stdout gets JSON either way */
	if (cli->json)
		print_json(json_pack("{s:O}", "error", error));
	leave_failed();
}

/* Large enough to be fast, small enough that a million MACs never stand in memory. */
#define PAGE 1000

void cli_pages(struct cli *cli, const char *method, json_t *params, struct pages *p)
{
	json_t *page, *cursor;
	bool more;

	do {
		json_int_t left = p->limit < 0 ? PAGE : p->limit - p->count;

		json_object_set_new(params, "limit", json_integer(left < PAGE ? left : PAGE));
		page = cli_call(cli, method, json_incref(params));
		cursor = json_object_get(page, "cursor");
		json_object_set(params, "cursor", cursor);
		more = cursor != NULL && !json_is_null(cursor);
		pages_print(p, json_object_get(page, p->name));
		json_decref(page);
	} while (more && (p->limit < 0 || p->count < p->limit));
	json_decref(params);
}

bool cli_event(struct cli *cli, double timeout_s, json_t **out)
{
	json_t *events = cli->client->events, *message;
	int got;

	if (json_array_size(events) > 0) {
		*out = json_incref(json_array_get(events, 0));
		json_array_remove(events, 0);
		return true;
	}
	got = receive(cli->client, timeout_s, &message);
	if (got == 0)
		return false;
	if (got < 0)
		die_lost(cli->socket, -got);
	*out = json_incref(json_object_get(message, "params"));
	json_decref(message);
	if (*out == NULL)
		die_lost(cli->socket, EPROTO);
	return true;
}

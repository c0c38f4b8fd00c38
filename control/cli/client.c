/* SPDX-License-Identifier: BSD-3-Clause */
/* See client.h. Answers come in the order of the requests and one request is out at a time, so
 * whatever comes without an id before the answer is a notification and is kept for client_event().
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "bounds.h"
#include "client.h"
#include "text.h"

struct client {
	int fd;
	json_int_t id;
	json_t *events; /* notifications not yet asked for */
	char *buf;
	size_t len, size;
	size_t searched; /* bytes of buf known to hold no newline */
};

static int client_socket(const char *path, int timeout_ms)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval tv = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* SO_SNDTIMEO bounds connect() too: a full backlog would block it */
	if (timeout_ms > 0) {
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	}
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int client_open(const char *path, int timeout_ms, struct client **out)
{
	struct client *client = calloc(1, sizeof(*client));
	int err = -ENOMEM;

	if (client == NULL)
		return -ENOMEM;
	client->events = json_array();
	if (client->events == NULL)
		goto err_free;
	client->fd = client_socket(path, timeout_ms);
	if (client->fd < 0) {
		err = client->fd;
		goto err_events;
	}
	*out = client;
	return 0;

err_events:
	json_decref(client->events);
err_free:
	free(client);
	return err;
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
	char *line = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
	size_t len;
	int err;

	json_decref(request);
	if (line == NULL)
		return -ENOMEM;
	len = strlen(line);
	if (len > LIMIT_RPC_LINE_BYTES) {
		err = -EMSGSIZE;
	} else {
		line[len] = '\n'; /* takes the NUL's place: send_all is given the length */
		err = send_all(client->fd, line, len + 1);
	}
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
		size_t size = client->size ? client->size * 2 : 1u << 18;
		char *buf = realloc(client->buf, size);

		if (buf == NULL)
			return -ENOMEM;
		client->buf = buf;
		client->size = size;
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
	if (!json_is_object(*message)) {
		json_decref(*message);
		*message = NULL; /* the caller gives back what it holds, on errors too */
		return -EPROTO;
	}
	return 1;
}

/* 1 with *message, 0 when timeout_s passed, -errno. */
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

int client_call(struct client *client, const char *method, const json_t *params, json_t **answer)
{
	int sent = send_request(client, method, params);
	int got;

	/* A server that refuses a line closes before reading all of it, but says why first: read
	 * that. */
	if (sent < 0 && sent != -EPIPE && sent != -ECONNRESET)
		return sent;
	for (;;) {
		got = receive(client, -1, answer);
		if (got < 0)
			return got == -ECONNRESET ? -EPIPE : got;
		if (json_object_get(*answer, "method") == NULL)
			break;
		json_array_append(client->events, json_object_get(*answer, "params"));
		json_decref(*answer);
	}
	if (json_object_get(*answer, "result") == NULL &&
		json_object_get(*answer, "error") == NULL) {
		json_decref(*answer);
		*answer = NULL;
		return -EPROTO;
	}
	return 0;
}

int client_event(struct client *client, double timeout_s, json_t **params)
{
	json_t *message;
	int got;

	if (json_array_size(client->events) > 0) {
		*params = json_incref(json_array_get(client->events, 0));
		json_array_remove(client->events, 0);
		return 1;
	}
	got = receive(client, timeout_s, &message);
	if (got <= 0)
		return got;
	*params = json_incref(json_object_get(message, "params"));
	json_decref(message);
	return *params != NULL ? 1 : -EPROTO;
}

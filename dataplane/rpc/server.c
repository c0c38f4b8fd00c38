/* SPDX-License-Identifier: BSD-3-Clause */
/* The listening socket (server.h). Owns the listener and the socket's file. */
#include "server.h"

#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "budget.h"
#include "claims.h"
#include "client.h"
#include "dispatch.h"
#include "events.h"
#include "bounds.h"
#include "methods.h"
#include "model.h"
#include "networks.h"
#include "nouns.h"
#include "sync_pending.h"
#include "trace_client.h"
#include "underlay.h"
#include "unix_socket.h"

#define PEER_GROUPS 1024
#define UID_NOBODY  65534

static struct event_base *loop;
static struct event *listener;
static char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];

/* Best effort: the socket is new, so its buffer has room. */
static void turn_away(int fd, uid_t uid)
{
	struct rpc_error err = {0};
	json_t *answer;
	char *text;

	rpc_fail(&err, RPC_ERR_INVALID_REQUEST,
		"uid %u may not use this socket: want root, or a member of group %u", uid,
		getegid());
	answer = error_answer(NULL, &err);
	text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	if (text && send(fd, text, strlen(text), MSG_NOSIGNAL) > 0)
		send(fd, "\n", 1, MSG_NOSIGNAL);
	budget_free_text(text, 0, NULL);
	json_decref(answer);
	close(fd);
}

/* Who may program the switch is as good as root: root, the user that runs it, and the socket's
 * group, whatever the modes of the socket and of its folder say. */
static bool peer_may(int fd, uid_t *uid)
{
	gid_t groups[PEER_GROUPS], own = getegid();
	socklen_t len = sizeof(struct ucred), groups_len = sizeof(groups);
	struct ucred peer;

	*uid = UID_NOBODY;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	*uid = peer.uid;
	if (peer.uid == 0 || peer.uid == geteuid() || peer.gid == own)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_len))
		return false; /* of more groups than anybody has */
	for (size_t i = 0; i < groups_len / sizeof(*groups); i++)
		if (groups[i] == own)
			return true;
	return false;
}

static void on_connection(evutil_socket_t listening, short what, void *arg)
{
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	uid_t uid;

	if (fd < 0) {
		/* out of descriptors: rpc_poll tries again, or the loop would spin */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			event_del(listener);
		return;
	}
	if (!peer_may(fd, &uid)) {
		turn_away(fd, uid);
		return;
	}
	if (client_count() >= LIMIT_RPC_CLIENTS)
		client_evict();
	client_open(loop, fd, uid, dispatch_line);
}

static void on_committed(const struct tx *tx)
{
	pending_committed(tx);
	underlay_resolve();
}

static void on_over(void)
{
	networks_sweep();
	noun_session_rest();
}

void nouns_start(void)
{
	nouns[OBJECT_PORT] = &noun_port;
	nouns[OBJECT_ADDRESS] = &noun_address;
	nouns[OBJECT_NEIGHBOR] = &noun_neighbor;
	nouns[OBJECT_ROUTE] = &noun_route;
	nouns[OBJECT_SLICE] = &noun_slice;
	nouns[OBJECT_ATTACHMENT] = &noun_attachment;
	nouns[OBJECT_TUNNEL] = &noun_tunnel;
	nouns[OBJECT_MEMBER] = &noun_member;
	nouns[OBJECT_METER] = &noun_meter;
	nouns[OBJECT_GTPU] = &noun_gtpu;
	backends[OBJECT_MAC] = &mac_backend;
	backends[OBJECT_NEIGHBOR] = &neighbor_backend;
	backends[OBJECT_ROUTE] = &route_backend;
	backends[OBJECT_SESSION] = &session_backend;
	store_ends = (struct store_ends){.committed = on_committed, .over = on_over};
}

int rpc_start(struct event_base *base, const char *path)
{
	int fd, rc;

	budget_install();
	nouns_start();
	signal(SIGPIPE, SIG_IGN);
	fd = unix_socket_listen(path, LIMIT_RPC_CLIENTS);
	if (fd < 0)
		return fd;
	strcpy(socket_path, path);
	loop = base;
	listener = event_new(base, fd, EV_READ | EV_PERSIST, on_connection, NULL);
	if (!listener || event_add(listener, NULL)) {
		rc = -ENOMEM;
		goto err_close;
	}
	events_start();
	noun_tap_start();
	pending_start(base);
	return 0;

err_close:
	if (listener)
		event_free(listener);
	listener = NULL;
	close(fd);
	unlink(path);
	return rc;
}

void rpc_stop(void)
{
	events_stop();
	trace_client_stop();
	client_close_all();
	if (listener) {
		close(event_get_fd(listener));
		event_free(listener);
		unlink(socket_path);
		listener = NULL;
	}
	noun_tap_stop();
	pending_stop();
	model_free();
	networks_free();
	claims_free();
}

void rpc_poll(void)
{
	if (listener && !event_pending(listener, EV_READ, NULL))
		event_add(listener, NULL);
	trace_client_poll();
	noun_tap_poll();
	budget_poll();
}

int rpc_apply_config(const char *file, struct rpc_error *err)
{
	json_t *params, *result = NULL;
	FILE *in = fopen(file, "re");
	json_error_t where;
	int rc;

	if (!in)
		return rpc_fail(err, RPC_ERR_PARSE, "%s", strerror(errno));
	budget_install();
	nouns_start();
	params = json_loadf(in, JSON_REJECT_DUPLICATES, &where);
	fclose(in);
	if (!params)
		return rpc_fail(err, RPC_ERR_PARSE, "line %d, column %d: %s", where.line,
			where.column, where.text);
	rc = method_transaction(NULL, params, &result, err);
	json_decref(result);
	json_decref(params);
	return rc;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Who asks: a peer of the unix socket, a certificate's holder by TCP, who shows a token; and how
 * often one may. Owns the buckets of the rates. */
#include "http_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "clock.h"
#include "hash.h"
#include "store.h"

/* ---- who asks ---- */

#define PEER_GROUPS 256
#define TOKEN_MAX   512 /* characters; ours have fewer than 64 */

const char *const role_names[] = {"none", "metrics", "viewer", "tenant", "operator", "admin", NULL};

bool actor_sees(const struct actor *actor, const char *tenant)
{
	switch (actor->role) {
	case ROLE_ADMIN:
	case ROLE_OPERATOR:
		return true;
	case ROLE_VIEWER:
		return !*actor->tenant || !strcmp(actor->tenant, tenant);
	case ROLE_TENANT:
		return *actor->tenant && !strcmp(actor->tenant, tenant);
	case ROLE_METRICS: /* their names and figures, by routes that have nothing else */
		return true;
	case ROLE_NONE:
		break;
	}
	return false;
}

bool actor_changes(const struct actor *actor, const char *tenant)
{
	return actor->role > ROLE_VIEWER && actor_sees(actor, tenant);
}

/* ---- unix ---- */

static bool in_group(
	const struct http_peer *peer, const struct ucred *cred, const gid_t *groups, size_t count)
{
	if (peer->any_gid || peer->gid == cred->gid)
		return true;
	for (size_t i = 0; i < count; i++)
		if (groups[i] == peer->gid)
			return true;
	return false;
}

static const struct http_peer *find_peer(
	const struct ucred *cred, const gid_t *groups, size_t count)
{
	for (size_t i = 0; i < http.peer_count; i++) {
		const struct http_peer *peer = &http.peers[i];

		if ((peer->any_uid || peer->uid == cred->uid) &&
			in_group(peer, cred, groups, count))
			return peer;
	}
	return NULL;
}

static void unix_peer(struct conn *conn, int fd)
{
	struct actor *actor = &conn->actor;
	gid_t groups[PEER_GROUPS];
	socklen_t len = sizeof(struct ucred), groups_len = sizeof(groups);
	const struct http_peer *peer;
	struct ucred cred;

	actor->role = ROLE_NONE;
	conn->uid = UINT32_MAX; /* nobody's */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return;
	conn->uid = cred.uid;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_len))
		groups_len = 0; /* of more groups than anybody has */
	peer = find_peer(&cred, groups, groups_len / sizeof(*groups));
	if (peer) {
		actor->role = peer->role;
		memcpy(actor->tenant, peer->tenant, sizeof(actor->tenant));
	} else {
		actor->role = cred.uid ? ROLE_VIEWER : ROLE_ADMIN;
	}
	/* no getpwuid: it may ask a directory server, and nothing here blocks */
	snprintf(actor->name, sizeof(actor->name), cred.uid ? "uid %u" : "root", cred.uid);
	snprintf(actor->source, sizeof(actor->source), "unix uid %u", cred.uid);
}

static void tcp_peer(struct conn *conn)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool four = !memcmp(conn->address, mapped, sizeof(mapped));

	conn->actor.role = conn->door->kind == DOOR_METRICS ? ROLE_METRICS : ROLE_NONE;
	inet_ntop(four ? AF_INET : AF_INET6, conn->address + (four ? 12 : 0), conn->actor.source,
		sizeof(conn->actor.source));
}

void auth_peer(struct conn *conn, int fd)
{
	if (conn->door->kind == DOOR_UNIX)
		unix_peer(conn, fd);
	else
		tcp_peer(conn);
}

/* ---- tokens ---- */

void sha256_hex(const void *const *pieces, const size_t *lens, int count, char *hex)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char hash[32] = {0};

	if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL)) {
		for (int i = 0; i < count; i++)
			EVP_DigestUpdate(context, pieces[i], lens[i]);
		EVP_DigestFinal_ex(context, hash, NULL);
	}
	EVP_MD_CTX_free(context);
	for (int i = 0; i < 32; i++)
		sprintf(hex + 2 * i, "%02x", hash[i]);
}

static enum role role_of(const char *name)
{
	for (int i = 0; role_names[i]; i++)
		if (!strcmp(role_names[i], name))
			return i;
	return ROLE_NONE;
}

static enum auth_result accept_token(
	const struct store_token *token, struct actor *actor, char *token_id)
{
	if (token->expires_us && token->expires_us <= clock_wall_us())
		return AUTH_EXPIRED;
	actor->role = role_of(token->role);
	memcpy(actor->name, token->name, sizeof(actor->name));
	memcpy(actor->tenant, token->tenant, sizeof(actor->tenant));
	memcpy(token_id, token->id, sizeof(token->id));
	return AUTH_OK;
}

/* Tokens are looked up by their hash: what the time of the comparison tells is of no use. */
enum auth_result auth_token(const char *header, struct actor *actor, char *token_id)
{
	struct store_token token = {0};
	char hash[65];
	size_t len;
	int rc;

	*token_id = '\0';
	if (!header)
		return AUTH_OK;
	if (strncasecmp(header, "Bearer ", 7))
		return AUTH_INVALID;
	header += 7;
	header += strspn(header, " ");
	len = strlen(header);
	if (!len || len > TOKEN_MAX)
		return AUTH_INVALID;
	sha256_hex((const void *const[]){header}, &len, 1, hash);
	rc = store_token_find(http.store, hash, &token);
	if (rc)
		return rc == -ENOENT ? AUTH_INVALID : AUTH_FAILED;
	return accept_token(&token, actor, token_id);
}

/* ---- how often one may ---- */

#define SETS   1024
#define WAYS   4
#define KEY    24
#define SECOND 1000000u

struct bucket {
	uint64_t last_us; /* 0: free */
	uint64_t credit;  /* millionths of a request */
	uint8_t key[KEY];
};
static struct bucket buckets[SETS][WAYS];

static struct bucket *find(const uint8_t key[KEY], uint32_t per_s, uint64_t now_us)
{
	uint32_t hash = hash_fnv32(HASH_FNV32, key, KEY);
	struct bucket *set = buckets[(hash ^ hash >> 16) % SETS], *oldest = set;

	for (int i = 0; i < WAYS; i++) {
		if (set[i].last_us && !memcmp(set[i].key, key, KEY))
			return &set[i];
		if (set[i].last_us < oldest->last_us)
			oldest = &set[i];
	}
	memcpy(oldest->key, key, KEY);
	oldest->last_us = now_us;
	oldest->credit = (uint64_t)per_s * SECOND;
	return oldest;
}

uint32_t rate_take(const void *key, size_t len, uint32_t per_s, uint64_t now_us)
{
	uint64_t most = (uint64_t)per_s * SECOND, passed_us;
	uint8_t whole[KEY] = {0};
	struct bucket *bucket;

	memcpy(whole, key, len < KEY ? len : KEY);
	bucket = find(whole, per_s, now_us);
	passed_us = now_us - bucket->last_us;
	bucket->last_us = now_us;
	if (passed_us >= SECOND || bucket->credit + passed_us * per_s > most)
		bucket->credit = most;
	else
		bucket->credit += passed_us * per_s;
	if (bucket->credit < SECOND)
		return 1; /* at least one a second comes back */
	bucket->credit -= SECOND;
	return 0;
}

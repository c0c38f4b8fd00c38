/* SPDX-License-Identifier: BSD-3-Clause */
/* The error answers of the socket (contract.md, "The socket").
 * Part of dataplane/objects: plain C, no rte_*. */
#ifndef API_ERRORS_H
#define API_ERRORS_H

#include <jansson.h>

enum rpc_code {
	RPC_OK = 0,
	RPC_ERR_PARSE = -32700,
	RPC_ERR_INVALID_REQUEST = -32600,
	RPC_ERR_METHOD_NOT_FOUND = -32601,
	RPC_ERR_PARAMS = -32602, /* data {path, want, got} */
	RPC_ERR_INTERNAL =
		-32603, /* data {path?, got?}: the device, the kernel or memory said no */
	RPC_ERR_NOT_FOUND = -32001, /* data {path, got} */
	RPC_ERR_IN_USE = -32002,    /* data {by} */
	RPC_ERR_CAPACITY = -32003,  /* data {limit} */
	RPC_ERR_CONFLICT = -32004,  /* data {with} */
	RPC_ERR_FORBIDDEN = -32005, /* control's own: beyond a tenant's grant; data {limit?} */
};

/* Filled by whoever refuses; the server turns it into the answer. Zeroed means no error. */
struct rpc_error {
	int code;	   /* enum rpc_code */
	char message[256]; /* one sentence for a person, saying what to do where that is known */
	char path[160];	   /* "ops[3].objects[0].vlan" */
	char want[200];	   /* "integer 1 to 4094" */
	char got[160];
	char with[160]; /* "attachment blue-10": who holds what was wanted */
	char by[160];	/* "attachment blue-10": who still uses it */
	long long limit;
};

/* Fills code and message (printf-like; the other fields stay as they are) and returns -1, so that a
 * check can `return rpc_fail(...)`. */
int rpc_fail(struct rpc_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The usual refusal of a value, RPC_ERR_PARAMS: "PATH: want WANT, got GOT". Returns -1. */
int rpc_fail_value(struct rpc_error *err, const char *path, const char *want, const char *got);

/* Puts what was formatted before err->path, with "." between unless path is empty or starts with
 * "[": a check knows its field, its caller knows which object it was. */
void rpc_error_prefix(struct rpc_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* {code, message, data?} */
json_t *error_json(const struct rpc_error *err);
/* The answer of JSON-RPC that says so; takes over id, which may be NULL. */
json_t *error_answer(json_t *id, const struct rpc_error *err);

/* Text from a client that an error shows: printable ASCII, cut. Returns out. */
const char *printable(const char *text, char *out, size_t size);

#endif

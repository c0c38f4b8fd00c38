/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking a method's parameters apart: each returns 0, or -1 with err naming the parameter. */
#ifndef RPC_PARAMS_H
#define RPC_PARAMS_H

#include "model.h"

/* Text, or NULL when it may be left out and is. */
int param_text(const json_t *params, const char *name, bool required, const char **out,
	struct rpc_error *err);
int param_int(const json_t *params, const char *name, json_int_t min, json_int_t max,
	json_int_t preset, json_int_t *out, struct rpc_error *err);
int param_bool(const json_t *params, const char *name, bool *out, struct rpc_error *err);
int param_array(const json_t *params, const char *name, bool required, const json_t **out,
	struct rpc_error *err);
/* "type", which is always required. */
int param_type(const json_t *params, const struct api_type **out, struct rpc_error *err);
/* The object a parameter names; NULL when left out. */
int param_object(const json_t *params, const char *name, enum object_type type, struct object **out,
	struct rpc_error *err);
/* Refuses what is not in names (NULL-terminated): a typing error must not be taken for silence. */
int param_known(const json_t *params, const char *const *names, struct rpc_error *err);

#endif

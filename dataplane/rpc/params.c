/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters of methods (params.h). */
#include "params.h"

#include <stdio.h>
#include <string.h>

static int refuse(const json_t *params, const char *name, const char *want, struct rpc_error *err)
{
	char got[100];

	return rpc_fail_value(
		err, name, want, api_show(json_object_get(params, name), got, sizeof(got)));
}

int param_text(const json_t *params, const char *name, bool required, const char **out,
	struct rpc_error *err)
{
	const json_t *value = json_object_get(params, name);

	*out = json_string_value(value);
	if (*out || (!value && !required))
		return 0;
	return refuse(params, name, "text", err);
}

int param_int(const json_t *params, const char *name, json_int_t min, json_int_t max,
	json_int_t preset, json_int_t *out, struct rpc_error *err)
{
	const json_t *value = json_object_get(params, name);
	char want[64];

	*out = value ? json_integer_value(value) : preset;
	if (!value || (json_is_integer(value) && *out >= min && *out <= max))
		return 0;
	snprintf(want, sizeof(want), "integer %lld to %lld", (long long)min, (long long)max);
	return refuse(params, name, want, err);
}

int param_bool(const json_t *params, const char *name, bool *out, struct rpc_error *err)
{
	const json_t *value = json_object_get(params, name);

	*out = json_is_true(value);
	if (!value || json_is_boolean(value))
		return 0;
	return refuse(params, name, "true or false", err);
}

int param_array(const json_t *params, const char *name, bool required, const json_t **out,
	struct rpc_error *err)
{
	*out = json_object_get(params, name);
	if (json_is_array(*out) || (!*out && !required))
		return 0;
	return refuse(params, name, "a list", err);
}

int param_type(const json_t *params, const struct api_type **out, struct rpc_error *err)
{
	const char *name;
	char got[80];

	if (param_text(params, "type", true, &name, err))
		return -1;
	*out = api_type_find(name);
	if (*out)
		return 0;
	return rpc_fail_value(err, "type", api_type_names(), printable(name, got, sizeof(got)));
}

int param_object(const json_t *params, const char *name, enum object_type type, struct object **out,
	struct rpc_error *err)
{
	const char *key;
	char got[80], want[64];

	*out = NULL;
	if (param_text(params, name, false, &key, err))
		return -1;
	if (!key)
		return 0;
	*out = model_find(type, key);
	if (*out)
		return 0;
	snprintf(want, sizeof(want), "the name of a %s", api_types[type].name);
	rpc_fail_value(err, name, want, printable(key, got, sizeof(got)));
	err->code = RPC_ERR_NOT_FOUND;
	snprintf(err->message, sizeof(err->message), "there is no %s \"%s\"", api_types[type].name,
		got);
	return -1;
}

int param_known(const json_t *params, const char *const *names, struct rpc_error *err)
{
	char want[160] = "", got[80];
	const char *key;
	json_t *value;
	size_t used = 0;

	json_object_foreach ((json_t *)params, key, value) {
		int i;

		for (i = 0; names[i] && strcmp(names[i], key); i++)
			;
		if (names[i])
			continue;
		for (i = 0; names[i] && used < sizeof(want); i++)
			used += snprintf(
				want + used, sizeof(want) - used, "%s%s", i ? ", " : "", names[i]);
		printable(key, got, sizeof(got));
		rpc_fail(err, RPC_ERR_PARAMS, "unknown parameter \"%s\"; there is: %s", got,
			names[0] ? want : "none");
		snprintf(err->path, sizeof(err->path), "%s", got);
		snprintf(err->want, sizeof(err->want), "%s", names[0] ? want : "no parameters");
		snprintf(err->got, sizeof(err->got), "%s", got);
		return -1;
	}
	return 0;
}

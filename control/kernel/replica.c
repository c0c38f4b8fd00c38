/* SPDX-License-Identifier: BSD-3-Clause */
/* The copy of sluice-control's world: sites, WANs and slices as they come. They were checked there,
 * so nothing is checked here but what an intent is in itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "kernel_private.h"
#include "log.h"

static int change(struct world *world, enum intent_type type, const char *name, const json_t *spec,
	struct rpc_error *err)
{
	if (json_is_object(spec))
		return world_put(world, type, spec, err);
	return world_find(world, type, name) ? world_delete(world, type, name, err) : 0;
}

int replica_put(struct mirroring *m, const json_t *line)
{
	int type = intent_type_of_kind(json_string_value(json_object_get(line, "intent")) ?: "");
	const char *name = json_string_value(json_object_get(line, "name"));
	struct rpc_error err = {0};
	int rc;

	if (type < 0 || !name)
		return -EPROTO;
	if (m->retold) {
		char *label = xprintf("%s %s", intent_kind(type), name);

		json_object_set_new(m->retold, label, json_true());
		free(label);
	}
	rc = world_begin(m->world);
	if (rc)
		return rc;
	if (change(m->world, type, name, json_object_get(line, "spec"), &err)) {
		world_rollback(m->world);
		log_text(LOG_ERROR_, "%s %s: %s", intent_kind(type), name, err.message);
		return -EPROTO;
	}
	world_commit(m->world, ++m->revision, clock_wall_us(), "sluice-control");
	return 0;
}

static int forget(struct mirroring *m, enum intent_type type)
{
	const struct intent *intent = world_first(m->world, type);
	struct rpc_error err = {0};

	while (intent) {
		char *label = xprintf("%s %s", intent_kind(type), intent->name);
		bool is_there = json_object_get(m->retold, label);
		api_name name;

		free(label);
		strcpy(name, intent->name);
		if (!is_there && world_delete(m->world, type, name, &err))
			return -EPROTO;
		intent = world_after(m->world, type, name);
	}
	return 0;
}

int replica_whole(struct mirroring *m)
{
	int rc = world_begin(m->world);

	if (rc)
		return rc;
	for (int type = 0; type < INTENT_TYPES && !rc; type++)
		rc = forget(m, type);
	world_commit(m->world, ++m->revision, clock_wall_us(), "sluice-control");
	json_decref(m->retold);
	m->retold = NULL;
	return rc;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The copy of sluice-control's world: sites, WANs and slices as they come. They were checked there,
 * so nothing is checked here but what an intent is in itself. */
#include <errno.h>
#include <string.h>

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

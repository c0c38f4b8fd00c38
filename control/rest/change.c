/* SPDX-License-Identifier: BSD-3-Clause */
/* What an actor may change, and what it hears of the rules between intents. */
#include "change.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool type_is_tenants(enum intent_type type)
{
	return type != INTENT_SITE && type != INTENT_WAN && type != INTENT_TENANT;
}

bool actor_limited(const struct actor *actor)
{
	return actor->role == ROLE_TENANT || (actor->role == ROLE_VIEWER && *actor->tenant);
}

bool actor_sees_intent(const struct actor *actor, const struct intent *intent)
{
	if (intent->type == INTENT_TENANT)
		return actor_sees(actor, intent->name);
	return !type_is_tenants(intent->type) || actor_sees(actor, intent->tenant);
}

static bool may_change(const struct actor *actor, enum intent_type type, const char *tenant)
{
	return (type_is_tenants(type) || !actor_limited(actor)) && actor_changes(actor, tenant);
}

int change_fail(struct change *c, int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->err.message, sizeof(c->err.message), fmt, args);
	va_end(args);
	c->refusal_status = status;
	return -1;
}

/* A tenant that names no tenant means its own. A new reference. */
static json_t *own_tenant(const struct actor *actor, enum intent_type type, const json_t *given)
{
	const json_t *value = json_object_get(given, "tenant");
	const char *named = json_string_value(value);
	bool none = !value || json_is_null(value) || (named && !*named);
	json_t *out;

	if (actor->role != ROLE_TENANT || !type_is_tenants(type) || !json_is_object(given) || !none)
		return json_incref((json_t *)given);
	out = json_copy((json_t *)given);
	json_object_set_new(out, "tenant", json_string(actor->tenant));
	return out;
}

static int put_refuses(struct change *c, const struct intent *existing, enum intent_type type,
	const char *name, bool must_be_new)
{
	if (!existing)
		return 0;
	if (!actor_sees_intent(&c->actor, existing))
		return change_fail(c, 409, "the name %s is taken; choose another", name);
	if (!may_change(&c->actor, type, existing->tenant))
		return change_fail(c, 403, "you may not change %s %s", intent_kind(type), name);
	if (must_be_new)
		return change_fail(c, 409,
			"%s %s is there already: change that one, or choose another name",
			intent_kind(type), name);
	return 0;
}

/* {"kind":"wan"} that is sent to /v1/slices is a mistake, and not a slice. */
static int kind_refuses(struct change *c, enum intent_type type, const json_t *given)
{
	const json_t *kind = json_object_get(given, "kind");
	char got[160];

	if (!kind || (json_is_string(kind) && !strcmp(json_string_value(kind), intent_kind(type))))
		return 0;
	return rpc_fail_value(&c->err, "kind", intent_kind(type), api_show(kind, got, sizeof(got)));
}

bool draft_read(const struct actor *actor, enum intent_type type, const json_t *given,
	struct change_draft *draft)
{
	json_t *spec = own_tenant(actor, type, given);
	struct rpc_error err = {0};
	int rc = intent_parse(type, spec, &draft->obj, &draft->spec, &err);

	json_decref(spec);
	if (rc)
		*draft = (struct change_draft){.obj = NULL};
	return !rc;
}

void draft_free(struct change_draft *draft)
{
	free(draft->obj);
	json_decref(draft->spec);
	*draft = (struct change_draft){.obj = NULL};
}

static int world_put_either(
	struct change *c, enum intent_type type, const json_t *given, struct change_draft *draft)
{
	struct change_draft taken = draft ? *draft : (struct change_draft){.obj = NULL};
	json_t *spec;
	int rc;

	if (taken.obj) {
		*draft = (struct change_draft){.obj = NULL};
		return world_put_parsed(control.world, type, taken.obj, taken.spec, &c->err);
	}
	spec = own_tenant(&c->actor, type, given);
	rc = world_put(control.world, type, spec, &c->err);
	json_decref(spec);
	return rc;
}

int change_put(struct change *c, enum intent_type type, const json_t *given, bool must_be_new,
	struct change_draft *draft)
{
	const char *name = json_string_value(json_object_get(given, "name"));
	const struct intent *intent = name ? world_find(control.world, type, name) : NULL;

	if (!type_is_tenants(type) && actor_limited(&c->actor))
		return change_fail(c, 403, "%ss are changed by operators", intent_kind(type));
	if (put_refuses(c, intent, type, name, must_be_new) || kind_refuses(c, type, given))
		return -1;
	if (world_put_either(c, type, given, draft))
		return -1;
	intent = world_find(control.world, type, name);
	if (!intent || !may_change(&c->actor, type, intent->tenant))
		return change_fail(c, 403,
			"you may not make a %s of tenant \"%s\"; yours is \"%s\"",
			intent_kind(type), intent ? intent->tenant : "", c->actor.tenant);
	return 0;
}

int change_delete(struct change *c, enum intent_type type, const char *name)
{
	const struct intent *intent = world_find(control.world, type, name);

	if (!intent || !actor_sees_intent(&c->actor, intent))
		return change_fail(c, 404, "there is no %s %s", intent_kind(type), name);
	if (!may_change(&c->actor, type, intent->tenant))
		return change_fail(c, 403, "you may not delete %s %s", intent_kind(type), name);
	return world_delete(control.world, type, name, &c->err);
}

/* A tenant does not hear whose it is that is in its way, nor how much others have booked. */
void change_refused_by_rules(struct change *c)
{
	const char *other = c->err.with[0] ? c->err.with : c->err.by;
	const char *space = strchr(other, ' ');
	char kind[40];
	const struct intent *intent;
	int type;

	if (actor_limited(&c->actor) && c->err.code == RPC_ERR_CAPACITY) {
		snprintf(c->err.message, sizeof(c->err.message),
			"there is not enough room left for it; ask for less, or ask the operators");
		c->err.limit = 0;
		return;
	}
	if (!actor_limited(&c->actor) || !space || space - other >= (long)sizeof(kind))
		return;
	snprintf(kind, sizeof(kind), "%.*s", (int)(space - other), other);
	type = intent_type_of_kind(kind);
	if (type < 0)
		return;
	intent = world_find(control.world, type, space + 1);
	if (intent && actor_sees_intent(&c->actor, intent))
		return;
	snprintf(c->err.message, sizeof(c->err.message), "%s",
		c->err.code == RPC_ERR_IN_USE ? "it is still in use by somebody else"
					      : "what you ask for is taken; choose another");
	c->err.with[0] = c->err.by[0] = c->err.got[0] = 0;
}

/* What of the box's own Linux a slice has is the operators' to say: a tenant that could name a
 * namespace could name another tenant's. */
static bool same_kernel_side(const struct intent_slice *a, const struct intent_slice *b)
{
	static const struct intent_slice none;
	uint32_t taps = 0;

	b = b ? b : &none;
	if (a->has_kernel != b->has_kernel || memcmp(&a->kernel, &b->kernel, sizeof(a->kernel)))
		return false;
	for (uint32_t i = 0; i < b->endpoints.count; i++)
		taps += b->endpoints.item[i].tap[0] != '\0';
	for (uint32_t i = 0; i < a->endpoints.count; i++) {
		const struct intent_endpoint *at = &a->endpoints.item[i];
		bool found = !at->tap[0];

		for (uint32_t j = 0; j < b->endpoints.count && !found; j++) {
			const struct intent_endpoint *was = &b->endpoints.item[j];

			found = at->vlan == was->vlan && !strcmp(at->tap, was->tap) &&
				!strcmp(at->site, was->site) && !strcmp(at->port, was->port);
		}
		if (!found)
			return false;
		taps -= at->tap[0] != '\0';
	}
	return !taps;
}

int change_check_tenant(struct change *c, const struct world_change *one)
{
	if (one->type == INTENT_SLICE && one->intent &&
		!same_kernel_side(
			&one->intent->obj->slice, one->was ? &one->was->obj->slice : NULL))
		return change_fail(c, 403,
			"slice %s: kernel and tap are set by operators; send them as they are "
			"(nothing, where there is nothing)",
			one->name);
	return 0;
}

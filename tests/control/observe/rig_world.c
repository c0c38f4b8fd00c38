/* SPDX-License-Identifier: BSD-3-Clause */
/* The world of a few intents of rig.h: what observe looks at, no more. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "rig.h"

static struct intent *intents[64];
static int intent_count;
unsigned rig_walked;

const char *const intent_state_names[] = {"pending", "applied", "refused", "elsewhere"};

const char *intent_path(enum intent_type type)
{
	static const char *const paths[] = {"sites", "wans", "slices", "hosts",
		"virtual-dedicated-networks", "local-data-networks", "sessions", "tenants"};

	_Static_assert(sizeof(paths) / sizeof(paths[0]) == INTENT_TYPES, "one each");

	return paths[type];
}

const char *intent_kind(enum intent_type type)
{
	static const char *const kinds[] = {"site", "wan", "slice", "host",
		"virtual-dedicated-network", "local-data-network", "session", "tenant"};

	_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == INTENT_TYPES, "one each");

	return kinds[type];
}

static struct intent *after(enum intent_type type, const char *name)
{
	struct intent *first = NULL;

	for (int i = 0; i < intent_count; i++)
		if (intents[i]->type == type && strcmp(intents[i]->name, name) > 0 &&
			(!first || strcmp(intents[i]->name, first->name) < 0))
			first = intents[i];
	return first;
}

struct intent *rig_first(enum intent_type type)
{
	return after(type, "");
}

struct intent *rig_next(const struct intent *intent)
{
	return after(intent->type, intent->name);
}

struct intent *world_after(const struct world *world, enum intent_type type, const char *name)
{
	rig_walked++;
	return after(type, name);
}

struct intent *world_first(const struct world *world, enum intent_type type)
{
	return world_after(world, type, "");
}

struct intent *world_next(const struct intent *intent)
{
	return world_after(NULL, intent->type, intent->name);
}

struct intent *world_find(const struct world *world, enum intent_type type, const char *name)
{
	for (int i = 0; i < intent_count; i++)
		if (intents[i]->type == type && !strcmp(intents[i]->name, name))
			return intents[i];
	return NULL;
}

size_t world_count(const struct world *world, enum intent_type type)
{
	size_t count = 0;

	for (int i = 0; i < intent_count; i++)
		count += intents[i]->type == type;
	return count;
}

struct intent *world_at_place(
	const struct world *world, const char *site, const char *port, uint32_t vlan)
{
	for (int i = 0; i < intent_count; i++) {
		const struct intent_endpoint *end;

		if (intents[i]->type != INTENT_SLICE)
			continue;
		end = intents[i]->obj->slice.endpoints.item;
		if (!strcmp(end->site, site) && !strcmp(end->port, port) && end->vlan == vlan)
			return intents[i];
	}
	return NULL;
}

struct intent *world_network_of(const struct world *world, const char *host, struct intent *after)
{
	return NULL;
}

void compile_way_name(api_name name, const char *own, const char *remote, uint32_t encap)
{
	snprintf(name, sizeof(api_name), "%.30s:%.30s", own, remote);
}

uint64_t world_booked_bps(const struct world *world, const char *wan)
{
	return 4000;
}

static struct intent *add(enum intent_type type, const char *name, const char *tenant, size_t more)
{
	struct intent *intent = calloc(1, sizeof(*intent));

	intent->obj = calloc(1, sizeof(*intent->obj) + more);
	intent->type = type;
	strcpy(intent->name, name);
	strcpy(intent->tenant, tenant);
	intents[intent_count++] = intent;
	return intent;
}

struct intent *rig_slice(const char *name, const char *tenant, const char *port, uint32_t vlan)
{
	struct intent *slice = add(INTENT_SLICE, name, tenant, sizeof(struct intent_endpoint));
	struct intent_endpoint *end = (void *)(slice->obj + 1);

	if (!world_find(NULL, INTENT_SITE, "here"))
		add(INTENT_SITE, "here", "", 0);
	strcpy(end->site, "here");
	strcpy(end->port, port);
	end->vlan = vlan;
	slice->obj->slice.endpoints.count = 1;
	slice->obj->slice.endpoints.item = end;
	return slice;
}

struct intent *rig_wan(const char *name, const char *site, const char *address)
{
	struct intent *wan = add(INTENT_WAN, name, "", sizeof(struct api_ip));
	struct api_ip *ip = (void *)(wan->obj + 1);

	ck_assert_int_eq(api_ip_parse(address, true, ip), 0);
	strcpy(wan->obj->wan.site, site);
	wan->obj->wan.capacity_bps = 8000;
	wan->obj->wan.port.addresses.count = 1;
	wan->obj->wan.port.addresses.item = ip;
	return wan;
}

struct intent *rig_session(const char *name, const char *tenant)
{
	return add(INTENT_SESSION, name, tenant, 0);
}

void rig_forget(struct intent *intent)
{
	for (int i = 0; i < intent_count; i++) {
		if (intents[i] != intent)
			continue;
		memmove(&intents[i], &intents[i + 1], (--intent_count - i) * sizeof(intents[0]));
		free(intent->obj);
		free(intent);
	}
}

void rig_forget_intents(void)
{
	while (intent_count) {
		free(intents[--intent_count]->obj);
		free(intents[intent_count]);
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether WANs have the room for what is booked on them, and carry what goes over them. */
#include <stdio.h>
#include <string.h>

#include "intent_private.h"

/* Between what an inner IP packet has and the outer one: Ethernet 14, VXLAN or Geneve 8, UDP 8, IP.
 */
#define OVERHEAD4 50
#define OVERHEAD6 70

uint32_t use_count(const struct intent *intent)
{
	const union intent_object *obj = intent->obj;

	if (intent->type == INTENT_SLICE)
		return intent_slice_is_stretched(&obj->slice) ? obj->slice.endpoints.count : 0;
	return intent->type == INTENT_NETWORK ? obj->network.placements.count : 0;
}

struct use use_get(const struct intent *intent, uint32_t index)
{
	const union intent_object *obj = intent->obj;

	if (intent->type == INTENT_SLICE) {
		const struct intent_endpoint *endpoint = &obj->slice.endpoints.item[index];

		return (struct use){
			endpoint->site, endpoint->wan, obj->slice.mtu, "endpoints[%u].wan"};
	}
	const struct intent_placement *placement = &obj->network.placements.item[index];

	return (struct use){placement->site, placement->wan, 0, "placements[%u].wan"};
}

uint64_t use_committed_bps(const struct intent *intent)
{
	return intent->type == INTENT_SLICE ? intent->obj->slice.bandwidth.committed_bps
					    : intent->obj->network.bandwidth.committed_bps;
}

static bool has_family(const struct intent_wan *wan, uint8_t family)
{
	for (uint32_t i = 0; i < wan->port.addresses.count; i++)
		if (wan->port.addresses.item[i].family == family)
			return true;
	return false;
}

uint32_t wan_overhead(const struct intent_wan *wan)
{
	if (!wan->port.addresses.count)
		return 0;
	return has_family(wan, 4) ? OVERHEAD4 : OVERHEAD6;
}

static const struct intent_wan *wan_of(const struct world *world, const struct use *use)
{
	const struct intent *wan = world_find(world, INTENT_WAN, use->wan);

	return wan ? &wan->obj->wan : NULL;
}

static int refuse(struct rpc_error *err, const struct use *use, uint32_t index, const char *want)
{
	char path[80], got[80];

	snprintf(path, sizeof(path), use->field, index);
	snprintf(got, sizeof(got), "wan %s", use->wan);
	return rpc_fail_value(err, path, want, got);
}

/* A tunnel goes from an address to one of the same family: false when this site's WAN and another
 * site's have none in common. */
static bool meets_all(
	const struct world *world, const struct intent *intent, uint32_t index, const char **other)
{
	struct use use = use_get(intent, index);
	const struct intent_wan *wan = wan_of(world, &use);
	bool has4 = has_family(wan, 4), has6 = has_family(wan, 6);

	for (uint32_t i = 0; (!has4 || !has6) && i < use_count(intent); i++) {
		struct use peer = use_get(intent, i);
		const struct intent_wan *its = wan_of(world, &peer);

		if (!its || !strcmp(peer.site, use.site))
			continue;
		if ((has4 && has_family(its, 4)) || (has6 && has_family(its, 6)))
			continue;
		*other = peer.wan;
		return false;
	}
	return true;
}

/* Which families some WAN of a slice or network does not have. */
static void find_lacking(
	const struct world *world, const struct intent *intent, bool *lacks4, bool *lacks6)
{
	for (uint32_t i = 0; i < use_count(intent); i++) {
		struct use use = use_get(intent, i);
		const struct intent_wan *wan = wan_of(world, &use);

		*lacks4 |= wan && !has_family(wan, 4);
		*lacks6 |= wan && !has_family(wan, 6);
	}
}

static int check_addresses(
	const struct world *world, const struct intent *intent, struct rpc_error *err)
{
	for (uint32_t i = 0; i < use_count(intent); i++) {
		struct use use = use_get(intent, i);
		const struct intent_wan *wan = wan_of(world, &use);

		if (wan && !wan->port.addresses.count)
			return refuse(err, &use, i, "a WAN that has an address");
	}
	return 0;
}

/* Each WAN that a slice or network uses has an address that the others can reach, and carries its
 * packets. */
static int check_carries(
	const struct world *world, const struct intent *intent, struct rpc_error *err)
{
	bool lacks4 = false, lacks6 = false;
	uint32_t overhead;
	const char *other;
	char want[120];

	if (check_addresses(world, intent, err))
		return -1;
	find_lacking(world, intent, &lacks4, &lacks6);
	overhead = lacks4 ? OVERHEAD6 : OVERHEAD4;
	for (uint32_t i = 0; i < use_count(intent); i++) {
		struct use use = use_get(intent, i);
		const struct intent_wan *wan = wan_of(world, &use);

		if (!wan)
			continue;
		if (use.mtu && wan->port.mtu < use.mtu + overhead) {
			snprintf(want, sizeof(want), "a WAN with an mtu of at least %u + %u",
				use.mtu, overhead);
			return refuse(err, &use, i, want);
		}
		if (lacks4 && lacks6 && !meets_all(world, intent, i, &other)) {
			snprintf(want, sizeof(want),
				"a WAN with an address of the family that wan %s has", other);
			return refuse(err, &use, i, want);
		}
	}
	return 0;
}

/* Two WANs at one site would be booked both, and one used: a slice goes by one of each site. */
static int check_one_wan(
	const struct world *world, const struct intent *intent, struct rpc_error *err)
{
	char want[80];

	for (uint32_t i = 1; intent->type == INTENT_SLICE && i < use_count(intent); i++) {
		struct use use = use_get(intent, i), first;
		uint32_t at = 0;

		while (strcmp((first = use_get(intent, at)).site, use.site))
			at++;
		if (!strcmp(first.wan, use.wan))
			continue;
		snprintf(want, sizeof(want), "wan %s, as for endpoints[%u] of the same site",
			first.wan, at);
		return refuse(err, &use, i, want);
	}
	return 0;
}

static int check_room(const struct world *world, const struct intent *intent, struct rpc_error *err)
{
	uint64_t need = use_committed_bps(intent);

	for (uint32_t i = 0; need && i < use_count(intent); i++) {
		struct use use = use_get(intent, i);
		const struct intent_wan *wan = wan_of(world, &use);
		uint64_t booked = world_booked_bps(world, use.wan);

		if (!wan || !wan->capacity_bps || booked <= wan->capacity_bps)
			continue;
		snprintf(err->path, sizeof(err->path), use.field, i);
		return wan_refuse_room(wan, booked - need, need, intent, err);
	}
	return 0;
}

int wan_refuse_room(const struct intent_wan *wan, uint64_t booked, uint64_t need,
	const struct intent *intent, struct rpc_error *err)
{
	uint64_t left = wan->capacity_bps > booked ? wan->capacity_bps - booked : 0;
	char title[128];

	err->limit = wan->capacity_bps;
	return rpc_fail(err, RPC_ERR_CAPACITY,
		"wan %s has %llu of %llu bit/s left; %s needs %llu, %llu more", wan->port.name,
		(unsigned long long)left, (unsigned long long)wan->capacity_bps,
		intent_title(intent, title, sizeof(title)), (unsigned long long)need,
		(unsigned long long)(need - left));
}

static bool carries_as_before(const struct intent *was, const struct intent *now)
{
	const struct intent_port *a = &was->obj->wan.port, *b = &now->obj->wan.port;

	if (a->mtu > b->mtu || a->addresses.count != b->addresses.count)
		return false;
	for (uint32_t i = 0; i < a->addresses.count; i++)
		if (a->addresses.item[i].family != b->addresses.item[i].family)
			return false;
	return true;
}

/* A WAN that carries less than before: whom does it not carry any more? */
static int check_users(const struct world *world, const struct intent *wan, struct rpc_error *err)
{
	struct intent *user = NULL;
	char text[API_KEY_BYTES];

	snprintf(text, sizeof(text), "%.*s/%.*s", INTENT_NAME, wan->obj->wan.site, INTENT_NAME,
		wan->name);
	while ((user = world_holder(world, CONSTRAINT_NEEDS, KEY_WAN, text, user))) {
		if (user->node->touch || !check_carries(world, user, err))
			continue;
		err->code = RPC_ERR_IN_USE;
		err->path[0] = '\0';
		intent_title(user, err->by, sizeof(err->by));
		snprintf(err->message, sizeof(err->message), "%.90s uses it, and wants %.140s",
			err->by, err->want);
		return -1;
	}
	return 0;
}

int wan_check_own(struct world *world, struct intent *intent, struct rpc_error *err)
{
	const struct intent_wan *wan = &intent->obj->wan;
	uint64_t booked = world_booked_bps(world, intent->name);
	const struct intent *was = intent_was(intent);

	if (intent->type != INTENT_WAN)
		return 0;
	if (wan->capacity_bps && booked > wan->capacity_bps) {
		err->limit = booked;
		snprintf(err->path, sizeof(err->path), "capacity_bps");
		return rpc_fail(err, RPC_ERR_CAPACITY,
			"wan %s has %llu bit/s booked: its capacity cannot be %llu", intent->name,
			(unsigned long long)booked, (unsigned long long)wan->capacity_bps);
	}
	if (!was || carries_as_before(was, intent))
		return 0;
	return check_users(world, intent, err);
}

int wan_check_user(struct world *world, struct intent *intent, struct rpc_error *err)
{
	if (!use_count(intent))
		return 0;
	return check_one_wan(world, intent, err) || check_carries(world, intent, err) ||
			       check_room(world, intent, err)
		       ? -1
		       : 0;
}

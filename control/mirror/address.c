/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of the kernel's interfaces → objects: on an underlay port what the box is, on an
 * attachment a gateway.
 *
 * An intent's address that the dataplane or control itself has put on a tap comes back by netlink.
 * Taken for the kernel's own it would stay when the intent goes, so those carry API_KERNEL_PROTOCOL
 * (Linux 5.18) and are left out here; what somebody else has put stays his. */
#include <string.h>

#include "compile.h"
#include "mirror_private.h"

bool ip_is_link_local(const struct api_ip *ip)
{
	return ip->family == 6 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

void address_changed(struct place *place, const struct kernel_address *address, bool gone)
{
	struct subject *subject;

	if (!place->space)
		return;
	subject =
		subject_mark(place->space->mirror, OBJECT_ADDRESS, &place->home, &address->prefix);
	if (subject)
		subject->there = !gone && address->protocol != API_KERNEL_PROTOCOL;
}

/* On ports a link-local next hop needs no network; of a slice it can be on one attachment. */
static bool is_for(const struct mirror *mirror, const struct place *place, const struct api_ip *ip)
{
	if (!ip_is_link_local(ip))
		return !place->attachment || place->source;
	return place->attachment && place->source && place_is_first(mirror, place);
}

bool address_make(struct mirror *mirror, struct subject *subject, union api_object *obj)
{
	const struct place *place = (const struct place *)subject->home;

	if (!subject->there || !place->index || !is_for(mirror, place, &subject->ip))
		return false;
	memset(obj, 0, sizeof(*obj));
	strcpy(place->attachment ? obj->address.attachment : obj->address.port, place->name);
	obj->address.prefix = subject->ip;
	return true;
}

/* ---- what the intents say: on NICs below AF_XDP ports, and on taps of l3 slices ---- */

struct put {
	const struct place *place;
	const struct api_ip *wanted;
	uint32_t count;
	uint64_t found; /* bit n: of those wanted */
};

static bool same_prefix(const struct api_ip *a, const struct api_ip *b)
{
	return a->family == b->family && a->len == b->len &&
	       !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static void compare(const void *entry, void *arg)
{
	const struct kernel_address *address = entry;
	struct put *put = arg;
	bool wanted = false;

	if (address->index != put->place->index)
		return;
	for (uint32_t i = 0; i < put->count; i++)
		if (same_prefix(&put->wanted[i], &address->prefix)) {
			put->found |= 1ull << i;
			wanted = true;
		}
	if (!wanted && address->protocol == API_KERNEL_PROTOCOL)
		kernel_set_address(
			put->place->space->kernel, address->index, &address->prefix, false);
}

static const struct intent_port *port_intent(struct mirror *mirror, const char *name)
{
	const struct intent *wan = world_find(mirror->world, INTENT_WAN, name);
	const struct intent *site = world_find(mirror->world, INTENT_SITE, mirror->site);

	if (wan && !strcmp(wan->obj->wan.site, mirror->site))
		return &wan->obj->wan.port;
	for (uint32_t i = 0; site && i < site->obj->site.ports.count; i++)
		if (!strcmp(site->obj->site.ports.item[i].name, name))
			return &site->obj->site.ports.item[i];
	return NULL;
}

/* The gateways of an attachment. */
static const struct intent_endpoint *endpoint_of(struct mirror *mirror, const struct place *place)
{
	const struct intent *slice = world_find(mirror->world, INTENT_SLICE, place->slice);
	const struct intent_endpoints *all = slice ? &slice->obj->slice.endpoints : NULL;
	api_name name;

	for (uint32_t i = 0; all && i < all->count; i++) {
		attachment_name(name, place->slice, all->item[i].port, all->item[i].vlan);
		if (!strcmp(all->item[i].site, mirror->site) && !strcmp(name, place->name))
			return &all->item[i];
	}
	return NULL;
}

static void put_all(const struct place *place, const struct api_ip *wanted, uint32_t count)
{
	struct put put = {place, wanted, count < 64 ? count : 64, 0};

	kernel_each(place->space->kernel, KERNEL_ADDRESS, compare, &put);
	for (uint32_t i = 0; i < put.count; i++)
		if (!(put.found >> i & 1))
			kernel_set_address(place->space->kernel, place->index, &wanted[i], true);
}

void address_place(struct mirror *mirror, const struct place *place)
{
	const struct intent_port *port = place->nic ? port_intent(mirror, place->name) : NULL;
	const struct intent_endpoint *at =
		place->attachment && place->source ? endpoint_of(mirror, place) : NULL;
	struct api_ip gateway[2];
	uint32_t count = 0;
	bool outside;

	if (!place->index || !place->space->complete)
		return;
	if (port)
		put_all(place, port->addresses.item, port->addresses.count);
	if (!at)
		return;
	outside = tap_is_outside(place);
	if (at->gateway.family && !outside)
		gateway[count++] = at->gateway;
	if (at->gateway6.family && !outside)
		gateway[count++] = at->gateway6;
	put_all(place, gateway, count);
}

void address_space(struct space *space)
{
	const struct place *place;

	TAILQ_FOREACH (place, &space->mirror->places, link)
		if (place->space == space)
			address_place(space->mirror, place);
}

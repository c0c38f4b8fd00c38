/* SPDX-License-Identifier: BSD-3-Clause */
/* What slices name of the kernel and is not there or not as it should be, one line a slice, in
 * words that say what to do: worked out anew each time somebody asks.
 *
 * The same as events: "kernel.incomplete" with the reason, "kernel.complete" when it is mended.
 * Told when it is so at two looks: what comes one after the other (a namespace, its links, its
 * taps) is no news. Owns what was told. */
#include "mirror_private.h"

#include <stdio.h>
#include <string.h>

/* ---- a slice's VXLAN device: EVPN is silent about all of it ---- */

#define VXLAN_PORT 4789 /* RFC 8365: BGP does not tell it */

/* ---- there is none that can be taken ---- */

struct candidates {
	const struct evpn_slice_view *view;
	const struct kernel_link *down, *unnamed, *apart, *other;
};

static bool is_in_bridge(const struct evpn_slice_view *view, const struct kernel_link *link)
{
	const struct kernel_link *master =
		link->master ? kernel_link(view->kernel, link->master) : NULL;

	return !view->bridge[0] || (master && !strcmp(master->name, view->bridge));
}

static void look_at_link(const void *entry, void *arg)
{
	const struct kernel_link *link = entry;
	struct candidates *all = arg;

	if (strcmp(link->kind, "vxlan"))
		return;
	if (link->vxlan.vni != all->view->vni) {
		/* outside of a bridge or namespace that is the slice's it may be anybody's */
		if ((all->view->bridge[0] || kernel_netns(all->view->kernel)) &&
			is_in_bridge(all->view, link))
			all->other = link;
		return;
	}
	if (!is_in_bridge(all->view, link))
		all->apart = link;
	else if (!link->vxlan.local.family)
		all->unnamed = link;
	else if (!link->up)
		all->down = link;
}

static bool missing(const struct evpn_slice_view *view, char *said)
{
	struct candidates all = {.view = view};

	kernel_each(view->kernel, KERNEL_LINK, look_at_link, &all);
	if (all.unnamed)
		snprintf(said, MIRROR_GAP_BYTES,
			"VXLAN device %s has no local address: make it anew with one (local …)",
			all.unnamed->name);
	else if (all.down)
		snprintf(said, MIRROR_GAP_BYTES, "VXLAN device %s is down: ip link set %s up",
			all.down->name, all.down->name);
	else if (all.apart)
		snprintf(said, MIRROR_GAP_BYTES,
			"VXLAN device %s is no port of bridge %s: ip link set %s master %s",
			all.apart->name, view->bridge, all.apart->name, view->bridge);
	else if (all.other)
		snprintf(said, MIRROR_GAP_BYTES,
			"VXLAN device %s has VNI %u, and the slice has %u: nothing comes by EVPN",
			all.other->name, all.other->vxlan.vni, view->vni);
	else if (view->bridge[0])
		snprintf(said, MIRROR_GAP_BYTES,
			"bridge %s has no VXLAN device of VNI %u that is up and has a local "
			"address: nothing comes by EVPN",
			view->bridge, view->vni);
	else
		return false; /* a routed slice may do without EVPN */
	return true;
}

/* ---- it is not as the other VTEPs expect it ---- */

struct holder {
	const struct mirror *mirror;
	const struct api_ip *ip;
	const struct space *own;
	const struct kernel_link *elsewhere; /* the interface it is on, which is none of ours */
	bool found;
};

static bool same_host(const struct api_ip *a, const struct api_ip *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* What comes to it comes by one of our ports: it is on one, or on none in particular. */
static bool is_reached(const struct mirror *mirror, const struct kernel_link *link)
{
	static const char *const inside[] = {"dummy", "bridge", "vrf"};
	const struct place *place;

	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		if (!strcmp(link->kind, inside[i]))
			return true;
	TAILQ_FOREACH (place, &mirror->places, link)
		if (!place->attachment && place->space && place->index == link->index)
			return true;
	return !strcmp(link->name, "lo");
}

static void look_at_address(const void *entry, void *arg)
{
	const struct kernel_address *address = entry;
	struct holder *holder = arg;
	const struct kernel_link *link;

	if (holder->found || !same_host(&address->prefix, holder->ip))
		return;
	link = kernel_link(holder->own->kernel, address->index);
	if (link && !is_reached(holder->mirror, link))
		holder->elsewhere = link;
	else
		holder->found = true;
}

static bool port_has(const struct intent_port *port, const struct api_ip *ip)
{
	for (uint32_t i = 0; i < port->addresses.count; i++)
		if (same_host(&port->addresses.item[i], ip))
			return true;
	return false;
}

static bool intents_have(const struct mirror *mirror, const struct api_ip *ip)
{
	const struct intent *site = world_find(mirror->world, INTENT_SITE, mirror->site);
	struct intent *wan = NULL;

	while ((wan = world_wans_of(mirror->world, mirror->site, wan)))
		if (port_has(&wan->obj->wan.port, ip))
			return true;
	for (uint32_t i = 0; site && i < site->obj->site.ports.count; i++)
		if (port_has(&site->obj->site.ports.item[i], ip))
			return true;
	return false;
}

static bool local_gap(const struct mirror *mirror, const struct kernel_link *device, char *said)
{
	struct holder holder = {.mirror = mirror, .ip = &device->vxlan.local};
	char text[64];

	holder.own = space_get((struct mirror *)mirror, "", false);
	if (!holder.own || !holder.own->complete || intents_have(mirror, holder.ip))
		return false;
	kernel_each(holder.own->kernel, KERNEL_ADDRESS, look_at_address, &holder);
	if (holder.found)
		return false;
	api_ip_format(holder.ip, false, text);
	if (holder.elsewhere)
		snprintf(said, MIRROR_GAP_BYTES,
			"VXLAN device %s has local address %s, which is on %s, no port of this "
			"box: what others send there does not come",
			device->name, text, holder.elsewhere->name);
	else
		snprintf(said, MIRROR_GAP_BYTES,
			"VXLAN device %s has local address %s, which this box does not have: what "
			"others send there does not come",
			device->name, text);
	return true;
}

struct sharing {
	const struct evpn_slice_view *view;
	uint32_t master;
	bool passed; /* those from the slice itself on */
	const char *first;
};

static void look_at_sharer(const struct evpn_slice_view *view, void *arg)
{
	struct sharing *sharing = arg;
	const struct kernel_link *device;

	sharing->passed |= !strcmp(view->slice, sharing->view->slice);
	if (sharing->passed || sharing->first || view->kernel != sharing->view->kernel ||
		view->bridge[0] || !view->device)
		return;
	device = kernel_link(view->kernel, view->device);
	if (device && device->master == sharing->master)
		sharing->first = view->slice;
}

/* Its router's MAC is the bridge's, which can have that of one slice: the first (evpn.c). */
static bool bridge_gap(const struct mirror *mirror, const struct evpn_slice_view *view,
	const struct kernel_link *device, char *said)
{
	const struct kernel_link *bridge =
		device->master ? kernel_link(view->kernel, device->master) : NULL;
	struct sharing sharing = {.view = view, .master = device->master};

	if (view->bridge[0] || !bridge)
		return false;
	evpn_each_slice(mirror->evpn, look_at_sharer, &sharing);
	if (!sharing.first)
		return false;
	snprintf(said, MIRROR_GAP_BYTES,
		"VXLAN device %s is on bridge %s as that of slice %.63s, whose router MAC the "
		"bridge has: give each a bridge of its own",
		device->name, bridge->name, sharing.first);
	return true;
}

/* What is wrong with a slice's VXLAN device, as MIRROR_GAP_BYTES of text; false: nothing. */
static bool gap_vxlan(const struct mirror *mirror, const struct evpn_slice_view *view, char *said)
{
	const struct kernel_link *device =
		view->device ? kernel_link(view->kernel, view->device) : NULL;

	if (!device)
		return missing(view, said);
	if (local_gap(mirror, device, said) || bridge_gap(mirror, view, device, said))
		return true;
	if (device->vxlan.dst_port == VXLAN_PORT)
		return false;
	snprintf(said, MIRROR_GAP_BYTES,
		"VXLAN device %s has UDP port %u where others expect %u: make it anew with dstport "
		"%u, unless all have the other",
		device->name, device->vxlan.dst_port, VXLAN_PORT, VXLAN_PORT);
	return true;
}

/* ---- one line a slice ---- */

struct asking {
	const struct mirror *mirror;
	mirror_gap each;
	void *arg;
};

struct text {
	char said[MIRROR_GAP_BYTES];
};

static bool space_gap(const struct space *space, struct text *text)
{
	if (kernel_complete(space->kernel))
		return false;
	snprintf(text->said, sizeof(text->said),
		"network namespace %s is not there: ip netns add %s", space->netns, space->netns);
	return true;
}

static bool master_gap(
	const struct space *space, const char *name, const char *kind, struct text *text)
{
	const struct kernel_link *link = name[0] ? kernel_link_named(space->kernel, name) : NULL;

	if (!name[0] || (link && !strcmp(link->kind, kind)))
		return false;
	snprintf(text->said, sizeof(text->said),
		link ? "interface %s is not a %s: give one of the two another name"
		     : "there is no interface %s: add it, of type %s",
		name, kind);
	return true;
}

static bool tap_gap(const struct mirror *mirror, const struct space *space, const char *slice,
	struct text *text)
{
	const struct kernel_link *link;
	const struct place *place;

	TAILQ_FOREACH (place, &mirror->places, link) {
		if (!place->attachment || place->space != space || strcmp(place->slice, slice))
			continue;
		link = kernel_link_named(space->kernel, place->interface);
		if (link && tap_is(link))
			continue;
		snprintf(text->said, sizeof(text->said),
			link ? "interface %s%s%s is somebody else's, and the endpoint's tap has "
			       "that name: rename or delete it"
			     : "tap %s has not come%s%s yet",
			place->interface, space->netns[0] ? " in namespace " : "", space->netns);
		return true;
	}
	return false;
}

static const struct space *space_of(const struct mirror *mirror, const struct kernel *kernel)
{
	const struct space *space;

	TAILQ_FOREACH (space, &mirror->spaces, link)
		if (space->kernel == kernel)
			return space;
	return NULL;
}

/* The kernel takes any bytes for a name of an interface; JSON is UTF-8. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void slice_gap(const struct evpn_slice_view *view, void *arg)
{
	const struct asking *asking = arg;
	const struct intent *intent = world_find(asking->mirror->world, INTENT_SLICE, view->slice);
	const struct space *space = space_of(asking->mirror, view->kernel);
	struct text text;
	bool gap;

	if (!intent || !space)
		return;
	gap = space_gap(space, &text) ||
	      master_gap(space, intent->obj->slice.kernel.vrf, "vrf", &text) ||
	      master_gap(space, view->bridge, "bridge", &text) ||
	      tap_gap(asking->mirror, space, view->slice, &text) ||
	      gap_vxlan(asking->mirror, view, text.said);
	if (!gap)
		return;
	make_printable(text.said);
	asking->each(view->slice, text.said, asking->arg);
}

void mirror_gaps(const struct mirror *mirror, mirror_gap each, void *arg)
{
	struct asking asking = {.mirror = mirror, .each = each, .arg = arg};

	evpn_each_slice(mirror->evpn, slice_gap, &asking);
}

/* ---- as events ---- */

static void publish(const struct mirror *mirror, const char *slice, const json_t *said)
{
	const struct mirror_sink *sink = &mirror->sink;

	if (said)
		sink->event(LOG_WARN_, "kernel.incomplete",
			json_pack("{s:s, s:O}", "slice", slice, "reason", said), sink->arg);
	else
		sink->event(LOG_INFO_, "kernel.complete", json_pack("{s:s}", "slice", slice),
			sink->arg);
}

/* What is so at two looks, and what is not so any more. */
static void tell(struct mirror *mirror, json_t *now)
{
	const char *slice;
	json_t *said;
	void *next;

	json_object_foreach (now, slice, said) {
		if (!json_equal(said, json_object_get(mirror->gaps, slice)) ||
			json_equal(said, json_object_get(mirror->gaps_told, slice)))
			continue;
		json_object_set(mirror->gaps_told, slice, said);
		publish(mirror, slice, said);
	}
	json_object_foreach_safe (mirror->gaps_told, next, slice, said) {
		if (json_object_get(now, slice))
			continue;
		/* of a slice that is gone its own event tells */
		if (world_find(mirror->world, INTENT_SLICE, slice))
			publish(mirror, slice, NULL);
		json_object_del(mirror->gaps_told, slice);
	}
}

static void add_gap(const char *slice, const char *said, void *arg)
{
	json_object_set_new(arg, slice, json_string(said));
}

json_t *mirror_look_for_gaps(struct mirror *mirror)
{
	json_t *now = json_object();

	mirror_gaps(mirror, add_gap, now);
	if (mirror->ready) /* before that most of it is only not known yet */
		tell(mirror, now);
	json_decref(mirror->gaps);
	return mirror->gaps = now;
}

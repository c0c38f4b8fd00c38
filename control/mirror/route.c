/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes of the kernel's tables that feed one of the dataplane's → objects.
 *
 * Of several routes to a prefix the one of the lowest metric counts, as in the kernel. Its ways by
 * interfaces that are no place of this source, that have no carrier, or that are dead are left
 * out; a route without any way left is unusable. Left out as well: what the kernel has for itself
 * (connected networks, which follow from the addresses; local, broadcast, multicast), and ways
 * whose next hop is of the other family (RFC 8950), which the dataplane does not know. */
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "mirror_private.h"

#define WAYS_MAX 256 /* that are looked at */

/* One way → via. false: it is not one of ours, or not now. */
static bool way_make(struct mirror *mirror, const struct source *source,
	const struct kernel_route *route, const struct kernel_via *way, struct api_via *via)
{
	const struct place *place = way->index ? place_of(mirror, source->space, way->index) : NULL;

	memset(via, 0, sizeof(*via));
	via->weight = way->weight ? way->weight : 1;
	if (!place && way->index && !way->dead)
		return evpn_via(mirror->evpn, source->space->kernel, source->table, way->index,
			&way->address, via);
	if (!place || place->source != source || !place->carrier || way->dead)
		return false;
	if (way->address.family && way->address.family != route->prefix.family)
		return false;
	if (place->attachment && ip_is_link_local(&way->address) && !place_is_first(mirror, place))
		return false;
	strcpy(place->attachment ? via->attachment : via->port, place->name);
	via->address = way->address;
	return true;
}

/* The same whatever order the kernel has them in. */
static int compare_vias(const void *a, const void *b)
{
	const struct api_via *x = a, *y = b;
	int order = strcmp(x->port, y->port);

	order = order ? order : strcmp(x->attachment, y->attachment);
	order = order ? order : strcmp(x->tunnel, y->tunnel);
	order = order ? order : memcmp(x->address.bytes, y->address.bytes, 16);
	return order ? order : memcmp(x->mac.bytes, y->mac.bytes, 6);
}

/* Equal ones become one of both weights. How many are left. */
static uint32_t merge(struct api_via *via, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++)
		if (kept && !compare_vias(&via[kept - 1], &via[i]))
			via[kept - 1].weight += via[i].weight;
		else
			via[kept++] = via[i];
	return kept;
}

/* The kernel has 256, the dataplane 255: in proportion. */
static void scale(struct api_via *via, uint32_t count)
{
	uint32_t most = 1;

	for (uint32_t i = 0; i < count; i++)
		most = via[i].weight > most ? via[i].weight : most;
	for (uint32_t i = 0; most > 255 && i < count; i++) {
		via[i].weight = via[i].weight * 255 / most;
		via[i].weight = via[i].weight ? via[i].weight : 1;
	}
}

/* How many ways it has. */
static uint32_t ways_make(struct mirror *mirror, const struct source *source,
	const struct kernel_route *route, struct api_via *out)
{
	struct kernel_via way[WAYS_MAX];
	struct api_via via[WAYS_MAX];
	uint32_t count = 0, ways = kernel_ways(source->space->kernel, route, way, WAYS_MAX);

	for (uint32_t i = 0; i < ways && i < WAYS_MAX; i++)
		count += way_make(mirror, source, route, &way[i], &via[count]);
	if (count > 1) {
		qsort(via, count, sizeof(*via), compare_vias);
		count = merge(via, count);
	}
	scale(via, count);
	if (count > LIMIT_ROUTE_VIA) {
		mirror->counters.ways_left_out += count - LIMIT_ROUTE_VIA;
		count = LIMIT_ROUTE_VIA;
	}
	memcpy(out, via, count * sizeof(*via));
	return count;
}

/* Does a packet go on by it, as far as the kernel is concerned? */
static bool is_forwarding(const struct kernel_route *route)
{
	return route->type == RTN_UNICAST && route->protocol != RTPROT_KERNEL;
}

static bool is_discarding(const struct kernel_route *route)
{
	return route->type == RTN_BLACKHOLE || route->type == RTN_UNREACHABLE ||
	       route->type == RTN_PROHIBIT;
}

static bool unicast_prefix(const struct api_ip *prefix)
{
	return prefix->family == 4 ? prefix->bytes[0] < 224
				   : prefix->bytes[0] != 0xff && !ip_is_link_local(prefix);
}

static void count_as(struct mirror *mirror, struct subject *subject, bool unusable)
{
	mirror->counters.routes_unusable += unusable - subject->unusable;
	subject->unusable = unusable;
}

bool route_make(struct mirror *mirror, struct subject *subject, union api_object *obj)
{
	const struct source *source = (const struct source *)subject->home;
	const struct kernel_route *route =
		source->space && source->number && unicast_prefix(&subject->ip)
			? kernel_route(source->space->kernel, source->number, &subject->ip)
			: NULL;
	bool forwarding = route && is_forwarding(route);

	memset(obj, 0, sizeof(*obj));
	strcpy(obj->route.table, source->table);
	obj->route.prefix = subject->ip;
	if (forwarding)
		obj->route.via_count = ways_make(mirror, source, route, obj->route.via);
	count_as(mirror, subject, forwarding && !obj->route.via_count);
	/* without ways it drops, where a shorter prefix would forward */
	return obj->route.via_count || (route && is_discarding(route));
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours of the kernel → objects. On an underlay port all that have a MAC; on an attachment
 * the static ones, since the switch finds the others itself. */
#include <linux/neighbour.h>
#include <string.h>

#include "mirror_parts.h"

static bool unicast_mac(const struct api_mac_addr *mac)
{
	static const struct api_mac_addr none;

	return !(mac->bytes[0] & 1) && memcmp(mac, &none, sizeof(none)) != 0;
}

/* The kernel has entries for groups, too. */
static bool unicast_ip(const struct api_ip *ip)
{
	return ip->family == 4 ? ip->bytes[0] && ip->bytes[0] < 224 : ip->bytes[0] != 0xff;
}

bool neighbor_make(struct mirror *mirror, struct subject *subject, union api_object *obj)
{
	const struct place *place = (const struct place *)subject->home;
	const struct kernel_neighbor *neighbor;

	if (!place->index || (place->attachment && !place->source) || !unicast_ip(&subject->ip))
		return false;
	neighbor = kernel_neighbor(place->space->kernel, place->index, &subject->ip);
	if (!neighbor || !unicast_mac(&neighbor->mac) ||
		(place->attachment && !(neighbor->state & NUD_PERMANENT)))
		return false;
	memset(obj, 0, sizeof(*obj));
	strcpy(place->attachment ? obj->neighbor.attachment : obj->neighbor.port, place->name);
	obj->neighbor.address = subject->ip;
	obj->neighbor.mac = neighbor->mac;
	return true;
}

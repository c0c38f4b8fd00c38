/* SPDX-License-Identifier: BSD-3-Clause */
/* host → a static MAC in an l2 slice, wherever that is; a static neighbour at its own site in an
 * l3 slice. Hosts of networks are compile_network.c's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "slice_parts.h"

static int emit_neighbor(struct compile *c, const char *attachment, const struct api_ip *address,
	const struct api_mac_addr *mac)
{
	union api_object obj;

	if (!address->family)
		return 0;
	object_init(OBJECT_NEIGHBOR, &obj);
	strcpy(obj.neighbor.attachment, attachment);
	obj.neighbor.address = *address;
	obj.neighbor.mac = *mac;
	return emit(c, OBJECT_NEIGHBOR, &obj);
}

/* At another site: behind the tunnel there. */
static int compile_remote(
	struct compile *c, const struct intent_host *host, const struct intent_slice *slice)
{
	struct spot *spot = slice_spots(slice);
	const char *own, *remote;
	api_name tunnel;
	int rc = 0;

	if (!spot)
		return -ENOMEM;
	own = spot_wan(spot, slice->endpoints.count, c->site);
	remote = spot_wan(spot, slice->endpoints.count, host->site);
	if (own && remote) { /* else the slice itself is refused, and says why */
		compile_way_name(tunnel, own, remote, slice->encap);
		rc = emit_mac(c, slice->name, &host->mac, NULL, tunnel);
	}
	free(spot);
	return rc;
}

int compile_host(struct compile *c, const struct intent *intent)
{
	const struct intent_host *host = &intent->obj->host;
	const struct intent *at = world_at_place(c->world, host->site, host->port, host->vlan);
	const struct intent_slice *slice;
	api_name attachment;
	int rc;

	if (!at || at->type != INTENT_SLICE)
		return 0;
	slice = &at->obj->slice;
	if (!slice_is_here(slice, c->site))
		return 0;
	if (strcmp(host->site, c->site))
		return slice->service == SERVICE_L2 ? compile_remote(c, host, slice) : 0;
	attachment_name(attachment, slice->name, host->port, host->vlan);
	if (slice->service == SERVICE_L2)
		return emit_mac(c, slice->name, &host->mac, attachment, NULL);
	rc = emit_neighbor(c, attachment, &host->address, &host->mac);
	return rc ? rc : emit_neighbor(c, attachment, &host->address6, &host->mac);
}

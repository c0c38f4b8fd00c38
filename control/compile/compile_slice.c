/* SPDX-License-Identifier: BSD-3-Clause */
/* slice → slice, meter, attachments, tunnels and members. What an l3 slice routes is
 * slice_routes.c's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "slice_parts.h"
#include "slice_routes.h"

struct spot *slice_spots(const struct intent_slice *slice)
{
	uint32_t count = slice->endpoints.count;
	struct spot *spot = malloc((count ? count : 1) * sizeof(*spot));

	for (uint32_t i = 0; spot && i < count; i++)
		spot[i] =
			(struct spot){slice->endpoints.item[i].site, slice->endpoints.item[i].wan};
	return spot;
}

bool slice_is_here(const struct intent_slice *slice, const char *site)
{
	for (uint32_t i = 0; i < slice->endpoints.count; i++)
		if (!strcmp(slice->endpoints.item[i].site, site))
			return true;
	return false;
}

/* EVPN tells routers apart by their MACs (RFC 9135 section 5.1): with a part in the kernel each
 * site has its own, else all have the same, which the dataplane makes of the VNI. */
struct api_mac_addr compile_slice_mac(const struct intent_slice *slice, const char *site)
{
	struct api_mac_addr mac = {{0}};
	uint64_t hash = 0xcbf29ce484222325ull ^ slice->vni; /* FNV-1a */

	if (slice->service != SERVICE_L3 || !slice->has_kernel)
		return mac;
	for (const char *c = site; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 0x100000001b3ull;
	mac.bytes[0] = 0x02;
	for (int i = 1; i < 6; i++)
		mac.bytes[i] = hash >> 8 * i;
	return mac;
}

static int emit_slice(
	struct compile *c, const struct intent_slice *slice, const struct stretch *stretch)
{
	union api_object obj;
	api_name meter;
	int rc = emit_meter(c, &slice->bandwidth, meter);

	if (rc)
		return rc;
	object_init(OBJECT_SLICE, &obj);
	strcpy(obj.slice.name, slice->name);
	obj.slice.vni = slice->vni;
	obj.slice.kind = slice->service;
	obj.slice.weight = slice->weight ? slice->weight : 1;
	strcpy(obj.slice.meter, meter);
	/* one that asked for an mtu has WANs that carry it */
	obj.slice.mac = compile_slice_mac(slice, c->site);
	obj.slice.tunnel_learning = slice->service == SERVICE_L3 || !slice->has_kernel;
	obj.slice.mss_clamp = !slice->mtu && stretch_is_narrow(stretch);
	return emit(c, OBJECT_SLICE, &obj);
}

static int emit_attachments(struct compile *c, const struct intent_slice *slice)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < slice->endpoints.count; i++) {
		const struct intent_endpoint *at = &slice->endpoints.item[i];

		if (!strcmp(at->site, c->site))
			rc = emit_attachment(c, slice->name, at->port, at->vlan, at->tap);
	}
	return rc;
}

int compile_slice(struct compile *c, const struct intent *intent)
{
	const struct intent_slice *slice = &intent->obj->slice;
	struct stretch stretch;
	struct spot *spot;
	int rc;

	if (!slice_is_here(slice, c->site))
		return 0;
	spot = slice_spots(slice);
	if (!spot)
		return -ENOMEM;
	rc = stretch_make(c, spot, slice->endpoints.count, slice->encap, &stretch);
	if (rc)
		goto err_spots;
	rc = emit_slice(c, slice, &stretch);
	if (!rc)
		rc = emit_attachments(c, slice);
	if (!rc)
		rc = emit_stretch(c, slice->name, &stretch);
	if (!rc && slice->service == SERVICE_L3)
		rc = emit_routes(c, slice, &stretch);
	free(stretch.way);
err_spots:
	free(spot);
	return rc;
}

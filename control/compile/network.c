/* SPDX-License-Identifier: BSD-3-Clause */
/* virtual dedicated network → an l2 slice that holds its hosts' MACs and no other: attachments
 * at their places here, tunnels to their other sites. ARP is still flooded, but for hosts that
 * are known it is answered here (suppress). */
#include "compile_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct network {
	const struct intent_network *intent;
	const struct intent_host **host;
	struct spot *spot;
	struct stretch stretch;
};

static int find_hosts(struct compile *c, struct network *n)
{
	for (uint32_t i = 0; i < n->intent->hosts.count; i++) {
		const char *name = n->intent->hosts.item[i].text;
		const struct intent *host = world_find(c->world, INTENT_HOST, name);

		if (!host)
			return compile_refuse(c, "hosts", "there is no host %s", name);
		n->host[i] = &host->obj->host;
	}
	return 0;
}

static bool is_here(const struct compile *c, const struct network *n)
{
	for (uint32_t i = 0; i < n->intent->hosts.count; i++)
		if (!strcmp(n->host[i]->site, c->site))
			return true;
	return false;
}

/* Of hosts at other sites the WANs are in the placements. */
static void list_spots(struct network *n)
{
	const struct intent_placements *at = &n->intent->placements;
	uint32_t hosts = n->intent->hosts.count;

	for (uint32_t i = 0; i < at->count; i++)
		n->spot[i] = (struct spot){at->item[i].site, at->item[i].wan};
	for (uint32_t i = 0; i < hosts; i++)
		n->spot[at->count + i] = (struct spot){n->host[i]->site, ""};
}

static int emit_slice(struct compile *c, const struct network *n)
{
	union api_object obj;
	api_name meter;
	int rc = emit_meter(c, &n->intent->bandwidth, meter);

	if (rc)
		return rc;
	object_init(OBJECT_SLICE, &obj);
	strcpy(obj.slice.name, n->intent->name);
	obj.slice.vni = n->intent->vni;
	obj.slice.kind = SLICE_L2;
	obj.slice.max_macs = n->intent->hosts.count;
	obj.slice.suppress = true;
	obj.slice.mss_clamp = stretch_is_narrow(&n->stretch);
	strcpy(obj.slice.meter, meter);
	return emit(c, OBJECT_SLICE, &obj);
}

static bool same_place(const struct intent_host *a, const struct intent_host *b)
{
	return a->vlan == b->vlan && !strcmp(a->port, b->port) && !strcmp(a->site, b->site);
}

static int emit_attachments(struct compile *c, const struct network *n)
{
	int rc = 0;

	for (uint32_t i = 0, k; !rc && i < n->intent->hosts.count; i++) {
		const struct intent_host *host = n->host[i];

		if (strcmp(host->site, c->site))
			continue;
		for (k = 0; k < i && !same_place(n->host[k], host); k++)
			;
		if (k == i)
			rc = emit_attachment(c, n->intent->name, host->port, host->vlan, "");
	}
	return rc;
}

static int emit_host(struct compile *c, const struct network *n, const struct intent_host *host)
{
	const struct way *way = stretch_way(&n->stretch, host->site);
	api_name attachment;

	if (way)
		return emit_mac(c, n->intent->name, &host->mac, NULL, way->tunnel);
	attachment_name(attachment, n->intent->name, host->port, host->vlan);
	return emit_mac(c, n->intent->name, &host->mac, attachment, NULL);
}

static int emit_network(struct compile *c, const struct network *n)
{
	int rc = emit_slice(c, n);

	if (!rc)
		rc = emit_attachments(c, n);
	if (!rc)
		rc = emit_stretch(c, n->intent->name, &n->stretch);
	for (uint32_t i = 0; !rc && i < n->intent->hosts.count; i++)
		rc = emit_host(c, n, n->host[i]);
	return rc;
}

int compile_network(struct compile *c, const struct intent *intent)
{
	struct network n = {.intent = &intent->obj->network};
	size_t hosts = n.intent->hosts.count, spots = hosts + n.intent->placements.count;
	int rc = -ENOMEM;

	n.host = calloc(hosts + 1, sizeof(*n.host));
	n.spot = calloc(spots + 1, sizeof(*n.spot));
	if (!n.host || !n.spot)
		goto out;
	rc = find_hosts(c, &n);
	if (rc || !is_here(c, &n))
		goto out;
	list_spots(&n);
	rc = stretch_make(c, n.spot, spots, ENCAP_VXLAN, &n.stretch);
	if (!rc)
		rc = emit_network(c, &n);
	free(n.stretch.way);
out:
	free(n.host);
	free(n.spot);
	return rc;
}

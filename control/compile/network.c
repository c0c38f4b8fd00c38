/* SPDX-License-Identifier: BSD-3-Clause */
/* virtual dedicated network → an l2 slice that holds its hosts' MACs and no other: attachments
 * at their places here, tunnels to their other sites. ARP is still flooded, but for hosts that
 * are known it is answered here (suppress). */
#include "compile_private.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"

struct network {
	const struct intent_network *intent;
	const struct intent_host **hosts;
	struct stretch stretch;
};

/* false: refused. */
static bool find_hosts(struct compile *c, struct network *n)
{
	for (uint32_t i = 0; i < n->intent->hosts.count; i++) {
		const char *name = n->intent->hosts.item[i].text;
		const struct intent *host = world_find(c->world, INTENT_HOST, name);

		if (!host) {
			compile_refuse(c, "hosts", "there is no host %s", name);
			return false;
		}
		n->hosts[i] = &host->obj->host;
	}
	return true;
}

static bool is_here(const struct compile *c, const struct network *n)
{
	for (uint32_t i = 0; i < n->intent->hosts.count; i++)
		if (!strcmp(n->hosts[i]->site, c->site))
			return true;
	return false;
}

static void emit_slice(struct compile *c, const struct network *n)
{
	union api_object obj;
	api_name meter;

	emit_meter(c, &n->intent->bandwidth, meter);
	object_init(OBJECT_SLICE, &obj);
	strcpy(obj.slice.name, n->intent->name);
	obj.slice.vni = n->intent->vni;
	obj.slice.kind = SLICE_L2;
	obj.slice.max_macs = n->intent->hosts.count;
	obj.slice.suppress = true;
	obj.slice.mss_clamp = stretch_is_narrow(&n->stretch);
	strcpy(obj.slice.meter, meter);
	emit(c, OBJECT_SLICE, &obj);
}

static bool same_place(const struct intent_host *a, const struct intent_host *b)
{
	return a->vlan == b->vlan && !strcmp(a->port, b->port) && !strcmp(a->site, b->site);
}

static void emit_attachments(struct compile *c, const struct network *n)
{
	for (uint32_t i = 0, k; i < n->intent->hosts.count; i++) {
		const struct intent_host *host = n->hosts[i];

		if (strcmp(host->site, c->site))
			continue;
		for (k = 0; k < i && !same_place(n->hosts[k], host); k++)
			;
		if (k == i)
			emit_attachment(c, n->intent->name, host->port, host->vlan, "");
	}
}

static void emit_host(struct compile *c, const struct network *n, const struct intent_host *host)
{
	const struct way *way = stretch_way(&n->stretch, host->site);
	api_name attachment;

	attachment_name(attachment, n->intent->name, host->port, host->vlan);
	emit_mac(c, n->intent->name, &host->mac, way ? "" : attachment, way ? way->tunnel : "");
}

void compile_network(struct compile *c, const struct intent *intent)
{
	struct network n = {.intent = &intent->obj->network,
		.stretch = {.intent = intent, .encap = ENCAP_VXLAN}};
	uint32_t hosts = n.intent->hosts.count;

	n.hosts = xcalloc(hosts, sizeof(*n.hosts));
	if (find_hosts(c, &n) && is_here(c, &n)) {
		for (uint32_t i = 0; i < n.intent->placements.count; i++)
			stretch_add(c, &n.stretch, n.intent->placements.item[i].site);
		for (uint32_t i = 0; i < hosts; i++)
			stretch_add(c, &n.stretch, n.hosts[i]->site);
		emit_slice(c, &n);
		emit_attachments(c, &n);
		emit_stretch(c, n.intent->name, &n.stretch);
		for (uint32_t i = 0; i < hosts; i++)
			emit_host(c, &n, n.hosts[i]);
		free(n.stretch.ways);
	}
	free(n.hosts);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What each type of intent has, needs and books, as keys of the index. The one place where
 * references between intents are written down. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world_parts.h"

struct visit {
	key_visit *call;
	void *arg;
	int rc;
};

/* A name longer than names may be is cut where it is still too long to be one. */
static char *part(char *text, const char *name)
{
	for (int len = 0; *name && len <= INTENT_NAME; len++)
		*text++ = *name++;
	return text;
}

/* Two parts of a key's text; b may be NULL. */
static void pair(char *text, const char *a, const char *b)
{
	text = part(text, a);
	if (b) {
		*text++ = '/';
		text = part(text, b);
	}
	*text = '\0';
}

static void visit_key(struct visit *visit, enum key_role role, enum key_kind kind, const char *a,
	const char *b, const char *path, unsigned index)
{
	struct key key;

	if (visit->rc)
		return;
	key.role = role;
	key.kind = kind;
	key.value = 0;
	key.path = path;
	key.index = index;
	pair(key.text, a, b);
	visit->rc = visit->call(&key, visit->arg);
}

static void has(struct visit *visit, enum key_kind kind, const char *a, const char *b,
	const char *path, unsigned index)
{
	visit_key(visit, ROLE_HAS, kind, a, b, path, index);
}

/* What was left out is not needed. */
static void needs(struct visit *visit, enum key_kind kind, const char *a, const char *b,
	const char *path, unsigned index)
{
	if (*(b ? b : a))
		visit_key(visit, ROLE_NEEDS, kind, a, b, path, index);
}

static void triple(struct key *key, enum key_kind kind, const char *a, const char *b, int digits,
	uint64_t number)
{
	size_t len;

	key->kind = kind;
	pair(key->text, a, b);
	len = strlen(key->text);
	snprintf(key->text + len, sizeof(key->text) - len, "/%0*llu", digits,
		(unsigned long long)number);
}

void key_place(struct key *key, const char *site, const char *port, uint32_t vlan)
{
	triple(key, KEY_PLACE, site, port, 0, vlan);
}

void key_teid(struct key *key, const char *site, const char *gtpu, uint64_t teid)
{
	triple(key, KEY_TEID, site, gtpu, KEY_TEID_DIGITS, teid);
}

void key_vni(struct key *key, uint64_t vni)
{
	key->kind = KEY_VNI;
	snprintf(key->text, sizeof(key->text), "%08llu", (unsigned long long)vni);
}

static void has_teid(
	struct visit *visit, const char *site, const struct api_pdr *pdr, unsigned index)
{
	struct key key = {.role = ROLE_HAS, .path = "pdrs[%u].teid", .index = index};

	if (visit->rc || !pdr->teid || !pdr->gtpu[0])
		return;
	key_teid(&key, site, pdr->gtpu, pdr->teid);
	visit->rc = visit->call(&key, visit->arg);
}

static void at_place(struct visit *visit, enum key_role role, const char *site, const char *port,
	uint32_t vlan, unsigned index)
{
	struct key key = {.role = role, .path = "endpoints[%u]", .index = index};

	if (visit->rc)
		return;
	if (role == ROLE_AT)
		key.path = "port";
	key_place(&key, site, port, vlan);
	visit->rc = visit->call(&key, visit->arg);
}

static void sum(struct visit *visit, enum key_kind kind, uint64_t value, const char *a,
	const char *b, const char *path)
{
	struct key key = {.role = ROLE_BOOKS, .kind = kind, .value = value, .path = path};

	if (visit->rc || !value)
		return;
	pair(key.text, a, b);
	visit->rc = visit->call(&key, visit->arg);
}

static void books(struct visit *visit, const char *wan, uint64_t bps)
{
	if (*wan)
		sum(visit, KEY_BOOKED, bps, wan, NULL, "bandwidth");
}

/* What counts against the grant of a tenant: how many it has, and what they may send. */
static void count(struct visit *visit, const char *tenant, const char *what)
{
	if (*tenant)
		sum(visit, KEY_COUNT, 1, tenant, what, "");
}

/* wan "": in all. */
static void rates(struct visit *visit, const char *tenant, const char *wan,
	const struct intent_bandwidth *bandwidth)
{
	uint64_t committed = bandwidth->committed_bps;

	if (!*tenant)
		return;
	sum(visit, KEY_COMMITTED, committed, tenant, wan, "bandwidth.committed_bps");
	sum(visit, KEY_PEAK, bandwidth->peak_bps ? bandwidth->peak_bps : committed, tenant, wan,
		"bandwidth.peak_bps");
}

static void has_vni(struct visit *visit, uint32_t vni)
{
	struct key key = {.role = ROLE_HAS, .path = "vni"};

	if (visit->rc || !vni)
		return;
	key_vni(&key, vni);
	visit->rc = visit->call(&key, visit->arg);
}

static void visit_site(struct visit *visit, const struct intent_site *site)
{
	has(visit, KEY_SITE, site->name, NULL, "name", 0);
	for (uint32_t i = 0; i < site->ports.count; i++) {
		has(visit, KEY_PORT, site->name, site->ports.item[i].name, "ports[%u].name", i);
		has(visit, KEY_TAP, site->name, site->ports.item[i].name, "ports[%u].name", i);
	}
	for (uint32_t i = 0; i < site->gtpu.count; i++)
		has(visit, KEY_GTPU, site->name, site->gtpu.item[i].name, "gtpu[%u].name", i);
}

static void visit_wan(struct visit *visit, const struct intent_wan *wan)
{
	struct key key = {.role = ROLE_AT, .kind = KEY_ORDER, .path = "preference"};

	needs(visit, KEY_SITE, wan->site, NULL, "site", 0);
	has(visit, KEY_PORT, wan->site, wan->port.name, "name", 0);
	has(visit, KEY_TAP, wan->site, wan->port.name, "name", 0);
	has(visit, KEY_WAN, wan->site, wan->port.name, "name", 0);
	snprintf(key.text, sizeof(key.text), "%.*s/%07u/%.*s", INTENT_NAME, wan->site,
		wan->preference, INTENT_NAME, wan->port.name);
	if (!visit->rc)
		visit->rc = visit->call(&key, visit->arg);
}

static bool slice_is_stretched(const struct intent_slice *slice)
{
	for (uint32_t i = 1; i < slice->endpoints.count; i++)
		if (strcmp(slice->endpoints.item[i].site, slice->endpoints.item[0].site))
			return true;
	return false;
}

/* That a VRF and a table are of the same routes is only the kernel's to know. */
static void has_kernel(struct visit *visit, const struct intent_kernel *kernel)
{
	char table[16];

	snprintf(table, sizeof(table), "%u", kernel->table);
	if (kernel->netns[0])
		has(visit, KEY_KERNEL, "netns", kernel->netns, "kernel.netns", 0);
	else if (kernel->vrf[0])
		has(visit, KEY_KERNEL, "vrf", kernel->vrf, "kernel.vrf", 0);
	else if (kernel->bridge[0])
		has(visit, KEY_KERNEL, "bridge", kernel->bridge, "kernel.bridge", 0);
	else
		has(visit, KEY_KERNEL, "table", table, "kernel.table", 0);
}

static void visit_slice(struct visit *visit, const struct intent_slice *slice)
{
	bool stretched = slice_is_stretched(slice);
	uint64_t bps = stretched ? slice->bandwidth.committed_bps : 0;

	has(visit, KEY_NAME, slice->name, NULL, "name", 0);
	has(visit, KEY_SLICE, slice->name, NULL, "name", 0);
	if (slice->service == SERVICE_L3)
		has(visit, KEY_ROUTER, slice->name, NULL, "service", 0);
	has_vni(visit, slice->vni);
	if (slice->has_kernel)
		has_kernel(visit, &slice->kernel);
	count(visit, slice->tenant, "slices");
	rates(visit, slice->tenant, "", &slice->bandwidth);
	for (uint32_t i = 0; i < slice->endpoints.count && !visit->rc; i++) {
		const struct intent_endpoint *endpoint = &slice->endpoints.item[i];

		needs(visit, KEY_PORT, endpoint->site, endpoint->port, "endpoints[%u].port", i);
		at_place(visit, ROLE_HAS, endpoint->site, endpoint->port, endpoint->vlan, i);
		needs(visit, KEY_WAN, endpoint->site, endpoint->wan, "endpoints[%u].wan", i);
		books(visit, endpoint->wan, bps);
		if (stretched && endpoint->wan[0])
			rates(visit, slice->tenant, endpoint->wan, &slice->bandwidth);
		if (endpoint->tap[0])
			has(visit, KEY_TAP, endpoint->site, endpoint->tap, "endpoints[%u].tap", i);
	}
}

static void visit_host(struct visit *visit, const struct intent_host *host)
{
	char text[64];

	has(visit, KEY_HOST, host->name, NULL, "name", 0);
	count(visit, host->tenant, "hosts");
	needs(visit, KEY_PORT, host->site, host->port, "port", 0);
	at_place(visit, ROLE_AT, host->site, host->port, host->vlan, 0);
	api_mac_format(&host->mac, text);
	visit_key(visit, ROLE_AT, KEY_MAC, text, NULL, "mac", 0);
	api_ip_format(&host->address, false, text);
	if (host->address.family)
		visit_key(visit, ROLE_AT, KEY_IP, text, NULL, "address", 0);
	api_ip_format(&host->address6, false, text);
	if (host->address6.family)
		visit_key(visit, ROLE_AT, KEY_IP, text, NULL, "address6", 0);
}

static void visit_network(struct visit *visit, const struct intent_network *network)
{
	const struct intent_placements *placements = &network->placements;
	uint64_t bps = placements->count > 1 ? network->bandwidth.committed_bps : 0;

	has(visit, KEY_NAME, network->name, NULL, "name", 0);
	count(visit, network->tenant, "slices");
	rates(visit, network->tenant, "", &network->bandwidth);
	has_vni(visit, network->vni);
	for (uint32_t i = 0; i < network->hosts.count && !visit->rc; i++)
		needs(visit, KEY_HOST, network->hosts.item[i].text, NULL, "hosts[%u]", i);
	for (uint32_t i = 0; i < placements->count && !visit->rc; i++) {
		needs(visit, KEY_WAN, placements->item[i].site, placements->item[i].wan,
			"placements[%u].wan", i);
		books(visit, placements->item[i].wan, bps);
		if (placements->count > 1)
			rates(visit, network->tenant, placements->item[i].wan, &network->bandwidth);
	}
}

static void visit_local_network(struct visit *visit, const struct intent_local_network *local)
{
	count(visit, local->tenant, "local_data_networks");
	needs(visit, KEY_SITE, local->site, NULL, "site", 0);
	needs(visit, KEY_SLICE, local->from, NULL, "from", 0);
	needs(visit, KEY_SLICE, local->slice, NULL, "slice", 0);
	needs(visit, KEY_ROUTER, local->slice, NULL, "slice", 0);
}

static void visit_session(struct visit *visit, const struct intent_session *intent)
{
	const struct api_session *session = &intent->session;
	const char *site = intent->site;

	count(visit, intent->tenant, "sessions");
	needs(visit, KEY_SITE, site, NULL, "site", 0);
	needs(visit, KEY_SLICE, session->slice, NULL, "slice", 0);
	for (uint32_t i = 0; i < session->pdrs.count; i++) {
		const struct api_pdr *pdr = &session->pdrs.item[i];

		needs(visit, KEY_GTPU, site, pdr->gtpu, "pdrs[%u].gtpu", i);
		needs(visit, KEY_SLICE, pdr->slice, NULL, "pdrs[%u].slice", i);
		has_teid(visit, site, pdr, i);
	}
	for (uint32_t i = 0; i < session->fars.count; i++) {
		const struct api_far *far = &session->fars.item[i];

		needs(visit, KEY_SLICE, far->slice, NULL, "fars[%u].slice", i);
		needs(visit, KEY_GTPU, site, far->outer_header.gtpu, "fars[%u].outer_header.gtpu",
			i);
		needs(visit, KEY_GTPU, site, far->duplicate_to.gtpu, "fars[%u].duplicate_to.gtpu",
			i);
	}
}

static void visit_tenant(struct visit *visit, const struct intent_tenant *tenant)
{
	for (uint32_t i = 0; i < tenant->places.count; i++)
		needs(visit, KEY_PORT, tenant->places.item[i].site, tenant->places.item[i].port,
			"places[%u].port", i);
	for (uint32_t i = 0; i < tenant->wans.count; i++)
		needs(visit, KEY_WAN, tenant->wans.item[i].site, tenant->wans.item[i].wan,
			"wans[%u].wan", i);
	for (uint32_t i = 0; i < tenant->gtpu.count; i++)
		needs(visit, KEY_GTPU, tenant->gtpu.item[i].site, tenant->gtpu.item[i].gtpu,
			"gtpu[%u].gtpu", i);
}

int keys_visit(enum intent_type type, const union intent_object *obj, key_visit *call, void *arg)
{
	struct visit visit = {.call = call, .arg = arg};

	switch (type) {
	case INTENT_SITE:
		visit_site(&visit, &obj->site);
		break;
	case INTENT_WAN:
		visit_wan(&visit, &obj->wan);
		break;
	case INTENT_SLICE:
		visit_slice(&visit, &obj->slice);
		break;
	case INTENT_HOST:
		visit_host(&visit, &obj->host);
		break;
	case INTENT_NETWORK:
		visit_network(&visit, &obj->network);
		break;
	case INTENT_LOCAL_NETWORK:
		visit_local_network(&visit, &obj->local_network);
		break;
	case INTENT_SESSION:
		visit_session(&visit, &obj->session);
		break;
	case INTENT_TENANT:
		visit_tenant(&visit, &obj->tenant);
		break;
	case INTENT_TYPES:
		break;
	}
	return visit.rc;
}

const char *key_show(const struct key *key, char *text)
{
	static const char *const kinds[] = {[KEY_SITE] = "site",
		[KEY_PORT] = "port",
		[KEY_WAN] = "WAN",
		[KEY_GTPU] = "GTP-U address",
		[KEY_SLICE] = "slice",
		[KEY_ROUTER] = "l3 slice",
		[KEY_HOST] = "host",
		[KEY_NAME] = "slice or network",
		[KEY_TAP] = "interface",
		[KEY_PLACE] = "place",
		[KEY_TEID] = "TEID"};
	const char *slash = strchr(key->text, '/'), *vlan = slash ? strchr(slash + 1, '/') : NULL;
	int site = slash ? (int)(slash - key->text) : 0;

	if (key->kind == KEY_VNI)
		snprintf(text, 128, "VNI %lu", strtoul(key->text, NULL, 10));
	else if (!slash)
		snprintf(text, 128, "%s %s", kinds[key->kind], key->text);
	else if (key->kind == KEY_KERNEL)
		snprintf(text, 128, "%.*s %s of the kernel", site, key->text, slash + 1);
	else if (!vlan)
		snprintf(text, 128, "%s %s of site %.*s", kinds[key->kind], slash + 1, site,
			key->text);
	else if (key->kind == KEY_TEID)
		snprintf(text, 128, "TEID %lu of GTP-U address %.*s of site %.*s",
			strtoul(vlan + 1, NULL, 10), (int)(vlan - slash - 1), slash + 1, site,
			key->text);
	else if (!strcmp(vlan, "/0"))
		snprintf(text, 128, "port %.*s of site %.*s without VLAN", (int)(vlan - slash - 1),
			slash + 1, site, key->text);
	else
		snprintf(text, 128, "VLAN %s of port %.*s of site %.*s", vlan + 1,
			(int)(vlan - slash - 1), slash + 1, site, key->text);
	return text;
}

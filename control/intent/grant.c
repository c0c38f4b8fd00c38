/* SPDX-License-Identifier: BSD-3-Clause */
/* What a tenant's change asks for, against what its grant (an operators' intent `tenant`) says.
 * An intent is a list of demands; one table says of each kind of demand whether a grant has it. */
#include <stdio.h>
#include <string.h>

#include "intent_private.h"

enum demand_kind {
	DEMAND_PLACE,	  /* site, name: port, number: VLAN or 0 */
	DEMAND_ENCAP,	  /* number: enum encap */
	DEMAND_WEIGHT,	  /* number */
	DEMAND_VNI,	  /* number */
	DEMAND_UNMETERED, /* bandwidth is left out */
	DEMAND_WAN,	  /* site, name */
	DEMAND_UE,	  /* ip */
	DEMAND_GTPU,	  /* site, name, number: own TEID or 0 */
	DEMAND_PEER,	  /* site, name: own GTP-U address, ip, number: the peer's TEID */
	DEMANDS
};

struct demand {
	enum demand_kind kind;
	const char *path; /* format of the field's, with index */
	unsigned index;
	const char *site, *name; /* "": not of this kind */
	uint32_t number;
	const struct api_ip *ip;
};

/* Calls visit for each demand of an intent until it answers other than 0, which is returned. */
typedef int demand_visit(const struct demand *demand, void *arg);

struct asking {
	const struct world *world;
	demand_visit *visit;
	void *arg;
	int rc;
};

static void ask(struct asking *a, struct demand demand)
{
	demand.site = demand.site ? demand.site : "";
	demand.name = demand.name ? demand.name : "";
	if (!a->rc)
		a->rc = a->visit(&demand, a->arg);
}

#define ASK(a, its_kind, its_path, ...)                                                            \
	ask(a, (struct demand){.kind = its_kind, .path = its_path, __VA_ARGS__})

static void ask_vni(struct asking *a, uint32_t vni)
{
	if (vni)
		ASK(a, DEMAND_VNI, "vni", .number = vni);
}

static void ask_slice(struct asking *a, const struct intent_slice *slice)
{
	const struct intent_endpoints *endpoints = &slice->endpoints;

	ask_vni(a, slice->vni);
	ASK(a, DEMAND_ENCAP, "encap", .number = slice->encap);
	ASK(a, DEMAND_WEIGHT, "weight", .number = slice->weight);
	if (!slice->has_bandwidth && endpoints->count)
		ASK(a, DEMAND_UNMETERED, "bandwidth", .number = 0);
	for (uint32_t i = 0; i < endpoints->count; i++)
		ASK(a, DEMAND_PLACE, "endpoints[%u]", .index = i, .site = endpoints->item[i].site,
			.name = endpoints->item[i].port, .number = endpoints->item[i].vlan);
}

static void ask_network(struct asking *a, const struct intent_network *network)
{
	ask_vni(a, network->vni);
	if (!network->has_bandwidth && network->hosts.count)
		ASK(a, DEMAND_UNMETERED, "bandwidth", .number = 0);
}

/* That which is named, or which is taken because none is. NULL: the site has none for the peer. */
static const char *sender_of(const struct world *world, const struct intent_session *intent,
	uint32_t interface, const struct api_outer_header *outer)
{
	const struct intent *site = world_find(world, INTENT_SITE, intent->site);
	const struct intent_gtpus *gtpus = site ? &site->obj->site.gtpu : NULL;
	uint8_t family = outer->peer.family;
	const char *own;

	if (outer->gtpu[0] || !gtpus)
		return outer->gtpu;
	own = session_gtpu_own(&intent->session, gtpus, interface, family);
	return own ? own : session_gtpu_any(gtpus, interface, family);
}

static void ask_outer_header(struct asking *a, const struct intent_session *intent,
	const struct api_far *far, const struct api_outer_header *outer, const char *path)
{
	if (outer->teid)
		ASK(a, DEMAND_PEER, path, .index = (unsigned)(far - intent->session.fars.item),
			.site = intent->site,
			.name = sender_of(a->world, intent, far->destination, outer),
			.ip = &outer->peer, .number = outer->teid);
}

static void ask_ues(struct asking *a, const struct api_ue *ue)
{
	if (ue->ipv4.family)
		ASK(a, DEMAND_UE, "ue.ipv4", .ip = &ue->ipv4);
	if (ue->ipv6.family)
		ASK(a, DEMAND_UE, "ue.ipv6", .ip = &ue->ipv6);
	for (uint32_t i = 0; i < ue->framed.count; i++)
		ASK(a, DEMAND_UE, "ue.framed[%u]", .index = i, .ip = &ue->framed.item[i]);
}

static void ask_session(struct asking *a, const struct intent_session *intent)
{
	const struct api_session *session = &intent->session;

	ask_ues(a, &session->ue);
	for (uint32_t i = 0; i < session->pdrs.count; i++)
		if (session->pdrs.item[i].gtpu[0])
			ASK(a, DEMAND_GTPU, "pdrs[%u].gtpu", .index = i, .site = intent->site,
				.name = session->pdrs.item[i].gtpu,
				.number = session->pdrs.item[i].teid);
	for (uint32_t i = 0; i < session->fars.count; i++) {
		const struct api_far *far = &session->fars.item[i];

		ask_outer_header(a, intent, far, &far->outer_header, "fars[%u].outer_header");
		ask_outer_header(a, intent, far, &far->duplicate_to, "fars[%u].duplicate_to");
	}
}

static int demands_asked(
	const struct world *world, const struct intent *intent, demand_visit *visit, void *arg)
{
	struct asking a = {world, visit, arg, 0};

	switch (intent->type) {
	case INTENT_SLICE:
		ask_slice(&a, &intent->obj->slice);
		break;
	case INTENT_HOST:
		ASK(&a, DEMAND_PLACE, "port", .site = intent->obj->host.site,
			.name = intent->obj->host.port, .number = intent->obj->host.vlan);
		break;
	case INTENT_NETWORK:
		ask_network(&a, &intent->obj->network);
		break;
	case INTENT_SESSION:
		ask_session(&a, &intent->obj->session);
		break;
	default: /* a local data network leads from and to slices of the tenant's own */
		break;
	}
	return a.rc;
}

static int demands_chosen(
	const struct world *world, const struct intent *intent, demand_visit *visit, void *arg)
{
	struct asking a = {world, visit, arg, 0};

	for (uint32_t i = 0; i < use_count(intent); i++) {
		struct use use = use_get(intent, i);

		ASK(&a, DEMAND_WAN, use.field, .index = i, .site = use.site, .name = use.wan);
	}
	return a.rc;
}

/* ---- what a grant has ---- */

struct look {
	const struct world *world;
	const struct intent *intent;
	const struct intent_tenant *grant;
	struct rpc_error *err;
};

static bool within(uint32_t number, uint32_t first, uint32_t last)
{
	return first <= number && number <= last;
}

static bool in_ranges(const struct intent_ranges *ranges, uint32_t number)
{
	for (uint32_t i = 0; i < ranges->count; i++)
		if (within(number, ranges->item[i].first, ranges->item[i].last))
			return true;
	return false;
}

/* Its untagged frames are the host's: of a WAN the underlay, of a NIC in AF_XDP all that is not
 * taken from it, of a port with addresses what is sent to these. */
static bool is_hosts_own(const struct world *world, const char *site, const char *port)
{
	const struct intent *its_site = world_find(world, INTENT_SITE, site);
	const struct intent *wan = world_find(world, INTENT_WAN, port);

	if (wan && !strcmp(wan->obj->wan.site, site))
		return true;
	for (uint32_t i = 0; its_site && i < its_site->obj->site.ports.count; i++) {
		const struct intent_port *one = &its_site->obj->site.ports.item[i];

		if (!strcmp(one->name, port))
			return !strncmp(one->device, "net_af_xdp", 10) || one->addresses.count;
	}
	return false;
}

static bool has_place(const struct look *look, const struct demand *d)
{
	const struct intent_grant_places *places = &look->grant->places;

	if (!d->number && is_hosts_own(look->world, d->site, d->name))
		return false;
	for (uint32_t i = 0; i < places->count; i++) {
		const struct intent_grant_place *place = &places->item[i];

		if (!strcmp(place->site, d->site) && !strcmp(place->port, d->name) &&
			(d->number ? in_ranges(&place->vlans, d->number) : place->untagged))
			return true;
	}
	return false;
}

static bool has_encap(const struct look *look, const struct demand *d)
{
	const char *name = d->number == ENCAP_GENEVE ? "geneve" : "vxlan";
	const struct api_texts *encaps = &look->grant->encaps;

	for (uint32_t i = 0; i < encaps->count; i++)
		if (!strcmp(encaps->item[i].text, name))
			return true;
	return !encaps->count && d->number == ENCAP_VXLAN;
}

static bool has_weight(const struct look *look, const struct demand *d)
{
	return d->number <= look->grant->weight;
}

static bool has_vni(const struct look *look, const struct demand *d)
{
	return in_ranges(&look->grant->vnis, d->number);
}

static bool has_unmetered(const struct look *look, const struct demand *d)
{
	return look->grant->unmetered;
}

static bool has_wan(const struct look *look, const struct demand *d)
{
	const struct intent_grant_wans *wans = &look->grant->wans;

	for (uint32_t i = 0; i < wans->count; i++)
		if (!strcmp(wans->item[i].site, d->site) && !strcmp(wans->item[i].wan, d->name))
			return true;
	return false;
}

static bool in_prefix(const struct api_ip *ip, const struct api_ip *prefix)
{
	return ip->family == prefix->family && ip->len >= prefix->len && api_ip_within(ip, prefix);
}

static bool has_ue(const struct look *look, const struct demand *d)
{
	const struct api_prefixes *pools = &look->grant->ue_pools;

	for (uint32_t i = 0; i < pools->count; i++)
		if (in_prefix(d->ip, &pools->item[i]))
			return true;
	return false;
}

static bool has_gtpu(const struct look *look, const struct demand *d)
{
	const struct intent_grant_gtpu *gtpu = grant_gtpu(look->grant, d->site, d->name);

	return gtpu && (!d->number || within(d->number, gtpu->first_teid, gtpu->last_teid));
}

static bool gtpu_has_peer(const struct intent_grant_gtpu *gtpu, const struct demand *d)
{
	for (uint32_t i = 0; i < gtpu->peers.count; i++) {
		const struct intent_grant_peer *peer = &gtpu->peers.item[i];

		if (in_prefix(d->ip, &peer->prefix) &&
			within(d->number, peer->first_teid, peer->last_teid))
			return true;
	}
	return false;
}

static bool has_peer(const struct look *look, const struct demand *d)
{
	const struct intent_grant_gtpus *gtpus = &look->grant->gtpu;

	for (uint32_t i = 0; i < gtpus->count; i++) {
		const struct intent_grant_gtpu *gtpu = &gtpus->item[i];

		if (!strcmp(gtpu->site, d->site) && !strcmp(gtpu->gtpu, d->name) &&
			gtpu_has_peer(gtpu, d))
			return true;
	}
	return false;
}

/* ---- what it says when a grant has not ---- */

#define TEXT_BYTES 140

static void say_place(const struct look *look, const struct demand *d, char *text)
{
	if (d->number)
		snprintf(text, TEXT_BYTES, "VLAN %u of port %s of site %s", d->number, d->name,
			d->site);
	else
		snprintf(text, TEXT_BYTES, "port %s of site %s without VLAN%s", d->name, d->site,
			is_hosts_own(look->world, d->site, d->name) ? ", the host's own" : "");
}

static void say_encap(const struct look *look, const struct demand *d, char *text)
{
	snprintf(text, TEXT_BYTES, "encap %s", d->number == ENCAP_GENEVE ? "geneve" : "vxlan");
}

static void say_weight(const struct look *look, const struct demand *d, char *text)
{
	snprintf(text, TEXT_BYTES, "weight %u: at most %u", d->number, look->grant->weight);
}

static void say_vni(const struct look *look, const struct demand *d, char *text)
{
	snprintf(text, TEXT_BYTES, "VNI %u: left out, one is chosen", d->number);
}

static void say_unmetered(const struct look *look, const struct demand *d, char *text)
{
	snprintf(text, TEXT_BYTES, "slices without bandwidth: say what it is to have");
}

static void say_wan(const struct look *look, const struct demand *d, char *text)
{
	snprintf(text, TEXT_BYTES, "wan %s of site %s", d->name, d->site);
}

static void say_ue(const struct look *look, const struct demand *d, char *text)
{
	char ip[64];

	api_ip_format(d->ip, d->ip->len != (d->ip->family == 4 ? 32 : 128), ip);
	snprintf(text, TEXT_BYTES, "%s for UEs", ip);
}

static void say_gtpu(const struct look *look, const struct demand *d, char *text)
{
	snprintf(text, TEXT_BYTES, "GTP-U address %s of site %s", d->name, d->site);
	if (d->number && grant_gtpu(look->grant, d->site, d->name))
		snprintf(text, TEXT_BYTES, "TEID %u of GTP-U address %s of site %s", d->number,
			d->name, d->site);
}

static void say_peer(const struct look *look, const struct demand *d, char *text)
{
	char ip[64];

	api_ip_format(d->ip, false, ip);
	snprintf(text, TEXT_BYTES, "GTP-U peer %s with TEID %u from %s%sof site %s", ip, d->number,
		d->name, *d->name ? " " : "any address ", d->site);
}

static const struct {
	const char *field; /* of the grant */
	bool (*has)(const struct look *look, const struct demand *d);
	void (*say)(const struct look *look, const struct demand *d, char *text);
} demands[DEMANDS] = {
	[DEMAND_PLACE] = {"places", has_place, say_place},
	[DEMAND_ENCAP] = {"encaps", has_encap, say_encap},
	[DEMAND_WEIGHT] = {"weight", has_weight, say_weight},
	[DEMAND_VNI] = {"vnis", has_vni, say_vni},
	[DEMAND_UNMETERED] = {"unmetered", has_unmetered, say_unmetered},
	[DEMAND_WAN] = {"wans", has_wan, say_wan},
	[DEMAND_UE] = {"ue_pools", has_ue, say_ue},
	[DEMAND_GTPU] = {"gtpu", has_gtpu, say_gtpu},
	[DEMAND_PEER] = {"gtpu.peers", has_peer, say_peer},
};

/* ---- demands of a transaction ---- */

typedef int demands_of(
	const struct world *world, const struct intent *intent, demand_visit *visit, void *arg);

static int same_demand(const struct demand *a, void *arg)
{
	const struct demand *b = arg;

	return a->kind == b->kind && a->number == b->number && !strcmp(a->site, b->site) &&
	       !strcmp(a->name, b->name) &&
	       (!a->ip || (api_ip_same(a->ip, b->ip) && a->ip->len == b->ip->len));
}

/* It had this before: what operators have given beyond the grant may stay. */
static bool had(const struct look *look, demands_of *of, const struct demand *d)
{
	const struct intent *was = intent_was(look->intent);

	return was && !strcmp(was->tenant, look->intent->tenant) &&
	       of(look->world, was, same_demand, (void *)d);
}

struct pass {
	struct look look;
	demands_of *of;
};

static int check_demand(const struct demand *d, void *arg)
{
	const struct pass *pass = arg;
	const struct look *look = &pass->look;
	char text[TEXT_BYTES];

	if (demands[d->kind].has(look, d) || had(look, pass->of, d))
		return 0;
	demands[d->kind].say(look, d, text);
	snprintf(look->err->path, sizeof(look->err->path), d->path, d->index);
	if (d->kind == DEMAND_WEIGHT)
		look->err->limit = look->grant->weight;
	return rpc_fail(look->err, RPC_ERR_FORBIDDEN,
		"the grant of tenant %s (%s) does not have %s", look->grant->name,
		demands[d->kind].field, text);
}

/* ---- sums ---- */

/* 0: no limit of its own. */
static bool limit_of(const struct look *look, const struct constraint_key *key, uint64_t *limit)
{
	const struct intent_tenant *grant = look->grant;
	const char *what = strchr(key->text, '/') + 1;
	uint64_t peak = grant->peak_bps ? grant->peak_bps : grant->committed_bps;
	bool committed = key->kind == KEY_COMMITTED;

	if (key->kind == KEY_COUNT) {
		*limit = !strcmp(what, "slices")  ? grant->slices
			 : !strcmp(what, "hosts") ? grant->hosts
			 : *what == 'l'		  ? grant->local_data_networks
						  : grant->sessions;
		return true;
	}
	*limit = committed ? grant->committed_bps : peak;
	for (uint32_t i = 0; *what && i < grant->wans.count; i++) {
		const struct intent_grant_wan *wan = &grant->wans.item[i];

		if (strcmp(wan->wan, what))
			continue;
		*limit = committed ? wan->committed_bps : wan->peak_bps;
		return *limit != 0;
	}
	return !*what;
}

static int value_before(const struct constraint_key *key, void *arg)
{
	struct constraint_key *now = arg;

	if (key->role == CONSTRAINT_BOOKS && key->kind == now->kind &&
		!strcmp(key->text, now->text))
		now->value = key->value;
	return 0;
}

/* More than before the transaction? */
static bool grows(const struct intent *intent, const struct constraint_key *key)
{
	const struct intent *was = intent_was(intent);
	struct constraint_key before = *key;

	before.value = 0;
	if (was)
		constraints_visit(
			intent_types[was->type].constraints, was->obj, value_before, &before);
	return key->value > before.value;
}

static int check_sum(const struct constraint_key *key, void *arg)
{
	const struct look *look = arg;
	const char *what = strchr(key->text, '/');
	uint64_t limit, total = objstore_total(look->world->store, key->kind, key->text);

	if (key->role != CONSTRAINT_BOOKS || key->kind == KEY_BOOKED ||
		!limit_of(look, key, &limit) || total <= limit || !grows(look->intent, key))
		return 0;
	look->err->limit = (long long)limit;
	snprintf(look->err->path, sizeof(look->err->path), "%s", key->path);
	if (key->kind == KEY_COUNT)
		return rpc_fail(look->err, RPC_ERR_FORBIDDEN,
			"the grant of tenant %s has %llu %s, and this makes it %llu",
			look->grant->name, (unsigned long long)limit, what + 1,
			(unsigned long long)total);
	return rpc_fail(look->err, RPC_ERR_FORBIDDEN,
		"the grant of tenant %s has %s %llu%s%s, and this makes it %llu", look->grant->name,
		key->kind == KEY_PEAK ? "peak_bps" : "committed_bps", (unsigned long long)limit,
		what[1] ? " over wan " : "", what + 1, (unsigned long long)total);
}

/* ---- for the world ---- */

const struct intent_tenant *grant_of(const struct world *world, const struct intent *intent)
{
	const struct intent *grant =
		intent->tenant[0] ? world_find(world, INTENT_TENANT, intent->tenant) : NULL;

	return grant ? &grant->obj->tenant : NULL;
}

const struct intent_grant_gtpu *grant_gtpu(
	const struct intent_tenant *grant, const char *site, const char *gtpu)
{
	for (uint32_t i = 0; i < grant->gtpu.count; i++)
		if (!strcmp(grant->gtpu.item[i].site, site) &&
			!strcmp(grant->gtpu.item[i].gtpu, gtpu))
			return &grant->gtpu.item[i];
	return NULL;
}

bool grant_has_wan(
	const struct world *world, const struct intent *intent, const char *site, const char *wan)
{
	struct look look = {.world = world, .grant = grant_of(world, intent)};

	return !world->limited || !look.grant ||
	       has_wan(&look, &(struct demand){.site = site, .name = wan});
}

int grant_check_untagged(struct world *world, struct intent *intent, struct rpc_error *err)
{
	const struct intent_grant_places *places = &intent->obj->tenant.places;

	for (uint32_t i = 0; intent->type == INTENT_TENANT && i < places->count; i++) {
		const struct intent_grant_place *place = &places->item[i];

		if (!place->untagged || !is_hosts_own(world, place->site, place->port))
			continue;
		snprintf(err->path, sizeof(err->path), "places[%u].untagged", i);
		return rpc_fail(err, RPC_ERR_PARAMS,
			"the untagged frames of port %s of site %s are the host's own: no tenant "
			"gets them",
			place->port, place->site);
	}
	return 0;
}

static int no_grant(const struct intent *intent, struct rpc_error *err)
{
	err->path[0] = '\0';
	return rpc_fail(err, RPC_ERR_FORBIDDEN,
		"tenant %s has no grant: operators give one, an intent of kind tenant",
		intent->tenant);
}

int grant_check_asked(struct world *world, struct intent *intent, struct rpc_error *err)
{
	struct pass pass = {{world, intent, grant_of(world, intent), err}, demands_asked};

	if (!world->limited)
		return 0;
	if (!pass.look.grant)
		return no_grant(intent, err);
	return demands_asked(world, intent, check_demand, &pass) ? -1 : 0;
}

int grant_check_chosen(struct world *world, struct intent *intent, struct rpc_error *err)
{
	struct pass pass = {{world, intent, grant_of(world, intent), err}, demands_chosen};

	if (!world->limited)
		return 0;
	if (demands_chosen(world, intent, check_demand, &pass) ||
		constraints_visit(
			intent_types[intent->type].constraints, intent->obj, check_sum, &pass.look))
		return -1;
	return 0;
}

static uint64_t total_of(
	const struct world *world, enum key_kind kind, const char *tenant, const char *of)
{
	char text[API_KEY_BYTES];

	snprintf(text, sizeof(text), "%.63s/%.63s", tenant, of);
	return objstore_total(world->store, kind, text);
}

uint64_t world_tenant_count(const struct world *world, const char *tenant, const char *what)
{
	return total_of(world, KEY_COUNT, tenant, what);
}

uint64_t world_tenant_committed_bps(const struct world *world, const char *tenant, const char *wan)
{
	return total_of(world, KEY_COMMITTED, tenant, wan);
}

uint64_t world_tenant_peak_bps(const struct world *world, const char *tenant, const char *wan)
{
	return total_of(world, KEY_PEAK, tenant, wan);
}

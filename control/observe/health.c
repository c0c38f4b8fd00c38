/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of health.h: one pure function a kind, each made of those below it. */
#include "health.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compile.h"

static bool well(struct health *out)
{
	out->word = "well";
	out->text[0] = out->cause[0] = '\0';
	return true;
}

__attribute__((format(printf, 3, 4))) static bool ill(
	struct health *out, const char *word, const char *fmt, ...)
{
	va_list args;

	out->word = word;
	out->cause[0] = '\0';
	va_start(args, fmt);
	vsnprintf(out->text, sizeof(out->text), fmt, args);
	va_end(args);
	return false;
}

/* What is not well by another: its word and text, and who that is. */
static bool because(struct health *out, const char *kind, const char *name)
{
	if (!out->cause[0])
		snprintf(out->cause, sizeof(out->cause), "%s:%.100s", kind, name);
	return false;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* ---- the box ---- */

bool health_dataplane(const struct health_facts *facts, struct health *out)
{
	if (!strcmp(facts->dataplane, "up"))
		return well(out);
	if (!strcmp(facts->dataplane, "hung"))
		return ill(out, "dataplane_hung", "the dataplane is hung");
	return ill(out, "dataplane_down", "the dataplane is down");
}

/* Nothing may differ yet: intents have come and are still being compiled, or the dataplane has just
 * come up and is being read. */
static bool not_synced(const struct reconcile_counters *c, struct health *out)
{
	if (c->differing)
		return ill(out, "not_synced", "the dataplane is not as wanted: %u object%s",
			c->differing, c->differing > 1 ? "s differ" : " differs");
	return ill(out, "not_synced", "%s",
		c->pending ? "changes are on their way to the dataplane"
			   : "what the dataplane has is still being read");
}

bool health_box(const struct health_facts *facts, struct health *out)
{
	const struct reconcile_counters *c = &facts->reconciler;

	if (!health_dataplane(facts, out)) {
		if (facts->why[0])
			snprintf(out->text, sizeof(out->text), "%s", facts->why);
		return false;
	}
	if (!c->synced) /* what is refused says so itself */
		return not_synced(c, out);
	if (facts->mirror_why)
		return ill(out, "kernel_down", "%s", facts->mirror_why);
	if (facts->mirror_waits)
		return ill(out, "pending", "the kernel is still being read");
	return well(out);
}

static bool here(const struct health_facts *facts, struct health *out)
{
	return health_dataplane(facts, out) || because(out, "box", facts->site);
}

/* ---- what the dataplane lists ---- */

/* Nothing comes in by it. */
static bool is_off(const char *fault)
{
	return !strncmp(fault, "its XDP program", 15);
}

/* What loses some of its traffic, though it has a link. */
static bool port_whole(const json_t *port, struct health *out)
{
	const char *fault = text_of(port, "fault");
	const char *word = is_off(fault)				     ? "fault"
			   : json_is_true(json_object_get(port, "tap_lost")) ? "twin"
									     : "interface_mtu";

	return *fault ? ill(out, word, "%s", fault) : well(out);
}

bool health_port(const struct health_facts *facts, const char *name, struct health *out)
{
	const json_t *port = json_object_get(facts->ports, name);

	if (!here(facts, out))
		return false;
	if (!port)
		return ill(out, "pending", "port %s is not seen in the dataplane yet", name);
	if (json_is_true(json_object_get(port, "gone")))
		return ill(out, "gone", "the interface of port %s is gone", name);
	if (is_off(text_of(port, "fault")))
		return ill(out, "fault", "port %s: %s", name, text_of(port, "fault"));
	if (!json_is_true(json_object_get(port, "link")))
		return ill(out, "no_link", "port %s has no link", name);
	return port_whole(port, out);
}

/* state: the dataplane's "up via wan0 198.18.0.2", "down: no link to 198.18.0.2". */
static bool way_well(struct health *out, const char *what, const char *state)
{
	const char *why = !strncmp(state, "down: ", 6) ? state + 6 : "";
	const char *word = "no_route";

	if (!strncmp(state, "up", 2))
		return well(out);
	if (!strncmp(why, "no link", 7))
		word = "no_link";
	else if (!strncmp(why, "no neighbor", 11))
		word = "unresolved";
	return ill(out, word, "%s down (%s)", what, *why ? why : "no route");
}

bool health_tunnel(const struct health_facts *facts, const char *name, struct health *out)
{
	const json_t *tunnel = json_object_get(facts->tunnels, name);
	char what[96];

	if (!here(facts, out))
		return false;
	if (!tunnel)
		return ill(out, "pending", "tunnel %s is not seen in the dataplane yet", name);
	snprintf(what, sizeof(what), "tunnel %.80s", name);
	return way_well(out, what, text_of(tunnel, "state"));
}

static bool row_well(const char *key, const json_t *row, struct health *out)
{
	const json_t *params = json_object_get(row, "params");
	char what[160];

	snprintf(what, sizeof(what), "GTP-U peer %.120s", key);
	if (!way_well(out, what, text_of(params, "state")))
		return false;
	if (!strcmp(text_of(params, "path"), "down"))
		return ill(out, "path_down", "%s down (no answer to echo requests)", what);
	return well(out);
}

bool health_peer(const struct health_facts *facts, const char *key, struct health *out)
{
	const json_t *row = json_object_get(facts->peers, key);

	if (!here(facts, out))
		return false;
	if (!row)
		return ill(out, "pending", "GTP-U peer %s is not in use", key);
	return row_well(key, row, out);
}

/* ---- intents ---- */

static bool in_dataplane(
	const struct health_facts *facts, const struct intent *intent, struct health *out)
{
	const char *kind = intent_kind(intent->type);
	char told[sizeof(intent->status.reason)];

	if (!here(facts, out))
		return false;
	if (intent->status.state == INTENT_REFUSED)
		return ill(out, "refused", "%s %s is refused: %s", kind, intent->name,
			world_reason_told(facts->world, intent, told, sizeof(told)));
	if (intent->status.state == INTENT_PENDING)
		return ill(out, "pending", "%s %s is not yet in the dataplane", kind, intent->name);
	return well(out);
}

/* What to do about a port's fault is said of the port. */
static bool port_of(const struct health_facts *facts, const char *name, struct health *out)
{
	if (health_port(facts, name, out))
		return true;
	if (!strcmp(out->word, "fault"))
		ill(out, "fault", "nothing comes in by port %s", name);
	return because(out, "port", name);
}

/* Of what may be a tenant's: the names of the box's interfaces are the operators'. False. */
static bool port_told(const char *name, struct health *out)
{
	if (!strcmp(out->word, "fault"))
		ill(out, "fault", "nothing comes in by port %s", name);
	else if (!strcmp(out->word, "interface_mtu"))
		ill(out, "interface_mtu", "port %s loses large frames", name);
	else if (!strcmp(out->word, "twin"))
		ill(out, "twin", "the twin of port %s is down or gone", name);
	return because(out, "port", name);
}

static bool access_of(const struct health_facts *facts, const char *name, struct health *out)
{
	return port_of(facts, name, out) || port_told(name, out);
}

/* wan: its own end. A tunnel may be up by another port, where routes say so, and well while its
 * WAN's has no link. */
static bool tunnel_of(
	const struct health_facts *facts, const char *wan, const char *name, struct health *out)
{
	if (!health_tunnel(facts, name, out))
		return because(out, "tunnel", name);
	return port_whole(json_object_get(facts->ports, wan), out) || port_told(wan, out);
}

static bool site_well(
	const struct health_facts *facts, const struct intent_site *site, struct health *out)
{
	for (uint32_t i = 0; i < site->ports.count; i++)
		if (!port_of(facts, site->ports.item[i].name, out))
			return false;
	return true;
}

/* ---- slices and networks ---- */

/* The WAN of a site, as stretch.c chooses it: of the first endpoint there that has one. */
static const char *wan_at(const struct intent_endpoints *ends, const char *site)
{
	for (uint32_t i = 0; i < ends->count; i++)
		if (ends->item[i].wan[0] && !strcmp(ends->item[i].site, site))
			return ends->item[i].wan;
	return NULL;
}

bool health_endpoint(const struct health_facts *facts, const struct intent *slice,
	const struct intent_endpoint *end, struct health *out)
{
	const struct intent_slice *obj = &slice->obj->slice;
	const char *own = wan_at(&obj->endpoints, facts->site), *far;
	api_name name;

	if (!in_dataplane(facts, slice, out))
		return false;
	if (slice->status.state == INTENT_ELSEWHERE)
		goto elsewhere;
	if (!strcmp(end->site, facts->site))
		return access_of(facts, end->port, out);
	far = end->wan[0] ? end->wan : wan_at(&obj->endpoints, end->site);
	if (!own || !far)
		goto elsewhere;
	compile_way_name(name, own, far, obj->encap);
	return tunnel_of(facts, own, name, out);

elsewhere:
	well(out);
	out->word = "elsewhere";
	return true;
}

static bool slice_well(
	const struct health_facts *facts, const struct intent *slice, struct health *out)
{
	const struct intent_endpoints *ends = &slice->obj->slice.endpoints;
	const char *gap;

	if (!ends->count)
		return ill(out, "no_endpoints", "slice %s has no endpoints", slice->name);
	for (uint32_t i = 0; i < ends->count; i++)
		if (!health_endpoint(facts, slice, &ends->item[i], out))
			return false;
	gap = json_string_value(json_object_get(facts->gaps, slice->name));
	if (gap)
		return ill(out, "kernel_incomplete", "slice %s: %s", slice->name, gap);
	return well(out);
}

static bool network_well(
	const struct health_facts *facts, const struct intent_network *network, struct health *out)
{
	const struct intent_placements *at = &network->placements;
	const char *own = NULL;
	api_name name;

	for (uint32_t i = 0; i < at->count; i++)
		if (!strcmp(at->item[i].site, facts->site))
			own = at->item[i].wan;
	for (uint32_t i = 0; i < at->count; i++) {
		if (!own || !own[0] || own == at->item[i].wan || !at->item[i].wan[0])
			continue;
		compile_way_name(name, own, at->item[i].wan, ENCAP_VXLAN);
		if (!tunnel_of(facts, own, name, out))
			return false;
	}
	for (uint32_t i = 0; i < network->hosts.count; i++) {
		const struct intent *host =
			world_find(facts->world, INTENT_HOST, network->hosts.item[i].text);

		if (host && !strcmp(host->obj->host.site, facts->site) &&
			!access_of(facts, host->obj->host.port, out))
			return false;
	}
	return true;
}

/* ---- sessions ---- */

/* Is the peer that a FAR sends to one that is not well? */
static bool header_well(
	const struct health_facts *facts, const struct api_outer_header *outer, struct health *out)
{
	char address[64], key[160];
	const char *peer;

	if (!outer->teid)
		return true;
	api_ip_format(&outer->peer, false, address);
	snprintf(key, sizeof(key), "%.64s %s", outer->gtpu, address);
	peer = json_string_value(json_object_get(facts->peers_bad, outer->gtpu[0] ? key : address));
	return !peer || health_peer(facts, peer, out) || because(out, "peer", peer);
}

/* Has the peer of a FAR said that it does not know its TEID, and is the session as it was? */
static bool is_indicated(const struct health_facts *facts, const struct intent *intent,
	const struct api_outer_header *outer)
{
	const json_t *said = json_object_get(facts->indicated, intent->name);
	char address[64];

	if (!said || !outer->teid ||
		json_integer_value(json_object_get(said, "teid")) != outer->teid ||
		(uint64_t)json_integer_value(json_object_get(said, "revision")) != intent->revision)
		return false;
	api_ip_format(&outer->peer, false, address);
	return !strcmp(json_string_value(json_object_get(said, "peer")) ?: "", address);
}

static bool session_well(
	const struct health_facts *facts, const struct intent *intent, struct health *out)
{
	const struct intent_session *obj = &intent->obj->session;
	const struct api_fars *fars = &obj->session.fars;
	const struct intent *slice = world_find(facts->world, INTENT_SLICE, obj->session.slice);

	if (slice && !health_intent(facts, slice, out))
		return because(out, "slice", slice->name);
	for (uint32_t i = 0; json_object_size(facts->indicated) && i < fars->count; i++)
		if (is_indicated(facts, intent, &fars->item[i].outer_header))
			return ill(out, "tunnel_unknown",
				"its peer does not know TEID %u (error indication): modify the "
				"session",
				fars->item[i].outer_header.teid);
	for (uint32_t i = 0; json_object_size(facts->peers_bad) && i < fars->count; i++)
		if (!header_well(facts, &fars->item[i].outer_header, out))
			return false;
	return true;
}

bool health_intent(
	const struct health_facts *facts, const struct intent *intent, struct health *out)
{
	const union intent_object *obj = intent->obj;

	if (!in_dataplane(facts, intent, out))
		return false;
	if (intent->status.state == INTENT_ELSEWHERE &&
		!(intent->type == INTENT_SLICE && !obj->slice.endpoints.count)) {
		out->word = "elsewhere";
		return true;
	}
	switch (intent->type) {
	case INTENT_SITE:
		return site_well(facts, &obj->site, out);
	case INTENT_WAN:
		return port_of(facts, intent->name, out);
	case INTENT_SLICE:
		return slice_well(facts, intent, out);
	case INTENT_HOST:
		return access_of(facts, obj->host.port, out);
	case INTENT_NETWORK:
		return network_well(facts, &obj->network, out);
	case INTENT_SESSION:
		return session_well(facts, intent, out);
	case INTENT_LOCAL_NETWORK:
	case INTENT_TENANT:
	case INTENT_TYPES:
		break;
	}
	return true;
}

/* ---- facts ---- */

void health_facts_judge(struct health_facts *facts)
{
	struct health ignored;
	const char *key;
	json_t *row;

	json_decref(facts->peers_bad);
	facts->peers_bad = json_object();
	json_object_foreach ((json_t *)facts->peers, key, row) {
		if (row_well(key, row, &ignored))
			continue;
		json_object_set_new(facts->peers_bad, key, json_string(key));
		json_object_set_new(facts->peers_bad,
			text_of(json_object_get(row, "match"), "peer"), json_string(key));
	}
}

void health_facts_clear(struct health_facts *facts)
{
	json_decref(facts->peers_bad);
	json_decref(facts->gaps);
	memset(facts, 0, sizeof(*facts));
}

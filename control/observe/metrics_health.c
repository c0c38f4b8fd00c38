/* SPDX-License-Identifier: BSD-3-Clause */
/* Health, GTP-U paths and sessions at /metrics. Objects one by one while they are few, else
 * their numbers; sessions are numbers always. */
#include <stdio.h>
#include <string.h>

#include "health.h"
#include "measure.h"
#include "metrics.h"
#include "observe.h"

#define PEERS_MAX 1024 /* with series of their own */

static void health_of(struct text *p, const char *kind, const char *name, bool is_well)
{
	prom_u64(p, "sluice_health", is_well, "kind", kind, "name", name, NULL);
}

static void write_listed(struct text *p, const struct health_facts *facts)
{
	const struct health_report *report = health_last();
	struct health health;
	const char *name;
	json_t *one;

	health_of(p, "box", control.site, health_box(facts, &health) && report && !report->wrong);
	json_object_foreach (facts->ports, name, one)
		health_of(p, "port", name, health_port(facts, name, &health));
	json_object_foreach (facts->tunnels, name, one)
		health_of(p, "tunnel", name, health_tunnel(facts, name, &health));
	if (json_object_size(facts->peers) > PEERS_MAX)
		return;
	json_object_foreach (facts->peers, name, one)
		health_of(p, "peer", name, health_peer(facts, name, &health));
}

static void write_intents(struct text *p, const struct health_facts *facts, enum intent_type type,
	const struct actor *actor)
{
	struct intent *one = world_first(control.world, type);
	struct health health;

	for (; one; one = world_next(one)) {
		bool is_well = health_intent(facts, one, &health);

		if (strcmp(health.word, "elsewhere") &&
			(view_whole(actor) || actor_sees(actor, one->tenant)))
			health_of(p, intent_kind(type), one->name, is_well);
	}
}

void metrics_write_health(struct text *p, const struct actor *actor, bool few_slices)
{
	const struct health_facts *facts = health_facts_now();
	const struct health_report *report = health_last();
	const char *kind;
	json_t *counts;

	prom_family(p, "sluice_health", PROM_GAUGE,
		"1: well, a packet would pass; 0: not, GET /v1/health says why.");
	if (view_whole(actor)) {
		write_listed(p, facts);
		write_intents(p, facts, INTENT_SITE, actor);
		write_intents(p, facts, INTENT_WAN, actor);
	}
	if (few_slices) {
		write_intents(p, facts, INTENT_SLICE, actor);
		write_intents(p, facts, INTENT_NETWORK, actor);
	}
	if (!view_whole(actor) || !report)
		return;
	prom_family(p, "sluice_health_not_well", PROM_GAUGE, "Objects that are not well, by kind.");
	json_object_foreach (report->counts, kind, counts)
		prom_u64(p, "sluice_health_not_well",
			json_integer_value(json_object_get(counts, "not_well")), "kind", kind,
			NULL);
}

/* ---- GTP-U paths ---- */

static const char *text_at(const json_t *row, const char *part, const char *name)
{
	return json_string_value(json_object_get(json_object_get(row, part), name));
}

static void write_path_states(struct text *p, const json_t *peers)
{
	static const char *const states[] = {"up", "down", "unknown", "unwatched"};
	uint64_t counts[4] = {0};
	const char *key;
	json_t *row;

	json_object_foreach ((json_t *)peers, key, row)
		for (int i = 0; i < 4; i++)
			counts[i] += !strcmp(states[i], text_at(row, "params", "path") ?: "");
	prom_family(p, "sluice_gtpu_paths", PROM_GAUGE,
		"GTP-U peers in use, by what echo requests say of them.");
	for (int i = 0; i < 4; i++)
		prom_u64(p, "sluice_gtpu_paths", counts[i], "state", states[i], NULL);
}

static void write_path_counter(struct text *p, const json_t *peers, const char *name,
	const char *counter, const char *help)
{
	const char *key;
	json_t *row;

	prom_family(p, name, PROM_COUNTER, help);
	json_object_foreach ((json_t *)peers, key, row)
		prom_u64(p, name,
			json_integer_value(
				json_object_get(json_object_get(row, "counters"), counter)),
			"gtpu", text_at(row, "match", "gtpu"), "peer",
			text_at(row, "match", "peer"), NULL);
}

void metrics_write_gtpu(struct text *p)
{
	const struct health_facts *facts = health_facts_now();
	const json_t *peers = facts->peers;
	struct health health;
	const char *key;
	json_t *row;

	if (!json_object_size(peers))
		return;
	write_path_states(p, peers);
	if (json_object_size(peers) > PEERS_MAX)
		return;
	prom_family(p, "sluice_gtpu_path_up", PROM_GAUGE,
		"There is a way to a GTP-U peer, and it is not known not to answer.");
	json_object_foreach ((json_t *)peers, key, row)
		prom_u64(p, "sluice_gtpu_path_up", health_peer(facts, key, &health), "gtpu",
			text_at(row, "match", "gtpu"), "peer", text_at(row, "match", "peer"), NULL);
	write_path_counter(p, peers, "sluice_gtpu_path_transmit_packets_total", "out_packets",
		"Packets sent to a GTP-U peer.");
	write_path_counter(p, peers, "sluice_gtpu_path_transmit_bytes_total", "out_bytes",
		"Bytes sent to a GTP-U peer.");
}

/* ---- sessions ---- */

static void write_sessions_of(struct text *p, const struct actor *actor, const char *family,
	const char *counter, const char *help)
{
	const char *slice;
	json_t *one;

	prom_family(p, family, PROM_GAUGE, help);
	json_object_foreach (health_last()->sessions, slice, one) {
		const char *tenant = json_string_value(json_object_get(one, "tenant"));

		if (view_whole(actor) || actor_sees(actor, tenant))
			prom_u64(p, family, json_integer_value(json_object_get(one, counter)),
				"slice", slice, "tenant", tenant, NULL);
	}
}

void metrics_write_sessions(struct text *p, const struct actor *actor)
{
	if (!health_last() || !json_object_size(health_last()->sessions))
		return;
	write_sessions_of(
		p, actor, "sluice_sessions", "sessions", "Sessions of this site, by slice.");
	write_sessions_of(p, actor, "sluice_sessions_not_well", "not_well",
		"Of those: sessions by which no packet would pass.");
	write_sessions_of(p, actor, "sluice_session_ues", "ues",
		"Of those: sessions with an address of a UE.");
}

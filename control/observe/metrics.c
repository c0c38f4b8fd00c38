/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /metrics and /metrics/slices, in Prometheus' text format 0.0.4. */
#include "observe_private.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "alloc.h"
#include "bus.h"
#include "making.h"
#include "mirror_link.h"

/* ---- Prometheus' text format ---- */

/* Backslash, newline and, in the value of a label, the quote are escaped; nothing else is. */
static void add_escaped(struct text *p, const char *text, bool label)
{
	char *to = text_more(p, 2 * strlen(text));
	char *at = to;

	for (; *text; text++) {
		if (*text == '\\' || *text == '\n' || (label && *text == '"'))
			*at++ = '\\';
		*at++ = *text == '\n' ? 'n' : *text;
	}
	p->len += at - to;
}

void prom_family(struct text *p, const char *name, enum prom_kind kind, const char *help)
{
	text_say(p, "# HELP ");
	text_say(p, name);
	text_say(p, " ");
	add_escaped(p, help, false);
	text_say(p, "\n# TYPE ");
	text_say(p, name);
	text_say(p, kind == PROM_COUNTER ? " counter\n" : " gauge\n");
}

static void add_sample(struct text *p, const char *name, const char *value, va_list labels)
{
	const char *label, *text;
	const char *before = "{";

	text_say(p, name);
	while ((label = va_arg(labels, const char *))) {
		text = va_arg(labels, const char *);
		if (!text)
			continue;
		text_say(p, before);
		text_say(p, label);
		text_say(p, "=\"");
		add_escaped(p, text, true);
		text_say(p, "\"");
		before = ",";
	}
	text_say(p, *before == ',' ? "} " : " ");
	text_say(p, value);
	text_say(p, "\n");
}

void prom_u64(struct text *p, const char *name, uint64_t value, ...)
{
	char text[32];
	va_list labels;

	snprintf(text, sizeof(text), "%" PRIu64, value);
	va_start(labels, value);
	add_sample(p, name, text, labels);
	va_end(labels);
}

void prom_f64(struct text *p, const char *name, double value, ...)
{
	char text[40];
	va_list labels;

	if (isnan(value))
		strcpy(text, "NaN");
	else if (isinf(value))
		strcpy(text, value > 0 ? "+Inf" : "-Inf");
	else
		snprintf(text, sizeof(text), "%.15g", value);
	va_start(labels, value);
	add_sample(p, name, text, labels);
	va_end(labels);
}

/* ---- the process, from /proc ---- */

static double boot_time_s(void)
{
	FILE *stat = fopen("/proc/stat", "re");
	unsigned long long boot = 0;
	char line[256];

	while (stat && fgets(line, sizeof(line), stat))
		if (sscanf(line, "btime %llu", &boot) == 1)
			break;
	if (stat)
		fclose(stat);
	return boot;
}

static uint64_t open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t count = 0;

	if (!dir)
		return 0;
	for (struct dirent *one; (one = readdir(dir));)
		count += one->d_name[0] != '.';
	closedir(dir);
	return count - 1; /* the directory's own */
}

static json_t *process_figures(void)
{
	unsigned long long user, system, start, bytes;
	FILE *stat = fopen("/proc/self/stat", "re");
	long resident, hz = sysconf(_SC_CLK_TCK);
	json_t *out = json_pack("{s:I}", "files", (json_int_t)open_files());
	struct rlimit files;
	char line[1024] = "";
	const char *at;

	at = stat && fgets(line, sizeof(line), stat) ? strrchr(line, ')') : NULL;
	if (stat)
		fclose(stat);
	/* behind the name: fields 3, 4, …; 14 utime, 15 stime, 22 starttime, 23 vsize, 24 rss */
	if (at && sscanf(at + 1,
			  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d "
			  "%*d %*d %llu %llu %ld",
			  &user, &system, &start, &bytes, &resident) == 5) {
		json_object_set_new(out, "cpu_s", json_real((double)(user + system) / hz));
		json_object_set_new(out, "start_s", json_real(boot_time_s() + (double)start / hz));
		json_object_set_new(out, "virtual_bytes", json_integer(bytes));
		json_object_set_new(out, "resident_bytes",
			json_integer((json_int_t)resident * sysconf(_SC_PAGESIZE)));
	}
	if (!getrlimit(RLIMIT_NOFILE, &files))
		json_object_set_new(out, "files_most", json_integer(files.rlim_cur));
	return out;
}

/* ---- what control knows of itself ---- */

static json_t *control_figures(void)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I}", "revision",
		(json_int_t)store_revision(control.store), "events", (json_int_t)bus_last(),
		"log_lost", (json_int_t)log_lost(), "turn_longest_us",
		(json_int_t)control.turn_longest_us, "turns_long", (json_int_t)control.turns_long,
		"dataplane", dataplane_state(control.dataplane) == DATAPLANE_UP, "read_us",
		(json_int_t)collector_at_us(control.collector), "took_us",
		(json_int_t)collector_took_us(control.collector));
}

static json_t *http_figures(void)
{
	struct http_counters c = {0};

	http_counters(&c);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i}", "1xx",
		(json_int_t)c.requests[1], "2xx", (json_int_t)c.requests[2], "3xx",
		(json_int_t)c.requests[3], "4xx", (json_int_t)c.requests[4], "5xx",
		(json_int_t)c.requests[5], "refused_rate", (json_int_t)c.refused_rate,
		"refused_connections", (json_int_t)c.refused_connections, "timeouts",
		(json_int_t)c.timeouts, "connections", c.connections, "streams", c.streams);
}

static json_t *kernel_figures(void)
{
	return status_kernel(true);
}

static const struct {
	const char *type;
	json_t *(*read)(void);
} own[] = {{"process", process_figures}, {"control", control_figures},
	{"reconciler", status_reconciler}, {"kernel", kernel_figures},
	{"kernel_entries", status_kernel_entries}, {"http", http_figures}};

json_t *measure_own(const char *type)
{
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(own[i].type, type))
			return own[i].read();
	return NULL;
}

static void write_intents_by_state(struct text *p)
{
	size_t counts[INTENT_STATES];

	prom_family(p, "sluice_intents", PROM_GAUGE, "Intents by type and state.");
	for (int type = 0; type < INTENT_TYPES; type++) {
		reconciler_states(control.reconciler, type, counts);
		for (int state = 0; state < INTENT_STATES; state++)
			prom_u64(p, "sluice_intents", counts[state], "type", intent_path(type),
				"state", intent_state_names[state], NULL);
	}
}

static void write_wans(struct text *p)
{
	struct intent *wan = world_first(control.world, INTENT_WAN);

	if (!wan)
		return;
	prom_family(p, "sluice_wan_capacity_bytes_per_second", PROM_GAUGE,
		"What may be booked on a WAN; 0: not limited.");
	for (; wan; wan = world_next(wan))
		prom_f64(p, "sluice_wan_capacity_bytes_per_second",
			(double)wan->obj->wan.capacity_bps / 8, "wan", wan->name, "site",
			wan->obj->wan.site, NULL);
	prom_family(p, "sluice_wan_booked_bytes_per_second", PROM_GAUGE,
		"What slices and networks have booked on a WAN.");
	for (wan = world_first(control.world, INTENT_WAN); wan; wan = world_next(wan))
		prom_f64(p, "sluice_wan_booked_bytes_per_second",
			(double)world_booked_bps(control.world, wan->name) / 8, "wan", wan->name,
			"site", wan->obj->wan.site, NULL);
}

static void write_versions(struct text *p)
{
	const json_t *hello = dataplane_hello(control.dataplane);

	prom_family(p, "sluice_build_info", PROM_GAUGE, "Always 1; the version is a label.");
	prom_u64(p, "sluice_build_info", 1, "version", SLUICE_VERSION, NULL);
	if (!hello)
		return;
	prom_family(p, "sluice_dataplane_info", PROM_GAUGE,
		"Always 1; the dataplane's version is a label.");
	prom_u64(p, "sluice_dataplane_info", 1, "version",
		json_string_value(json_object_get(hello, "version")), NULL);
}

static void write_control(struct text *p, const struct actor *actor)
{
	static const char *const types[] = {
		"process", "control", "reconciler", "kernel", "kernel_entries", "http", NULL};

	write_versions(p);
	measure_write(p, types, &(struct measure_filter){.actor = actor, .pages = 1});
	write_intents_by_state(p);
	write_wans(p);
}

/* ---- objects of JSON, {KEY: object} ---- */

/* A family of what such objects have: one sample each. */
struct family {
	const char *name, *help;
	enum prom_kind kind;
	const char *part, *value; /* where it is; NULL: the object itself */
	double scale;		  /* 0: it is an integer or a truth */
	struct {
		const char *label, *part, *field; /* field NULL: the key */
	} labels[2];
};

static const struct family links[] = {{"sluice_port_up", "The link of a port is up.", PROM_GAUGE,
					      .value = "link", .labels = {{.label = "port"}}},
	{"sluice_port_speed_bytes_per_second", "Speed of a port's link.", PROM_GAUGE,
		.value = "speed_mbps", .scale = 1e6 / 8, .labels = {{.label = "port"}}},
	{NULL}};
static const struct family drops[] = {
	{"sluice_dropped_packets_total", "Packets dropped, by reason.", PROM_COUNTER,
		.labels = {{.label = "reason"}}},
	{NULL}};
static const struct family not_well[] = {
	{"sluice_health_not_well", "Objects that are not well, by kind.", PROM_GAUGE,
		.value = "not_well", .labels = {{.label = "kind"}}},
	{NULL}};
#define PATH  .labels = {{"gtpu", "match", "gtpu"}, {"peer", "match", "peer"}}
#define SLICE .labels = {{.label = "slice"}, {"tenant", NULL, "tenant"}}
static const struct family paths[] = {
	{"sluice_gtpu_path_transmit_packets_total", "Packets sent to a GTP-U peer.", PROM_COUNTER,
		.part = "counters", .value = "out_packets", PATH},
	{"sluice_gtpu_path_transmit_bytes_total", "Bytes sent to a GTP-U peer.", PROM_COUNTER,
		.part = "counters", .value = "out_bytes", PATH},
	{NULL}};
static const struct family sessions[] = {{"sluice_sessions", "Sessions of this site, by slice.",
						 PROM_GAUGE, .value = "sessions", SLICE},
	{"sluice_sessions_not_well", "Of those: sessions by which no packet would pass.",
		PROM_GAUGE, .value = "not_well", SLICE},
	{"sluice_session_ues", "Of those: sessions with an address of a UE.", PROM_GAUGE,
		.value = "ues", SLICE},
	{NULL}};

static const json_t *part_of(const json_t *object, const char *name)
{
	return name ? json_object_get(object, name) : object;
}

static const char *label_of(const struct family *f, int at, const char *key, const json_t *object)
{
	const char *field = f->labels[at].field;

	if (!f->labels[at].label || !field)
		return f->labels[at].label ? key : NULL;
	return json_string_value(json_object_get(part_of(object, f->labels[at].part), field));
}

/* Those of other tenants are left out. */
static void write_families(
	struct text *p, const struct family *f, const json_t *objects, const struct actor *actor)
{
	const char *key;
	json_t *one;

	for (; f->name && json_object_size(objects); f++) {
		prom_family(p, f->name, f->kind, f->help);
		json_object_foreach ((json_t *)objects, key, one) {
			const json_t *value = part_of(part_of(one, f->part), f->value);
			const char *first = f->labels[0].label, *second = f->labels[1].label;
			const char *text = label_of(f, 1, key, one);

			if (second && !strcmp(second, "tenant") && !view_whole(actor) &&
				!actor_sees(actor, text))
				continue;
			if (f->scale > 0)
				prom_f64(p, f->name, json_number_value(value) * f->scale, first,
					label_of(f, 0, key, one), NULL);
			else
				prom_u64(p, f->name,
					json_is_true(value) ? 1
							    : (uint64_t)json_integer_value(value),
					first, label_of(f, 0, key, one), second, text, NULL);
		}
	}
}

/* ---- XDP programs ---- */

static const char *const verdicts[] = {
#define VERDICT(up, low, help) #low,
	XDP_VERDICTS(VERDICT)
#undef VERDICT
};

static void write_attached(const struct xdp_status *status, void *arg)
{
	prom_u64(arg, "sluice_xdp_attached",
		status->state == XDP_DRIVER || status->state == XDP_GENERIC, "port", status->port,
		"interface", status->interface, "state", xdp_state_names[status->state], NULL);
}

static void write_packets(const struct xdp_status *status, void *arg)
{
	for (int v = 0; v < XDP_VERDICT_COUNT; v++)
		prom_u64(arg, "sluice_xdp_packets_total", status->count[v].packets, "port",
			status->port, "verdict", verdicts[v], NULL);
}

static void write_bytes(const struct xdp_status *status, void *arg)
{
	for (int v = 0; v < XDP_VERDICT_COUNT; v++)
		prom_u64(arg, "sluice_xdp_bytes_total", status->count[v].bytes, "port",
			status->port, "verdict", verdicts[v], NULL);
}

/* The AF_XDP ports. */
static void metrics_write_xdp(struct text *p)
{
	if (!mirror_link_xdp_ports(control.mirror))
		return;
	prom_family(p, "sluice_xdp_attached", PROM_GAUGE,
		"Sluice's XDP program is on the interface of an AF_XDP port, in its driver or "
		"generic.");
	mirror_link_xdp_each(control.mirror, write_attached, p);
	prom_family(p, "sluice_xdp_packets_total", PROM_COUNTER,
		"Packets that came in by an AF_XDP port's interface, by where XDP sent them and "
		"why.");
	mirror_link_xdp_each(control.mirror, write_packets, p);
	prom_family(p, "sluice_xdp_bytes_total", PROM_COUNTER,
		"Bytes that came in by an AF_XDP port's interface, by where XDP sent them and "
		"why.");
	mirror_link_xdp_each(control.mirror, write_bytes, p);
}

/* ---- health, GTP-U paths, sessions ---- */

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
	json_object_foreach ((json_t *)facts->ports, name, one)
		health_of(p, "port", name, health_port(facts, name, &health));
	json_object_foreach ((json_t *)facts->tunnels, name, one)
		health_of(p, "tunnel", name, health_tunnel(facts, name, &health));
	if (json_object_size(facts->peers) > PEERS_MAX)
		return;
	json_object_foreach ((json_t *)facts->peers, name, one)
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

static void metrics_write_health(struct text *p, const struct actor *actor, bool few_slices)
{
	const struct health_facts *facts = health_facts_now();
	const struct health_report *report = health_last();

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
	if (view_whole(actor) && report)
		write_families(p, not_well, report->counts, actor);
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

static void metrics_write_gtpu(struct text *p)
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
	write_families(p, paths, peers, NULL);
}

/* ---- the calls ---- */

static void write_tunnels(struct text *p)
{
	json_t *tunnels = (json_t *)collector_objects(control.collector, "tunnel"), *tunnel;
	const char *name;

	if (!json_object_size(tunnels))
		return;
	prom_family(p, "sluice_tunnel_up", PROM_GAUGE,
		"A tunnel has a route and a neighbour to its remote end.");
	json_object_foreach (tunnels, name, tunnel)
		prom_u64(p, "sluice_tunnel_up", metrics_tunnel_up(tunnel), "tunnel", name, "local",
			json_string_value(json_object_get(tunnel, "local")), "remote",
			json_string_value(json_object_get(tunnel, "remote")), NULL);
}

bool metrics_tunnel_up(const json_t *tunnel)
{
	const char *state = json_string_value(json_object_get(tunnel, "state"));

	return state && state[0] == 'u' && state[1] == 'p';
}

static bool few_slices(void)
{
	return world_count(control.world, INTENT_SLICE) +
		       world_count(control.world, INTENT_NETWORK) <=
	       control.metrics_slices;
}

static void write_box(struct text *p, const struct actor *actor)
{
	static const char *const types[] = {"port", "tunnel", "box", "worker", "stage", NULL};
	const struct measure_filter filter = {.actor = actor, .pages = 1};

	write_families(p, links, collector_objects(control.collector, "port"), actor);
	write_tunnels(p);
	write_families(p, drops, collector_drops(control.collector), actor);
	measure_write(p, types, &filter);
}

/* What an old dataplane counted is not told while none runs: a series that ends is honest, one that
 * stands still is not. */
static bool has_counters(void)
{
	return dataplane_state(control.dataplane) == DATAPLANE_UP;
}

/* The few first, then what there may be thousands of, a sample at a time. */
struct metrics {
	bool begun, all;
	struct actor actor;
	struct measure_walk *walk;
};

static void write_few(const struct metrics *m, struct text *p)
{
	bool whole = view_whole(&m->actor);

	if (whole) {
		write_control(p, &m->actor);
		metrics_write_xdp(p);
	}
	metrics_write_health(p, &m->actor, few_slices());
	if (health_last())
		write_families(p, sessions, health_last()->sessions, &m->actor);
	if (!has_counters())
		return;
	if (whole) {
		write_box(p, &m->actor);
		metrics_write_gtpu(p);
	}
	tenants_write(p, &m->actor);
}

static bool metrics_step(void *state, struct text *p)
{
	struct metrics *m = state;

	if (m->all && !m->begun)
		write_few(m, p);
	m->begun = true;
	return m->walk && measure_step(m->walk, p);
}

static void metrics_free(void *state)
{
	struct metrics *m = state;

	measure_walk_free(m->walk);
	free(m);
}

/* types NULL: none */
static void answer(
	struct request *r, bool all, const char *const *types, uint32_t page, uint32_t pages)
{
	static const struct making_kind kind = {
		PROM_CONTENT_TYPE, .step = metrics_step, .free = metrics_free};
	const struct measure_filter filter = {request_actor(r), page, pages};
	struct metrics *m = xcalloc(1, sizeof(*m));

	m->all = all;
	m->actor = *filter.actor;
	m->walk = types && has_counters() ? measure_walk(types, &filter) : NULL;
	making_begin(r, &kind, m, NULL);
}

static const char *const box_types[] = {"meter", "slice", "attachment", NULL};
static const char *const *const tenant_types = &box_types[1];

static void get_metrics(struct request *r)
{
	const char *const *types = view_whole(request_actor(r)) ? box_types : tenant_types;

	answer(r, true, few_slices() ? types : NULL, 0, 1);
}

static void get_slices(struct request *r)
{
	int64_t page = request_number(r, "page"), pages = request_number(r, "pages");

	if (page < pages)
		answer(r, false, tenant_types, page, pages);
	else
		reply_problem(r, 400,
			"the query's page is not a number that is taken: want 0 to %" PRId64,
			pages - 1);
}

static const struct route_query page_query[] = {
	{"page", "which page, from 0", .kind = QUERY_NUMBER, .max = INT64_MAX},
	{"pages", "over how many pages the slices are spread; one scrape job each",
		.kind = QUERY_NUMBER, .min = 1, .max = 10000, .preset = 1},
	{NULL},
};

const struct route observe_metrics_routes[] = {
	{"GET", "/metrics", get_metrics, ROLE_METRICS, "getMetrics",
		"All that is counted, for Prometheus. Slices one by one while there are few, else "
		"by "
		"tenant.",
		"visibility", .produces = PROM_CONTENT_TYPE},
	{"GET", "/metrics/slices", get_slices, ROLE_METRICS, "getSliceMetrics",
		"Slices and attachments one by one, for Prometheus, in pages.", "visibility",
		.produces = PROM_CONTENT_TYPE, .query = page_query},
	{NULL},
};

/* SPDX-License-Identifier: BSD-3-Clause */
/* See xdp.h. Owns the list of ports and an open program for each. */
#include "xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "pin.h"

#define BATCH 256

struct port {
	api_name name;
	char interface[IFNAMSIZ];
	unsigned ifindex;
	enum xdp_state state;
	char reason[160];
	bool open;
	struct xdp_program_fds program; /* while open */
	bool filled;			/* with rules, once */
};

static struct port *ports;
static size_t port_count;
static bool started;

const char *const xdp_state_names[] = {"none", "driver", "generic", "foreign", "failed", NULL};

static void tell(struct port *port, enum xdp_state state, const char *reason)
{
	bool same = port->state == state && !strcmp(port->reason, reason);

	port->state = state;
	snprintf(port->reason, sizeof(port->reason), "%s", reason);
	if (!same && reason[0])
		log_text(LOG_WARN_, "port %s: XDP on %s: %s", port->name, port->interface, reason);
}

static void port_close(struct port *port)
{
	if (port->open) {
		xdp_program_close(&port->program);
		pin_remove(port->ifindex);
	}
	port->open = port->filled = false;
}

/* The program that is there now: the dataplane may have opened the port anew. */
static void port_open(struct port *port)
{
	struct xdp_program_fds program = {0};
	unsigned ifindex = if_nametoindex(port->interface);
	char reason[160];
	int rc = ifindex ? xdp_program_find(ifindex, &program) : -ENODEV;

	if (rc == 0 && port->open && program.id == port->program.id) {
		xdp_program_close(&program);
		return;
	}
	port_close(port);
	port->ifindex = ifindex;
	if (rc == 0) {
		port->program = program;
		port->open = true;
		pin_put(ifindex, &program);
	} else if (rc == -EEXIST) {
		snprintf(reason, sizeof(reason), "there is another program, %s", program.foreign);
		tell(port, XDP_FOREIGN, reason);
	} else if (rc == -ENOENT || rc == -ENODEV) {
		tell(port, XDP_NONE, "");
	} else {
		tell(port, XDP_FAILED, strerror(-rc));
	}
}

/* ---- the maps ---- */

static bool has_rule(const struct xdp_rules *rules, const struct xdp_local *local)
{
	size_t low = 0, high = rules->rules;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = memcmp(&rules->rule[middle].local, local, sizeof(*local));

		if (!order)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Those that are not wanted any more, so many at a time: the map may not change while it is walked.
 */
static void remove_stale(int map, const struct xdp_rules *rules)
{
	struct xdp_local stale[BATCH], key, *last = NULL;
	size_t count;

	do {
		count = 0;
		last = NULL;
		while (count < BATCH && bpf_map_get_next_key(map, last, &key) == 0) {
			if (!has_rule(rules, &key))
				stale[count++] = key;
			last = &key;
		}
		for (size_t i = 0; i < count; i++)
			bpf_map_delete_elem(map, &stale[i]);
	} while (count == BATCH);
}

static int add_rules(int map, const struct xdp_rules *rules)
{
	for (size_t i = 0; i < rules->rules; i++)
		if (bpf_map_update_elem(
			    map, &rules->rule[i].local, &rules->rule[i].kind, BPF_ANY) != 0)
			return -errno;
	return 0;
}

static int fill(struct port *port, const struct xdp_rules *rules, const struct xdp_setting *setting)
{
	uint32_t zero = 0;
	/* what is new first, what is over last: nothing that stays is ever missing */
	int rc = add_rules(port->program.locals, rules);

	if (rc == -E2BIG) { /* there was no room for both */
		remove_stale(port->program.locals, rules);
		rc = add_rules(port->program.locals, rules);
	}
	if (rc != 0)
		return rc;
	if (bpf_map_update_elem(port->program.setting, &zero, setting, BPF_ANY) != 0)
		return -errno;
	remove_stale(port->program.locals, rules);
	return 0;
}

static void port_fill(
	struct port *port, const struct xdp_port *wanted, const struct xdp_rules *rules)
{
	char reason[120];
	int rc;

	if (!port->open)
		return;
	rc = fill(port, rules, &wanted->setting);
	port->filled = true; /* or not: as good as it gets with these rules */
	if (rc == 0) {
		tell(port, port->program.generic ? XDP_GENERIC : XDP_DRIVER, "");
		return;
	}
	if (rc == -E2BIG)
		snprintf(reason, sizeof(reason), "more than %d addresses of tunnels and GTP-U",
			XDP_LOCALS / 2);
	else
		snprintf(reason, sizeof(reason), "filling its maps: %s", strerror(-rc));
	tell(port, XDP_FAILED, reason);
}

/* ---- the list ---- */

static struct port *port_of(const struct xdp_port *wanted)
{
	for (size_t i = 0; i < port_count; i++)
		if (!strcmp(ports[i].name, wanted->name) &&
			!strcmp(ports[i].interface, wanted->interface))
			return &ports[i];
	return NULL;
}

static bool is_wanted(const struct xdp_rules *rules, const char *interface)
{
	for (size_t i = 0; i < rules->ports; i++)
		if (!strcmp(rules->port[i].interface, interface))
			return true;
	return false;
}

/* The list becomes that of the rules; what stays keeps its program. */
static int list_follow(const struct xdp_rules *rules)
{
	struct port *next = calloc(rules->ports + 1, sizeof(*next));

	if (!next)
		return -ENOMEM;
	for (size_t i = 0; i < rules->ports; i++) {
		struct port *before = port_of(&rules->port[i]);

		if (before) {
			next[i] = *before;
			before->open = false; /* moved */
			continue;
		}
		memcpy(next[i].name, rules->port[i].name, sizeof(next[i].name));
		memcpy(next[i].interface, rules->port[i].interface, sizeof(next[i].interface));
	}
	for (size_t i = 0; i < port_count; i++)
		port_close(&ports[i]);
	free(ports);
	ports = next;
	port_count = rules->ports;
	return 0;
}

/* A dataplane that was killed leaves its programs, which pass everything on; if the port is not
 * wanted any more, nobody else would take them away. */
static void remove_leftovers(const struct xdp_rules *rules)
{
	struct if_nameindex *all = if_nameindex();

	for (struct if_nameindex *one = all; one && one->if_index; one++) {
		struct xdp_program_fds program;
		uint32_t owner;

		if (is_wanted(rules, one->if_name) ||
			xdp_program_find(one->if_index, &program) != 0)
			continue;
		owner = xdp_program_owner(&program);
		if (owner && kill(owner, 0) != 0 && errno == ESRCH &&
			xdp_program_detach(one->if_index, &program) == 0)
			log_text(LOG_INFO_,
				"took the XDP program of a dataplane that is gone off %s",
				one->if_name);
		xdp_program_close(&program);
	}
	if_freenameindex(all);
}

void xdp_sync(const struct xdp_rules *rules, bool changed)
{
	if (!started && rules->ports)
		pin_remove_all();
	changed |= !started;
	started = true;
	if (changed && list_follow(rules) != 0)
		return;
	for (size_t i = 0; i < port_count; i++) {
		port_open(&ports[i]);
		if (changed || !ports[i].filled)
			port_fill(&ports[i], &rules->port[i], rules);
	}
	if (changed)
		remove_leftovers(rules);
}

/* ---- what they counted ---- */

static void read_counts(const struct port *port, struct xdp_status *out)
{
	int cpus = libbpf_num_possible_cpus();
	struct xdp_count *each = cpus > 0 ? calloc(cpus, sizeof(*each)) : NULL;

	for (uint32_t v = 0; each && port->open && v < XDP_VERDICT_COUNT; v++) {
		if (bpf_map_lookup_elem(port->program.counts, &v, each) != 0)
			continue;
		for (int cpu = 0; cpu < cpus; cpu++) {
			out->count[v].packets += each[cpu].packets;
			out->count[v].bytes += each[cpu].bytes;
		}
	}
	free(each);
}

void xdp_each(void (*each)(const struct xdp_status *status, void *arg), void *arg)
{
	for (size_t i = 0; i < port_count; i++) {
		struct xdp_status status = {.port = ports[i].name,
			.interface = ports[i].interface,
			.state = ports[i].state,
			.reason = ports[i].reason};

		read_counts(&ports[i], &status);
		each(&status, arg);
	}
}

size_t xdp_ports(void)
{
	return port_count;
}

void xdp_close(void)
{
	for (size_t i = 0; i < port_count; i++)
		port_close(&ports[i]);
	free(ports);
	ports = NULL;
	port_count = 0;
	started = false;
}

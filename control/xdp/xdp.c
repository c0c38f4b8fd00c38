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

#include "alloc.h"
#include "log.h"
#include "pin.h"

struct port {
	api_name name;
	char interface[IFNAMSIZ];
	unsigned ifindex;
	enum xdp_state state;
	char reason[160];
	bool open;
	struct xdp_program_fds program; /* while open */
};

static struct port *ports;
static size_t port_count;
static bool started;

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
	port->open = false;
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
		tell(port, program.generic ? XDP_GENERIC : XDP_DRIVER, "");
	} else if (rc == -EEXIST) {
		snprintf(reason, sizeof(reason), "there is another program, %s", program.foreign);
		tell(port, XDP_FOREIGN, reason);
	} else if (rc == -ENOENT || rc == -ENODEV) {
		tell(port, XDP_NONE, "");
	} else {
		tell(port, XDP_FAILED, strerror(-rc));
	}
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

static bool is_wanted(const struct xdp_port_list *wanted, const char *interface)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (!strcmp(wanted->port[i].interface, interface))
			return true;
	return false;
}

/* The list becomes what is wanted; what stays keeps its program. */
static void list_follow(const struct xdp_port_list *wanted)
{
	struct port *next = xcalloc(wanted->count + 1, sizeof(*next));

	for (size_t i = 0; i < wanted->count; i++) {
		struct port *before = port_of(&wanted->port[i]);

		if (before) {
			next[i] = *before;
			before->open = false; /* moved */
			continue;
		}
		memcpy(next[i].name, wanted->port[i].name, sizeof(next[i].name));
		memcpy(next[i].interface, wanted->port[i].interface, sizeof(next[i].interface));
	}
	for (size_t i = 0; i < port_count; i++)
		port_close(&ports[i]);
	free(ports);
	ports = next;
	port_count = wanted->count;
}

/* A dataplane that was killed leaves its programs, which pass everything on; if the port is not
 * wanted any more, nobody else would take them away. */
static void remove_leftovers(const struct xdp_port_list *wanted)
{
	struct if_nameindex *all = if_nameindex();

	for (struct if_nameindex *one = all; one && one->if_index; one++) {
		struct xdp_program_fds program;
		uint32_t owner;

		if (is_wanted(wanted, one->if_name) ||
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

void xdp_sync(const struct xdp_port_list *wanted, bool changed)
{
	if (!started && wanted->count)
		pin_remove_all();
	changed |= !started;
	started = true;
	if (changed)
		list_follow(wanted);
	for (size_t i = 0; i < port_count; i++)
		port_open(&ports[i]);
	if (changed)
		remove_leftovers(wanted);
}

/* ---- what they counted ---- */

static void read_counts(const struct port *port, struct xdp_status *out)
{
	int cpus = libbpf_num_possible_cpus();
	struct xdp_count *each = xcalloc(cpus > 0 ? cpus : 1, sizeof(*each));

	for (uint32_t v = 0; port->open && v < XDP_VERDICT_COUNT; v++) {
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

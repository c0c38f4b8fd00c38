/* SPDX-License-Identifier: BSD-3-Clause */
/* What is to go to the dataplane, made of the objects that it has: per AF_XDP port the VLANs that
 * are attached there, and for all of them the addresses and UDP ports of tunnels and GTP-U. Called
 * by follow.c; pure. */
#ifndef XDP_RULES_H
#define XDP_RULES_H

#include <net/if.h>
#include <stddef.h>

#include "sluice_xdp.h"
#include "types.h"

struct xdp_port {
	api_name name;
	char interface[IFNAMSIZ];
	struct xdp_setting setting;
};

struct xdp_rule {
	struct xdp_local local;
	__u32 kind; /* enum xdp_local_kind */
};

struct xdp_rules {
	struct xdp_port *port;
	size_t ports;
	struct xdp_rule *rule; /* each local once, after rules_end */
	size_t rules;
};

/* An object in canonical JSON, twice does no harm; ports first. Those that are no matter of XDP are
 * passed over. 0, -ENOMEM. */
int rules_add(struct xdp_rules *rules, enum object_type type, const char *text);
/* Sorts, and leaves one of equals. */
void rules_end(struct xdp_rules *rules);
void rules_free(struct xdp_rules *rules);

#endif

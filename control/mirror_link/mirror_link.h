/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel, by way of sluice-kernel: the process that may change the kernel's interfaces, routes
 * and BPF (CAP_NET_ADMIN, CAP_SYS_ADMIN) and that listens to nobody but this one. It is told the
 * intents it needs, and tells what it has counted, which is kept here; what is to be mirrored it
 * tells the dataplane. When it ends, that stays; when it is there again it tells all anew, and what
 * it does not tell any more goes. One thread, the loop's. */
#ifndef MIRROR_LINK_MIRROR_LINK_H
#define MIRROR_LINK_MIRROR_LINK_H

#include "mirror.h"
#include "ports.h"
#include "reconcile.h"

struct mirror_link;

struct mirror_link_config {
	const char *site;
	const char *socket; /* sluice-control's own; the link's is beside it (WIRE_SUFFIX) */
	uint32_t rescan_s;  /* 0: 300 */
	bool committed;	    /* there were intents at some time */
	bool spawned;	    /* spawn_start() has started it: a service of its own, else */
};

/* Listens. config's texts are copied. 0; -errno of the socket. */
int mirror_link_start(struct event_base *base, struct world *world, struct reconciler *rec,
	const struct mirror_link_config *config, struct mirror_link **out);
void mirror_link_stop(struct mirror_link *link); /* before reconciler_stop(); NULL: nothing */

/* Instead: the kernel is not to be followed. A sluice-kernel that runs is told so at the link's
 * socket, and what one told the dataplane goes, if `clears`. 0; -errno of the socket. */
int mirror_off_start(
	struct event_base *base, struct dataplane *dp, const char *socket, bool clears);
void mirror_off_stop(void); /* before dataplane_close(); also where it was not started */

/* That has changed, and was published. NULL: nothing. */
void mirror_link_changed(struct mirror_link *link, const struct world_change *change);

/* Who would start sluice-kernel again has ended. NULL: nothing. */
void mirror_link_unguarded(struct mirror_link *link);

/* Why the kernel is not followed, with the cure: sluice-kernel has not been there for some seconds,
 * is hung, or does not come to a whole picture. NULL: it is followed, or may be any moment. */
const char *mirror_link_why(const struct mirror_link *link);
/* As told last, at most a second ago. `ready` is false while it is not there. */
void mirror_link_counters(const struct mirror_link *link, struct mirror_counters *out);
void mirror_link_gaps(const struct mirror_link *link, mirror_gap each, void *arg);
/* Some of what the dataplane does not take, or what waits, with the reasons. */
void mirror_link_refused(const struct mirror_link *link,
	void (*each)(const char *type, const char *key, const char *reason, void *arg), void *arg);
size_t mirror_link_xdp_ports(const struct mirror_link *link);
void mirror_link_xdp_each(const struct mirror_link *link,
	void (*each)(const struct xdp_status *status, void *arg), void *arg);

#endif

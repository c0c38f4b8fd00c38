/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this room share; nobody else includes it. */
#ifndef MIRROR_LINK_PRIVATE_H
#define MIRROR_LINK_PRIVATE_H

#include "mirror_link.h"
#include "lines.h"

/* The walk through all intents that it needs, a part a turn: feed.c. */
struct feed {
	struct event *work;
	bool news;	/* something was said since the last {"look"}, or nothing ever */
	size_t phase;	/* which type of intents the walk is at, */
	api_name after; /* behind which name */
	uint64_t ports; /* generation of the ports that were told; 0: none were */
};

/* An AF_XDP port as it was told; its texts are of link->xdp_told. */
struct link_xdp {
	struct xdp_status *port;
	size_t count;
};

struct mirror_link {
	struct event_base *base;
	struct world *world;
	struct reconciler *rec;
	api_name site;
	uint32_t rescan_s;
	bool spawned, committed;
	char *path;
	struct evconnlistener *listener;
	struct lines *lines; /* NULL: sluice-kernel is not there */
	bool greeted;	     /* it is of this version */
	char told[160];	     /* what was wrong with the last one, once to the log */
	uint64_t began_us;   /* the connection */
	uint64_t heard_us;   /* a line came last */
	uint64_t lost_us;    /* since when there is no whole picture; 0: there is one */
	bool unguarded;	     /* nobody starts it again */
	struct feed feed;

	struct mirror_counters counters;
	json_t *gaps;	  /* {slice: text} */
	json_t *refused;  /* [[type, key, reason]] */
	json_t *xdp_told; /* the list that the texts of xdp are of */
	struct link_xdp xdp;
};

/* ---- feed.c ---- */

void feed_start(struct mirror_link *link);
void feed_begin(struct mirror_link *link); /* with a connection: all is told */
void feed_change(struct mirror_link *link, const struct world_change *change);
void feed_applied(void *link); /* for reconciler_on_applied(): other ports may be there */

#endif

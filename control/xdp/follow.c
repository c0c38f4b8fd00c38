/* SPDX-License-Identifier: BSD-3-Clause */
/* See follow.h. Owns the rules of the last look, and a timer. */
#include "follow.h"

#include <errno.h>
#include <event2/event.h>

#include "log.h"

#define TICK_S	 1
#define REFILL_S 60 /* somebody may have put a hand on the maps */

/* ports first: attachments are looked for there */
static const enum object_type types[] = {
	OBJECT_PORT, OBJECT_ATTACHMENT, OBJECT_TUNNEL, OBJECT_GTPU};
#define TYPES (sizeof(types) / sizeof(*types))

static struct {
	struct reconciler *rec;
	struct event *tick;
	struct xdp_rules rules;
	uint64_t generation[TYPES];
	uint32_t ticks;
	int failed;
	enum object_type type; /* that is gone through */
} follow;

static void add(const char *key, const char *text, void *arg)
{
	int rc = rules_add(arg, follow.type, text);

	if (rc)
		follow.failed = rc;
}

/* What is wanted, and what is there still: traffic of both is the dataplane's. Without AF_XDP ports
 * nothing else is looked at. */
static int collect(struct xdp_rules *rules)
{
	follow.failed = 0;
	for (size_t i = 0; i < TYPES && (i == 0 || rules->ports); i++) {
		follow.type = types[i];
		reconciler_each(follow.rec, types[i], add, rules);
		reconciler_each_there(follow.rec, types[i], add, rules);
	}
	rules_end(rules);
	return follow.failed;
}

static bool is_stale(void)
{
	bool stale = false;

	for (size_t i = 0; i < TYPES; i++) {
		uint64_t now = reconciler_generation(follow.rec, types[i]);

		stale |= now != follow.generation[i];
		follow.generation[i] = now;
	}
	return stale;
}

static void look(bool refill)
{
	struct xdp_rules rules = {0};

	if (is_stale() || refill) {
		if (collect(&rules) != 0) {
			rules_free(&rules);
			follow.generation[0]++; /* again at the next tick */
			log_text(LOG_ERROR_, "the rules of XDP: out of memory");
			return;
		}
		rules_free(&follow.rules);
		follow.rules = rules;
		refill = true;
	}
	xdp_sync(&follow.rules, refill);
}

static void on_applied(void *arg)
{
	if (follow.rec)
		look(false);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	look(++follow.ticks % (REFILL_S / TICK_S) == 0);
}

int follow_start(struct event_base *base, struct reconciler *rec)
{
	struct timeval every = {.tv_sec = TICK_S};

	follow.rec = rec;
	follow.tick = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	if (follow.tick && event_add(follow.tick, &every) == 0 &&
		reconciler_on_applied(rec, on_applied, NULL) == 0)
		return 0;
	follow_stop();
	return -ENOMEM;
}

void follow_stop(void)
{
	if (follow.tick)
		event_free(follow.tick);
	rules_free(&follow.rules);
	follow.tick = NULL;
	follow.rec = NULL;
	xdp_close();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Dumps: of all tables one after the other, or of the part that the kernel may have changed
 * without a word. Owns struct dump.
 *
 * A dump takes its time, and events go on. Where the tables can be relied on (trusted), events are
 * taken in at once, and what the dump says of a key that an event has named since it began is not
 * heard: it may be older. Where they cannot (at first, after an overrun), an event that says only a
 * part (an IPv6 way less) would be taken for the whole: all events wait until the dump is over, and
 * are taken in after it, in order. Each names a key's whole state or a step from one that the dump
 * may already show, so the last one leaves it right. */
#include "kernel_private.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"

/* ---- events while a dump goes on: the keys they have named, or the events themselves ---- */

#define HELD_MAX (256u << 20)

/* ---- what events have named ---- */

/* Of all that was named. */
static void dump_forget(struct kernel *kernel)
{
	free(kernel->dump.touched.slots);
	kernel->dump.touched = (struct touched){0};
}

static void touched_grow(struct touched *touched)
{
	struct touched more = {.mask = touched->slots ? touched->mask * 2 + 1 : 255};

	more.slots = xcalloc((size_t)more.mask + 1, sizeof(*more.slots));
	for (uint32_t i = 0; touched->slots && i <= touched->mask; i++) {
		uint32_t at = (uint32_t)touched->slots[i] & more.mask;

		if (!touched->slots[i])
			continue;
		while (more.slots[at])
			at = (at + 1) & more.mask;
		more.slots[at] = touched->slots[i];
		more.count++;
	}
	free(touched->slots);
	*touched = more;
}

static uint64_t *touched_slot(const struct touched *touched, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & touched->mask;

	while (touched->slots[at] && touched->slots[at] != hash)
		at = (at + 1) & touched->mask;
	return &touched->slots[at];
}

void dump_touch(struct kernel *kernel, uint64_t hash)
{
	struct touched *touched = &kernel->dump.touched;
	uint64_t *slot;

	if (!kernel->dump.running || kernel->applying)
		return;
	hash |= UINT64_C(1) << 63; /* never 0 */
	if (!touched->slots || touched->count > touched->mask / 2)
		touched_grow(touched);
	slot = touched_slot(touched, hash);
	if (!*slot)
		touched->count++;
	*slot = hash;
}

bool dump_touched(const struct kernel *kernel, uint64_t hash)
{
	const struct touched *touched = &kernel->dump.touched;

	return touched->slots && *touched_slot(touched, hash | UINT64_C(1) << 63);
}

/* ---- events that wait ---- */

bool dump_hold(struct kernel *kernel, const void *data, size_t len)
{
	struct dump *dump = &kernel->dump;
	size_t room = dump->held_room ? dump->held_room : 1u << 16;

	if (!dump->running || dump->trusted)
		return false;
	while (room < dump->held_bytes + NLMSG_ALIGN(len))
		room *= 2;
	if (room > HELD_MAX) {
		kernel->counters.overruns++;
		dump->held_bytes = 0;
		dump_start(kernel, false);
		return true;
	}
	if (room != dump->held_room) {
		dump->held = xrealloc(dump->held, room);
		dump->held_room = room;
	}
	memcpy(dump->held + dump->held_bytes, data, len);
	dump->held_bytes += NLMSG_ALIGN(len);
	return true;
}

/* Takes in the events that have waited. */
static void dump_release(struct kernel *kernel)
{
	struct dump *dump = &kernel->dump;

	parse_messages(kernel, dump->held, dump->held_bytes);
	free(dump->held);
	dump->held = NULL;
	dump->held_bytes = dump->held_room = 0;
}

/* ---- the dump ---- */

#define TRIES		4	/* of a dump that changes while it is read */
#define GUARD_US	2000000 /* without an answer: the request, or its end, was lost */
#define VERIFY_AGAIN	5
#define VERIFY_PAUSE_US 5000 /* doubled each time */
#define VERIFIES_MAX	16   /* of routes by one link each; more: all at once */

static void begin_step(struct kernel *kernel);

/* ---- asking ---- */

static void put_head(struct nlmsghdr *msg, const struct dump *dump)
{
	struct rtmsg *route;
	struct ifaddrmsg *address;
	struct ifinfomsg *link;
	struct ndmsg *neighbor;

	switch (dump->step) {
	case DUMP_LINK:
		link = mnl_nlmsg_put_extra_header(msg, sizeof(*link));
		link->ifi_family = AF_UNSPEC;
		mnl_attr_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
		break;
	case DUMP_ADDRESS4:
	case DUMP_ADDRESS6:
		address = mnl_nlmsg_put_extra_header(msg, sizeof(*address));
		address->ifa_family = dump->step == DUMP_ADDRESS4 ? AF_INET : AF_INET6;
		break;
	case DUMP_NEXTHOP:
		mnl_nlmsg_put_extra_header(msg, sizeof(struct nhmsg));
		break;
	case DUMP_ROUTE4:
	case DUMP_ROUTE6:
		route = mnl_nlmsg_put_extra_header(msg, sizeof(*route));
		route->rtm_family = dump->step == DUMP_ROUTE4 ? AF_INET : AF_INET6;
		if (dump->oif)
			mnl_attr_put_u32(msg, RTA_OIF, dump->oif);
		if (dump->table)
			mnl_attr_put_u32(msg, RTA_TABLE, dump->table);
		break;
	default:
		neighbor = mnl_nlmsg_put_extra_header(msg, sizeof(*neighbor));
		neighbor->ndm_family = dump->step == DUMP_FDB ? AF_BRIDGE : AF_UNSPEC;
	}
}

/* The kernel keeps no place for answers: with its buffer full even an error is lost. */
static void guard(struct kernel *kernel)
{
	struct timeval wait = {.tv_sec = GUARD_US / 1000000};

	event_add(kernel->on_work, &wait);
}

static void ask(struct kernel *kernel)
{
	static const uint16_t types[DUMP_STEPS] = {RTM_GETLINK, RTM_GETADDR, RTM_GETADDR,
		RTM_GETNEXTHOP, RTM_GETROUTE, RTM_GETROUTE, RTM_GETNEIGH, RTM_GETNEIGH};
	_Alignas(8) char data[256];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(data);
	struct dump *dump = &kernel->dump;
	int err;

	msg->nlmsg_type = types[dump->step];
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	put_head(msg, dump);
	kernel->generation++;
	dump_forget(kernel);
	dump->interrupted = false;
	err = netlink_send(kernel, msg);
	dump->seq = msg->nlmsg_seq;
	dump->answered_us = clock_mono_us();
	guard(kernel);
	if (err) { /* the kernel had no memory: the timer asks again */
		log_text(LOG_WARN_, "kernel: a dump was not begun: %s", strerror(-err));
		dump->running = false;
		kernel_rescan_soon(kernel);
	}
}

/* The kernel tells of a link that goes down, an address that is deleted before it does away with
 * what goes by it: a call that waits for its lock comes after. */
static void fence(struct kernel *kernel)
{
	_Alignas(8) char data[128];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(data);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(msg, sizeof(*link));

	msg->nlmsg_type = RTM_GETLINK;
	msg->nlmsg_flags = NLM_F_REQUEST;
	link->ifi_index = 1; /* lo; the answer is of no interest */
	netlink_send(kernel, msg);
}

static void begin_whole(struct kernel *kernel, bool trusted)
{
	struct dump *dump = &kernel->dump;
	struct verify *verify;

	while ((verify = STAILQ_FIRST(&dump->verifies))) {
		STAILQ_REMOVE_HEAD(&dump->verifies, link);
		free(verify);
	}
	dump->running = dump->whole = true;
	dump->trusted = trusted;
	dump->incomplete = dump->want_whole = dump->want_untrusted = false;
	dump->step = 0;
	dump->oif = dump->table = 0;
	dump->drift = 0;
	dump->held_bytes = 0;
	dump->started_us = clock_mono_us();
	fence(kernel);
	begin_step(kernel);
}

static void begin_step(struct kernel *kernel)
{
	kernel->dump.tries = 0;
	ask(kernel);
}

static void begin_verify(struct kernel *kernel)
{
	struct dump *dump = &kernel->dump;
	struct verify *verify = STAILQ_FIRST(&dump->verifies);

	STAILQ_REMOVE_HEAD(&dump->verifies, link);
	dump->running = dump->trusted = true;
	dump->whole = false;
	dump->step = verify->step;
	dump->oif = verify->oif;
	dump->table = verify->table;
	dump->again = verify->again;
	dump->started_us = clock_mono_us();
	free(verify);
	fence(kernel);
	begin_step(kernel);
}

void dump_start(struct kernel *kernel, bool trusted)
{
	struct dump *dump = &kernel->dump;

	if (!dump->running) {
		begin_whole(kernel, trusted);
		return;
	}
	dump->want_whole = true;
	dump->want_untrusted |= !trusted;
}

void dump_verify(struct kernel *kernel, enum dump_step step, uint32_t oif, uint32_t table)
{
	struct dump *dump = &kernel->dump;
	struct verify *verify, *next;
	uint32_t count = 0;

	if (kernel->calls_fd < 0)
		return;
	STAILQ_FOREACH (verify, &dump->verifies, link) {
		if (verify->step != step)
			continue;
		if ((verify->oif == oif && verify->table == table) ||
			(!verify->oif && !verify->table))
			return;
		count++;
	}
	if (count >= VERIFIES_MAX) {
		STAILQ_FOREACH_SAFE (verify, &dump->verifies, link, next) {
			if (verify->step != step)
				continue;
			STAILQ_REMOVE(&dump->verifies, verify, verify, link);
			free(verify);
		}
		oif = table = 0;
	}
	verify = xcalloc(1, sizeof(*verify));
	*verify = (struct verify){.step = step, .oif = oif, .table = table};
	if (step == DUMP_NEXTHOP) /* first: routes go with it */
		STAILQ_INSERT_HEAD(&dump->verifies, verify, link);
	else
		STAILQ_INSERT_TAIL(&dump->verifies, verify, link);
	if (!dump->running)
		event_active(kernel->on_work, EV_TIMEOUT, 0);
}

/* ---- the end of a step ---- */

/* Half of the time is for others, should there be something to verify without end. */
static void next_verify(struct kernel *kernel)
{
	struct dump *dump = &kernel->dump;
	uint64_t now_us = clock_mono_us();
	uint64_t wait_us = dump->verify_after_us > now_us ? dump->verify_after_us - now_us : 0;
	struct timeval wait = {.tv_sec = wait_us / 1000000, .tv_usec = wait_us % 1000000};

	if (STAILQ_EMPTY(&dump->verifies))
		return;
	if (wait_us)
		event_add(kernel->on_work, &wait);
	else
		begin_verify(kernel);
}

static void whole_over(struct kernel *kernel)
{
	struct dump *dump = &kernel->dump;

	kernel->counters.rescans++;
	if (kernel->complete)
		kernel->counters.drift_total += dump->drift;
	if (dump->trusted)
		kernel->counters.drift_last = dump->drift;
	else
		dump_release(kernel);
	kernel->unsettled |= !kernel->complete;
	kernel->complete = true;
	if (dump->incomplete)
		kernel_rescan_soon(kernel);
}

/* What events have named meanwhile was not looked at, and may be what was doubtful. */
static void verify_over(struct kernel *kernel)
{
	struct dump *dump = &kernel->dump;
	uint64_t now_us = clock_mono_us();
	uint64_t pause_us = now_us - dump->started_us;
	struct verify *last;

	kernel->counters.verified++;
	if (dump->touched.count && dump->again < VERIFY_AGAIN) {
		pause_us = (pause_us + VERIFY_PAUSE_US) << dump->again;
		dump_verify(kernel, dump->step, dump->oif, dump->table);
		last = STAILQ_LAST(&dump->verifies, verify, link);
		if (last && last->step == dump->step && last->table == dump->table)
			last->again = dump->again + 1;
	}
	dump->verify_after_us = now_us + pause_us;
}

static void step_over(struct kernel *kernel)
{
	struct dump *dump = &kernel->dump;

	if (dump->want_untrusted) {
		begin_whole(kernel, false);
		return;
	}
	if (dump->whole && dump->step + 1 < DUMP_STEPS) {
		dump->step++;
		begin_step(kernel);
		return;
	}
	dump->running = false;
	if (dump->whole)
		whole_over(kernel);
	else
		verify_over(kernel);
	dump_forget(kernel);
	if (dump->want_whole)
		begin_whole(kernel, true);
	else
		next_verify(kernel);
}

static bool sweep(struct kernel *kernel)
{
	static const enum kernel_kind kinds[DUMP_STEPS] = {KERNEL_LINK, KERNEL_ADDRESS,
		KERNEL_ADDRESS, KERNEL_NEXTHOP, KERNEL_ROUTE, KERNEL_ROUTE, KERNEL_NEIGHBOR,
		KERNEL_FDB};
	struct dump *dump = &kernel->dump;
	bool six = dump->step == DUMP_ADDRESS6 || dump->step == DUMP_ROUTE6, done = true;

	kernel->applying = true;
	if (kinds[dump->step] != KERNEL_ROUTE)
		table_sweep(kernel, kinds[dump->step], six ? 6 : 4);
	else if (dump->oif)
		done = route_remove_by(kernel, PATH_LINK(dump->oif), six ? 6 : 4, true);
	else
		done = route_sweep(kernel, six ? 6 : 4, dump->table);
	kernel->applying = false;
	return done;
}

void dump_work(struct kernel *kernel)
{
	struct dump *dump = &kernel->dump;

	if (kernel->calls_fd < 0)
		return;
	if (!dump->running) {
		next_verify(kernel);
		return;
	}
	if (!dump->sweeping) {
		if (clock_mono_us() - dump->answered_us >= GUARD_US)
			ask(kernel);
		else
			guard(kernel);
		return;
	}
	if (!sweep(kernel)) {
		event_active(kernel->on_work, EV_TIMEOUT, 0);
		return;
	}
	dump->sweeping = false;
	step_over(kernel);
}

void dump_again(struct kernel *kernel)
{
	if (kernel->dump.running && !kernel->dump.sweeping)
		kernel->dump.interrupted = true;
}

static void done(struct kernel *kernel, int err)
{
	struct dump *dump = &kernel->dump;

	if (err == -EBUSY) /* the one before goes on: the guard asks again */
		return;
	if (dump->interrupted && ++dump->tries < TRIES) {
		ask(kernel);
		return;
	}
	/* no such thing in this kernel, or the link has gone: nothing to sweep by */
	if (err || dump->interrupted) {
		if (err != -EOPNOTSUPP && err != -ENODEV)
			dump->incomplete = true;
		step_over(kernel);
		return;
	}
	dump->sweeping = true;
	dump->sweep_table = dump->table;
	dump->sweep_bucket = 0;
	dump->sweep_resizes = kernel->routes.resizes;
	dump_work(kernel);
}

bool dump_answer(struct kernel *kernel, const struct nlmsghdr *msg)
{
	struct dump *dump = &kernel->dump;
	int err = 0;

	if (!dump->running || dump->sweeping || msg->nlmsg_seq != dump->seq)
		return false;
	dump->answered_us = clock_mono_us();
	if (msg->nlmsg_flags & NLM_F_DUMP_INTR)
		dump->interrupted = true;
	if (msg->nlmsg_type == NLMSG_DONE || msg->nlmsg_type == NLMSG_ERROR) {
		if (mnl_nlmsg_get_payload_len(msg) >= sizeof(err))
			memcpy(&err, mnl_nlmsg_get_payload(msg), sizeof(err));
		done(kernel, err);
		return true;
	}
	kernel->applying = true;
	parse_message(kernel, msg);
	kernel->applying = false;
	return true;
}

void dump_reset(struct kernel *kernel)
{
	struct dump *dump = &kernel->dump;
	struct verify *verify;

	while ((verify = STAILQ_FIRST(&dump->verifies))) {
		STAILQ_REMOVE_HEAD(&dump->verifies, link);
		free(verify);
	}
	dump_forget(kernel);
	free(dump->held);
	*dump = (struct dump){0};
	STAILQ_INIT(&dump->verifies);
}

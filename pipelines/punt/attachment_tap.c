/* SPDX-License-Identifier: BSD-3-Clause */
/* Taps of attachments (attachment_tap.h): the main thread between the kernel's descriptors and the
 * workers' rings; a worker's packets for the kernel, and what the kernel sent out of its
 * attachment. Owns tap_serial[] and the rings. */
#include "attachment_tap.h"

#include <errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host.h"
#include "hot.h"

/* ==== main thread ==== */

#define TAPS_A_TURN   64
#define FRAMES_A_TAP  32  /* read in a row, before the next tap's */
#define FRAMES_A_TURN 256 /* written: a system call each, and the socket waits meanwhile */
#define SEGMENTS_MAX  8
#define ETH_BYTES     sizeof(struct rte_ether_hdr)

struct tap {
	int fd;
	uint16_t slice; /* 0: none */
	bool carries;	/* of an l3 slice */
	uint32_t serial;
	struct tap_counters counters;
};

uint32_t *tap_serial;
void (*attachment_tap_on_gone)(uint16_t attachment);

static struct tap *taps; /* [LIMIT_ATTACHMENTS + 1] */
static struct tap_counters all;
static uint32_t last_serial, tap_count;
static int poll_fd = -1;
/* By descriptor: the attachment that hears of it last, which alone may stop that. Attachments of a
 * transaction exchange theirs one after the other. */
static uint16_t *watcher;
static uint32_t watcher_room;

/* ---- life ---- */

int attachment_tap_init(void)
{
	taps = calloc(LIMIT_ATTACHMENTS + 1, sizeof(*taps));
	tap_serial = rte_zmalloc(
		"tap_serial", (LIMIT_ATTACHMENTS + 1) * sizeof(*tap_serial), RTE_CACHE_LINE_SIZE);
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	all = (struct tap_counters){0};
	tap_count = 0;
	if (poll_fd < 0)
		return -errno;
	return taps != NULL && tap_serial != NULL ? 0 : -ENOMEM;
}

void attachment_tap_fini(void)
{
	if (poll_fd >= 0)
		close(poll_fd);
	poll_fd = -1;
	free(taps);
	free(watcher);
	rte_free(tap_serial);
	taps = NULL;
	watcher = NULL;
	watcher_room = 0;
	tap_serial = NULL;
}

/* Makes room in watcher[]: 0 or -ENOMEM. */
static int watcher_grow(int fd)
{
	uint32_t room = RTE_MAX(2 * (uint32_t)fd, 64u);
	uint16_t *more;

	if ((uint32_t)fd < watcher_room)
		return 0;
	more = realloc(watcher, room * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	memset(more + watcher_room, 0, (room - watcher_room) * sizeof(*more));
	watcher = more;
	watcher_room = room;
	return 0;
}

/* 0 or -errno. */
static int watch(uint16_t attachment, int fd)
{
	struct epoll_event want = {.events = EPOLLIN, .data.u32 = attachment};
	int rc = watcher_grow(fd);

	if (rc != 0)
		return rc;
	if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &want) != 0 &&
		(errno != EEXIST || epoll_ctl(poll_fd, EPOLL_CTL_MOD, fd, &want) != 0))
		return -errno;
	watcher[fd] = attachment;
	return 0;
}

static void unwatch(uint16_t attachment, int fd)
{
	if (fd >= 0 && (uint32_t)fd < watcher_room && watcher[fd] == attachment) {
		epoll_ctl(poll_fd, EPOLL_CTL_DEL, fd, NULL);
		watcher[fd] = 0;
	}
}

static void serial_store(uint16_t attachment, uint32_t serial)
{
	/* release: the attachment's own fields are stored before; pairs with the acquire in
	 * frame_out() */
	__atomic_store_n(&tap_serial[attachment], serial, __ATOMIC_RELEASE);
}

void attachment_tap_set(uint16_t attachment, int fd)
{
	struct tap *tap = &taps[attachment];
	const struct attachment_hot *hot = &attachment_hot[attachment];
	int rc;

	if (tap->slice == hot->slice && tap->fd == fd)
		return;
	if (tap->slice == 0)
		tap->counters = (struct tap_counters){0};
	tap_count += tap->slice == 0;
	if (tap->slice != 0 && tap->fd != fd)
		unwatch(attachment, tap->fd);
	tap->fd = fd;
	tap->slice = hot->slice;
	tap->carries = hot->vlan & ATTACHMENT_L3;
	tap->serial = ++last_serial;
	serial_store(attachment, tap->carries ? tap->serial : 0);
	rc = watch(attachment, fd);
	if (rc != 0)
		RTE_LOG(ERR, USER1, "no memory to watch the tap of attachment %u: %s\n", attachment,
			strerror(-rc));
}

void attachment_tap_unset(uint16_t attachment)
{
	struct tap *tap = &taps[attachment];

	if (tap->slice == 0)
		return;
	unwatch(attachment, tap->fd);
	serial_store(attachment, 0);
	*tap = (struct tap){.fd = -1};
	tap_count--;
}

static void gone(uint16_t attachment)
{
	/* no more is heard of it; what workers have for it is dropped until there is another */
	unwatch(attachment, taps[attachment].fd);
	taps[attachment].fd = -1;
	if (attachment_tap_on_gone != NULL)
		attachment_tap_on_gone(attachment);
}

uint32_t attachment_tap_count(void)
{
	return tap_count;
}

int attachment_tap_poll_fd(void)
{
	return poll_fd;
}

/* ---- from the kernel ---- */

static void drop_in(struct rte_mbuf *m, enum drop_reason why)
{
	rte_pktmbuf_free(m);
	box_drop(why, 1);
}

/* One frame that was read: into m, as far as it fits; m NULL: there was none. */
static void frame_in(uint16_t attachment, struct rte_mbuf *m, size_t len)
{
	struct tap *tap = &taps[attachment];
	struct tap_frame frame = {.m = m, .serial = tap->serial, .attachment = attachment};
	/* always the same one, so that frames keep their order */
	struct switch_worker *sw = switch_of(workers[attachment % worker_count]);

	tap->counters.rx_packets++;
	tap->counters.rx_bytes += len;
	all.rx_packets++;
	all.rx_bytes += len;
	if (len < ETH_BYTES) {
		drop_in(m, DROP_RUNT);
	} else if (!tap->carries) {
		drop_in(m, DROP_TAP_L2);
	} else if (m == NULL) {
		drop_in(m, DROP_TAP_NO_MBUF);
	} else if (len > rte_pktmbuf_tailroom(m)) {
		drop_in(m, DROP_TAP_MTU);
	} else {
		m->data_len = m->pkt_len = len;
		if (rte_ring_sp_enqueue_elem(sw->from_taps, &frame, sizeof(frame)) != 0)
			drop_in(m, DROP_TAP_IN_FULL);
	}
}

/* False: there is nothing more. */
static bool read_one(uint16_t attachment)
{
	static uint8_t spill[65536];
	struct tap *tap = &taps[attachment];
	struct rte_mempool *pool = port_hot[attachment_hot[attachment].port].pool;
	struct rte_mbuf *m = tap->carries ? rte_pktmbuf_alloc(pool) : NULL;
	struct iovec into[2] = {{.iov_base = m != NULL ? rte_pktmbuf_mtod(m, void *) : NULL,
					.iov_len = m != NULL ? rte_pktmbuf_tailroom(m) : 0},
		{.iov_base = spill, .iov_len = sizeof(spill)}};
	ssize_t n = readv(tap->fd, into, 2);

	if (n <= 0) {
		bool nothing = n < 0 && (errno == EAGAIN || errno == EINTR);

		rte_pktmbuf_free(m);
		if (!nothing)
			gone(attachment);
		return false;
	}
	frame_in(attachment, m, n);
	return true;
}

uint32_t attachment_taps_read(void)
{
	struct epoll_event ready[TAPS_A_TURN];
	int n = epoll_wait(poll_fd, ready, TAPS_A_TURN, 0);
	uint32_t total = 0;

	for (int i = 0; i < n; i++) {
		uint32_t frames = 0;

		while (frames < FRAMES_A_TAP && read_one(ready[i].data.u32))
			frames++;
		total += frames;
	}
	return total;
}

/* ---- to the kernel ---- */

static ssize_t write_frame(int fd, const struct rte_mbuf *m)
{
	struct iovec from[SEGMENTS_MAX];
	int n = 0;

	for (; m != NULL && n < SEGMENTS_MAX; m = m->next)
		from[n++] = (struct iovec){
			.iov_base = rte_pktmbuf_mtod(m, void *), .iov_len = m->data_len};
	return writev(fd, from, n);
}

static void frame_to_kernel(const struct tap_frame *frame)
{
	struct tap *tap = &taps[frame->attachment];
	uint32_t len = frame->m->pkt_len;

	if (tap->serial != frame->serial || tap->fd < 0) {
		box_drop(DROP_TAP_GONE, 1);
	} else if (write_frame(tap->fd, frame->m) == (ssize_t)len) {
		tap->counters.tx_packets++;
		tap->counters.tx_bytes += len;
		all.tx_packets++;
		all.tx_bytes += len;
	} else {
		box_drop(DROP_TAP_REFUSED, 1);
	}
	rte_pktmbuf_free(frame->m);
}

uint32_t attachment_taps_write(void)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < worker_count; i++) {
		struct tap_frame frame[FRAMES_A_TURN];
		uint32_t n = rte_ring_sc_dequeue_burst_elem(switch_of(workers[i])->to_taps, frame,
			sizeof(frame[0]), FRAMES_A_TURN / worker_count, NULL);

		for (uint32_t k = 0; k < n; k++)
			frame_to_kernel(&frame[k]);
		total += n;
	}
	return total;
}

/* ---- reading ---- */

void attachment_tap_counters_read(uint16_t attachment, struct tap_counters *out)
{
	*out = taps[attachment].counters;
}

void attachment_taps_counters_read(struct tap_counters *out)
{
	*out = all;
}

/* ==== workers ==== */

#define TAP_RING     4096 /* to the kernel: one slice's burst is a thousand */
#define TAP_IN_RING  1024
#define FRAMES_A_RUN BURST_MAX
#define RUNS_A_TICK  4

static bool tap_is_there(const struct odd_packet *odd)
{
	return !host_from_tunnel(odd) &&
	       __atomic_load_n(&tap_serial[DOOR_ID(odd->door)], __ATOMIC_RELAXED) != 0;
}

static void tap_take(struct worker *w, struct burst *b, const struct odd_packet *odd)
{
	uint16_t attachment = DOOR_ID(odd->door);
	struct tap_frame frame = {.m = odd->m,
		.serial = __atomic_load_n(&tap_serial[attachment], __ATOMIC_RELAXED),
		.attachment = attachment};

	if (!host_may(w, odd->slice, RATE_TAP)) {
		host_drop(w, b, odd, DROP_TAP_RATE);
		return;
	}
	TRACE(b, odd->m, STAGE_PUNT, "to the kernel by the tap of attachment {attachment %u}",
		attachment);
	if (rte_ring_sp_enqueue_elem(switch_of(w)->to_taps, &frame, sizeof(frame)) != 0)
		host_drop(w, b, odd, DROP_TAP_FULL);
}

int tap_worker_init(struct worker *w)
{
	struct switch_worker *sw = switch_of(w);
	char name[RTE_RING_NAMESIZE];

	host_kernel = (struct host_kernel){.is_there = tap_is_there, .take = tap_take};
	snprintf(name, sizeof(name), "to_taps_%u", w->id);
	sw->to_taps = rte_ring_create_elem(name, sizeof(struct tap_frame), TAP_RING, SOCKET_ID_ANY,
		RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "from_taps_%u", w->id);
	sw->from_taps = rte_ring_create_elem(name, sizeof(struct tap_frame), TAP_IN_RING,
		SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return sw->to_taps != NULL && sw->from_taps != NULL ? 0 : -ENOMEM;
}

static void ring_fini(struct rte_ring *ring)
{
	struct tap_frame frame;

	while (ring != NULL && rte_ring_sc_dequeue_elem(ring, &frame, sizeof(frame)) == 0)
		rte_pktmbuf_free(frame.m);
	rte_ring_free(ring);
}

void tap_worker_fini(struct worker *w)
{
	ring_fini(switch_of(w)->to_taps);
	ring_fini(switch_of(w)->from_taps);
}

static void frame_out(struct worker *w, struct burst *b, const struct tap_frame *frame)
{
	uint16_t attachment = frame->attachment;
	/* acquire: its fields are those of the tap's time, or later; pairs with serial_store() */
	uint32_t serial = __atomic_load_n(&tap_serial[attachment], __ATOMIC_ACQUIRE);
	const struct attachment_hot a = attachment_load(attachment);
	struct rte_mbuf *m = frame->m;
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t to[6];

	if (serial != frame->serial || a.slice == 0 || !port_hot[a.port].live) {
		worker_drop(w, b, m, DROP_TAP_GONE);
	} else if (is_vlan_tag(load16(data + 12))) {
		/* inside a slice there are none; on the wire it could be another slice's */
		slice_drop(w, b, m, a.slice, DOOR_ATTACHMENT | attachment, DROP_VLAN_STACKED);
	} else {
		memcpy(to, data, sizeof(to));
		route_send_by(w, b, m, a.slice, attachment, to);
	}
}

static uint32_t run(struct worker *w)
{
	struct tap_frame frame[FRAMES_A_RUN];
	struct burst *b = &w->burst;
	uint32_t n = rte_ring_sc_dequeue_burst_elem(
		switch_of(w)->from_taps, frame, sizeof(frame[0]), FRAMES_A_RUN, NULL);

	if (likely(n == 0))
		return 0;
	burst_own_begin(b);
	for (uint32_t i = 0; i < n; i++)
		frame_out(w, b, &frame[i]);
	burst_own_end(w, b);
	return n;
}

void tap_tick(struct worker *w)
{
	for (uint32_t i = 0; i < RUNS_A_TICK && run(w) == FRAMES_A_RUN; i++)
		;
}

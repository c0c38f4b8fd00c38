/* SPDX-License-Identifier: BSD-3-Clause */
/* The two sockets of a namespace: one that only listens, and one for dumps and writes, so that a
 * dump's answers never crowd out events. */
#include "kernel_private.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define BATCH		     32
#define MESSAGE_BYTES	     (32u << 10) /* the kernel makes none longer */
#define RECEIVE_BUFFER_BYTES (32 << 20)

static void set(int fd, int option, int value)
{
	setsockopt(fd, SOL_NETLINK, option, &value, sizeof(value)); /* older kernels: without it */
}

static void set_buffer(int fd, int bytes)
{
	if (!bytes)
		bytes = RECEIVE_BUFFER_BYTES;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static int listen_to(int fd)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR,
		RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_NEXTHOP};
	struct sockaddr_nl any = {.nl_family = AF_NETLINK};

	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		set(fd, NETLINK_ADD_MEMBERSHIP, groups[i]); /* none of next hops before 5.3 */
	return 0;
}

static void on_events(evutil_socket_t fd, short what, void *arg)
{
	struct kernel *kernel = arg;

	kernel_settle(kernel, link_drain(kernel));
}

static void on_calls(evutil_socket_t fd, short what, void *arg);

int link_open(struct kernel *kernel, int netns_fd)
{
	socklen_t len = sizeof(int);
	int err, bytes = 0;

	err = netns_sockets(netns_fd, &kernel->events_fd, &kernel->calls_fd);
	if (err)
		return err;
	set_buffer(kernel->events_fd, kernel->test.receive_buffer_bytes);
	set_buffer(kernel->calls_fd, 0);
	if (!getsockopt(kernel->events_fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len))
		kernel->counters.receive_buffer_bytes = (uint32_t)bytes;
	set(kernel->calls_fd, NETLINK_GET_STRICT_CHK, 1);
	set(kernel->calls_fd, NETLINK_EXT_ACK, 1);
	err = listen_to(kernel->events_fd);
	if (err)
		goto err_close;
	kernel->on_events =
		event_new(kernel->base, kernel->events_fd, EV_READ | EV_PERSIST, on_events, kernel);
	kernel->on_calls =
		event_new(kernel->base, kernel->calls_fd, EV_READ | EV_PERSIST, on_calls, kernel);
	event_add(kernel->on_events, NULL);
	event_add(kernel->on_calls, NULL);
	return 0;
err_close:
	link_close(kernel);
	return err;
}

void link_close(struct kernel *kernel)
{
	if (kernel->on_events)
		event_free(kernel->on_events);
	if (kernel->on_calls)
		event_free(kernel->on_calls);
	kernel->on_events = kernel->on_calls = NULL;
	if (kernel->events_fd >= 0)
		close(kernel->events_fd);
	if (kernel->calls_fd >= 0)
		close(kernel->calls_fd);
	kernel->events_fd = kernel->calls_fd = -1;
	kernel->overrun = false;
}

int netlink_send(struct kernel *kernel, struct nlmsghdr *msg)
{
	if (kernel->calls_fd < 0)
		return -ENOTCONN;
	msg->nlmsg_seq = ++kernel->seq;
	if (!msg->nlmsg_seq)
		msg->nlmsg_seq = ++kernel->seq;
	return send(kernel->calls_fd, msg, msg->nlmsg_len, 0) < 0 ? -errno : 0;
}

/* ---- events ---- */

static struct { /* large; one thread, never called from itself */
	struct mmsghdr heads[BATCH];
	struct iovec data[BATCH];
	uint8_t bytes[BATCH][MESSAGE_BYTES];
} batch;

static int receive(struct kernel *kernel)
{
	for (int i = 0; i < BATCH; i++) {
		batch.data[i] = (struct iovec){batch.bytes[i], MESSAGE_BYTES};
		batch.heads[i].msg_hdr =
			(struct msghdr){.msg_iov = &batch.data[i], .msg_iovlen = 1};
	}
	return recvmmsg(kernel->events_fd, batch.heads, BATCH, MSG_DONTWAIT, NULL);
}

/* What comes between the loss and an empty queue is not whole either: the kernel says ENOBUFS once
 * and leaves out messages until the queue is empty. */
static void lost(struct kernel *kernel)
{
	if (!kernel->overrun)
		kernel->counters.overruns++;
	kernel->overrun = true;
}

static void take_in(struct kernel *kernel, int count)
{
	for (int i = 0; i < count; i++) {
		if (batch.heads[i].msg_hdr.msg_flags & MSG_TRUNC)
			lost(kernel);
		else if (!kernel->overrun &&
			 !dump_hold(kernel, batch.bytes[i], batch.heads[i].msg_len))
			parse_messages(kernel, batch.bytes[i], batch.heads[i].msg_len);
	}
}

bool link_drain(struct kernel *kernel)
{
	uint64_t until_us = clock_mono_us() + KERNEL_SLICE_US;

	do {
		int count = receive(kernel);

		if (count >= 0) {
			take_in(kernel, count);
		} else if (errno == ENOBUFS) {
			lost(kernel);
		} else if (errno != EINTR) {
			if (errno == EAGAIN && kernel->overrun) {
				kernel->overrun = false;
				log_text(LOG_WARN_,
					"kernel%s%s: messages were lost (%u bytes of buffer): all "
					"tables are read again",
					kernel->netns ? " of " : "",
					kernel->netns ? kernel->netns : "",
					kernel->counters.receive_buffer_bytes);
				dump_start(kernel, false);
			}
			return true;
		}
	} while (clock_mono_us() < until_us);
	return false;
}

/* ---- answers ---- */

static void answers(struct kernel *kernel, const void *data, size_t len)
{
	const struct nlmsghdr *msg = data;
	int left = (int)len;

	for (; mnl_nlmsg_ok(msg, left); msg = mnl_nlmsg_next(msg, &left)) {
		if (!dump_answer(kernel, msg) && msg->nlmsg_type == NLMSG_ERROR)
			write_refused(kernel, msg);
	}
}

/* Events first: what the dump says is never older than the events that have been taken in, and
 * seldom newer. */
static void on_calls(evutil_socket_t fd, short what, void *arg)
{
	static uint8_t data[2 * MESSAGE_BYTES]; /* large; one thread */
	struct kernel *kernel = arg;
	uint64_t until_us = clock_mono_us() + KERNEL_SLICE_US;
	bool drained = true;

	do {
		ssize_t len = recv(kernel->calls_fd, data, sizeof(data), MSG_DONTWAIT);

		if (len < 0 && errno == ENOBUFS)
			dump_again(kernel);
		else if (len < 0 && errno != EINTR)
			break;
		if (len <= 0)
			continue;
		drained = link_drain(kernel);
		answers(kernel, data, (size_t)len);
	} while (clock_mono_us() < until_us);
	kernel_settle(kernel, drained);
}

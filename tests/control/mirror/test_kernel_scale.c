/* SPDX-License-Identifier: BSD-3-Clause */
/* Many routes: how long they take, what they cost, and that the loop goes on meanwhile. The bounds
 * are wide, for machines that do other things as well; what is measured is printed. ROUTES=1000000
 * by hand. */
#include <linux/rtnetlink.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../suite.h"
#include "clock.h"
#include "rig.h"

static uint32_t wanted;
static uint64_t longest_us, last_us;

/* CPU time: neighbours on the machine do not count. */
static uint64_t own_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
	uint64_t now_us = own_us();

	if (last_us && now_us - last_us > longest_us)
		longest_us = now_us - last_us;
	last_us = now_us;
}

static uint32_t count_of(uint32_t table)
{
	struct route_table *one = route_table_of(&kernel->routes, table);

	return one ? one->count : 0;
}

static bool all_there(void)
{
	return count_of(7) == wanted;
}

static bool is_idle(void)
{
	return !kernel->dump.running;
}

/* Of 16 next hops. */
static void fill(FILE *to)
{
	for (uint32_t i = 0; i < wanted; i++)
		fprintf(to, "route add %u.%u.%u.%u/32 via 198.18.1.%u table 7\n", 32 + (i >> 16),
			i >> 8 & 255, i & 255, 1u, 2 + i % 16);
}

static void timed(const char *what, uint64_t since_us)
{
	printf("%s of %u routes: %.3f s\n", what, wanted, (clock_mono_us() - since_us) / 1e6);
}

START_TEST(many_routes_are_taken_in_fast_and_the_loop_goes_on)
{
	struct timeval often = {0, 1000};
	struct event *ticks = event_new(base, -1, EV_PERSIST, tick, NULL);
	size_t before_bytes;
	uint64_t since_us;
	FILE *to;

	rig_ip("link add va type veth peer name vb");
	rig_ip("link set va up");
	rig_ip("link set vb up");
	rig_ip("addr add 198.18.1.1/24 dev va");
	rig_quiet();
	before_bytes = mallinfo2().uordblks;
	to = popen("ip -batch -", "w");
	event_add(ticks, &often);
	since_us = clock_mono_us();
	fill(to);
	ck_assert_int_eq(pclose(to), 0);
	timed("ip -batch", since_us);
	since_us = clock_mono_us();
	last_us = longest_us = 0;
	ck_assert(rig_until(all_there, 60000));
	timed("events (and a dump, if they were too many)", since_us);
	printf("overruns %lu; longest turn of the loop %.1f ms\n", kernel->counters.overruns,
		longest_us / 1e3);
	ck_assert(rig_until(is_idle, 60000));
	printf("%.0f bytes a route\n", (double)(mallinfo2().uordblks - before_bytes) / wanted);

	since_us = clock_mono_us();
	last_us = longest_us = 0;
	kernel_rescan(kernel);
	ck_assert(rig_until(is_idle, 60000));
	timed("rescan", since_us);
	printf("longest turn of the loop %.1f ms; drift %u\n", longest_us / 1e3,
		kernel->counters.drift_last);
	ck_assert_uint_lt(longest_us, 250000);
	ck_assert_uint_eq(kernel->counters.drift_last, 0);

	since_us = clock_mono_us();
	rig_ip("link set va down");
	timed("the kernel's flush", since_us);
	wanted = 0;
	last_us = longest_us = 0;
	since_us = clock_mono_us();
	ck_assert(rig_until(all_there, 60000));
	printf("gone after %.3f s, longest turn %.1f ms\n", (clock_mono_us() - since_us) / 1e6,
		longest_us / 1e3);
	event_free(ticks);
}
END_TEST

/* Parsing alone: the same messages, without the kernel. */
START_TEST(messages_are_parsed_in_well_under_half_a_second)
{
	char *data = malloc((size_t)wanted * 80);
	clock_t since, took;
	size_t at = 0;

	for (uint32_t i = 0; i < wanted; i++) {
		struct nlmsghdr *msg = mnl_nlmsg_put_header(data + at);
		struct rtmsg *head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));

		msg->nlmsg_type = RTM_NEWROUTE;
		msg->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
		*head = (struct rtmsg){.rtm_family = AF_INET,
			.rtm_dst_len = 32,
			.rtm_protocol = 186,
			.rtm_type = RTN_UNICAST,
			.rtm_table = 7};
		mnl_attr_put_u32(msg, RTA_TABLE, 7);
		mnl_attr_put_u32(msg, RTA_DST, i * 2654435761u);
		mnl_attr_put_u32(msg, RTA_PRIORITY, 20);
		mnl_attr_put_u32(msg, RTA_GATEWAY, i % 16);
		mnl_attr_put_u32(msg, RTA_OIF, 1);
		at += msg->nlmsg_len;
	}
	since = clock();
	parse_messages(kernel, data, at);
	took = clock() - since;
	ck_assert_uint_eq(count_of(7), wanted);
	since = clock();
	parse_messages(kernel, data, at);
	printf("%u routes parsed in %.3f s of CPU time, again in %.3f s\n", wanted,
		(double)took / CLOCKS_PER_SEC, (double)(clock() - since) / CLOCKS_PER_SEC);
	if (wanted == 100000)
		ck_assert_int_lt(took, CLOCKS_PER_SEC / 2);
	free(data);
}
END_TEST

static uint64_t heard_us;

static void note(struct kernel *of, enum kernel_kind kind, const void *entry, bool gone, void *arg)
{
	if (kind == KERNEL_ROUTE && ((const struct kernel_route *)entry)->table == 9)
		heard_us = clock_mono_us();
}

static bool has_heard(void)
{
	return heard_us;
}

/* Sent by a socket of our own: when the kernel has done it, the clock starts. */
static void send_route(int fd, uint32_t n)
{
	char data[256];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(data);
	struct rtmsg *head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));

	msg->nlmsg_type = RTM_NEWROUTE;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE;
	*head = (struct rtmsg){.rtm_family = AF_INET,
		.rtm_dst_len = 32,
		.rtm_protocol = 4,
		.rtm_type = RTN_BLACKHOLE,
		.rtm_table = 9};
	mnl_attr_put_u32(msg, RTA_DST, n);
	ck_assert_int_gt(send(fd, msg, msg->nlmsg_len, 0), 0);
}

static int compare_times(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

START_TEST(a_change_is_told_within_milliseconds)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	uint64_t took_us[100];

	kernel->listener.changed = note;
	for (uint32_t i = 1; i <= 100; i++) {
		uint64_t since_us = clock_mono_us();

		heard_us = 0;
		send_route(fd, i);
		ck_assert(rig_until(has_heard, 20000));
		took_us[i - 1] = heard_us - since_us;
	}
	qsort(took_us, 100, sizeof(took_us[0]), compare_times);
	printf("from the call to the listener: %lu us half of them, %lu at most\n", took_us[50],
		took_us[99]);
	ck_assert_uint_lt(
		took_us[50], 20000); /* the machine may do something else amid the others */
	close(fd);
}
END_TEST

static void setup(void)
{
	wanted = getenv("ROUTES") ? (uint32_t)atoi(getenv("ROUTES")) : 100000;
	rig_setup();
}

int main(void)
{
	Suite *suite = suite_create("kernel scale");
	TCase *all = tcase_create("all");

	if (!rig_possible())
		return 77;
	tcase_set_timeout(all, 280);
	tcase_add_checked_fixture(all, setup, rig_teardown);
	tcase_add_test(all, messages_are_parsed_in_well_under_half_a_second);
	tcase_add_test(all, a_change_is_told_within_milliseconds);
	tcase_add_test(all, many_routes_are_taken_in_fast_and_the_loop_goes_on);
	suite_add_tcase(suite, all);
	return suite_main(suite);
}

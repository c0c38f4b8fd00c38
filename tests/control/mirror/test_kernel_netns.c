/* SPDX-License-Identifier: BSD-3-Clause */
/* A namespace by name: not there yet, there, deleted, made anew; a link that moves into it. The
 * names are under /run/netns, with the process' number in them, and taken away in the end. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../suite.h"
#include "clock.h"
#include "rig.h"

static char name[32];
static struct kernel *named;
static uint32_t settled;

static void on_settled(struct kernel *of, void *arg)
{
	settled++;
}

static const struct kernel_listener listener = {.settled = on_settled};

static bool is_there(void)
{
	return kernel_complete(named);
}

static bool is_gone(void)
{
	return !kernel_complete(named);
}

static bool is_up(void)
{
	return kernel_link(named, 1)->up;
}

static bool has_bridge(void)
{
	return kernel_link_named(named, "br7") != NULL;
}

static bool is_another(void)
{
	return kernel_complete(named) && !has_bridge();
}

static ino_t own_namespace(void)
{
	struct stat st;

	ck_assert_int_eq(stat("/proc/thread-self/ns/net", &st), 0);
	return st.st_ino;
}

static void setup(void)
{
	rig_setup();
	snprintf(name, sizeof(name), "g6t%d", getpid());
	ck_assert_int_eq(kernel_open(base, name, 0, &listener, &named), 0);
}

static void teardown(void)
{
	kernel_close(named);
	rig_try("netns del %s", name);
	rig_teardown();
}

START_TEST(namespace_is_found_when_it_comes_and_left_when_it_goes)
{
	ino_t home = own_namespace();
	uint64_t since_us, soonest_us = UINT64_MAX;

	rig_run(50);
	ck_assert(!kernel_complete(named));
	ck_assert_int_eq(kernel_set_up(named, 1, true), -ENOTCONN);
	rig_ip("netns add %s", name);
	ck_assert(rig_until(is_there, 20000));
	ck_assert_uint_eq(settled, 1);
	ck_assert_ptr_nonnull(kernel_link_named(named, "lo"));
	ck_assert_int_eq(kernel_set_up(named, 1, true), 0);
	ck_assert(rig_until(is_up, 20000));
	ck_assert(own_namespace() == home);

	/* told, not found by the look of each second; one of three times nobody else has the CPU */
	for (int turn = 0; turn < 3 && soonest_us > 500000; turn++) {
		if (turn > 0)
			rig_ip("netns add %s", name);
		ck_assert(rig_until(is_there, 20000));
		rig_ip("netns del %s", name);
		since_us = clock_mono_us();
		ck_assert(rig_until(is_gone, 20000));
		since_us = clock_mono_us() - since_us;
		soonest_us = since_us < soonest_us ? since_us : soonest_us;
	}
	ck_assert_uint_lt(soonest_us, 500000);
	ck_assert_ptr_null(kernel_link_named(named, "lo"));
	ck_assert_uint_eq(named->counters.entries[KERNEL_LINK], 0);
	ck_assert_uint_eq(named->counters.entries[KERNEL_ROUTE], 0);

	settled = 0;
	rig_ip("netns add %s", name);
	ck_assert(rig_until(is_there, 20000));
	ck_assert(!kernel_link(named, 1)->up); /* another one of this name */
	ck_assert_uint_ge(settled, 1);
}
END_TEST

START_TEST(namespace_made_anew_at_once_is_noticed)
{
	rig_ip("netns add %s", name);
	ck_assert(rig_until(is_there, 20000));
	rig_ip("-n %s link add br7 type bridge", name);
	ck_assert(rig_until(has_bridge, 20000));
	rig_ip("netns del %s", name);
	rig_ip("netns add %s", name);
	ck_assert(rig_until(is_another, 20000));
}
END_TEST

START_TEST(link_moves_into_the_namespace_and_takes_its_routes_along)
{
	rig_ip("netns add %s", name);
	ck_assert(rig_until(is_there, 20000));
	rig_ip("link add va type veth peer name vb");
	rig_ip("link set va up");
	rig_ip("link set vb up");
	rig_ip("addr add 198.18.1.1/24 dev va");
	rig_ip("route add 198.19.0.0/16 via 198.18.1.2");
	rig_quiet();
	ck_assert_ptr_nonnull(rig_route(254, "198.19.0.0/16"));
	ck_assert_int_eq(kernel_move(kernel, rig_index("va"), "no-such-name"), -ENOENT);
	ck_assert_int_eq(kernel_move(kernel, rig_index("va"), name), 0);
	rig_quiet();
	ck_assert_uint_eq(rig_index("va"), 0);
	ck_assert_ptr_null(rig_route(254, "198.19.0.0/16"));
	ck_assert_ptr_nonnull(kernel_link_named(named, "va"));
	rig_compare("moved");
	ck_assert_int_eq(kernel_move(named, kernel_link_named(named, "va")->index, NULL), 0);
	rig_quiet();
	ck_assert_uint_ne(rig_index("va"), 0);
	rig_compare("and back");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel netns");
	TCase *all = tcase_create("all");

	if (!rig_possible())
		return 77;
	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, namespace_is_found_when_it_comes_and_left_when_it_goes);
	tcase_add_test(all, namespace_made_anew_at_once_is_noticed);
	tcase_add_test(all, link_moves_into_the_namespace_and_takes_its_routes_along);
	suite_add_tcase(suite, all);
	return suite_main(suite);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The same picture of the kernel's entries, whatever the order in which they came. */
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "mirror_rig.h"

#define OWN "" /* our namespace */
#define M1  "02:00:00:00:00:01"

static unsigned seed;

static unsigned any(unsigned below)
{
	return (unsigned)rand_r(&seed) % below;
}

static const char *const names[] = {"wan0", "ens2", "red0", "red1", "blue0", "other"};
static const char *const spaces[] = {OWN, OWN, "red"};

static void random_route(const char *netns)
{
	static const uint32_t tables[] = {254, 254, 77, 1001};
	struct fake_way way[3];
	char prefix[32];
	uint32_t table = tables[any(4)], metric = any(2), ways = any(4);

	snprintf(prefix, sizeof(prefix), "198.19.%u.0/24", any(6));
	if (!any(3)) {
		fake_route_gone(netns, table, prefix, metric);
		return;
	}
	for (uint32_t i = 0; i < ways; i++)
		way[i] = (struct fake_way){1 + any(6), any(2) ? "198.19.0.2" : NULL, 1 + any(3)};
	fake_route(netns, table, prefix, metric, ways ? RTN_UNICAST : RTN_BLACKHOLE, RTPROT_BGP,
		way, ways);
}

static void random_world(void)
{
	if (any(2))
		ck_fine(put("slice",
			"{'name': 'blue', 'service': 'l3', 'vni': 300, 'kernel': %s, 'endpoints': "
			"[{'site': 'gj', 'port': 'lan0', 'vlan': 300, 'tap': 'blue0'}]}",
			any(2) ? "{'table': 77}" : "{'vrf': 'other'}"));
	else if (world_find(world, INTENT_SLICE, "blue"))
		ck_fine(del("slice", "blue"));
	mirror_touch(mirror);
}

static void random_change(void)
{
	static const char *const hosts[] = {"198.19.0.2", "fe80::2", "198.18.0.7"};
	const char *netns = spaces[any(3)];
	uint32_t index = 1 + any(6);
	char prefix[32];

	snprintf(prefix, sizeof(prefix), any(3) ? "198.19.0.%u/24" : "fe80::%u/64", 1 + any(4));
	switch (any(12)) {
	case 0:
	case 1:
	case 2:
		fake_link(netns, index, names[any(6)], any(4) != 0);
		break;
	case 3:
		fake_vrf(netns, index, names[any(6)], any(2) ? 1001 : 77);
		break;
	case 4:
		fake_link_gone(netns, index);
		break;
	case 5:
		fake_address(netns, index, prefix, any(4) ? 0 : API_KERNEL_PROTOCOL);
		break;
	case 6:
		fake_address_gone(netns, index, prefix);
		break;
	case 7:
		fake_neighbor(
			netns, index, hosts[any(3)], M1, any(2) ? NUD_PERMANENT : NUD_REACHABLE);
		break;
	case 8:
		fake_neighbor_gone(netns, index, hosts[any(3)]);
		break;
	case 9:
		random_world();
		break;
	default:
		random_route(netns);
		break;
	}
}

static char *all_wanted(void)
{
	char *text = NULL, *a = strdup(rig_wanted(OBJECT_ADDRESS, true)),
	     *n = strdup(rig_wanted(OBJECT_NEIGHBOR, true));
	int rc = asprintf(&text, "%s--\n%s--\n%s", a, n, rig_wanted(OBJECT_ROUTE, true));

	ck_assert_int_gt(rc, 0);
	free(a);
	free(n);
	return text;
}

START_TEST(picture_is_the_same_whatever_led_to_it)
{
	uint32_t objects = 0;

	for (seed = 1; seed <= 60; seed++) {
		char *grown, *fresh;
		unsigned number = seed;
		struct mirror_counters before, after;

		for (int i = 0; i < 120; i++) {
			random_change();
			if (!any(5))
				rig_run();
		}
		rig_run();
		rig_run();
		grown = all_wanted();
		before = rig_counters();
		rig_mirror_stop();
		rig_mirror_start();
		rig_run();
		rig_run();
		fresh = all_wanted();
		after = rig_counters();
		ck_assert_msg(!strcmp(grown, fresh), "seed %u: grown\n%s\nfresh\n%s", number, grown,
			fresh);
		ck_assert_uint_eq(before.routes_unusable, after.routes_unusable);
		ck_assert_uint_eq(before.routes, after.routes);
		ck_assert_uint_eq(before.neighbors, after.neighbors);
		objects += after.routes + after.neighbors + after.addresses;
		free(grown);
		free(fresh);
		seed = number;
	}
	ck_assert_uint_gt(objects, 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mirror order");
	TCase *tcase = tcase_create("mirror order");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, rig_setup, rig_teardown);
	tcase_add_test(tcase, picture_is_the_same_whatever_led_to_it);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}

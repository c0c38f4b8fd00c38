/* SPDX-License-Identifier: BSD-3-Clause */
/* The mirror of the kernel's tables, in a namespace of the test's own: what is there at first, what
 * comes by events, what the kernel does without a word, and what is written. */
#include <string.h>
#include <linux/neighbour.h>

#include "../suite.h"
#include "rig.h"

static bool has_carriers(void)
{
	for (const char *name = "va\0vb\0vc\0vd\0"; *name; name += 3)
		if (!rig_index(name) || !kernel_link(kernel, rig_index(name))->carrier)
			return false;
	return true;
}

static bool second_nexthop_is_gone(void)
{
	return !kernel_nexthop(kernel, 2);
}

static void two_links(void)
{
	rig_ip("link add va type veth peer name vb");
	rig_ip("link add vc type veth peer name vd");
	rig_ip("addr add 198.18.1.1/24 dev va");
	rig_ip("addr add 198.18.2.1/24 dev vc");
	rig_ip("addr add 2001:db8:1::1/64 dev va nodad");
	rig_ip("addr add 2001:db8:2::1/64 dev vc nodad");
	for (const char *name = "va\0vb\0vc\0vd\0"; *name; name += 3)
		rig_ip("link set %s up", name);
	ck_assert(rig_until(has_carriers, 20000)); /* the kernel tells of them a moment later */
	rig_quiet();
}

static void count_ends(const void *entry, void *arg)
{
	const struct kernel_address *address = entry;
	uint32_t *ends = arg;
	struct api_ip own = rig_prefix("198.18.5.1"), other = rig_prefix("198.18.5.2");

	ends[0] += !memcmp(address->prefix.bytes, own.bytes, sizeof(own.bytes));
	ends[1] += !memcmp(address->prefix.bytes, other.bytes, sizeof(other.bytes));
}

START_TEST(events_make_entries_when_the_kernel_changes)
{
	uint32_t ends[2] = {0};
	const struct kernel_route *route;
	struct api_ip gateway = rig_prefix("198.18.1.2");

	two_links();
	ck_assert_uint_ne(rig_index("va"), 0);
	ck_assert(kernel_link(kernel, rig_index("va"))->carrier);
	ck_assert_str_eq(kernel_link(kernel, rig_index("va"))->kind, "veth");
	rig_ip("route add 198.19.0.0/16 via 198.18.1.2");
	rig_ip("neigh add 198.18.1.2 lladdr 02:00:00:00:00:07 dev va");
	rig_quiet();
	route = rig_route(254, "198.19.0.0/16");
	ck_assert_ptr_nonnull(route);
	ck_assert_uint_eq(route->via_count, 1);
	ck_assert_uint_eq(route->via[0].index, rig_index("va"));
	ck_assert(!memcmp(&route->via[0].address, &gateway, sizeof(gateway)));
	ck_assert_uint_eq(kernel_neighbor(kernel, rig_index("va"), &gateway)->state, NUD_PERMANENT);
	rig_ip("route del 198.19.0.0/16");
	rig_ip("neigh add proxy 198.18.1.3 dev va"); /* the kernel's own answer, and no host */
	rig_quiet();
	ck_assert_ptr_null(rig_route(254, "198.19.0.0/16"));
	gateway = rig_prefix("198.18.1.3");
	ck_assert_ptr_null(kernel_neighbor(kernel, rig_index("va"), &gateway));
	rig_ip("addr add 198.18.5.1 peer 198.18.5.2/32 dev va");
	rig_quiet();
	kernel_each(kernel, KERNEL_ADDRESS, count_ends, ends);
	ck_assert(ends[0] == 1 && ends[1] == 0); /* our end, not the other one */
	rig_compare("at the end");
}
END_TEST

static void count_maybe(const void *entry, void *arg)
{
	const struct kernel_address *address = entry;
	struct api_ip maybe = rig_prefix("2001:db8:1::7");

	*(uint32_t *)arg += !memcmp(address->prefix.bytes, maybe.bytes, sizeof(maybe.bytes));
}

static bool maybe_is_ours(void)
{
	uint32_t count = 0;

	kernel_each(kernel, KERNEL_ADDRESS, count_maybe, &count);
	return count == 1;
}

/* Whether somebody else has it is asked on the wire, and only when there is one. */
START_TEST(address_is_ours_when_nobody_else_has_it)
{
	rig_ip("link add va type veth peer name vb");
	rig_ip("link set va up");
	rig_ip("addr add 2001:db8:1::7/64 dev va");
	rig_quiet();
	ck_assert(!maybe_is_ours());
	rig_ip("link set vb up");
	ck_assert(rig_until(maybe_is_ours, 20000));
	rig_compare("at the end");
}
END_TEST

/* A FIB here knows destinations alone: a route for packets from somewhere is not everybody's. */
START_TEST(routes_by_source_are_left_out)
{
	two_links();
	if (rig_try("route add 2001:db8:9::/48 from 2001:db8:7::/48 via 2001:db8:1::2")) /* without
											    IPV6_SUBTREES
											  */
		return;
	rig_ip("route add 2001:db8:a::/48 via 2001:db8:1::2");
	rig_quiet();
	ck_assert_ptr_nonnull(rig_route(254, "2001:db8:a::/48"));
	ck_assert_ptr_null(rig_route(254, "2001:db8:9::/48"));
	rig_compare("routes by source");
}
END_TEST

START_TEST(routes_go_when_their_link_goes_down)
{
	two_links();
	rig_ip("route add 198.19.1.0/24 via 198.18.1.2");
	rig_ip("route add 198.19.2.0/24 nexthop via 198.18.1.2 nexthop via 198.18.2.2");
	rig_ip("route add 2001:db8:9::/48 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2");
	rig_quiet();
	ck_assert_ptr_nonnull(rig_route(254, "198.19.1.0/24"));
	rig_ip("link set va down");
	rig_quiet();
	ck_assert_ptr_null(rig_route(254, "198.19.1.0/24"));
	ck_assert_ptr_nonnull(rig_route(254, "198.19.2.0/24"));
	rig_compare("down");
	rig_ip("link del va");
	rig_quiet();
	ck_assert_ptr_null(rig_route(254, "198.19.2.0/24"));
	rig_compare("deleted");
}
END_TEST

/* Of the station 02:00:00:00:00:NN. */
static uint32_t fdb_group(uint8_t number)
{
	struct kernel_fdb want = {.index = rig_index("vx"), .mac = {{2, 0, 0, 0, 0, number}}};
	struct kernel_key key = key_fdb(&want, 0);
	const struct entry *entry = table_find(kernel, KERNEL_FDB, &key);

	return entry ? ((const struct kernel_fdb *)entry->body)->nexthop : 0;
}

/* EVPN's multihoming: the kernel says nothing of entries that go with their group. */
START_TEST(fdb_entries_go_when_their_group_goes)
{
	const struct kernel_link *vx;

	rig_ip("link add vx type vxlan id 10 local 198.18.1.1 dstport 4789 nolearning");
	rig_ip("link set vx up");
	rig_quiet();
	vx = kernel_link_named(kernel, "vx");
	ck_assert_ptr_nonnull(vx);
	ck_assert(vx->vxlan.vni == 10 && vx->vxlan.dst_port == 4789);
	if (rig_try("nexthop add id 1 via 198.18.1.9 fdb")) /* before Linux 5.8 */
		return;
	rig_ip("nexthop add id 2 via 198.18.1.8 fdb");
	rig_ip("nexthop add id 3 group 1/2 fdb");
	rig_ip("nexthop add id 4 group 2 fdb");
	rig_ip("fdb add 02:00:00:00:00:0a dev vx nhid 3 self");
	rig_ip("fdb add 02:00:00:00:00:0b dev vx nhid 4 self");
	rig_quiet();
	ck_assert_uint_eq(fdb_group(0x0a), 3);
	ck_assert_uint_eq(fdb_group(0x0b), 4);
	rig_ip("nexthop del id 2"); /* and with it group 4, which had no other */
	rig_quiet();
	ck_assert_uint_eq(fdb_group(0x0a), 3);
	ck_assert_uint_eq(kernel_nexthop(kernel, 3)->members, 1);
	ck_assert_uint_eq(fdb_group(0x0b), 0);
	rig_ip("nexthop del id 3");
	rig_quiet();
	ck_assert_uint_eq(fdb_group(0x0a), 0);
	rig_compare("after groups of VTEPs");
}
END_TEST

START_TEST(routes_go_when_their_nexthop_object_goes)
{
	two_links();
	rig_ip("nexthop add id 1 via 198.18.1.2 dev va");
	rig_ip("nexthop add id 2 via 198.18.2.2 dev vc");
	rig_ip("nexthop add id 3 group 1,3/2,7");
	rig_ip("route add 198.19.1.0/24 nhid 1");
	rig_ip("route add 198.19.2.0/24 nhid 3");
	rig_quiet();
	rig_compare("there");
	rig_ip("nexthop del id 1");
	rig_quiet();
	ck_assert_ptr_null(rig_route(254, "198.19.1.0/24"));
	ck_assert_ptr_nonnull(rig_route(254, "198.19.2.0/24"));
	rig_compare("deleted");
	rig_ip("link set vd down"); /* no carrier: the objects go without a word */
	ck_assert(rig_until(second_nexthop_is_gone, 20000));
	rig_quiet();
	ck_assert_ptr_null(rig_route(254, "198.19.2.0/24"));
	rig_compare("no carrier");
}
END_TEST

START_TEST(routes_go_with_their_source_and_the_last_address)
{
	two_links();
	rig_ip("addr add 198.18.1.9/32 dev lo");
	rig_ip("route add 198.19.1.0/24 via 198.18.2.2 src 198.18.1.9");
	rig_ip("route add 198.19.2.0/24 dev va");
	rig_quiet();
	rig_ip("addr del 198.18.1.9/32 dev lo");
	rig_quiet();
	ck_assert_ptr_null(rig_route(254, "198.19.1.0/24"));
	rig_ip("addr del 198.18.1.1/24 dev va");
	rig_quiet();
	ck_assert_ptr_null(rig_route(254, "198.19.2.0/24"));
	rig_compare("no address");
}
END_TEST

START_TEST(ways_follow_objects_groups_and_links)
{
	struct kernel_via via[8];
	const struct kernel_route *route;
	uint32_t va, vc;

	two_links();
	va = rig_index("va");
	vc = rig_index("vc");
	rig_ip("nexthop add id 1 via 198.18.1.2 dev va");
	rig_ip("nexthop add id 2 via 198.18.2.2 dev vc");
	rig_ip("nexthop add id 3 group 1,3/2,7");
	rig_ip("route add 198.19.2.0/24 nhid 3");
	rig_ip("route add 198.19.3.0/24 nexthop via 198.18.1.2 weight 5 nexthop via 198.18.2.2");
	rig_ip("route add blackhole 198.19.4.0/24");
	rig_quiet();
	route = rig_route(254, "198.19.2.0/24");
	ck_assert_uint_eq(kernel_ways(kernel, route, via, 8), 2);
	ck_assert(via[0].index == va && via[0].weight == 3 && !via[0].dead);
	ck_assert(via[1].index == vc && via[1].weight == 7 && !via[1].dead);
	route = rig_route(254, "198.19.3.0/24");
	ck_assert_uint_eq(kernel_ways(kernel, route, via, 8), 2);
	ck_assert(via[0].index == va && via[0].weight == 5);
	ck_assert_uint_eq(kernel_ways(kernel, route, via, 1), 1);
	ck_assert_uint_eq(kernel_ways(kernel, rig_route(254, "198.19.4.0/24"), via, 8), 0);
	rig_ip("link set va down");
	rig_quiet();
	ck_assert_uint_eq(kernel_ways(kernel, rig_route(254, "198.19.3.0/24"), via, 8), 2);
	ck_assert(via[0].dead && !via[1].dead);
	ck_assert_uint_eq(kernel_ways(kernel, rig_route(254, "198.19.2.0/24"), via, 8), 1);
}
END_TEST

/* Not those of link-local addresses: a link has them once duplicate address detection is over, each
 * at a time of its own. */
static void count(const struct kernel_route *route, void *arg)
{
	const struct api_ip *to = &route->prefix;

	*(uint32_t *)arg += to->family != 6 || to->bytes[0] != 0xfe;
}

START_TEST(routes_are_found_by_table_link_and_object)
{
	uint32_t of = 0, by_link = 0, by_object = 0;

	two_links();
	rig_ip("nexthop add id 1 via 198.18.1.2 dev va");
	rig_ip("nexthop add id 3 group 1,3");
	rig_ip("route add 198.19.1.0/24 nhid 1 table 7");
	rig_ip("route add 198.19.2.0/24 nhid 3 table 7");
	rig_ip("route add 198.19.3.0/24 via 198.18.1.2 table 7");
	rig_ip("route add 198.19.4.0/24 via 198.18.2.2 table 7");
	rig_quiet();
	kernel_each_route_of(kernel, 7, count, &of);
	ck_assert_uint_eq(of, 4);
	kernel_each_route_by(kernel, 0, 1, count, &by_object);
	ck_assert_uint_eq(by_object, 2);
	kernel_each_route_by(kernel, rig_index("va"), 0, count, &by_link);
	of = 0;
	kernel_each_route_by(kernel, rig_index("vc"), 0, count, &of);
	/* the same ones of tables main and local, and of IPv6, for both links */
	ck_assert_uint_eq(by_link, of + 2);
}
END_TEST

START_TEST(the_route_of_the_lowest_metric_counts)
{
	two_links();
	rig_ip("route add 198.19.1.0/24 via 198.18.1.2 metric 20");
	rig_ip("route add 198.19.1.0/24 via 198.18.2.2 metric 10");
	rig_quiet();
	ck_assert_uint_eq(rig_route(254, "198.19.1.0/24")->metric, 10);
	rig_ip("route append 198.19.1.0/24 via 198.18.1.3 metric 10");
	rig_ip("route prepend 198.19.1.0/24 via 198.18.1.4 metric 10");
	rig_quiet();
	ck_assert_uint_eq(rig_route(254, "198.19.1.0/24")->via[0].address.bytes[3], 4);
	rig_ip("route del 198.19.1.0/24 via 198.18.1.4 metric 10");
	rig_ip("route del 198.19.1.0/24 via 198.18.2.2 metric 10");
	rig_quiet();
	ck_assert_uint_eq(rig_route(254, "198.19.1.0/24")->via[0].address.bytes[3], 3);
	rig_ip("route del 198.19.1.0/24 metric 10");
	rig_quiet();
	ck_assert_uint_eq(rig_route(254, "198.19.1.0/24")->metric, 20);
	rig_compare("at the end");
}
END_TEST

START_TEST(ways_of_an_ipv6_route_come_and_go_one_by_one)
{
	two_links();
	rig_ip("-6 route add 2001:db8:9::/48 via 2001:db8:1::2");
	rig_ip("-6 route append 2001:db8:9::/48 via 2001:db8:2::2");
	rig_ip("-6 route append 2001:db8:9::/48 via 2001:db8:2::3");
	rig_quiet();
	ck_assert_uint_eq(rig_route(254, "2001:db8:9::/48")->via_count, 3);
	rig_ip("-6 route del 2001:db8:9::/48 via 2001:db8:2::2");
	rig_quiet();
	ck_assert_uint_eq(rig_route(254, "2001:db8:9::/48")->via_count, 2);
	rig_ip("-6 route add 2001:db8:8::/48 nexthop via 2001:db8:1::2 weight 3 nexthop via "
	       "2001:db8:2::2 weight 5");
	rig_quiet();
	rig_ip("link del va");
	rig_quiet();
	ck_assert_uint_eq(rig_route(254, "2001:db8:9::/48")->via_count, 1);
	ck_assert_uint_eq(rig_route(254, "2001:db8:8::/48")->via[0].weight, 1);
	rig_compare("one way");
	rig_ip("-6 route del 2001:db8:9::/48");
	rig_quiet();
	ck_assert_ptr_null(rig_route(254, "2001:db8:9::/48"));
	/* the kernel takes one that was behind it away without a word */
	rig_ip("link del vc");
	two_links();
	rig_ip("-6 route add 2001:db8:9::/48 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2");
	rig_ip("-6 route append unreachable 2001:db8:9::/48 via 2001:db8:1::3");
	rig_quiet();
	rig_ip("-6 route prepend 2001:db8:9::/48 via 2001:db8:1::3");
	rig_quiet();
	rig_compare("what was unreachable");
}
END_TEST

/* The kernel's dump leaves it out while it lies between the ways of another one, and says nothing
 * when that one goes. */
START_TEST(ipv6_route_that_a_dump_hides_is_found_again)
{
	two_links();
	rig_ip("-6 route add 2001:db8:9::/48 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2");
	rig_ip("-6 route append unreachable 2001:db8:9::/48 dev va");
	rig_quiet();
	rig_ip("-6 route prepend 2001:db8:9::/48 via 2001:db8:2::3");
	rig_quiet();
	kernel_rescan(kernel);
	rig_quiet();
	rig_compare("hidden");
	rig_ip("-6 route del 2001:db8:9::/48");
	rig_quiet();
	rig_compare("shown again");
	ck_assert_ptr_nonnull(rig_route(254, "2001:db8:9::/48"));
}
END_TEST

/* The kernel tells of the carrier when the object is another one. */
START_TEST(nexthop_object_that_was_another_has_no_routes)
{
	two_links();
	rig_ip("nexthop add id 6 via %s dev vc", _i ? "2001:db8:2::2" : "198.18.2.2");
	rig_ip("route add 198.19.0.0/24 proto bgp nhid 6");
	rig_quiet();
	rig_ip("link set vd down");
	rig_ip("nexthop replace id 6 blackhole");
	rig_quiet();
	rig_compare("another");
	ck_assert_ptr_null(rig_route(254, "198.19.0.0/24"));
}
END_TEST

/* ---- lost messages ---- */

static void small_buffer(void)
{
	kernel_test.receive_buffer_bytes = 8192;
	rig_setup();
}

START_TEST(tables_are_right_again_after_messages_were_lost)
{
	struct kernel_counters before, after;
	uint32_t routes = 0;
	FILE *to;

	two_links();
	rig_ip("route add 198.19.255.0/24 via 198.18.1.2");
	rig_quiet();
	kernel_counters(kernel, &before);
	to = popen("ip -batch -", "w");
	fprintf(to, "route del 198.19.255.0/24\n");
	for (int i = 0; i < 10000; i++)
		fprintf(to, "route add 198.19.%d.%d/32 via 198.18.1.2 table 7\n", i / 250, i % 250);
	ck_assert_int_eq(pclose(to), 0); /* and the loop stood */
	heard = (struct heard){0};
	rig_quiet();
	kernel_counters(kernel, &after);
	ck_assert_uint_gt(after.overruns, before.overruns);
	ck_assert_uint_gt(after.rescans, before.rescans);
	kernel_each_route_of(kernel, 7, count, &routes);
	ck_assert_uint_eq(routes, 10000);
	ck_assert_ptr_null(rig_route(254, "198.19.255.0/24"));
	ck_assert_ptr_nonnull(rig_route(7, "198.19.39.249/32"));
	/* the differences only; IPv6 finds its own addresses meanwhile */
	ck_assert_uint_ge(heard.changed[KERNEL_ROUTE], 10000);
	ck_assert_uint_lt(heard.changed[KERNEL_ROUTE], 10020);
	ck_assert_uint_eq(heard.gone[KERNEL_ROUTE], 1);
	ck_assert_uint_eq(heard.changed[KERNEL_LINK] + heard.gone[KERNEL_LINK], 0);
	rig_compare("after an overrun");
}
END_TEST

/* ---- writing ---- */

static const struct api_mac_addr station = {{2, 0, 0, 0, 1, 1}};

static void count_ours(const void *entry, void *arg)
{
	const struct kernel_address *address = entry;

	if (address->protocol == API_KERNEL_PROTOCOL)
		(*(uint32_t *)arg)++;
}

START_TEST(what_is_written_is_in_the_kernel)
{
	struct api_ip address = rig_prefix("198.18.7.1/24"), six = rig_prefix("2001:db8:7::1/64");
	struct api_mac_addr mac = {{2, 0, 0, 0, 7, 7}};
	uint32_t va, br, ours = 0;

	two_links();
	rig_ip("link add br0 type bridge");
	rig_ip("link set br0 up");
	rig_quiet();
	va = rig_index("va");
	br = rig_index("br0");
	ck_assert_int_eq(kernel_set_mac(kernel, va, &mac), 0);
	ck_assert_int_eq(kernel_set_master(kernel, va, br, true), 0);
	ck_assert_int_eq(kernel_set_fdb(kernel, va, &station, true), 0);
	ck_assert_int_eq(kernel_set_fdb(kernel, va, &station, true), 0);
	ck_assert_int_eq(kernel_set_address(kernel, br, &address, true), 0);
	ck_assert_int_eq(kernel_set_address(kernel, br, &address, true), 0);
	ck_assert_int_eq(kernel_set_address(kernel, br, &six, true), 0);
	ck_assert_int_eq(kernel_set_up(kernel, rig_index("vd"), false), 0);
	rig_quiet();
	ck_assert_uint_eq(kernel_link(kernel, va)->master, br);
	ck_assert(!memcmp(&kernel_link(kernel, va)->mac, &mac, sizeof(mac)));
	ck_assert(!kernel_link_named(kernel, "vd")->up);
	ck_assert_uint_eq(kernel_fdb_of_bridge(kernel, br, &station)->index, va);
	ck_assert_uint_eq(kernel_fdb_of_bridge(kernel, br, &station)->flags, NTF_EXT_LEARNED);
	ck_assert_int_eq(
		system("bridge -d link show dev va | grep -q 'learning off flood off'"), 0);
	kernel_each(kernel, KERNEL_ADDRESS, count_ours, &ours);
	ck_assert_uint_eq(ours, 2);
	kernel_set_fdb(kernel, va, &station, false);
	kernel_set_fdb(kernel, va, &station, false); /* it is not there: fine */
	kernel_set_address(kernel, br, &address, false);
	kernel_set_address(kernel, br, &address, false);
	kernel_set_master(kernel, va, 0, false);
	rig_quiet();
	ck_assert_ptr_null(kernel_fdb_of_bridge(kernel, br, &station));
	ck_assert_uint_eq(kernel_link(kernel, va)->master, 0);
	ck_assert_uint_eq(kernel->counters.refused, 0);
	rig_compare("at the end");
}
END_TEST

START_TEST(what_the_kernel_refuses_is_counted)
{
	two_links();
	ck_assert_int_eq(kernel_set_master(kernel, rig_index("va"), rig_index("vb"), false), 0);
	ck_assert_int_eq(kernel_set_fdb(kernel, 4711, &station, true), 0);
	rig_quiet();
	ck_assert_uint_eq(kernel->counters.refused, 2);
}
END_TEST

START_TEST(a_neighbour_is_resolved_and_kept_until_it_may_age)
{
	struct api_ip there = rig_prefix("198.18.1.2"), fixed = rig_prefix("198.18.1.3");
	uint32_t va;

	two_links();
	va = rig_index("va");
	rig_ip("addr add 198.18.1.2/24 dev vb");
	rig_ip("neigh add 198.18.1.3 lladdr 02:00:00:00:00:07 dev va");
	system("echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore; echo 0 "
	       ">/proc/sys/net/ipv4/conf/all/rp_filter");
	rig_quiet();
	ck_assert_int_eq(kernel_keep_neighbor(kernel, va, &there, true), 0);
	ck_assert_int_eq(kernel_keep_neighbor(kernel, va, &fixed, true), 0);
	rig_quiet();
	ck_assert_int_eq(rig_try("neigh show dev va | grep -q '198.18.1.2 .*managed'"), 0);
	ck_assert_int_eq(rig_try("neigh show dev va | grep -q '198.18.1.3 .*PERMANENT'"), 0);
	ck_assert_int_eq(kernel_keep_neighbor(kernel, va, &there, false), 0);
	rig_quiet();
	ck_assert_int_ne(rig_try("neigh show dev va | grep -q managed"), 0);
	ck_assert_uint_eq(kernel->counters.refused, 0);
}
END_TEST

static Suite *kernel_suite(void)
{
	Suite *suite = suite_create("kernel");
	TCase *tables = tcase_create("tables"), *lost = tcase_create("lost messages");

	tcase_set_timeout(tables, 120);
	tcase_add_checked_fixture(tables, rig_setup, rig_teardown);
	tcase_add_test(tables, events_make_entries_when_the_kernel_changes);
	tcase_add_test(tables, address_is_ours_when_nobody_else_has_it);
	tcase_add_test(tables, routes_by_source_are_left_out);
	tcase_add_test(tables, routes_go_when_their_link_goes_down);
	tcase_add_test(tables, fdb_entries_go_when_their_group_goes);
	tcase_add_test(tables, routes_go_when_their_nexthop_object_goes);
	tcase_add_test(tables, routes_go_with_their_source_and_the_last_address);
	tcase_add_test(tables, ways_follow_objects_groups_and_links);
	tcase_add_test(tables, routes_are_found_by_table_link_and_object);
	tcase_add_test(tables, the_route_of_the_lowest_metric_counts);
	tcase_add_test(tables, ways_of_an_ipv6_route_come_and_go_one_by_one);
	tcase_add_test(tables, ipv6_route_that_a_dump_hides_is_found_again);
	tcase_add_loop_test(tables, nexthop_object_that_was_another_has_no_routes, 0, 2);
	tcase_add_test(tables, what_is_written_is_in_the_kernel);
	tcase_add_test(tables, what_the_kernel_refuses_is_counted);
	tcase_add_test(tables, a_neighbour_is_resolved_and_kept_until_it_may_age);
	suite_add_tcase(suite, tables);
	tcase_set_timeout(lost, 120);
	tcase_add_checked_fixture(lost, small_buffer, rig_teardown);
	tcase_add_test(lost, tables_are_right_again_after_messages_were_lost);
	suite_add_tcase(suite, lost);
	return suite;
}

int main(void)
{
	return rig_possible() ? suite_main(kernel_suite()) : 77;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What one transaction takes from one object and gives to another, in the real rooms: whatever the
 * order in which its parts come into force, the workers' tables are in the end those of a box that
 * was told the same objects at once. */
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "attachment.h"
#include "attachment_tap.h"
#include "hot.h"
#include "model.h"
#include "neighbor.h"
#include "networks.h"
#include "peer.h"
#include "rcu.h"
#include "rooms.h"
#include "rpc_client.h"
#include "session.h"
#include "slice.h"
#include "tunnel.h"
#include "underlay.h"

#define PUT(type, objects) "{'op':'put','type':'" type "','objects':[" objects "]}"
#define DELETE(type, keys) "{'op':'delete','type':'" type "','keys':[" keys "]}"
#define TX(ops)		   CALL("transaction", "{'ops':[" ops "]}")
#define CHECK(ops)	   CALL("transaction", "{'check':true,'ops':[" ops "]}")

#define PORTS                                                                                      \
	PUT("port", "{'name':'p0','device':'net_null0','mbufs':2048,'queues':1},{'name':'p1',"     \
		    "'device':'net_null1','mbufs':2048,'queues':1}")
#define ATTACHMENT(name, slice, port, vlan)                                                        \
	"{'name':'" name "','slice':'" slice "','port':'" port "','vlan':" vlan "}"
#define VTEP_OF(name, encap, remote, port)                                                         \
	"{'name':'" name "','encap':'" encap "','local':'198.18.0.1','remote':'198.18.0." remote   \
	"','dst_port':" port "}"
#define GTPU(name, address)                                                                        \
	"{'name':'" name "','address':'198.18.0." address "','interface':'access'}"
#define NEIGHBOR(attachment, address, mac)                                                         \
	"{'attachment':'" attachment "','address':'" address "','mac':'02:00:00:00:00:" mac "'}"
#define ADDRESS(attachment, prefix) "{'attachment':'" attachment "','prefix':'" prefix "'}"

static uint16_t id_of(enum object_type type, const char *key)
{
	struct object *obj = model_find(type, key);

	ck_assert_ptr_nonnull(obj);
	return obj->id;
}

static int kind_at(uint16_t port)
{
	return tunnel_port[rte_cpu_to_be_16(port)];
}

/* What a packet to 198.18.0.1 finds; 0: nothing. */
static uint64_t endpoint(uint8_t remote, uint16_t port, uint32_t vni, uint64_t mark)
{
	uint32_t from = RTE_BE32(0xc6120000) | (uint32_t)remote << 24;
	uint64_t key[VTEP4_WORDS] = {
		vtep_word(rte_cpu_to_be_16(port), rte_cpu_to_be_32(vni << 8), mark),
		(uint64_t)from << 32 | RTE_BE32(0xc6120001)};
	const uint64_t *value = exact_find(&vtep4_table, key);

	return value ? *value | 1ull << 63 : 0;
}

/* ---- slices and ports ---- */

/* It is deleted, another has its VNI, and what was in it moves there. */
START_TEST(a_slice_gets_another_name)
{
	OK(ask(TX(PORTS "," PUT("slice", "{'name':'blue','vni':10}") "," PUT(
		"attachment", ATTACHMENT("a", "blue", "p0", "1")) "," PUT("tunnel",
		VTEP_OF("t", "vxlan", "2", "4789")) "," PUT("member",
		"{'slice':'blue','tunnel':'t'}"))));
	OK(ask(TX(DELETE("slice", "'blue'") "," PUT("slice", "{'name':'azure','vni':10}") "," PUT(
		"attachment", ATTACHMENT("a", "azure", "p0", "1")) "," DELETE("member",
		"'blue t'") "," PUT("member", "{'slice':'azure','tunnel':'t'}"))));
	ck_assert(attachment_in_slice(id_of(OBJECT_ATTACHMENT, "a"), id_of(OBJECT_SLICE, "azure")));
	ck_assert_uint_eq(VTEP_SLICE(endpoint(2, 4789, 10, 0)), id_of(OBJECT_SLICE, "azure"));
	OK(ask(TX(DELETE("slice", "'azure'") "," DELETE("attachment", "'a'") "," DELETE(
		"member", "'azure t'") "," DELETE("tunnel", "'t'"))));
	ck_assert_uint_eq(vtep4_table.count, 0);
}
END_TEST

/* Its attachments have left it before it is closed. */
START_TEST(a_port_goes_while_slices_exchange_names)
{
	OK(ask(TX(PORTS "," PUT("slice", "{'name':'blue','vni':10}") "," PUT(
		"attachment", ATTACHMENT("a", "blue", "p0", "1")))));
	OK(ask(TX(DELETE("port", "'p0'") "," DELETE("slice", "'blue'") "," PUT(
		"slice", "{'name':'azure','vni':10}") "," PUT("attachment",
		ATTACHMENT("a", "azure", "p1", "1")))));
	ck_assert(attachment_in_slice(id_of(OBJECT_ATTACHMENT, "a"), id_of(OBJECT_SLICE, "azure")));
}
END_TEST

/* An attachment that changes uses its slice all the time. */
START_TEST(a_slice_keeps_its_kind_under_attachments_that_change)
{
	OK(ask(TX(PORTS "," PUT("slice", "{'name':'net','vni':10,'kind':'l3'}") "," PUT(
		"attachment", ATTACHMENT("a", "net", "p0", "1")) "," PUT("address",
		ADDRESS("a", "10.0.0.1/24")))));
	EXPECT(ask(TX(PUT("slice", "{'name':'net','vni':10}") "," PUT(
		       "attachment", ATTACHMENT("a", "net", "p0", "2")))),
		"error.data.by", "attachment a");
	EXPECT(ask(CALL("get", "{'type':'slice','key':'net'}")), "result.kind", "l3");
	/* made anew it is judged by the new kind */
	EXPECT(ask(TX(PUT("slice", "{'name':'net','vni':10}") "," DELETE("attachment",
		       "'a'") "," PUT("attachment", ATTACHMENT("a", "net", "p0", "2")))),
		"error.data.path", "ops[2].objects[0].attachment");
	OK(ask(TX(PUT("slice", "{'name':'net','vni':10}") "," DELETE("attachment", "'a'") "," PUT(
		"attachment", ATTACHMENT("a", "net", "p0", "2")) "," DELETE("address",
		"'a 10.0.0.1/24'"))));
}
END_TEST

/* ---- tunnels ---- */

#define TWO_TUNNELS                                                                                \
	PUT("slice", "{'name':'blue','vni':10}")                                                   \
	"," PUT("tunnel", VTEP_OF("t", "vxlan", "2", "4789") "," VTEP_OF(                          \
				  "u", "vxlan", "3", "4789")) "," PUT("member",                    \
		"{'slice':'blue','tunnel':'t'},{'slice':'blue','tunnel':'u'}")

#define NO_TUNNELS DELETE("tunnel", "'t','u'") "," DELETE("member", "'blue t','blue u'")

START_TEST(tunnels_of_a_slice_exchange_their_far_ends)
{
	uint16_t t, u;

	OK(ask(TX(TWO_TUNNELS)));
	OK(ask(TX(PUT("tunnel",
		VTEP_OF("t", "vxlan", "3", "4789") "," VTEP_OF("u", "vxlan", "2", "4789")))));
	t = id_of(OBJECT_TUNNEL, "t");
	u = id_of(OBJECT_TUNNEL, "u");
	ck_assert_uint_eq(VTEP_TUNNEL(endpoint(3, 4789, 10, 0)), t);
	ck_assert_uint_eq(VTEP_TUNNEL(endpoint(2, 4789, 10, 0)), u);
	ck_assert(endpoint(3, 4789, 0, VTEP_ANY_VNI) != 0);
	ck_assert(endpoint(2, 4789, 0, VTEP_ANY_VNI) != 0);
	OK(ask(TX(NO_TUNNELS)));
	ck_assert_uint_eq(vtep4_table.count, 0);
}
END_TEST

/* By who takes a port, not by who leaves it. */
START_TEST(a_udp_port_changes_hands)
{
	OK(ask(TX(TWO_TUNNELS)));
	/* one tunnel changes what the port carries, the other leaves it afterwards */
	OK(ask(TX(PUT("tunnel",
		VTEP_OF("t", "geneve", "2", "4789") "," VTEP_OF("u", "vxlan", "3", "5000")))));
	ck_assert_int_eq(kind_at(4789), TUNNEL_GENEVE);
	ck_assert_int_eq(kind_at(5000), TUNNEL_VXLAN);
	/* one goes, and another takes it over */
	OK(ask(TX(DELETE("tunnel", "'t'") "," DELETE("member", "'blue t'") "," PUT(
		"tunnel", VTEP_OF("a", "vxlan", "9", "4789")))));
	ck_assert_int_eq(kind_at(4789), TUNNEL_VXLAN);
	/* to GTP-U and back */
	OK(ask(TX(PUT("tunnel", VTEP_OF("a", "vxlan", "9", "2152")))));
	OK(ask(TX(DELETE("tunnel", "'a'") "," PUT("gtpu", GTPU("n3", "1")))));
	ck_assert_int_eq(kind_at(2152), TUNNEL_GTPU);
	OK(ask(TX(DELETE("gtpu", "'n3'") "," PUT("tunnel", VTEP_OF("a", "vxlan", "9", "2152")))));
	ck_assert_int_eq(kind_at(2152), TUNNEL_VXLAN);
	OK(ask(TX(DELETE("tunnel", "'a','u'") "," DELETE("member", "'blue u'"))));
	ck_assert_int_eq(kind_at(2152), TUNNEL_NONE);
}
END_TEST

START_TEST(gtpus_exchange_their_addresses)
{
	OK(ask(TX(PUT("gtpu", GTPU("n3", "1") "," GTPU("n4", "2") "," GTPU("n5", "3")))));
	OK(ask(TX(PUT("gtpu", GTPU("n3", "2") "," GTPU("n4", "3") "," GTPU("n5", "1")))));
	EXPECT(ask(CALL("table.read", "{'table':'vtep4'}")), "result.entries.6", "");
	for (uint32_t i = 0; i < 3; i++) {
		static const char *const names[] = {"n5", "n3", "n4"};
		uint64_t key[VTEP4_WORDS] = {
			vtep_word(0, 0, VTEP_GTPU), RTE_BE32(0xc6120001) + (i << 24)};
		const uint64_t *value = exact_find(&vtep4_table, key);

		ck_assert_ptr_nonnull(value);
		ck_assert_uint_eq((uint16_t)*value, id_of(OBJECT_GTPU, names[i]));
	}
}
END_TEST

/* ---- taps ---- */

/* The attachment that is woken for what fd has to say; 0: none. */
static uint32_t woken(int fd)
{
	struct epoll_event event = {.data.u32 = 0};
	uint64_t one = 1;

	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
	epoll_wait(attachment_tap_poll_fd(), &event, 1, 0);
	ck_assert_int_eq(read(fd, &one, sizeof(one)), sizeof(one));
	return event.data.u32;
}

START_TEST(a_tap_that_changes_hands_is_heard)
{
	int fd[3];

	for (int i = 0; i < 3; i++) {
		fd[i] = eventfd(0, EFD_NONBLOCK);
		attachment_hot[i + 1].slice = 1;
		attachment_tap_set(i + 1, fd[i]);
	}
	for (int i = 0; i < 3; i++)
		attachment_tap_set(i + 1, fd[(i + 1) % 3]);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(woken(fd[(i + 1) % 3]), i + 1);
	/* it is the next one's before it is given up */
	attachment_tap_unset(3);
	attachment_tap_set(3, fd[1]);
	attachment_tap_unset(1);
	ck_assert_uint_eq(woken(fd[1]), 3);
	ck_assert_uint_eq(woken(fd[0]), 0);
	attachment_tap_unset(3);
	ck_assert_uint_eq(woken(fd[1]), 0);
	attachment_tap_unset(2);
	for (int i = 0; i < 3; i++) {
		attachment_hot[i + 1].slice = 0;
		close(fd[i]);
	}
}
END_TEST

/* ---- hosts ---- */

#define TWO_NETS                                                                                   \
	PORTS "," PUT("slice", "{'name':'net','vni':10,'kind':'l3'},{'name':'other','vni':11,"     \
			       "'kind':'l3'}") "," PUT("attachment",                               \
		ATTACHMENT("a", "net", "p0", "1") "," ATTACHMENT(                                  \
			"b", "net", "p0", "2")) "," PUT("address", ADDRESS("a", "10.0.0.1/24"))

/* A neighbour that is put anew uses its attachment all the time. */
START_TEST(an_attachment_leaves_its_slice_without_its_neighbours)
{
	struct neighbor_entry entry;

	OK(ask(TX(TWO_NETS "," PUT("neighbor", NEIGHBOR("a", "10.0.0.5", "05")))));
	EXPECT(ask(TX(PUT("attachment", ATTACHMENT("a", "other", "p0", "1")) "," DELETE(
		       "address", "'a 10.0.0.1/24'") "," PUT("address",
		       ADDRESS("a", "10.0.0.1/24")) "," PUT("neighbor",
		       NEIGHBOR("a", "10.0.0.5", "06")))),
		"error.data.by", "neighbor a 10.0.0.5");
	/* made anew it comes along, and nothing of it stays */
	OK(ask(TX(PUT("attachment", ATTACHMENT("a", "other", "p0", "1")) "," DELETE(
		"address", "'a 10.0.0.1/24'") "," PUT("address",
		ADDRESS("a", "10.0.0.1/24")) "," DELETE("neighbor",
		"'a 10.0.0.5'") "," PUT("neighbor", NEIGHBOR("a", "10.0.0.5", "06")))));
	ck_assert_uint_eq(neighbor_count(), 1);
	ck_assert_int_eq(
		neighbor_get(id_of(OBJECT_ATTACHMENT, "a"),
			&model_find(OBJECT_NEIGHBOR, "a 10.0.0.5")->now->data->neighbor.address,
			&entry),
		0);
	ck_assert_uint_eq(entry.slice, id_of(OBJECT_SLICE, "other"));
	ck_assert_uint_eq(entry.mac.bytes[5], 6);
}
END_TEST

/* The same in an l2 slice, which answers for its hosts. */
START_TEST(an_attachment_leaves_its_l2_slice_without_its_neighbours)
{
	OK(ask(TX(PORTS "," PUT("slice", "{'name':'blue','vni':10,'suppress':true},{'name':'red','"
					 "vni':11,'suppress':true}") "," PUT("attachment",
		ATTACHMENT("a", "blue", "p0", "1")) "," PUT("neighbor",
		NEIGHBOR("a", "10.0.0.5", "05")))));
	EXPECT(ask(TX(PUT("attachment", ATTACHMENT("a", "red", "p0", "1")) "," PUT(
		       "neighbor", NEIGHBOR("a", "10.0.0.5", "06")))),
		"error.data.by", "neighbor a 10.0.0.5");
	ck_assert_uint_eq(neighbor_count(), 1);
}
END_TEST

/* A network goes to another attachment, and its neighbours with it. */
START_TEST(a_network_moves_with_its_neighbours)
{
	OK(ask(TX(TWO_NETS "," PUT("neighbor", NEIGHBOR("a", "10.0.0.5", "05")))));
	EXPECT(ask(TX(DELETE("address", "'a 10.0.0.1/24'") "," PUT(
		       "address", ADDRESS("b", "10.0.0.1/24")))),
		"error.data.by", "1 neighbor object of slice net");
	OK(ask(TX(DELETE("address", "'a 10.0.0.1/24'") "," PUT(
		"address", ADDRESS("b", "10.0.0.1/24")) "," DELETE("neighbor",
		"'a 10.0.0.5'") "," PUT("neighbor", NEIGHBOR("b", "10.0.0.5", "05")))));
	OK(ask(TX(DELETE("address", "'b 10.0.0.1/24'") "," DELETE("neighbor", "'b 10.0.0.5'"))));
	ck_assert_uint_eq(neighbor_count(), 0);
}
END_TEST

/* Next hops of the slice where the attachment is now are not in the way of leaving the other. */
START_TEST(an_attachment_has_routes_in_its_next_slice)
{
	OK(ask(TX(TWO_NETS)));
	OK(ask(TX(PUT("attachment", ATTACHMENT("a", "other", "p0", "1")) "," DELETE("address",
		"'a 10.0.0.1/24'") "," PUT("address", ADDRESS("a", "10.0.0.1/24")) "," PUT("route",
		"{'table':'other','prefix':'10.9.0.0/16','via':[{'attachment':'a','address':"
		"'10.0.0.9'}]}"))));
}
END_TEST

/* The network is named that the next hop was on. */
START_TEST(next_hops_are_told_by_their_network)
{
	OK(ask(TX(TWO_NETS "," PUT("address", ADDRESS("a", "10.1.0.1/24")) "," PUT("route",
		"{'table':'net','prefix':'10.9.0.0/16','via':[{'attachment':'a','address':"
		"'10.1.0.9'}]}"))));
	EXPECT(ask(TX(DELETE("address", "'a 10.0.0.1/24','a 10.1.0.1/24'"))), "error.data.path",
		"ops[0].keys[1]");
}
END_TEST

/* ---- sessions ---- */

#define DOWN(name, gtpu)                                                                           \
	"{'name':'" name "','slice':'net','ue':{'ipv4':'10.60.0.1'},'pdrs':[{'id':1,"              \
	"'precedence':1,'source':'core','far':1}],'fars':[{'id':1,'action':'forward',"             \
	"'destination':'access','outer_header':{'teid':7,'peer':'198.18.9.9'" gtpu "}}]}"

/* An outer header that names no own address takes one that is there in the end. */
START_TEST(a_session_takes_the_gtpu_that_is_made_anew)
{
	uint16_t gtpu, before;
	struct api_session s;

	OK(ask(TX(TWO_NETS "," PUT("gtpu", GTPU("n3", "1")) "," PUT("session", DOWN("u", "")))));
	before = id_of(OBJECT_GTPU, "n3");
	OK(ask(TX(DELETE("gtpu", "'n3'") "," PUT("gtpu", GTPU("n3", "1")) "," DELETE(
		"session", "'u'") "," PUT("session", DOWN("u", "")))));
	gtpu = id_of(OBJECT_GTPU, "n3");
	ck_assert_uint_ne(gtpu, before);
	ck_assert(session_get(session_find("u"), &s));
	ck_assert_uint_eq(s.fars.item[0].outer_header.gtpu_id, gtpu);
	ck_assert_uint_eq(session_using_gtpu(before), 0);
	/* or another, where that one goes */
	OK(ask(TX(DELETE("gtpu", "'n3'") "," PUT("gtpu", GTPU("n4", "2")) "," DELETE(
		"session", "'u'") "," PUT("session", DOWN("u", "")))));
	EXPECT(ask(TX(DELETE("gtpu", "'n4'"))), "error.data.by", "session u");
}
END_TEST

/* What stands in the slice by the same transaction is in a UE's way, and what goes is not. */
START_TEST(a_ue_is_judged_by_what_is_left_of_its_slice)
{
	OK(ask(TX(TWO_NETS "," PUT("gtpu", GTPU("n3", "1")))));
	EXPECT(ask(TX(PUT("address", ADDRESS("b", "10.60.0.1/24")) "," PUT(
		       "session", DOWN("u", "")))),
		"error.data.with", "a gateway address of the slice");
	EXPECT(ask(TX(PUT("session",
		       "{'name':'u','slice':'net','ue':{'ipv4':'10.61.0.1','framed':["
		       "'10.9.0.0/16']},'pdrs':[{'id':1,'precedence':1,'source':"
		       "'core','far':1}],'fars':[{'id':1,'action':'drop'}]}") "," PUT("route",
		       "{'table':'net','prefix':'10.9.0.0/16','via':[]}"))),
		"error.data.with", "a route of the slice");
	OK(ask(TX(PUT("address", ADDRESS("b", "10.60.0.1/24")))));
	OK(ask(TX(DELETE("address", "'b 10.60.0.1/24'") "," PUT("session", DOWN("u", "")))));
	/* and back */
	OK(ask(TX(PUT("address", ADDRESS("b", "10.60.0.1/24")) "," DELETE("session", "'u'"))));
}
END_TEST

/* ---- capacity ---- */

/* What comes enters before what goes has left. */
START_TEST(the_last_address_of_a_port_is_replaced)
{
	static char objects[LIMIT_UNDERLAY_ADDRESSES * 48];
	const struct object *port;
	size_t used = 0;

	OK(ask(TX(PORTS)));
	for (int i = 1; i <= LIMIT_UNDERLAY_ADDRESSES; i++)
		used += sprintf(objects + used, "%s{'port':'p0','prefix':'10.%d.%d.1/24'}",
			i > 1 ? "," : "", i >> 8, i & 255);
	OK(ask(CALL("put", "{'type':'address','objects':[%s]}"), objects));
	OK(ask(TX(DELETE("address", "'p0 10.0.1.1/24'") "," PUT(
		"address", "{'port':'p1','prefix':'198.18.0.1/24'}") "," PUT("neighbor",
		"{'port':'p1','address':'198.18.0.2','mac':'02:00:00:00:00:02'}") "," PUT("tunnel",
		VTEP_OF("t", "vxlan", "2", "4789")))));
	port = model_find(OBJECT_PORT, "p1");
	ck_assert(port_hot[port->id].underlay);
	EXPECT(ask(CALL("get", "{'type':'tunnel','key':'t'}")), "result.state",
		"up via p1 198.18.0.2");
	OK(ask(TX(DELETE("tunnel", "'t'"))));
}
END_TEST

/* ---- errors ---- */

/* What is refused only because another is does not hide that one, wherever it stands. */
START_TEST(the_refusal_that_others_follow_from_is_told)
{
	OK(ask(TX(
		PORTS "," PUT("slice", "{'name':'blue','vni':10},{'name':'red','vni':11}") "," PUT(
			"attachment", ATTACHMENT("a", "blue", "p0", "1")))));
	EXPECT(ask(TX(PUT("attachment", ATTACHMENT("b", "new", "p0", "2")) "," PUT(
		       "slice", "{'name':'new','vni':10}"))),
		"error.data.path", "ops[1].objects[0].vni");
	EXPECT(ask(TX(PUT("attachment", ATTACHMENT("b", "new", "p0", "2")) "," PUT(
		       "slice", "{'name':'new','vni':'many'}"))),
		"error.data.path", "ops[1].objects[0].vni");
	EXPECT(ask(TX(DELETE("slice", "'blue'") "," PUT(
		       "attachment", ATTACHMENT("a", "none", "p0", "1")))),
		"error.data.path", "ops[1].objects[0].slice");
	/* all of them are told by a check */
	EXPECT(ask(CHECK(PUT("attachment", ATTACHMENT("b", "new", "p0", "2")) "," PUT(
		       "slice", "{'name':'new','vni':10}"))),
		"result.refused_total", "2");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("exchange");
	TCase *tcase = tcase_create("exchange");

	rooms_eal();
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_slice_gets_another_name);
	tcase_add_test(tcase, a_port_goes_while_slices_exchange_names);
	tcase_add_test(tcase, a_slice_keeps_its_kind_under_attachments_that_change);
	tcase_add_test(tcase, tunnels_of_a_slice_exchange_their_far_ends);
	tcase_add_test(tcase, a_udp_port_changes_hands);
	tcase_add_test(tcase, gtpus_exchange_their_addresses);
	tcase_add_test(tcase, a_tap_that_changes_hands_is_heard);
	tcase_add_test(tcase, an_attachment_leaves_its_slice_without_its_neighbours);
	tcase_add_test(tcase, an_attachment_leaves_its_l2_slice_without_its_neighbours);
	tcase_add_test(tcase, a_network_moves_with_its_neighbours);
	tcase_add_test(tcase, an_attachment_has_routes_in_its_next_slice);
	tcase_add_test(tcase, next_hops_are_told_by_their_network);
	tcase_add_test(tcase, a_session_takes_the_gtpu_that_is_made_anew);
	tcase_add_test(tcase, a_ue_is_judged_by_what_is_left_of_its_slice);
	tcase_add_test(tcase, the_last_address_of_a_port_is_replaced);
	tcase_add_test(tcase, the_refusal_that_others_follow_from_is_told);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}

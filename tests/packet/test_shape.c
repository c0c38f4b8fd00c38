/* SPDX-License-Identifier: BSD-3-Clause */
/* A shaped underlay port in the whole box: what leaves is the same as without, later and in order;
 * what does not is dropped by name; changes leave nothing behind. Rates themselves are tested in
 * tests/unit/test_shaper.c, with a clock that stands still in between. */
#include <rte_cycles.h>
#include <string.h>

#include "expect.h"
#include "port.h"
#include "rcu.h"
#include "shaper.h"
#include "worker.h"

#define SLOW	  1000000 /* bits a second: a frame of 110 bytes takes 0.88 ms */
#define INNER_UDP 84
#define FLOOD	  320

static uint64_t started;

static void setup(void)
{
	net_setup();
	rig_shape(net.wan, SLOW);
	rig_begin();
	started = workers[0]->now_tsc;
}

/* n frames of a slice to host C, numbered from `first` in their source port. */
static void send_frames(bool blue, uint32_t first, uint32_t n)
{
	struct spec s = plain(HOST_C, HOST_A);

	s.payload = 18;
	if (blue)
		s.tag[0] = (struct tag){0x8100, 10};
	for (uint32_t i = 0; i < n; i++) {
		s.sport = first + i;
		build(&a_pkt, &s);
		rig_send(net.lan, &a_pkt, 1);
	}
}

static uint32_t vni_of(const struct out *o)
{
	return get32(o->pkt.b + 46) >> 8;
}

/* Those of a slice among what left, which must be in order: how many; *last is the last's place. */
static uint32_t left(uint32_t vni, uint32_t *last)
{
	uint32_t n = 0, before = 0;

	for (uint32_t i = 0; i < rig.outs; i++) {
		uint32_t number = get16(rig_out[i].pkt.b + INNER_UDP);

		if (rig_out[i].port != net.wan || rig_out[i].pkt.len < 100 ||
			vni_of(&rig_out[i]) != vni)
			continue;
		ck_assert_msg(n == 0 || number > before, "%u after %u", number, before);
		before = number;
		n++;
		if (last != NULL)
			*last = i;
	}
	return n;
}

static struct shaper_counters class_of(uint16_t slice)
{
	struct shaper_counters c;

	ck_assert(port_class_read(slice, &c));
	return c;
}

START_TEST(shape_idle_port_sends_at_once_and_the_same_bytes)
{
	struct spec s = plain(HOST_C, HOST_A);

	s.payload = 18;
	build(&a_pkt, &s);
	rig_shape(net.wan, 0);
	rig_send(net.lan, &a_pkt, 1);
	b_pkt = rig_out[0].pkt;
	rig_shape(net.wan, SLOW);
	rig_wait(0.01);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_out("a frame by a shaped port", net.wan, &b_pkt);
	ck_assert_uint_eq(class_of(net.red).sent_packets, 1);
	ck_assert_uint_eq(class_of(net.blue).sent_packets, 0);
}
END_TEST

START_TEST(shape_flood_is_paced_in_order_and_dropped_by_name)
{
	struct counters slice, tunnel;
	struct port_counters port;
	uint64_t drops[DROP_SLICE_REASONS];
	double allowed;

	send_frames(false, 1, FLOOD);
	/* of 2,047 buffers the shaper may hold 511: one queue half of seven eighths */
	ck_assert_uint_gt(rig.drop[DROP_SHAPER_QUEUE], 0);
	ck_assert_uint_eq(rig.drops, rig.drop[DROP_SHAPER_QUEUE]);
	ck_assert_int_eq(rig.held, class_of(net.red).queued_packets);
	ck_assert_int_ge(rig.held, 200);
	ck_assert_int_le(rig.held, 256);
	slice_counters_read(net.red, &slice);
	slice_drops_read(net.red, drops);
	tunnel_counters_read(net.t2, &tunnel);
	port_counters_read(net.wan, &port);
	ck_assert_uint_eq(slice.dropped, rig.drops);
	ck_assert_uint_eq(drops[DROP_SHAPER_QUEUE], rig.drops);
	ck_assert_uint_eq(tunnel.dropped, rig.drops);
	ck_assert_uint_eq(port.tx_dropped, rig.drops);
	ck_assert_uint_eq(class_of(net.red).dropped, rig.drops);
	rig_wait(0.05);
	allowed = (workers[0]->now_tsc - started) / (double)rte_get_tsc_hz() + 0.002;
	ck_assert_msg(
		(rig.outs - 1) * 110 * 8 <= allowed * SLOW, "%u frames in %f s", rig.outs, allowed);
	ck_assert_uint_ge(rig.outs, 50);
	rig_wait(0.4);
	ck_assert_int_eq(rig.held, 0);
	ck_assert_uint_eq(left(VNI_RED, NULL), FLOOD - rig.drops);
	ck_assert_uint_eq(class_of(net.red).queued_packets, 0);
}
END_TEST

START_TEST(shape_other_slice_passes_one_that_floods)
{
	uint32_t last;

	shaper_class_set(net.blue, 1, SLOW / 2);
	send_frames(false, 1, FLOOD);
	send_frames(true, 1, 3);
	rig_wait(0.02);
	ck_assert_uint_eq(left(VNI_BLUE, &last), 3);
	ck_assert_uint_gt(class_of(net.red).queued_packets, 100);
	ck_assert_uint_eq(class_of(net.blue).dropped, 0);
}
END_TEST

START_TEST(shape_kernels_packets_are_nobodys_and_pass)
{
	uint16_t twin = rig_twin(net.wan);
	struct spec s = plain(HOST_C, HOST_A);
	uint32_t at = 0;

	build(&b_pkt, &s); /* of a size that no other has: 14 + 20 + 8 */
	send_frames(false, 1, FLOOD);
	for (int i = 0; i < 5; i++)
		rig_send(twin, &b_pkt, 1);
	rig_wait(0.05);
	for (uint32_t i = 0; i < rig.outs; i++)
		at += rig_out[i].port == net.wan && rig_out[i].pkt.len == b_pkt.len;
	ck_assert_uint_eq(at, 5);
	ck_assert_uint_eq(class_of(0).sent_packets, 5);
	ck_assert_uint_gt(class_of(net.red).queued_packets, 100);
}
END_TEST

START_TEST(shape_attachments_frames_are_their_slices_too)
{
	struct spec s = plain(HOST_B, HOST_A);

	rig_shape(net.lan2, SLOW);
	build(&a_pkt, &s);
	rig_send(net.lan, &a_pkt, 1); /* leaves tagged: four bytes more than it had */
	ck_assert_uint_eq(class_of(net.red).sent_packets, 1);
	ck_assert_uint_eq(class_of(net.red).sent_bytes, a_pkt.len + 4);
	for (int i = 0; i < FLOOD; i++)
		rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_gt(rig.drop[DROP_SHAPER_QUEUE], 0);
	struct counters door;

	attachment_counters_read(net.red_lan2, &door);
	ck_assert_uint_eq(door.dropped, rig.drop[DROP_SHAPER_QUEUE]);
}
END_TEST

static void slice_delete(uint16_t slice)
{
	struct api_mac_addr a = rig_mac_addr(HOST_A), b = rig_mac_addr(HOST_B),
			    c = rig_mac_addr(HOST_C);

	fdb_remove(slice, &a);
	fdb_remove(slice, &b);
	fdb_remove(slice, &c);
	member_unset(slice, net.t2);
	attachment_unset(net.blue_lan);
	attachment_unset(net.blue_lan2);
	slice_unset(slice);
	rcu_reclaim(true);
}

START_TEST(shape_deleted_slice_takes_what_waits_with_it)
{
	uint16_t old = net.blue, waited;

	send_frames(true, 1, 100);
	waited = class_of(old).queued_packets;
	ck_assert_uint_gt(waited, 50);
	slice_delete(old);
	net.blue = rig_slice(VNI_BLUE + 1);
	ck_assert_uint_eq(net.blue, old); /* the id is used again at once */
	net.blue_lan = rig_attachment(net.blue, net.lan, 10);
	member_set(net.blue, net.t2);
	rig_mac(net.blue, HOST_C, DOOR_TUNNEL | net.t2);
	ck_assert_uint_eq(class_of(net.blue).queued_packets, 0);
	ck_assert_uint_eq(class_of(net.blue).sent_packets, 0);
	send_frames(true, 1000, 2);
	ck_assert_uint_eq(rig.drop[DROP_SHAPER_GONE], waited);
	ck_assert_uint_eq(rig.drops, waited);
	rig_wait(0.1);
	ck_assert_uint_eq(left(VNI_BLUE, NULL), 100 - waited);
	ck_assert_uint_eq(left(VNI_BLUE + 1, NULL), 2);
	ck_assert_uint_eq(class_of(net.blue).sent_packets, 2);
	struct counters slice;

	slice_counters_read(net.blue, &slice);
	ck_assert_uint_eq(slice.dropped, 0);
}
END_TEST

START_TEST(shape_deleted_slice_is_dropped_at_its_turn_without_successor)
{
	uint32_t waited;

	send_frames(true, 1, 100);
	waited = class_of(net.blue).queued_packets;
	slice_delete(net.blue);
	rig_wait(0.01);
	ck_assert_uint_eq(rig.drop[DROP_SHAPER_GONE], waited);
	ck_assert_int_eq(rig.held, 0);
}
END_TEST

START_TEST(shape_closed_port_drops_what_waits_by_name)
{
	uint32_t waited;

	send_frames(false, 1, 100);
	waited = class_of(net.red).queued_packets;
	ck_assert_uint_gt(waited, 50);
	attachment_unset(net.red_lan);
	rig_port_gone(net.wan);
	rig_advance(0);
	ck_assert_uint_eq(rig.drop[DROP_SHAPER_GONE], waited);
	ck_assert_uint_eq(rig.drops, waited);
}
END_TEST

START_TEST(shape_ends_what_waits_leaves_first)
{
	uint32_t before;

	send_frames(false, 1, 150);
	before = rig.outs;
	ck_assert_uint_lt(before, 50);
	rig_shape(net.wan, 0);
	send_frames(false, 151, 1);
	ck_assert_uint_eq(left(VNI_RED, NULL), 151);
	send_frames(false, 152, 20);
	ck_assert_uint_eq(left(VNI_RED, NULL), 171);
	ck_assert_int_eq(rig.held, 0);
	ck_assert_uint_eq(class_of(net.red).sent_packets, 151); /* the others passed by */
}
END_TEST

START_TEST(shape_rate_change_holds_at_once)
{
	uint32_t before;

	send_frames(false, 1, 150);
	before = rig.outs;
	rig_shape(net.wan, 100 * SLOW);
	rig_wait(0.002);
	ck_assert_uint_gt(rig.outs, before + 100);
	rig_wait(0.008); /* the rest: a port that polled late does not make up for it */
	ck_assert_uint_eq(left(VNI_RED, NULL), 150);
}
END_TEST

START_TEST(shape_many_ports_divide_the_buffers)
{
	struct shaper_counters c;
	uint32_t one, two;

	ck_assert(port_shaper_read(net.wan, &c, &one));
	ck_assert(!port_shaper_read(net.lan, &c, &two));
	rig_shape(net.lan, SLOW);
	ck_assert(port_shaper_read(net.wan, &c, &two));
	ck_assert_uint_eq(two, one / 2);
	rig_shape(net.lan, 0);
	ck_assert(port_shaper_read(net.wan, &c, &two));
	ck_assert_uint_eq(two, one);
}
END_TEST

TCase *shape_tests(void)
{
	TCase *tc = tcase_create("shape");

	tcase_add_checked_fixture(tc, setup, net_teardown);
	tcase_add_test(tc, shape_idle_port_sends_at_once_and_the_same_bytes);
	tcase_add_test(tc, shape_flood_is_paced_in_order_and_dropped_by_name);
	tcase_add_test(tc, shape_other_slice_passes_one_that_floods);
	tcase_add_test(tc, shape_kernels_packets_are_nobodys_and_pass);
	tcase_add_test(tc, shape_attachments_frames_are_their_slices_too);
	tcase_add_test(tc, shape_deleted_slice_takes_what_waits_with_it);
	tcase_add_test(tc, shape_deleted_slice_is_dropped_at_its_turn_without_successor);
	tcase_add_test(tc, shape_closed_port_drops_what_waits_by_name);
	tcase_add_test(tc, shape_ends_what_waits_leaves_first);
	tcase_add_test(tc, shape_rate_change_holds_at_once);
	tcase_add_test(tc, shape_many_ports_divide_the_buffers);
	return tc;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Path supervision in a time that the test turns: who is asked when, who is given up and who is
 * believed; and whose session an error indication means. Peers, gtpus and sessions are made up. */
#include <check.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "event.h"
#include "gtpu.h"
#include "gtpu_path.h"
#include "peer.h"
#include "port.h"
#include "session.h"
#include "table_eal.h"
#include "tsc.h"
#include "upf_worker.h"

#define PEERS	 8
#define SESSIONS 10000

/* ---- made up ---- */

static struct api_gtpu gtpu_cfg = {.echo_s = 60};
static struct session_block **blocks;
struct session_block **session_block;
static struct upf_event events[64];
static char names[64][24];
static uint32_t n_events;

static struct api_ip peer_address(uint16_t id)
{
	return (struct api_ip){4, 32, {198, 18, 0, (uint8_t)id}};
}

bool peer_describe(uint16_t id, uint16_t *gtpu, struct api_ip *address)
{
	*gtpu = 3;
	*address = peer_address(id);
	return id != 0 && id <= PEERS;
}

const struct api_gtpu *gtpu_config(uint16_t id)
{
	return id == 3 ? &gtpu_cfg : NULL;
}

const char *session_name(uint32_t index)
{
	static char name[24];

	snprintf(name, sizeof(name), "s%u", index);
	return name;
}

uint32_t session_iterate(uint64_t *cursor, uint32_t *index, uint32_t max)
{
	uint32_t n = 0;

	for (; *cursor < SESSIONS && n < max; (*cursor)++)
		if (blocks[*cursor] != NULL)
			index[n++] = (uint32_t)*cursor;
	if (*cursor == SESSIONS)
		*cursor = 0;
	return n;
}

static void on_event(const struct upf_event *e)
{
	ck_assert_uint_lt(n_events, 64);
	snprintf(names[n_events], sizeof(names[0]), "%s", e->session ? e->session : "");
	events[n_events++] = *e;
}
void (*upf_on_event)(const struct upf_event *event) = on_event;

/* ---- the rig ---- */

static struct worker worker;
static struct switch_worker sw;
static struct upf_worker upf;

static void set_up(void)
{
	static struct rte_mempool *pool;

	if (pool == NULL) {
		pool = rte_pktmbuf_pool_create("path", 511, 0, 0, 2048, SOCKET_ID_ANY);
		upf.orders = rte_ring_create_elem("path_orders", sizeof(struct upf_order), 16,
			SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		session_block = blocks = calloc(SESSIONS, sizeof(*blocks));
		sw.upf = &upf;
		worker.pipeline = &sw;
	}
	workers[0] = &worker;
	port_hot[0].live = true;
	port_hot[0].pool = pool;
	gtpu_cfg.echo_s = 60;
	n_events = 0;
	tsc_stopped = 1000 * rte_get_tsc_hz();
	ck_assert_int_eq(gtpu_path_init(), 0);
}

static void tear_down(void)
{
	gtpu_path_fini();
}

/* The next message on its way to a peer; 0: none. */
static uint16_t sent(uint16_t *sequence)
{
	struct upf_order order;
	struct gtpu_header h;

	if (rte_ring_sc_dequeue_elem(upf.orders, &order, sizeof(order)) != 0)
		return 0;
	ck_assert_int_eq(order.kind, ORDER_MESSAGE);
	ck_assert_int_eq(
		gtpu_read(rte_pktmbuf_mtod(order.m, uint8_t *), order.m->pkt_len, &h), GTPU_OK);
	ck_assert_uint_eq(h.type, GTPU_ECHO_REQUEST);
	ck_assert_uint_eq(h.teid_be, 0);
	ck_assert(h.flags & GTPU_FLAG_S);
	*sequence = h.sequence;
	rte_pktmbuf_free(order.m);
	return order.peer;
}

/* Turns the clock in tenths of a second until something is sent; how many of them. */
static uint32_t until_sent(uint16_t peer, uint16_t *sequence, uint32_t most)
{
	for (uint32_t i = 0; i <= most; i++) {
		gtpu_path_poll();
		uint16_t to = sent(sequence);

		if (to != 0) {
			ck_assert_uint_eq(to, peer);
			return i;
		}
		tsc_stopped += rte_get_tsc_hz() / 10;
	}
	return UINT32_MAX;
}

static void answer(uint16_t peer, uint16_t gtpu, uint16_t sequence)
{
	struct api_ip a = peer_address(peer);
	struct upf_report r = {
		.kind = REPORT_ECHO, .gtpu = gtpu, .sequence = sequence, .family = 4};

	memcpy(r.address, a.bytes, 4);
	gtpu_path_report(&r);
}

/* ---- echo ---- */

START_TEST(an_answered_peer_is_up_and_asked_again_after_echo_s)
{
	uint16_t first, second;

	gtpu_path_add(5);
	ck_assert_uint_le(until_sent(5, &first, 60), 50); /* not all at once, and soon */
	ck_assert_int_eq(gtpu_path_state(5), PATH_UNKNOWN);
	answer(5, 3, first);
	ck_assert_int_eq(gtpu_path_state(5), PATH_UP);
	ck_assert_uint_eq(n_events, 1);
	ck_assert_int_eq(events[0].kind, UPF_PATH_UP);
	ck_assert_uint_eq(events[0].path.gtpu, 3);
	ck_assert_uint_eq(events[0].path.peer.bytes[3], 5);
	/* TS 29.281 7.2.1: not more often than that */
	uint32_t tenths = until_sent(5, &second, 620);

	ck_assert_uint_ge(tenths, 598);
	ck_assert_uint_le(tenths, 602);
	ck_assert_uint_ne(first, second);
	answer(5, 3, second);
	ck_assert_uint_eq(n_events, 1); /* it was up */
}
END_TEST

START_TEST(three_tries_three_seconds_apart_and_it_is_down)
{
	uint16_t sequence, again;

	gtpu_path_add(1);
	until_sent(1, &sequence, 60);
	for (int i = 1; i < PATH_TRIES; i++) {
		uint32_t tenths = until_sent(1, &again, 60);

		ck_assert_uint_ge(tenths, 29);
		ck_assert_uint_le(tenths, 31);
		ck_assert_uint_eq(again, sequence); /* the same request again */
	}
	ck_assert_uint_eq(n_events, 0);
	/* it is asked on, each echo_s, and is told once */
	uint32_t tenths = until_sent(1, &again, 700);

	ck_assert_uint_ge(tenths, 598 - 60);
	ck_assert_uint_ne(again, sequence);
	ck_assert_uint_eq(n_events, 1);
	ck_assert_int_eq(events[0].kind, UPF_PATH_DOWN);
	ck_assert_int_eq(gtpu_path_state(1), PATH_DOWN);
	for (int i = 0; i < 4; i++)
		until_sent(1, &again, 700);
	ck_assert_uint_eq(n_events, 1);
	answer(1, 3, again);
	ck_assert_uint_eq(n_events, 2);
	ck_assert_int_eq(events[1].kind, UPF_PATH_UP);
}
END_TEST

START_TEST(only_who_was_asked_is_believed)
{
	uint16_t sequence;

	gtpu_path_add(2);
	until_sent(2, &sequence, 60);
	answer(3, 3, sequence);	    /* another's address */
	answer(2, 4, sequence);	    /* to another of ours */
	answer(2, 3, sequence + 1); /* to what was not asked */
	ck_assert_int_eq(gtpu_path_state(2), PATH_UNKNOWN);
	answer(2, 3, sequence);
	ck_assert_int_eq(gtpu_path_state(2), PATH_UP);
	/* twice is once */
	answer(2, 3, sequence);
	ck_assert_uint_eq(n_events, 1);
	gtpu_path_remove(2);
	answer(2, 3, sequence);
	ck_assert_int_eq(gtpu_path_state(2), PATH_UNWATCHED);
	ck_assert_uint_eq(n_events, 1);
}
END_TEST

/* Linux' gtp.ko answers each request with sequence number 0, and is up all the same: each of
 * several peers, by its own address. */
START_TEST(an_answer_with_number_0_is_the_asked_peers_own)
{
	uint16_t sequence;

	for (uint16_t peer = 2; peer <= 4; peer++)
		gtpu_path_add(peer);
	answer(2, 3, 0); /* not asked yet */
	ck_assert_uint_eq(n_events, 0);
	for (int left = 3; left > 0;) {
		tsc_stopped += rte_get_tsc_hz() / 10;
		gtpu_path_poll();
		uint16_t peer = sent(&sequence);

		if (peer == 0)
			continue;
		ck_assert_uint_ne(sequence, 0);
		ck_assert(gtpu_path_waits_for(sequence));
		answer(7, 3, 0);    /* another's address */
		answer(peer, 4, 0); /* to another of ours */
		ck_assert_int_eq(gtpu_path_state(peer), PATH_UNKNOWN);
		answer(peer, 3, 0);
		ck_assert_int_eq(gtpu_path_state(peer), PATH_UP);
		ck_assert(!gtpu_path_waits_for(sequence));
		left--;
	}
	ck_assert_uint_eq(n_events, 3);
}
END_TEST

START_TEST(an_answer_to_a_later_try_counts)
{
	uint16_t sequence;

	gtpu_path_add(2);
	until_sent(2, &sequence, 60);
	until_sent(2, &sequence, 60);
	answer(2, 3, sequence);
	ck_assert_int_eq(gtpu_path_state(2), PATH_UP);
	ck_assert_uint_ge(until_sent(2, &sequence, 700), 560);
}
END_TEST

START_TEST(echo_0_asks_nobody_and_may_change)
{
	uint16_t sequence;

	gtpu_cfg.echo_s = 0;
	gtpu_path_add(1);
	ck_assert_uint_eq(until_sent(1, &sequence, 1000), UINT32_MAX);
	ck_assert_int_eq(gtpu_path_state(1), PATH_UNWATCHED);
	gtpu_cfg.echo_s = 1;
	ck_assert_uint_le(until_sent(1, &sequence, 20), 4);
	/* who is asked each second is given up in as many seconds as tries */
	for (int i = 1; i < PATH_TRIES; i++)
		ck_assert_uint_le(until_sent(1, &sequence, 20), 11);
	until_sent(1, &sequence, 20);
	ck_assert_int_eq(gtpu_path_state(1), PATH_DOWN);
	gtpu_cfg.echo_s = 0;
	ck_assert_uint_eq(until_sent(1, &sequence, 100), UINT32_MAX);
	ck_assert_int_eq(gtpu_path_state(1), PATH_UNWATCHED);
}
END_TEST

START_TEST(peers_go_in_any_order)
{
	uint16_t sequence, to;
	uint32_t asked = 0;

	for (uint16_t i = 1; i <= PEERS; i++)
		gtpu_path_add(i);
	gtpu_path_remove(1);
	gtpu_path_remove(PEERS);
	gtpu_path_remove(4);
	for (uint32_t t = 0; t < 55; t++, tsc_stopped += rte_get_tsc_hz() / 10) {
		gtpu_path_poll();
		while ((to = sent(&sequence)) != 0) {
			ck_assert(to != 1 && to != PEERS && to != 4);
			if (t > 25) /* a second try of some */
				continue;
			asked++;
		}
	}
	ck_assert_uint_ge(asked, 1);
	for (uint16_t i = 1; i <= PEERS; i++)
		ck_assert_int_eq(gtpu_path_state(i),
			i == 1 || i == PEERS || i == 4 ? PATH_UNWATCHED : PATH_UNKNOWN);
}
END_TEST

START_TEST(what_does_not_fit_the_ring_is_asked_later)
{
	struct upf_order order = {0};
	uint16_t sequence;

	while (rte_ring_sp_enqueue_elem(upf.orders, &order, sizeof(order)) == 0)
		;
	gtpu_path_add(1);
	for (uint32_t t = 0; t < 300; t++, tsc_stopped += rte_get_tsc_hz() / 10)
		gtpu_path_poll();
	ck_assert_int_eq(gtpu_path_state(1), PATH_UNKNOWN); /* not asked is not silent */
	while (rte_ring_sc_dequeue_elem(upf.orders, &order, sizeof(order)) == 0)
		;
	ck_assert_uint_le(until_sent(1, &sequence, 2), 1);
	answer(1, 3, sequence);
	ck_assert_int_eq(gtpu_path_state(1), PATH_UP);
}
END_TEST

/* ---- error indications ---- */

struct made {
	struct session_block b;
	struct session_group g1;
	struct session_act a1[2];
	struct session_group g2;
	struct session_act a2;
	struct session_more more;
} __rte_aligned(128);

static struct made *make(uint32_t index)
{
	struct made *m = aligned_alloc(128, sizeof(*m));

	memset(m, 0, sizeof(*m));
	m->b.groups = 2;
	m->b.at[0] = offsetof(struct made, g1) / 16;
	m->b.at[1] = offsetof(struct made, g2) / 16;
	m->g1.acts = 2;
	m->g2.acts = 1;
	blocks[index] = &m->b;
	return m;
}

static void unmake(uint32_t index)
{
	free(blocks[index]);
	blocks[index] = NULL;
}

static void indicate_as(bool stranger, uint16_t peer, uint32_t teid)
{
	struct api_ip a = peer_address(peer);
	struct upf_report r = {.kind = REPORT_ERROR_INDICATION,
		.gtpu = 3,
		.stranger = stranger,
		.teid_be = rte_cpu_to_be_32(teid),
		.family = 4};

	memcpy(r.address, a.bytes, 4);
	gtpu_path_report(&r);
}

static void indicate(uint16_t peer, uint32_t teid)
{
	indicate_as(false, peer, teid);
}

static void look(void)
{
	for (int i = 0; i < 20; i++)
		gtpu_path_poll();
}

START_TEST(an_error_indication_finds_the_session_that_sends_there)
{
	for (uint32_t i = 1; i < SESSIONS; i += 2) {
		struct made *m = make(i);

		m->g1.acts = 2;
		m->a1[1] = (struct session_act){
			.what = ACT_GTPU, .teid_be = rte_cpu_to_be_32(i), .peer = 1 + i % 3};
		m->a2 = (struct session_act){
			.what = ACT_SLICE, .teid_be = rte_cpu_to_be_32(i + 1), .peer = 1};
	}
	indicate(1 + 9001 % 3, 9001);
	indicate(1 + (9001 + 1) % 3, 9001); /* the TEID at another peer */
	indicate(1, 9002);		    /* not sent to */
	indicate(1 + 77 % 3, 77);
	look();
	ck_assert_uint_eq(n_events, 2);
	ck_assert_str_eq(names[0], "s77");
	ck_assert_uint_eq(events[0].error.teid, 77);
	ck_assert_str_eq(names[1], "s9001");
	ck_assert_uint_eq(events[1].error.teid, 9001);
	ck_assert_uint_eq(events[1].error.peer.bytes[3], 1 + 9001 % 3);
	for (uint32_t i = 1; i < SESSIONS; i += 2)
		unmake(i);
}
END_TEST

START_TEST(copies_are_sent_too)
{
	struct made *m = make(5);

	m->a2 = (struct session_act){.what = ACT_SLICE,
		.flags = ACT_DUPLICATE,
		.more = offsetof(struct made, more) / 16};
	m->more.copy_teid_be = rte_cpu_to_be_32(42);
	m->more.copy_peer = 2;
	indicate(2, 42);
	look();
	ck_assert_uint_eq(n_events, 1);
	ck_assert_str_eq(names[0], "s5");
	unmake(5);
}
END_TEST

START_TEST(the_same_indication_is_told_once_a_second)
{
	struct made *m = make(5);

	m->a2 = (struct session_act){.what = ACT_GTPU, .teid_be = rte_cpu_to_be_32(42), .peer = 2};
	for (int i = 0; i < 1000; i++) {
		indicate(2, 42);
		look();
	}
	ck_assert_uint_ge(n_events, 1);
	ck_assert_uint_le(n_events, 3); /* a slow machine's second may go by */
	/* more at once than are remembered: those that are looked for are found */
	n_events = 0;
	for (uint32_t i = 0; i < 100; i++)
		indicate(2, 1000 + i);
	look();
	m->a2.teid_be = rte_cpu_to_be_32(43);
	indicate(2, 43);
	look();
	ck_assert_uint_eq(n_events, 1);
	unmake(5);
}
END_TEST

START_TEST(strangers_leave_room_for_a_peers_indication)
{
	struct made *m = make(5);

	m->a2 = (struct session_act){.what = ACT_GTPU, .teid_be = rte_cpu_to_be_32(42), .peer = 2};
	for (uint32_t k = 0; k < 10; k++) /* peers' before strangers' */
		indicate(2, 500 + k);
	for (uint32_t k = 0; k < 100; k++)
		indicate_as(true, 2, 1000 + k);
	indicate(2, 42);
	look();
	ck_assert_uint_eq(n_events, 1);
	/* strangers are heard where there is room: a peer may send from another address */
	m->a2.teid_be = rte_cpu_to_be_32(43);
	indicate_as(true, 2, 43);
	look();
	ck_assert_uint_eq(n_events, 2);
	/* nor do they come in again where peers have more than their half */
	for (uint32_t k = 0; k < 20; k++)
		indicate(2, 2000 + k);
	for (uint32_t k = 0; k < 100; k++)
		indicate_as(true, 2, 3000 + k);
	m->a2.teid_be = rte_cpu_to_be_32(44);
	indicate(2, 44);
	look();
	ck_assert_uint_eq(n_events, 3);
	unmake(5);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gtpu_path");
	TCase *t = tcase_create("gtpu_path");

	table_eal();
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, an_answered_peer_is_up_and_asked_again_after_echo_s);
	tcase_add_test(t, three_tries_three_seconds_apart_and_it_is_down);
	tcase_add_test(t, only_who_was_asked_is_believed);
	tcase_add_test(t, an_answer_with_number_0_is_the_asked_peers_own);
	tcase_add_test(t, an_answer_to_a_later_try_counts);
	tcase_add_test(t, echo_0_asks_nobody_and_may_change);
	tcase_add_test(t, peers_go_in_any_order);
	tcase_add_test(t, what_does_not_fit_the_ring_is_asked_later);
	tcase_add_test(t, an_error_indication_finds_the_session_that_sends_there);
	tcase_add_test(t, copies_are_sent_too);
	tcase_add_test(t, the_same_indication_is_told_once_a_second);
	tcase_add_test(t, strangers_leave_room_for_a_peers_indication);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);

	srunner_set_fork_status(runner, CK_NOFORK); /* EAL is this process's */
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

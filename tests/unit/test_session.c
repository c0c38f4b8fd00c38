/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions' life on the main thread, in a box without ports: what is published, what a change
 * keeps, what a transaction that is cancelled leaves behind (nothing). Refusals:
 * test_session_refuse.c; 100,000 random changes: test_session_random.c. */
#include <check.h>
#include <rte_byteorder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hold.h"
#include "hot.h"
#include "rcu.h"
#include "session_private.h"
#include "session_rig.h"
#include "session_store.h"
#include "table_eal.h"

static const struct session_group *group_at(uint32_t index, uint32_t group)
{
	return session_group_at(session_block[index], group);
}

static uint64_t ue4_word(uint16_t slice, uint32_t address)
{
	uint64_t key = UE4_KEY(slice, address);
	const uint64_t *value = exact_find(&ue4_table, &key);

	return value != NULL ? *value : 0;
}

static uint32_t chosen_teid(uint32_t index)
{
	uint32_t pdr, teid = 0;

	ck_assert(session_chosen_of(index, 0, &pdr, &teid));
	return teid;
}

/* ---- what is published ---- */

START_TEST(a_put_publishes_its_ways)
{
	uint32_t index = put(simple("one", 1)), teid = chosen_teid(index);
	const struct session_block *b = session_block[index];
	uint64_t word = ue4_word(rig_l3, 0x0a000001);

	ck_assert_uint_eq(b->ue4, 0x0a000001);
	ck_assert_uint_eq(b->groups, 2);
	ck_assert_uint_eq(TEID_SESSION(teid), index);
	ck_assert_uint_eq(rte_cpu_to_be_32(teid), group_at(index, TEID_GROUP(teid))->teid_be);
	ck_assert_uint_eq(group_at(index, TEID_GROUP(teid))->flags, GROUP_UPLINK | GROUP_REMOVE);
	ck_assert_uint_eq(SESSION_OF(word), index);
	const struct session_group *down = group_at(index, SESSION_GROUP_OF(word));
	const struct session_act *a = session_acts(down);

	ck_assert_uint_eq(down->teid_be, 0);
	ck_assert_uint_eq(a->what, ACT_GTPU);
	ck_assert_uint_eq(a->teid_be, rte_cpu_to_be_32(1001));
	ck_assert_uint_eq(a->qfi, 9);
	ck_assert_uint_eq(a->flags & (ACT_PSC | ACT_UL_PSC | ACT_METERED), ACT_PSC | ACT_METERED);
	ck_assert(slice_hot[rig_l3].flags & SLICE_SESSIONS);
	ck_assert_uint_eq(peer_count(), 1);
	drop(index);
	ck_assert_ptr_null(session_block[index]);
	ck_assert(!(slice_hot[rig_l3].flags & SLICE_SESSIONS));
	ck_assert_uint_eq(session_count(), 0);
	ck_assert_uint_eq(peer_count(), 0);
	ck_assert_uint_eq(ue4_word(rig_l3, 0x0a000001), 0);
}
END_TEST

START_TEST(what_is_got_is_what_was_put)
{
	struct made *m = rich("rich", 7);
	uint32_t index = put(m);
	struct api_session out;

	ck_assert(session_get(index, &out));
	ck_assert_str_eq(out.name, "rich");
	ck_assert_uint_eq(out.pdrs.count, m->cfg.pdrs.count);
	ck_assert_int_eq(memcmp(&out.ue.ipv4, &m->cfg.ue.ipv4, sizeof(out.ue.ipv4)), 0);
	ck_assert_int_eq(memcmp(&out.ue.ipv6, &m->cfg.ue.ipv6, sizeof(out.ue.ipv6)), 0);
	ck_assert_uint_eq(out.ue.framed.count, 1);
	for (uint32_t i = 0; i < out.pdrs.count; i++) {
		ck_assert_uint_eq(out.pdrs.item[i].id, m->pdr[i].id);
		ck_assert_uint_eq(out.pdrs.item[i].precedence, m->pdr[i].precedence);
		ck_assert_str_eq(out.pdrs.item[i].gtpu, m->pdr[i].gtpu);
		ck_assert_uint_eq(out.pdrs.item[i].filters.count, m->pdr[i].filters.count);
		for (uint32_t k = 0; k < m->pdr[i].filters.count; k++)
			ck_assert_str_eq(out.pdrs.item[i].filters.item[k].text,
				m->pdr[i].filters.item[k].text);
	}
	for (uint32_t i = 0; i < out.fars.count; i++) {
		struct api_far far = m->far[i];

		ck_assert_int_eq(memcmp(&out.fars.item[i], &far, sizeof(far)), 0);
	}
	ck_assert_int_eq(memcmp(out.qers.item, m->qer, 2 * sizeof(m->qer[0])), 0);
	ck_assert_int_eq(memcmp(out.urrs.item, m->urr, 2 * sizeof(m->urr[0])), 0);
	ck_assert_int_eq(memcmp(&out.bar, &m->cfg.bar, sizeof(out.bar)), 0);
}
END_TEST

START_TEST(putting_what_is_there_changes_nothing)
{
	uint32_t index = put(rich("rich", 7)), teid = chosen_teid(index);
	struct usage before = usage();
	struct api_session out;
	struct made *m;

	ck_assert_int_eq(try_put(rich("rich", 7)), 0);
	/* as it is answered: with the TEID in it */
	ck_assert(session_get(index, &out));
	m = rich("rich", 7);
	m->pdr[0].teid = m->pdr[2].teid = teid;
	ck_assert_int_eq(try_put(m), 0);
	ck_assert_uint_eq(chosen_teid(index), teid);
	ck_assert_usage(before);
}
END_TEST

START_TEST(ten_ways_in_with_a_hole_are_all_found)
{
	struct made *m = simple("ways", 1);
	uint32_t index;

	for (uint32_t i = 0; i < 12; i++) {
		m->pdr[2 + i] = m->pdr[0];
		m->pdr[2 + i].id = 10 + i;
		m->pdr[2 + i].teid = 77 + i;
	}
	m->cfg.pdrs.count = 14;
	index = put(m);
	ck_assert_uint_eq(session_block[index]->groups, 14);
	for (uint32_t i = 0; i < 12; i++) {
		uint64_t key = TEID_KEY(rig_n3, 77 + i), *value = exact_find(&teid_table, &key);

		ck_assert_ptr_nonnull(value);
		ck_assert_uint_eq(SESSION_OF(*value), index);
		ck_assert_uint_eq(group_at(index, SESSION_GROUP_OF(*value))->teid_be,
			rte_cpu_to_be_32(77 + i));
	}
	/* the first ways go, the last keeps its number */
	m->pdr[2] = m->pdr[13];
	m->cfg.pdrs.count = 3;
	ck_assert_uint_eq(put(m), index);
	ck_assert_uint_eq(session_block[index]->groups, 14);
	ck_assert_uint_eq(teid_table.count, 1);
	ck_assert_uint_eq(group_at(index, 5)->acts, 0);
	ck_assert_uint_eq(group_at(index, 5)->teid_be, 0);
	ck_assert_uint_eq(group_at(index, 13)->teid_be, rte_cpu_to_be_32(88));
}
END_TEST

START_TEST(a_pdr_without_address_inherits_and_order_is_precedence)
{
	struct made *m = simple("inherits", 1);

	m->pdr[2] = m->pdr[0];
	m->pdr[2].id = 3;
	m->pdr[2].precedence = 30;
	m->pdr[2].gtpu[0] = '\0';
	m->pdr[2].gtpu_id = 0;
	filter(m, 2, "permit out 17 from 192.0.2.0/24 to assigned");
	m->cfg.pdrs.count = 3;
	uint32_t index = put(m), teid = chosen_teid(index);

	ck_assert_uint_eq(session_block[index]->groups, 2);
	ck_assert_uint_eq(session_pdr_id(index, TEID_GROUP(teid), 0), 3);
	ck_assert_uint_eq(session_pdr_id(index, TEID_GROUP(teid), 1), 1);
	ck_assert_uint_eq(session_pdr_id(index, TEID_GROUP(teid), 2), 0);
}
END_TEST

START_TEST(sessions_share_filters_that_differ_in_the_ue_alone)
{
	struct api_session out;
	char text[100];

	for (uint32_t i = 1; i <= 50; i++) {
		char name[16];

		snprintf(name, sizeof(name), "s%u", i);
		struct made *m = simple(name, i);

		snprintf(text, sizeof(text), "permit out ip from 192.0.2.0/24 80 to 10.0.0.%u", i);
		filter(m, 0, text);
		put(m);
	}
	struct usage u = usage();

	ck_assert_uint_eq(u.filters, 1);
	ck_assert_uint_eq(u.rules, 2);
	ck_assert(session_get(session_find("s50"), &out));
	ck_assert_str_eq(out.pdrs.item[0].filters.item[0].text,
		"permit out ip from 192.0.2.0/24 80 to 10.0.0.50");
}
END_TEST

/* ---- what a change keeps ---- */

START_TEST(a_handover_keeps_teid_cells_and_buckets)
{
	uint32_t index = put(rich("rich", 7)), teid = chosen_teid(index);
	uint32_t cells = session_block[index]->cells, buckets = session_block[index]->buckets;
	struct made *m = rich("rich", 7);

	m->far[1].outer_header.teid = 9999;
	m->far[1].outer_header.peer.bytes[3] = 77;
	ck_assert_uint_eq(put(m), index);
	ck_assert_uint_eq(chosen_teid(index), teid);
	ck_assert_uint_eq(session_block[index]->cells, cells);
	ck_assert_uint_eq(session_block[index]->buckets, buckets);
}
END_TEST

static struct session_counters read_counters(uint32_t index)
{
	struct session_counters c;

	session_counters_read(index, &c);
	return c;
}

/* As if each act had seen packets. */
static void count_all(uint32_t index)
{
	const struct session_block *b = session_block[index];
	struct session_cell *cells = session_cells(0);

	cells[b->cells].packets += 5;
	for (uint32_t i = 0; i < b->groups; i++)
		for (uint32_t k = 0; k < session_group_at(b, i)->acts; k++) {
			struct session_cell *c =
				&cells[b->cells + session_acts(session_group_at(b, i))[k].cell];

			c->packets += 10;
			c->bytes += 1000;
		}
}

START_TEST(counters_never_go_back)
{
	uint32_t index = put(rich("rich", 7));
	struct session_counters was = {0}, is;

	for (uint32_t round = 0; round < 40; round++) {
		struct made *m = rich("rich", 7);

		count_all(index);
		was = read_counters(index);
		ck_assert_uint_gt(was.ul_packets, 0);
		/* every kind of change, one after the other */
		if (round & 1)
			m->pdr[2].far = 2;
		if (round & 2)
			m->cfg.urrs.count = m->pdr[2].urrs.count = m->pdr[3].urrs.count = 1;
		if (round & 4)
			m->cfg.pdrs.count = 3;
		if (round & 8)
			more_pdrs(m, 20);
		if (round & 16)
			m->pdr[0].qers.count = 0;
		put(m);
		is = read_counters(index);
		ck_assert_int_eq(memcmp(&was, &is, sizeof(is)), 0);
	}
}
END_TEST

START_TEST(a_qer_that_stays_keeps_what_it_has_used_up)
{
	struct made *m = rich("rich", 7);
	uint32_t index = put(m);

	session_buckets()[session_block[index]->buckets + 2] = 4711; /* uplink of the second QER */
	m = rich("rich", 7);
	m->qer[0] = m->qer[1];
	m->cfg.qers.count = 1;
	for (uint32_t i = 0; i < m->cfg.pdrs.count; i++)
		m->pdr[i].qers = (struct api_ids){1, m->second};
	ck_assert_uint_eq(put(m), index);
	ck_assert_uint_eq(session_buckets()[session_block[index]->buckets], 4711);
}
END_TEST

/* ---- transactions ---- */

START_TEST(an_address_goes_from_one_session_to_another_in_one_transaction)
{
	struct session_change *c[2];
	uint32_t a = put(simple("a", 1)), b;

	ck_assert_int_eq(session_prepare_delete(a, &c[0], &rig_err), 1);
	ck_assert_uint_eq(session_find("a"), 0);
	ck_assert_int_eq(session_prepare(&simple("b", 1)->cfg, &c[1], &rig_err), 1);
	ck_assert_uint_eq(SESSION_OF(ue4_word(rig_l3, 0x0a000001)), a); /* for workers */
	session_commit(c, 2);
	b = session_find("b");
	ck_assert_uint_eq(SESSION_OF(ue4_word(rig_l3, 0x0a000001)), b);
	ck_assert_ptr_null(session_block[a]);
	ck_assert_ptr_nonnull(session_block[b]);
}
END_TEST

START_TEST(put_twice_and_deleted_in_one_transaction)
{
	struct usage before = usage();
	struct session_change *c[4];

	for (int cancel = 0; cancel < 2; cancel++) {
		struct made *m = rich("x", 3);

		ck_assert_int_eq(session_prepare(&m->cfg, &c[0], &rig_err), 1);
		m->far[1].outer_header.teid = 5;
		more_pdrs(m, 9);
		ck_assert_int_eq(session_prepare(&m->cfg, &c[1], &rig_err), 1);
		ck_assert_int_eq(session_prepare_delete(session_find("x"), &c[2], &rig_err), 1);
		ck_assert_int_eq(session_prepare(&simple("y", 3)->cfg, &c[3], &rig_err), 1);
		if (cancel) {
			for (int i = 3; i >= 0; i--)
				session_cancel(c[i]);
		} else {
			session_commit(c, 4);
			ck_assert_uint_eq(session_count(), 1);
			ck_assert_uint_eq(
				SESSION_OF(ue4_word(rig_l3, 0x0a000003)), session_find("y"));
			drop(session_find("y"));
		}
		ck_assert_usage(before);
	}
}
END_TEST

START_TEST(cancelling_leaves_nothing)
{
	uint32_t a = put(rich("a", 1));
	struct usage before = usage();
	struct session_change *c[3];
	struct made *m;

	ck_assert_int_eq(session_prepare(&rich("b", 2)->cfg, &c[0], &rig_err), 1);
	m = rich("a", 1);
	m->cfg.pdrs.count = 2;
	m->cfg.ue.framed.count = 0;
	m->far[1].outer_header.peer.bytes[3] = 99;
	m->far[1].end_marker = true;
	ck_assert_int_eq(session_prepare(&m->cfg, &c[1], &rig_err), 1);
	ck_assert_int_eq(session_prepare_delete(a, &c[2], &rig_err), 1);
	for (int i = 2; i >= 0; i--)
		session_cancel(c[i]);
	ck_assert_usage(before);
	ck_assert_uint_eq(session_find("a"), a);
	ck_assert_uint_eq(session_find("b"), 0);
	ck_assert_int_eq(try_put(rich("a", 1)), 0);
}
END_TEST

START_TEST(a_gtpu_of_the_same_transaction_is_known)
{
	struct api_gtpu cfg = {.name = "n3b", .ttl = 64, .dscp = DSCP_COPY};
	struct made *m = simple("early", 1);
	struct session_change *c;
	uint16_t id;

	cfg.address = (struct api_ip){.family = 4, .len = 32, .bytes = {198, 18, 0, 9}};
	ck_assert_int_eq(gtpu_reserve(&id), 0);
	gtpu_prepare(id, &cfg);
	snprintf(m->pdr[0].gtpu, sizeof(m->pdr[0].gtpu), "n3b");
	m->pdr[0].gtpu_id = id;
	ck_assert_int_eq(session_prepare(&m->cfg, &c, &rig_err), 1);
	gtpu_set(id, &cfg);
	session_commit(&c, 1);
	ck_assert_uint_eq(session_using_gtpu(id), 1);
	ck_assert_str_eq(session_name_using_gtpu(id), "early");
	drop(session_find("early"));
	ck_assert_uint_eq(session_using_gtpu(id), 0);
	gtpu_unset(id);
}
END_TEST

START_TEST(a_session_takes_at_most_512_bytes)
{
	char name[32];

	for (uint32_t i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "imsi-001010123456%04u", i);
		put(simple(name, i + 1));
	}
	uint64_t bytes = session_memory_bytes();

	ck_assert_msg(bytes <= 512 * 1000, "%lu bytes each", (unsigned long)bytes / 1000);
	ck_assert_uint_eq(session_using_slice(rig_l3), 1000);
}
END_TEST

/* A TEID goes from a session that had it by the table to the one that it was once chosen for, and
 * which needs no entry: the old one goes all the same. */
START_TEST(a_teid_returns_to_whom_it_was_chosen_for)
{
	struct session_change *c[2];
	uint32_t pdr, chosen, index = put(simple("first", 1));
	struct made *m = simple("first", 1);

	ck_assert(session_chosen_of(index, 0, &pdr, &chosen));
	m->pdr[0].teid = 12345678;
	ck_assert_int_eq(try_put(m), 1);
	m = simple("second", 2);
	m->pdr[0].teid = chosen;
	ck_assert_int_eq(try_put(m), 1);
	ck_assert_uint_eq(teid_table.count, 2);
	ck_assert_int_eq(session_prepare_delete(session_find("second"), &c[0], &rig_err), 1);
	m = simple("first", 1);
	m->pdr[0].teid = chosen;
	ck_assert_int_eq(session_prepare(&m->cfg, &c[1], &rig_err), 1);
	session_commit(c, 2);
	ck_assert_uint_eq(teid_table.count, 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("life");

	session_rig_eal();
	tcase_add_checked_fixture(tc, session_rig_start, session_rig_stop);
	tcase_add_test(tc, a_put_publishes_its_ways);
	tcase_add_test(tc, what_is_got_is_what_was_put);
	tcase_add_test(tc, putting_what_is_there_changes_nothing);
	tcase_add_test(tc, ten_ways_in_with_a_hole_are_all_found);
	tcase_add_test(tc, a_pdr_without_address_inherits_and_order_is_precedence);
	tcase_add_test(tc, sessions_share_filters_that_differ_in_the_ue_alone);
	tcase_add_test(tc, a_handover_keeps_teid_cells_and_buckets);
	tcase_add_test(tc, counters_never_go_back);
	tcase_add_test(tc, a_qer_that_stays_keeps_what_it_has_used_up);
	tcase_add_test(tc, an_address_goes_from_one_session_to_another_in_one_transaction);
	tcase_add_test(tc, put_twice_and_deleted_in_one_transaction);
	tcase_add_test(tc, cancelling_leaves_nothing);
	tcase_add_test(tc, a_gtpu_of_the_same_transaction_is_known);
	tcase_add_test(tc, a_teid_returns_to_whom_it_was_chosen_for);
	tcase_add_test(tc, a_session_takes_at_most_512_bytes);
	return table_run("session", tc, 120);
}

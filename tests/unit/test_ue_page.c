/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages of UEs' addresses (ue_page.h), by sessions that come, change and go. Random changes:
 * test_session_random.c; packets: tests/packet/test_upf_down.c. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "rcu.h"
#include "session_rig.h"
#include "session_store.h"
#include "table_eal.h"
#include "ue_page.h"

#define NET 0x0a000000 /* simple()'s */

static bool has_page(uint32_t address)
{
	return ue_page_entry(UE4_KEY(rig_l3, address)) != NULL;
}

static uint32_t index_of[1024];

/* UEs [from, to) of 10.0.0.0. */
static void add(uint32_t from, uint32_t to)
{
	char name[32];

	for (uint32_t i = from; i < to; i++) {
		snprintf(name, sizeof(name), "ue%u", i);
		index_of[i] = put(simple(name, i));
	}
}

static void take_away(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		drop(index_of[i]);
}

/* Exactly these are found, each with its own session. */
static void expect_ues(uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < 1024; i++)
		ck_assert_uint_eq(SESSION_OF(rig_ue4_word(rig_l3, NET + i)),
			i >= from && i < to ? index_of[i] : 0);
}

START_TEST(many_ues_of_a_net_have_a_page)
{
	add(1, UE_PAGE_MIN);
	ck_assert(!has_page(NET + 1));
	expect_ues(1, UE_PAGE_MIN);
	add(UE_PAGE_MIN, 256 + UE_PAGE_MIN);
	ck_assert(has_page(NET + 1) && has_page(NET + 255) && has_page(NET + 256));
	ck_assert(!has_page(NET + 512));
	ck_assert_ptr_null(ue_page_entry(UE4_KEY(rig_l3b, NET + 1)));
	ck_assert_uint_eq(ue_pages_bytes(), 2 * 1024);
	expect_ues(1, 256 + UE_PAGE_MIN);
}
END_TEST

START_TEST(the_last_one_closes_it)
{
	struct usage before = usage();

	add(1, 100);
	take_away(1, 99);
	ck_assert(has_page(NET + 99));
	expect_ues(99, 100);
	take_away(99, 100);
	ck_assert(!has_page(NET + 99));
	ck_assert(!ue_may_be(UE4_KEY(rig_l3, NET + 99)));
	expect_ues(0, 0);
	rcu_reclaim(true);
	ck_assert_uint_eq(ue_pages_bytes(), 0);
	ck_assert_usage(before);
	add(1, 100);
	expect_ues(1, 100);
}
END_TEST

START_TEST(an_address_that_changes_hands_is_never_nobodys)
{
	const uint32_t *at;

	add(1, 100);
	at = ue_page_entry(UE4_KEY(rig_l3, NET + 7));
	struct made *m = simple("ue7", 700); /* away from 7 ... */
	struct session_change *change[2];

	ck_assert_int_ge(session_prepare(&m->cfg, &change[0], &rig_err), 0);
	m = simple("heir", 7); /* ... for another one, in the same transaction */
	ck_assert_int_ge(session_prepare(&m->cfg, &change[1], &rig_err), 0);
	ck_assert_uint_eq(SESSION_OF_PREFIX(*at), index_of[7]);
	session_commit(change, 2);
	ck_assert_uint_eq(SESSION_OF_PREFIX(*at), session_find("heir"));
	ck_assert_uint_eq(SESSION_OF(rig_ue4_word(rig_l3, NET + 700)), index_of[7]);
}
END_TEST

/* What a transaction has taken is nobody's until it is committed, also in a new page. */
START_TEST(claims_are_nobodys)
{
	struct session_change *change;

	add(1, UE_PAGE_MIN - 1);
	struct made *m = simple("claim", 200);

	ck_assert_int_ge(session_prepare(&m->cfg, &change, &rig_err), 0);
	add(UE_PAGE_MIN - 1, UE_PAGE_MIN);
	ck_assert(has_page(NET + 200));
	ck_assert_uint_eq(rig_ue4_word(rig_l3, NET + 200), 0);
	session_cancel(change);
	ck_assert_uint_eq(rig_ue4_word(rig_l3, NET + 200), 0);
	expect_ues(1, UE_PAGE_MIN);
}
END_TEST

/* Another /24 that wants the same slot: it has none until the first one's is closed. */
START_TEST(a_slot_that_is_taken_is_left_alone)
{
	uint32_t slot, other = NET + 256;

	add(1, 1 + UE_PAGE_MIN);
	slot = ue_page_slot_of(UE4_KEY(rig_l3, NET));
	while (ue_page_slot_of(UE4_KEY(rig_l3, other)) != slot)
		other += 256;
	for (uint32_t i = 0; i < 2 * UE_PAGE_MIN; i++) {
		char name[32];

		snprintf(name, sizeof(name), "far%u", i);
		index_of[100 + i] = put(simple(name, other - NET + i));
		ck_assert(!has_page(other));
		ck_assert_uint_eq(SESSION_OF(rig_ue4_word(rig_l3, other + i)), index_of[100 + i]);
	}
	ck_assert(has_page(NET));
	take_away(1, 1 + UE_PAGE_MIN);
	drop(index_of[100]);
	ck_assert(!has_page(other));
	put(simple("new", other - NET));
	ck_assert(has_page(other));
	for (uint32_t i = 1; i < 2 * UE_PAGE_MIN; i++)
		ck_assert_uint_eq(SESSION_OF(rig_ue4_word(rig_l3, other + i)), index_of[100 + i]);
	ck_assert_uint_eq(SESSION_OF(rig_ue4_word(rig_l3, other)), session_find("new"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("pages");

	session_rig_eal();
	tcase_add_checked_fixture(tc, session_rig_start, session_rig_stop);
	tcase_add_test(tc, many_ues_of_a_net_have_a_page);
	tcase_add_test(tc, the_last_one_closes_it);
	tcase_add_test(tc, an_address_that_changes_hands_is_never_nobodys);
	tcase_add_test(tc, claims_are_nobodys);
	tcase_add_test(tc, a_slot_that_is_taken_is_left_alone);
	return table_run("ue_page", tc, 120);
}

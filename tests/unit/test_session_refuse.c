/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session is refused for, by whom of it, and that a refusal leaves nothing behind. What
 * session_check() sees by itself: test_session_check.c. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fib.h"
#include "gateway.h"
#include "nexthop.h"
#include "peer.h"
#include "rcu.h"
#include "session_rig.h"
#include "session_store.h"
#include "table_eal.h"

/* The put is refused with this code, path and (unless NULL) holder; nothing has changed. */
static void refused(struct made *m, int code, const char *path, const char *with)
{
	struct usage before = usage();

	ck_assert_int_eq(try_put(m), -1);
	ck_assert_int_eq(rig_err.code, code);
	ck_assert_str_eq(rig_err.path, path);
	if (with != NULL)
		ck_assert_str_eq(rig_err.with, with);
	ck_assert_usage(before);
}

START_TEST(an_address_that_another_has)
{
	struct made *m;

	put(rich("first", 7));
	refused(simple("second", 7), RPC_ERR_CONFLICT, "ue.ipv4", "session first");
	m = rich("second", 8);
	m->cfg.ue.ipv6.bytes[7] = 7;
	refused(m, RPC_ERR_CONFLICT, "ue.ipv6", "session first");
	m = rich("second", 8);
	m->framed[0].bytes[2] = 7;
	refused(m, RPC_ERR_CONFLICT, "ue.framed[0]", "session first");
	/* in another slice it is another address */
	m = simple("second", 7);
	m->cfg.slice_id = rig_l3b;
	ck_assert_int_eq(try_put(m), 1);
}
END_TEST

START_TEST(a_longer_prefix_that_another_has)
{
	struct made *m = rich("first", 7);

	m->cfg.ue.ipv6.len = 128;
	m->cfg.ue.ipv6.bytes[15] = 9;
	put(m);
	m = rich("second", 8);
	m = rich("second", 8);
	m->cfg.ue.ipv6 = (struct api_ip){.family = 6,
		.len = 128,
		.bytes = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 9}};
	refused(m, RPC_ERR_CONFLICT, "ue.ipv6", "session first");
}
END_TEST

START_TEST(a_teid_that_another_has)
{
	struct made *m = simple("first", 1);
	uint32_t index, pdr, teid;

	m->pdr[0].teid = 12345678;
	put(m);
	m = simple("second", 2);
	m->pdr[0].teid = 12345678;
	refused(m, RPC_ERR_CONFLICT, "pdrs[0].teid", "session first");
	/* at another address it is another F-TEID */
	m->pdr[0].gtpu_id = rig_n9;
	ck_assert_int_eq(try_put(m), 1);

	index = put(simple("chosen", 3));
	ck_assert(session_chosen_of(index, 0, &pdr, &teid));
	m = simple("fourth", 4);
	m->pdr[0].teid = teid;
	refused(m, RPC_ERR_CONFLICT, "pdrs[0].teid", "session chosen");
	m->pdr[0].teid = teid ^ 1;
	ck_assert_int_eq(try_put(m), 1);
}
END_TEST

START_TEST(a_chosen_teid_avoids_those_that_were_put)
{
	const uint32_t named = 600;
	struct made *m = simple("holder", 1);
	uint32_t index, pdr, teid;

	m->pdr[0].teid = TEID_MAKE(named, 5, 0);
	ck_assert_uint_eq(put(m), named);
	/* all but one of what could be chosen for that index' first way in */
	for (uint32_t salt = 0; salt < 256; salt++) {
		char name[16];

		if (salt == 77)
			continue;
		snprintf(name, sizeof(name), "put%u", salt);
		m = simple(name, 100 + salt);
		m->pdr[0].teid = TEID_MAKE(named, 0, salt);
		ck_assert_uint_ne(put(m), named);
	}
	drop(named);
	m = simple("next", 2);
	more_pdrs(m, 3);
	m->pdr[2].far = 1;
	m->pdr[2].gtpu_id = rig_n9;
	m->pdr[2].teid = TEID_MAKE(named, 1, 0);
	index = put(m);
	ck_assert_uint_eq(index, named);
	ck_assert(session_chosen_of(index, 0, &pdr, &teid));
	ck_assert_uint_eq(teid, TEID_MAKE(index, 0, 77));
	drop(index);
}
END_TEST

START_TEST(a_gateway_address)
{
	struct api_ip ip = {.family = 4, .len = 32, .bytes = {10, 0, 0, 7}};
	uint32_t nexthop;

	ck_assert_int_eq(nexthop_take_other(rig_l3, 1, 1, &ip, &nexthop), 0);
	ck_assert(fib_own_set(rig_l3, &ip, nexthop, FIB_GATEWAY));
	refused(simple("ue", 7), RPC_ERR_CONFLICT, "ue.ipv4", "a gateway address of the slice");
	fib_own_unset(rig_l3, &ip, FIB_GATEWAY);
	ck_assert_int_eq(try_put(simple("ue", 7)), 1);
}
END_TEST

START_TEST(slices_of_the_wrong_kind)
{
	struct made *m = simple("kinds", 1);

	m->cfg.slice_id = rig_l2;
	refused(m, RPC_ERR_PARAMS, "slice", NULL);
	m = simple("kinds", 1);
	m->far[0].slice_id = rig_l2;
	refused(m, RPC_ERR_PARAMS, "fars[0].slice", NULL);
	m = simple("kinds", 1);
	snprintf(m->pdr[1].slice, sizeof(m->pdr[1].slice), "l2");
	m->pdr[1].slice_id = rig_l2;
	refused(m, RPC_ERR_PARAMS, "pdrs[1].slice", NULL);
	m = simple("kinds", 1);
	m->cfg.ue = (struct api_ue){0};
	refused(m, RPC_ERR_PARAMS, "pdrs[1].gtpu", NULL);
}
END_TEST

START_TEST(no_address_to_send_from)
{
	struct made *m = simple("sender", 1);

	m->far[1].outer_header.peer =
		(struct api_ip){.family = 6, .len = 128, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}};
	refused(m, RPC_ERR_PARAMS, "fars[1].outer_header.gtpu", NULL);
}
END_TEST

/* What is sent to this box itself comes back, from session to session for ever. */
START_TEST(a_peer_that_is_this_box)
{
	struct api_ip own = gtpu_config(rig_n3)->address;
	struct made *m = simple("loop", 1);

	m->far[1].outer_header.peer = own;
	refused(m, RPC_ERR_PARAMS, "fars[1].outer_header.peer", NULL);
	m->far[1].action = FAR_BUFFER;
	refused(m, RPC_ERR_PARAMS, "fars[1].outer_header.peer", NULL);
	m = rich("loop", 1);
	m->far[2].duplicate_to.peer = own;
	refused(m, RPC_ERR_PARAMS, "fars[2].duplicate_to.peer", NULL);
	m->far[2].duplicate_to.peer.bytes[3] ^= 4;
	ck_assert_int_eq(try_put(m), 1);
}
END_TEST

START_TEST(a_precedence_twice_by_another_name_of_the_slice)
{
	struct made *m = simple("twice", 1);

	m->pdr[2] = m->pdr[1];
	m->pdr[2].id = 3;
	snprintf(m->pdr[2].slice, sizeof(m->pdr[2].slice), "l3");
	m->pdr[2].slice_id = rig_l3;
	m->cfg.pdrs.count = 3;
	refused(m, RPC_ERR_PARAMS, "pdrs[2].precedence", NULL);
}
END_TEST

START_TEST(a_change_that_is_refused_leaves_the_session)
{
	uint32_t index = put(rich("stays", 1));
	const struct session_block *b = session_block[index];
	struct made *m;

	put(simple("other", 2));
	m = rich("stays", 2);
	m->far[1].outer_header.peer.bytes[3] = 200;
	refused(m, RPC_ERR_CONFLICT, "ue.ipv4", "session other");
	ck_assert_ptr_eq(session_block[index], b);
	ck_assert_int_eq(try_put(rich("stays", 1)), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("refuse");

	session_rig_eal();
	tcase_add_checked_fixture(tc, session_rig_start, session_rig_stop);
	tcase_add_test(tc, an_address_that_another_has);
	tcase_add_test(tc, a_longer_prefix_that_another_has);
	tcase_add_test(tc, a_teid_that_another_has);
	tcase_add_test(tc, a_chosen_teid_avoids_those_that_were_put);
	tcase_add_test(tc, a_gateway_address);
	tcase_add_test(tc, slices_of_the_wrong_kind);
	tcase_add_test(tc, no_address_to_send_from);
	tcase_add_test(tc, a_peer_that_is_this_box);
	tcase_add_test(tc, a_precedence_twice_by_another_name_of_the_slice);
	tcase_add_test(tc, a_change_that_is_refused_leaves_the_session);
	return table_run("session_refuse", tc, 120);
}

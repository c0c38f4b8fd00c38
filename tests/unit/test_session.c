/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions' life on the main thread, in a box without ports: what is published, what is refused,
 * and that nothing is left behind. */
#include <check.h>
#include <rte_byteorder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session_rig.h"
#include "rules.h"
#include "session_filters.h"
#include "session_store.h"

START_TEST(a_put_publishes_its_ways)
{
	struct made *s = simple("one", 1);
	uint32_t index = put(s);
	const struct session_block *b = session_block[index];
	uint32_t pdr, teid;

	ck_assert_ptr_nonnull(b);
	ck_assert_uint_eq(b->ue4, 0x0a000001);
	ck_assert_uint_eq(b->groups, 2);
	ck_assert_uint_eq(session_group_at(b, 0)->teid_be != 0, 1);
	ck_assert(session_chosen_of(index, 0, &pdr, &teid));
	ck_assert_uint_eq(pdr, 1);
	ck_assert_uint_eq(TEID_SESSION(teid), index);
	ck_assert_uint_eq(rte_cpu_to_be_32(teid), session_group_at(b, TEID_GROUP(teid))->teid_be);

	uint64_t key = UE4_KEY(rig_l3, 0x0a000001);
	const uint64_t *value = exact_find(&ue4_table, &key);

	ck_assert_ptr_nonnull(value);
	ck_assert_uint_eq(SESSION_OF(*value), index);
	const struct session_group *down = session_group_at(b, SESSION_GROUP_OF(*value));

	ck_assert_uint_eq(down->teid_be, 0);
	ck_assert_uint_eq(session_acts(down)->what, ACT_GTPU);
	ck_assert_uint_eq(session_acts(down)->teid_be, rte_cpu_to_be_32(1001));
	ck_assert_uint_eq(peer_count(), 1);
	drop(index);
	ck_assert_ptr_null(session_block[index]);
	ck_assert_uint_eq(session_count(), 0);
	ck_assert_uint_eq(peer_count(), 0);
	ck_assert_ptr_null(exact_find(&ue4_table, &key));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session");
	TCase *tc = tcase_create("life");
	SRunner *runner = srunner_create(suite);

	session_rig_eal();
	tcase_add_checked_fixture(tc, session_rig_start, session_rig_stop);
	tcase_add_test(tc, a_put_publishes_its_ways);
	tcase_set_timeout(tc, 120);
	suite_add_tcase(suite, tc);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

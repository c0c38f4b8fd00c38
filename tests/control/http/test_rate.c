/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of who asked how often (control/http/auth.c): when it is full, who asked last the
 * longest ago makes room, so that nobody is let in again by those who came after him. */
#include <check.h>
#include <stdio.h>

#include "../suite.h"
#include "http_private.h"

#define SECOND 1000000u

static uint32_t take(const char *who, uint32_t number, uint64_t now_us)
{
	char key[24];
	int len = snprintf(key, sizeof(key), "%s %u", who, number);

	return rate_take(key, len, 1, now_us);
}

START_TEST(rate_is_a_second_of_credit)
{
	ck_assert_uint_eq(take("alone", 0, SECOND), 0);
	ck_assert_uint_ne(take("alone", 0, SECOND), 0);
	ck_assert_uint_ne(take("alone", 0, SECOND * 2 - 1), 0);
	ck_assert_uint_eq(take("alone", 0, SECOND * 2), 0);
	ck_assert_uint_ne(take("alone", 0, SECOND * 2), 0);
	ck_assert_uint_eq(take("alone", 0, SECOND * 90), 0);
	ck_assert_uint_ne(take("alone", 0, SECOND * 90), 0);
}
END_TEST

START_TEST(rate_comes_back_as_fast_as_it_may_be_used)
{
	for (int i = 0; i < 10; i++)
		ck_assert_uint_eq(rate_take("ten", 3, 10, SECOND), 0);
	ck_assert_uint_ne(rate_take("ten", 3, 10, SECOND), 0);
	for (int i = 0; i < 5; i++)
		ck_assert_uint_eq(rate_take("ten", 3, 10, SECOND + SECOND / 2), 0);
	ck_assert_uint_ne(rate_take("ten", 3, 10, SECOND + SECOND / 2), 0);
	/* and is nobody's whose name only begins alike */
	ck_assert_uint_eq(take("one long name", 1, SECOND), 0);
	ck_assert_uint_eq(take("one long name", 2, SECOND), 0);
}
END_TEST

START_TEST(rate_table_that_is_full_forgets_the_oldest)
{
	for (uint32_t i = 0; i < 20000; i++)
		take("old", i, 100 * SECOND + i);
	/* few enough that no four of them share a set */
	for (uint32_t i = 0; i < 150; i++)
		ck_assert_uint_eq(take("new", i, 101 * SECOND + i), 0);
	for (uint32_t i = 0; i < 150; i++)
		ck_assert_msg(
			take("new", i, 101 * SECOND + 200) != 0, "client %u was forgotten", i);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rate");
	TCase *tcase = tcase_create("rate");

	tcase_add_test(tcase, rate_is_a_second_of_credit);
	tcase_add_test(tcase, rate_comes_back_as_fast_as_it_may_be_used);
	tcase_add_test(tcase, rate_table_that_is_full_forgets_the_oldest);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}

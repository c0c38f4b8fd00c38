/* SPDX-License-Identifier: BSD-3-Clause */
/* TEIDs that are chosen among very many that are taken: any free one is found, in few steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../suite.h"
#include "sets.h"
#include "intent_private.h"

#define FIRST	 409600u
#define SESSIONS 8000
#define EACH	 16
#define LAST	 (FIRST + SESSIONS * EACH - 1)

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* n3 has an IPv4 address, n6 an IPv6 one. */
static void gtpu_setup(void)
{
	sites_setup();
	ck_fine(put("site", "{'name':'gj','ports':[{'name':'p1'}],'gtpu':["
			    "{'name':'n3','address':'198.18.3.1','interface':'access'},"
			    "{'name':'n6','address':'2001:db8::3','interface':'access'}]}"));
	ck_fine(put("slice", "{'name':'net','service':'l3','tenant':'t'}"));
}

static void grant(uint32_t first, uint32_t last)
{
	ck_fine(put("tenant",
		"{'name':'t','sessions':100000,'gtpu':["
		"{'site':'gj','gtpu':'n3','first_teid':%u,'last_teid':%u},"
		"{'site':'gj','gtpu':'n6','first_teid':%u,'last_teid':%u}]}",
		first, last, first, last));
}

/* A session with `pdrs` ways in at an address: the TEIDs from `first` on, 0: to be chosen. */
static int session(const char *name, const char *gtpu, uint32_t first, unsigned pdrs)
{
	char text[4096] = "", one[160];

	for (unsigned i = 0; i < pdrs; i++) {
		snprintf(one, sizeof(one),
			"%s{'id':%u,'precedence':1,'source':'access','gtpu':'%s','far':1,'%s':%u}",
			i ? "," : "", i + 1, gtpu, first ? "teid" : "choose_id",
			first ? first + i : i);
		strcat(text, one);
	}
	return put("session",
		"{'name':'%s','tenant':'t','site':'gj','slice':'net','pdrs':[%s],"
		"'fars':[{'id':1,'action':'drop'}]}",
		name, text);
}

static uint32_t teid_of(const char *name, unsigned at)
{
	const struct intent *intent = world_find(world, INTENT_SESSION, name);

	ck_assert_uint_lt(at, intent->obj->session.session.pdrs.count);
	return intent->obj->session.session.pdrs.item[at].teid;
}

/* All of FIRST to LAST, by hand. */
static void take_all(const char *gtpu)
{
	begin();
	for (unsigned i = 0; i < SESSIONS; i++) {
		char name[24];

		snprintf(name, sizeof(name), "%s-%u", gtpu, i);
		ck_fine(session(name, gtpu, FIRST + EACH * i, EACH));
	}
	ck_fine(finish());
}

static const char *const addresses[] = {"n3", "n6"};

/* The TEIDs of one session of 8,000 are free: they are found at once, wherever they are, and that
 * there is no other. One by one it took 15 to 50 ms a TEID. */
START_TEST(numbers_nearly_all_taken_are_chosen_in_few_steps)
{
	const char *gtpu = addresses[_i];
	double start;

	grant(FIRST, LAST);
	take_all(gtpu);
	start = now_ms();
	for (unsigned i = 0; i < 100; i++) {
		unsigned hole = (i * 2477u + SESSIONS - 1) % SESSIONS;
		char name[24];

		snprintf(name, sizeof(name), "%s-%u", gtpu, hole);
		ck_fine(del("session", name));
		ck_fine(session("u", gtpu, 0, EACH));
		for (unsigned k = 0; k < EACH; k++) {
			ck_assert_uint_ge(teid_of("u", k), FIRST + EACH * hole);
			ck_assert_uint_lt(teid_of("u", k), FIRST + EACH * (hole + 1));
			for (unsigned l = 0; l < k; l++)
				ck_assert_uint_ne(teid_of("u", k), teid_of("u", l));
		}
		ck_refused(session("v", gtpu, 0, 1), RPC_ERR_CAPACITY, "[0].pdrs[0].teid");
		ck_fine(del("session", "u"));
		ck_fine(session(name, gtpu, FIRST + EACH * hole, EACH));
	}
	start = now_ms() - start;
	printf("%s: 1,700 TEIDs of %u chosen in %.0f ms\n", gtpu, SESSIONS * EACH, start);
	ck_assert(start < 5000);
}
END_TEST

/* One transaction of a tenant whose session numbers are taken but a few: each session looks for one
 * of its own. */
START_TEST(numbers_of_a_thousand_sessions_take_no_turn)
{
	double start;

	grant(FIRST, LAST + 1000 * EACH);
	take_all("n3");
	begin();
	for (unsigned i = 0; i < 1000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "u%u", i);
		ck_fine(session(name, "n3", 0, EACH));
	}
	start = now_ms();
	ck_fine(check());
	start = now_ms() - start;
	printf("16,000 TEIDs of 1,000 sessions chosen in %.0f ms\n", start);
	ck_assert(start < 5000);
	commit();
}
END_TEST

/* A tenant's VNIs but one are taken by hand. */
START_TEST(numbers_of_vnis_are_chosen_in_few_steps)
{
	enum { COUNT = 15000, CHOSEN = 1000 };
	double start;

	ck_fine(put("tenant", "{'name':'t','slices':16383,'vnis':[{'first':%d,'last':%d}]}",
		VNI_FIRST, VNI_FIRST + COUNT + CHOSEN - 1));
	begin();
	for (int i = 0; i < COUNT; i++)
		ck_fine(put("slice", "{'name':'s%d','tenant':'t','vni':%d}", i, VNI_FIRST + i));
	ck_fine(finish());
	begin();
	for (int i = 0; i < CHOSEN; i++)
		ck_fine(put("slice", "{'name':'c%d','tenant':'t'}", i));
	start = now_ms();
	ck_fine(check());
	start = now_ms() - start;
	commit();
	printf("%d VNIs of %d chosen in %.0f ms\n", CHOSEN, COUNT + CHOSEN, start);
	ck_assert(start < 1000);
	ck_refused(put("slice", "{'name':'d','tenant':'t'}"), RPC_ERR_CAPACITY, "[0]");
}
END_TEST

/* What was taken by hand at one address is free at the other, and at the range's ends. */
START_TEST(numbers_wrap_at_the_end_of_the_range)
{
	grant(UINT32_MAX - 3, UINT32_MAX);
	ck_fine(session("a", "n3", UINT32_MAX - 2, 3));
	ck_fine(session("u", "n3", 0, 1));
	ck_assert_uint_eq(teid_of("u", 0), UINT32_MAX - 3);
	ck_refused(session("v", "n3", 0, 1), RPC_ERR_CAPACITY, "[0].pdrs[0].teid");
	ck_fine(session("v", "n6", 0, 4));
	ck_refused(session("w", "n6", 0, 1), RPC_ERR_CAPACITY, "[0].pdrs[0].teid");
	ck_fine(del("session", "a"));
	ck_fine(session("a", "n3", 0, 3));
	ck_fine(del("session", "v"));
	ck_refused(session("v", "n6", 0, 5), RPC_ERR_CAPACITY, "[0].pdrs[4].teid");
}
END_TEST

/* Wherever the search for a name's VNI begins. */
START_TEST(numbers_of_a_small_grant_are_all_chosen)
{
	ck_fine(put("tenant", "{'name':'t','slices':16383,'vnis':[{'first':9000,'last':9009}]}"));
	for (int i = 0; i < 10; i++)
		ck_fine(put("slice", "{'name':'c%d','tenant':'t'}", i));
	ck_refused(put("slice", "{'name':'d','tenant':'t'}"), RPC_ERR_CAPACITY, "[0]");
	ck_fine(del("slice", "c4"));
	ck_fine(put("slice", "{'name':'d','tenant':'t'}"));
}
END_TEST

/* The same question, answered one by one. */
static bool walk(const struct numbers *n, uint32_t first, uint32_t last, uint32_t *number)
{
	char text[API_KEY_BYTES];

	for (*number = first; *number <= last; (*number)++) {
		key_teid(text, n->site, n->gtpu, *number);
		if (!world_holder(n->world, CONSTRAINT_HAS, KEY_TEID, text, NULL))
			return true;
	}
	return false;
}

/* Any order of puts and deletes, taken back or not, some of a TEID that another has. */
START_TEST(numbers_are_as_one_by_one)
{
	enum { ROOM = 60 };

	srandom(_i);
	for (unsigned i = 0; i < 600; i++) {
		const struct numbers n = {world, KEY_TEID, "gj", addresses[random() % 2]};
		uint32_t first = 1 + random() % ROOM, last = first + random() % ROOM;
		uint32_t found = 0, walked = 0;
		bool any;
		char name[16];

		snprintf(name, sizeof(name), "u%ld", random() % 40);
		begin();
		if (random() % 3)
			session(name, n.gtpu, 1 + random() % ROOM, 1 + random() % 4);
		else if (world_find(world, INTENT_SESSION, name))
			ck_fine(del("session", name));
		any = number_free(&n, first, last, &found);
		ck_assert_int_eq(any, walk(&n, first, last, &walked));
		ck_assert(!any || found == walked);
		finish();
		any = number_free(&n, first, last, &found);
		ck_assert_int_eq(any, walk(&n, first, last, &walked));
		ck_assert(!any || found == walked);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("numbers");
	TCase *t = tcase_create("numbers");

	tcase_set_timeout(t, 200);
	tcase_add_checked_fixture(t, gtpu_setup, teardown);
	tcase_add_loop_test(t, numbers_nearly_all_taken_are_chosen_in_few_steps, 0, 2);
	tcase_add_test(t, numbers_of_a_thousand_sessions_take_no_turn);
	tcase_add_test(t, numbers_of_vnis_are_chosen_in_few_steps);
	tcase_add_test(t, numbers_of_a_small_grant_are_all_chosen);
	tcase_add_test(t, numbers_wrap_at_the_end_of_the_range);
	tcase_add_loop_test(t, numbers_are_as_one_by_one, 0, 8);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_main(suite());
}

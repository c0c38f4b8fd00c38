/* SPDX-License-Identifier: BSD-3-Clause */
/* 10,000 slices with 4 endpoints each: what loading, checking and one more cost. Prints its times;
 * the bounds are wide, for machines that do something else as well. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../suite.h"
#include "sets.h"

#define SLICES 10000
#define SITES  8

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void many_sites(void)
{
	empty_setup();
	begin();
	for (int i = 0; i < SITES; i++) {
		ck_fine(put("site",
			"{'name':'s%d','ports':[{'name':'p0'},{'name':'p1'},"
			"{'name':'p2'},{'name':'p3'}]}",
			i));
		ck_fine(put("wan",
			"{'name':'w%d','site':'s%d','addresses':['198.18.%d.1/24'],"
			"'capacity_bps':1000000000000}",
			i, i, i));
	}
	ck_fine(finish());
}

static json_t *slice(int n)
{
	int port = n / 4000, vlan = 1 + n % 4000;

	return doc("{'name':'slice-%05d','bandwidth':{'committed_bps':1000000},'endpoints':["
		   "{'site':'s0','port':'p%d','vlan':%d},{'site':'s%d','port':'p%d','vlan':%d},"
		   "{'site':'s3','port':'p%d','vlan':%d},{'site':'s%d','port':'p%d','vlan':%d}]}",
		n, port, vlan, 1 + n % 2, port, vlan, port, vlan, 4 + n % 4, port, vlan);
}

START_TEST(world_carries_ten_thousand_slices)
{
	static json_t *docs[SLICES];
	struct world *first = world;
	double start, check_ms, all_ms, one_ms, load_ms, back_ms;

	for (int i = 0; i < SLICES; i++)
		docs[i] = slice(i);
	start = now_ms();
	begin();
	for (int i = 0; i < SLICES; i++)
		ck_assert_int_eq(world_put(world, INTENT_SLICE, docs[i], &err), 0);
	check_ms = now_ms();
	ck_fine(check());
	check_ms = now_ms() - check_ms;
	commit();
	all_ms = now_ms() - start;
	ck_assert_uint_eq(world_booked_bps(world, "w0"), SLICES * 1000000ull);

	start = now_ms();
	for (int i = 0; i < 100; i++) {
		begin();
		json_object_set_new(docs[i * 97], "weight", json_integer(2 + i % 2));
		ck_assert_int_eq(world_put(world, INTENT_SLICE, docs[i * 97], &err), 0);
		ck_fine(check());
		commit();
	}
	one_ms = (now_ms() - start) / 100;

	begin();
	for (int i = 0; i < SLICES; i++)
		ck_assert_int_eq(world_delete(world, INTENT_SLICE,
					 json_string_value(json_object_get(docs[i], "name")), &err),
			0);
	ck_fine(check());
	start = now_ms();
	world_rollback(world);
	back_ms = now_ms() - start;

	empty_setup();
	start = now_ms();
	for (int type = 0; type < INTENT_TYPES; type++)
		for (struct intent *i = world_first(first, type); i; i = world_next(i))
			ck_assert_int_eq(world_load(world, type, i->spec, 1, 1, 1, "x", &err), 0);
	load_ms = now_ms() - start;
	printf("10,000 slices of 4: put, checked, committed in %.0f ms (check alone %.0f), "
	       "loaded in %.0f, one more put in %.3f, deletion rolled back in %.0f\n",
		all_ms, check_ms, load_ms, one_ms, back_ms);
	ck_assert(all_ms < 10000 && load_ms < 10000 && one_ms < 10);
	teardown();
	world = first;
	for (int i = 0; i < SLICES; i++)
		json_decref(docs[i]);
}
END_TEST

/* A thousand hosts behind one port in one network: no rule looks at all for each. */
START_TEST(world_carries_a_thousand_hosts_at_one_place)
{
	char *hosts = calloc(1024, 16);
	double start;

	start = now_ms();
	begin();
	for (int i = 0; i < 1000; i++) {
		sprintf(hosts + strlen(hosts), "%s'h%d'", i ? "," : "", i);
		ck_fine(put("host",
			"{'name':'h%d','site':'s%d','port':'p0','vlan':7,"
			"'mac':'02:00:00:00:%02x:%02x'}",
			i, i % 2, i / 256, i % 256));
	}
	ck_fine(put("virtual-dedicated-network",
		"{'name':'v','hosts':[%s],'bandwidth':{'committed_bps':1000}}", hosts));
	ck_fine(finish());
	printf("a network of 1,000 hosts in %.0f ms\n", now_ms() - start);
	ck_assert(now_ms() - start < 5000);
	free(hosts);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("world_scale");
	TCase *t = tcase_create("scale");

	tcase_set_timeout(t, 200);
	tcase_add_checked_fixture(t, many_sites, teardown);
	tcase_add_test(t, world_carries_ten_thousand_slices);
	tcase_add_test(t, world_carries_a_thousand_hosts_at_one_place);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_main(suite());
}

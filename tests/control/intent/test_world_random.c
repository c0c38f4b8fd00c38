/* SPDX-License-Identifier: BSD-3-Clause */
/* Random transactions over a small set of names, so that they meet: a rolled back one leaves the
 * world as it was, a committed one leaves it as one that was loaded from its texts, with every rule
 * kept; all indexes are compared. Between any two steps of a transaction others see the world as it
 * was before, and from its publication on as it is after. SEED and ROUNDS by the environment. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "sets.h"

static unsigned pick(unsigned below)
{
	return (unsigned)random() % below;
}

static const char *const sites[] = {"gj", "bs", "se"};
static const char *const wans[] = {"gj-kt", "gj-lg", "bs-kt", "se-kt"};

static int put_random_slice(void)
{
	static const char *const tenants[] = {"", "'tenant':'t',", "'tenant':'u',"};
	char endpoints[1024] = "";
	unsigned count = pick(5);
	bool l3 = pick(3) == 0;

	for (unsigned i = 0; i < count; i++) {
		size_t used = strlen(endpoints);
		char wan[32] = "", gateway[40] = "";

		if (pick(4) == 0)
			snprintf(wan, sizeof(wan), ",'wan':'%s'", wans[pick(4)]);
		if (l3)
			snprintf(gateway, sizeof(gateway), ",'gateway':'10.%u.0.1/24'", i);
		snprintf(endpoints + used, sizeof(endpoints) - used,
			"%s{'site':'%s','port':'p%u','vlan':%u%s%s}", i ? "," : "", sites[pick(3)],
			1 + pick(3), 1 + pick(4), wan, gateway);
	}
	return put("slice",
		"{'name':'s%u',%s'service':'%s','bandwidth':{'committed_bps':%u},'endpoints':[%s]}",
		pick(6), tenants[pick(3)], l3 ? "l3" : "l2", (1 + pick(4)) * 10000000, endpoints);
}

static int put_random_host(void)
{
	static const char *const tenants[] = {"", "", ",'tenant':'t'"};

	return put("host",
		"{'name':'h%u','site':'%s','port':'p%u','vlan':%u,'mac':'02:00:00:00:00:%02x',"
		"'address':'10.%u.0.%u'%s}",
		pick(6), sites[pick(3)], 1 + pick(3), 1 + pick(4), 1 + pick(6), pick(3),
		2 + pick(4), tenants[pick(3)]);
}

static int put_random_network(void)
{
	unsigned a = pick(6), b = pick(6);
	char second[16] = "";

	if (a != b)
		snprintf(second, sizeof(second), ",'h%u'", b);
	return put("virtual-dedicated-network",
		"{'name':'%c%u','hosts':['h%u'%s],'bandwidth':{'committed_bps':%u}}",
		pick(2) ? 's' : 'v', pick(4), a, second, 10000000 * (1 + pick(3)));
}

static int put_random_place(void)
{
	unsigned site = pick(3), wan = pick(4);

	if (pick(2))
		return put("site", "{'name':'%s','ports':[{'name':'p1'},{'name':'p2'}%s]}",
			sites[site], pick(4) ? ",{'name':'p3'}" : "");
	return put("wan",
		"{'name':'%s','site':'%.2s','addresses':['198.18.%u.1/24'],'capacity_bps':%u,"
		"'mtu':%u}",
		wans[wan], wans[wan], wan, 10000000 * pick(20), pick(4) ? 1500 : 1400);
}

static int random_delete(void)
{
	static const char *const kinds[] = {
		"slice", "host", "virtual-dedicated-network", "wan", "local-data-network", "site"};
	static const char *const names[] = {"s", "h", "v", "gj-kt", "e", "gj"};
	unsigned kind = pick(6);
	char name[16];

	snprintf(name, sizeof(name), "%s", names[kind]);
	if (strlen(name) == 1)
		snprintf(name + 1, sizeof(name) - 1, "%u", pick(6));
	return del(kinds[kind], name);
}

static int random_op(void)
{
	switch (pick(16)) {
	case 0 ... 3:
		return put_random_slice();
	case 4 ... 7:
		return put_random_host();
	case 8 ... 11:
		return put_random_network();
	case 12:
		return put_random_place();
	case 13:
		return put("local-data-network",
			"{'name':'e%u','slice':'s%u','prefixes':['10.0.0.0/8']}", pick(3), pick(6));
	default:
		return random_delete();
	}
}

static struct world *rebuilt(void)
{
	struct world *out = world_create();

	for (int type = 0; type < INTENT_TYPES; type++)
		for (struct intent *i = world_first(world, type); i; i = world_next(i))
			ck_assert_int_eq(world_load(out, type, i->spec, i->revision, i->created_us,
						 i->updated_us, i->updated_by, &err),
				0);
	return out;
}

static void compare(const char *want, const struct world *of, unsigned round)
{
	char *is = dump(of);

	ck_assert_msg(!strcmp(want, is), "round %u:\n%s\n---- is\n%s", round, want, is);
	free(is);
}

static void compare_ranks(const struct world *a, const struct world *b, unsigned round)
{
	char *one = ranks(a), *other = ranks(b);

	ck_assert_msg(!strcmp(one, other), "round %u:\n%s\n---- is\n%s", round, one, other);
	free(one);
	free(other);
}

/* The transaction waits for its next turn: what do others see? */
static void look(const char *before, unsigned round)
{
	if (pick(3))
		return;
	world_leave(world);
	compare(before, world, round);
	world_enter(world);
}

/* In steps, or at once; 0 or the code. */
static int check_in_steps(const char *before, unsigned round)
{
	int rc;

	memset(&err, 0, sizeof(err));
	if (pick(2))
		return check();
	while ((rc = world_check_step(world, 1, &err)) > 0)
		look(before, round);
	return rc ? err.code : 0;
}

static void finish_in_steps(const char *want, unsigned round)
{
	bool small = pick(2);

	do {
		compare(want, world, round);
		ck_assert_int_eq(world_begin(world), -EBUSY);
	} while (!world_finish(world, small));
	compare(want, world, round);
}

/* Every rule once more, over everything: what was taken step by step passes as a whole. */
static void check_all(unsigned round)
{
	const struct world_change *changes;
	size_t count;

	begin();
	for (int type = 0; type < INTENT_TYPES; type++)
		for (struct intent *i = world_first(world, type); i; i = world_next(i))
			ck_assert_int_eq(world_put(world, type, i->spec, &err), 0);
	ck_assert_msg(!check(), "round %u: %s: %s", round, err.path, err.message);
	changes = world_changes(world, &count);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(changes[i].effect, WORLD_UNCHANGED);
	world_rollback(world);
}

static unsigned stretched_networks(void)
{
	unsigned count = 0;

	for (struct intent *i = world_first(world, INTENT_NETWORK); i; i = world_next(i))
		count += i->obj->network.placements.count > 1;
	return count;
}

static long env(const char *name, long preset)
{
	const char *text = getenv(name);

	return text ? atol(text) : preset;
}

START_TEST(world_random_transactions_leave_what_they_should)
{
	unsigned committed = 0, refused = 0, stretched = 0, rounds = env("ROUNDS", 3000);
	long seed = env("SEED", 1);

	srandom(seed);
	for (unsigned round = 0; round < rounds; round++) {
		char *before = dump(world);
		unsigned ops = 1 + pick(4) * pick(2);
		int code;

		begin();
		for (unsigned i = 0; i < ops; i++) {
			random_op(); /* what is refused at once leaves the others */
			look(before, round);
		}
		code = check_in_steps(before, round);
		if (code || pick(8) == 0) {
			struct world *again;

			discard();
			finish_in_steps(before, round);
			again = rebuilt();
			compare_ranks(again, world, round);
			world_free(again);
			refused += code != 0;
		} else {
			struct world *again;
			char *now = dump(world);

			look(before, round);
			publish();
			finish_in_steps(now, round);
			committed++;
			stretched += stretched_networks();
			again = rebuilt();
			compare(now, again, round);
			compare_ranks(again, world, round);
			world_free(again);
			free(now);
			check_all(round);
		}
		free(before);
	}
	printf("seed %ld: %u rounds, %u committed (%u networks over sites), %u refused\n", seed,
		rounds, committed, stretched, refused);
	ck_assert_uint_gt(stretched, rounds / 20);
	ck_assert_uint_gt(committed, rounds / 20);
	ck_assert_uint_gt(refused, rounds / 20);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("world_random");
	TCase *t = tcase_create("random");

	tcase_set_timeout(t, 200);
	tcase_add_checked_fixture(t, sites_setup, teardown);
	tcase_add_test(t, world_random_transactions_leave_what_they_should);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_main(suite());
}

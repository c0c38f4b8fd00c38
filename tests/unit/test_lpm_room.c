/* SPDX-License-Identifier: BSD-3-Clause */
/* How much the longest-prefix-match table holds, what that takes, and what happens when there is no
 * more: by the million routes. */
#include "lpm.h"

#include <check.h>
#include <errno.h>
#include <rte_byteorder.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "table_eal.h"

static struct lpm_table table;
static uint32_t bits;

static void begin(uint32_t address_bits, uint32_t max_routes)
{
	bits = address_bits;
	HOLDS(lpm_init(&table, "test", bits, max_routes) == 0);
}

START_TEST(lpm_refuses_what_is_out_of_range)
{
	const uint8_t any[16] = {10};
	uint8_t length;

	HOLDS(lpm_init(&table, "t", 64, 10) == -EINVAL);
	HOLDS(lpm_init(&table, "t", 32, 0) == -EINVAL);
	begin(_i ? 128 : 32, 10);
	HOLDS(lpm_put(&table, LPM_SLICES, any, 8, 1) == -EINVAL);
	HOLDS(lpm_put(&table, 1, any, bits + 1, 1) == -EINVAL);
	HOLDS(lpm_put(&table, 1, any, 8, 0) == -EINVAL);
	HOLDS(lpm_delete(&table, 0, any, 8) == -ENOENT);
	HOLDS(lpm_delete(&table, 1, any, bits + 1) == -EINVAL);
	HOLDS(lpm_delete(&table, 1, any, 8) == -ENOENT);
	HOLDS(lpm_get(&table, 0, any, 8) == 0 && lpm_get(&table, UINT16_MAX, any, 8) == 0);
	HOLDS(lpm_find_covering(&table, UINT16_MAX, any, 8, &length) == 0);
	HOLDS(lpm_count_slice(&table, UINT16_MAX) == 0 && lpm_clear(&table, UINT16_MAX) == 0);
	HOLDS(lpm_count(&table) == 0);
	lpm_fini(&table);
}
END_TEST

START_TEST(lpm_takes_its_capacity_and_not_one_more)
{
	uint8_t prefix[16] = {10, 1};

	begin(_i ? 128 : 32, 1000);
	HOLDS(lpm_reserve(&table, 1001) == -ENOSPC);
	HOLDS(lpm_reserve(&table, 1000) == 0);
	for (uint32_t i = 0; i < 1000; i++) {
		prefix[2] = i >> 8;
		prefix[3] = i;
		HOLDS(lpm_put(&table, 1 + i % 3, prefix, bits, i + 1) == 1);
	}
	prefix[0] = 11;
	HOLDS(lpm_put(&table, 1, prefix, bits, 1) == -ENOSPC);
	HOLDS(lpm_reserve(&table, 1) == -ENOSPC);
	HOLDS(lpm_reserve(&table, 0) == 0);
	prefix[0] = 10;
	HOLDS(lpm_put(&table, 1, prefix, bits, 5) == 0); /* an update needs no room */
	HOLDS(lpm_delete(&table, 1, prefix, bits) == 0);
	HOLDS(lpm_reserve(&table, 1) == 0);
	prefix[0] = 11;
	HOLDS(lpm_put(&table, 1, prefix, bits, 1) == 1);
	lpm_fini(&table);
}
END_TEST

/* Kinds of population, by number; every route of one is another. */
static void population(uint32_t kind, uint32_t i, uint8_t *prefix, uint8_t *length)
{
	/* an odd factor: a permutation of 32 bits */
	uint32_t spread = i * 2654435761u;
	uint64_t words[2] = {rte_cpu_to_be_64((uint64_t)spread << 32), 0};

	*length = 32;
	if (kind == 1) { /* hosts side by side */
		words[0] = rte_cpu_to_be_64((uint64_t)(0x0a000000 + i) << 32);
	} else if (kind == 2 && bits == 128) { /* hosts far apart, each behind 96 common bits */
		words[0] = rte_cpu_to_be_64(0x20010db8ull << 32);
		words[1] = rte_cpu_to_be_64(spread);
	} else if (kind == 2) { /* pairs: a prefix and one below it */
		*length = i & 1 ? 32 : 28;
		words[0] = rte_cpu_to_be_64((uint64_t)((i >> 1) * 2654435761u & ~15u) << 32);
	} else if (bits == 128) {
		words[1] = rte_cpu_to_be_64((uint64_t)spread * 0x9e3779b97f4a7c15ull);
	}
	if (bits == 128)
		*length = 128;
	memcpy(prefix, words, sizeof(words));
}

static void fill(uint32_t kind, uint32_t n)
{
	uint8_t prefix[16], length;

	for (uint32_t i = 0; i < n; i++) {
		population(kind, i, prefix, &length);
		HOLDS(lpm_put(&table, 1, prefix, length, i + 1) >= 0);
	}
}

START_TEST(lpm_holds_a_million_routes_in_at_most_64_bytes_each)
{
	uint32_t kind = _i / 2, million = 1000000;
	uint8_t prefix[16], length;

	begin(_i & 1 ? 128 : 32, million);
	HOLDS(lpm_reserve(&table, million) == 0);
	fill(kind, million);
	ck_assert_uint_gt(lpm_count(&table), million * 0.99);
	ck_assert_msg(lpm_bytes(&table) <= 64ull * lpm_count(&table), "%lu bytes a route",
		lpm_bytes(&table) / lpm_count(&table));
	for (uint32_t i = 0; i < million; i++) {
		population(kind, i, prefix, &length);
		HOLDS(lpm_get(&table, 1, prefix, length) != 0);
	}
	HOLDS(lpm_clear(&table, 1) > 0 && lpm_count(&table) == 0);
	lpm_fini(&table);
}
END_TEST

START_TEST(lpm_deletion_gives_the_memory_back)
{
	uint8_t prefix[16], length;
	uint64_t bytes = 0;

	begin(_i & 1 ? 128 : 32, 20000);
	for (uint32_t round = 0; round < 40; round++) {
		fill(round % 3, 20000);
		if (round & 1)
			lpm_clear(&table, 1);
		for (uint32_t i = 0; i < 20000 && !(round & 1); i++) {
			population(round % 3, i, prefix, &length);
			lpm_delete(&table, 1, prefix, length);
		}
		HOLDS(lpm_count(&table) == 0);
		if (round == 12)
			bytes = lpm_bytes(&table);
	}
	ck_assert_uint_le(lpm_bytes(&table), bytes + bytes / 20);
	lpm_fini(&table);
}
END_TEST

/* Others each time: what the ones before had built is not left standing. */
START_TEST(lpm_deletion_leaves_nothing_behind_where_nobody_comes_again)
{
	uint8_t prefix[16], length;
	uint64_t bytes = 0;

	begin(_i ? 128 : 32, 5001);
	population(0, 4000000, prefix, &length);
	HOLDS(lpm_put(&table, 1, prefix, length, 1) == 1); /* stays: the slice's own is kept */
	for (uint32_t round = 0; round < 20; round++) {
		for (uint32_t i = 0; i < 5000; i++) {
			population(0, round * 5000 + i, prefix, &length);
			HOLDS(lpm_put(&table, 1, prefix, length, i + 1) == 1);
		}
		for (uint32_t i = 0; i < 5000; i++) {
			population(0, round * 5000 + i, prefix, &length);
			HOLDS(lpm_delete(&table, 1, prefix, length) == 0);
		}
		if (round == 4)
			bytes = lpm_bytes(&table);
	}
	ck_assert_uint_le(lpm_bytes(&table), bytes + bytes / 20);
	lpm_fini(&table);
}
END_TEST

/* Slices of one route each, which are no larger for having had another one: what stood above both
 * is not needed. */
START_TEST(lpm_deletion_leaves_one_route_as_if_it_had_been_alone)
{
	const uint8_t stays[16] = {10, [3] = 1, [15] = 1}, goes[16] = {200, [3] = 1, [15] = 1};
	const uint32_t slices = 10000;
	uint64_t bytes;

	begin(_i ? 128 : 32, 2 * slices);
	for (uint32_t slice = 1; slice <= slices; slice++)
		HOLDS(lpm_put(&table, slice, stays, bits, slice) == 1);
	bytes = lpm_bytes(&table);
	for (uint32_t slice = 1; slice <= slices; slice++) {
		HOLDS(lpm_put(&table, slice, goes, bits, slice) == 1);
		HOLDS(lpm_delete(&table, slice, goes, bits) == 0);
	}
	ck_assert_uint_le(lpm_bytes(&table), bytes + 8 * slices); /* a node is 32 each */
	for (uint32_t slice = 1; slice <= slices; slice++)
		HOLDS(lpm_get(&table, slice, stays, bits) == slice);
	lpm_fini(&table);
}
END_TEST

static void mark(uint16_t slice, const uint8_t *prefix, uint8_t length, uint32_t value, void *arg)
{
	if (value <= 1000)
		((uint8_t *)arg)[value]++;
}

START_TEST(lpm_scan_sees_a_route_that_stays_once_while_the_table_changes)
{
	struct lpm_cursor cursor = {0};
	static uint8_t seen[1001];
	uint8_t prefix[16], length;
	uint32_t next = 1000;

	memset(seen, 0, sizeof(seen));
	begin(_i & 1 ? 128 : 32, 60000);
	fill(0, 1000);
	/* it grows to 20,000 routes, with an array in front, and shrinks again meanwhile */
	while (!cursor.done) {
		lpm_scan(&table, 1, &cursor, 2, mark, seen);
		for (uint32_t k = 0; k < 100; k++, next++) {
			population(0, next < 20000 ? next : next - 19000, prefix, &length);
			if (next < 20000)
				lpm_put(&table, 1, prefix, length, next + 1);
			else if (next < 39000)
				lpm_delete(&table, 1, prefix, length);
		}
	}
	for (uint32_t i = 1; i <= 1000; i++)
		ck_assert_msg(seen[i] == 1, "route %u was seen %u times", i, seen[i]);
	lpm_fini(&table);
}
END_TEST

START_TEST(lpm_four_thousand_slices_have_routes_of_their_own)
{
	uint32_t slices = 4000, each = 25, value[1], address4[1];
	uint64_t address6[1][2];
	uint8_t prefix[16], length;

	begin(_i & 1 ? 128 : 32, slices * each);
	for (uint32_t i = 0; i < slices * each; i++) {
		population(i & 1 ? 1 : 0, i / slices, prefix, &length);
		HOLDS(lpm_put(&table, 1 + i % slices, prefix, length, i + 1) == 1);
	}
	for (uint32_t i = 0; i < slices * each; i++) {
		uint16_t slice = 1 + i % slices;
		uint64_t words[2];

		population(i & 1 ? 1 : 0, i / slices, prefix, &length);
		memcpy(words, prefix, sizeof(words));
		address6[0][0] = rte_be_to_cpu_64(words[0]);
		address6[0][1] = rte_be_to_cpu_64(words[1]);
		address4[0] = address6[0][0] >> 32;
		if (bits == 32)
			lpm_lookup4_bulk(&table, &slice, address4, 1, value);
		else
			lpm_lookup6_bulk(&table, &slice, (const uint64_t(*)[2])address6, 1, value);
		HOLDS(value[0] == i + 1);
	}
	ck_assert_uint_le(lpm_bytes(&table), 64ull * slices * each);
	lpm_fini(&table);
}
END_TEST

/* Kilobytes of a line of /proc/self/status. */
static uint64_t process_kb(const char *line)
{
	FILE *f = fopen("/proc/self/status", "r");
	char text[256];
	uint64_t kb = 0;

	while (f != NULL && fgets(text, sizeof(text), f) != NULL)
		if (strncmp(text, line, strlen(line)) == 0)
			kb = strtoull(text + strlen(line), NULL, 10);
	if (f != NULL)
		fclose(f);
	return kb;
}

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

START_TEST(lpm_stays_whole_when_the_kernel_refuses_memory)
{
	uint32_t n = 1, first = 20000;
	uint8_t prefix[16], length;
	struct rlimit limit, low;
	int rc = 1;

	begin(_i ? 128 : 32, 1000000);
	fill(0, first);
	HOLDS(getrlimit(RLIMIT_DATA, &limit) == 0);
	low = limit;
	low.rlim_cur = (process_kb("VmData:") + 3000) << 10;
	HOLDS(setrlimit(RLIMIT_DATA, &low) == 0);
	rc = lpm_reserve(&table, 900000);
	HOLDS(rc == -ENOMEM);
	for (n = first; n < 1000000; n++) {
		population(0, n, prefix, &length);
		rc = lpm_put(&table, 1, prefix, length, n + 1);
		if (rc != 1)
			break;
	}
	HOLDS(rc == -ENOMEM && n > first && lpm_count(&table) == n);
	for (uint32_t i = 0; i < n; i++) {
		population(0, i, prefix, &length);
		HOLDS(lpm_get(&table, 1, prefix, length) == i + 1);
	}
	/* deletions succeed all the same, and make room; in an order that leaves holes everywhere
	 */
	for (uint32_t step = 0; step < 7; step++)
		for (uint32_t i = step; i < n; i += 7) {
			population(0, i, prefix, &length);
			HOLDS(lpm_delete(&table, 1, prefix, length) == 0);
		}
	fill(0, first);
	for (uint32_t i = 0; i < first; i++) {
		population(0, i, prefix, &length);
		HOLDS(lpm_delete(&table, 1, prefix, length) == 0);
	}
	HOLDS(lpm_count(&table) == 0);
	HOLDS(setrlimit(RLIMIT_DATA, &limit) == 0);
	HOLDS(lpm_reserve(&table, 900000) == 0);
	lpm_fini(&table);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("lpm_room");

	table_eal();
	tcase_add_loop_test(tc, lpm_refuses_what_is_out_of_range, 0, 2);
	tcase_add_loop_test(tc, lpm_takes_its_capacity_and_not_one_more, 0, 2);
	tcase_add_loop_test(tc, lpm_holds_a_million_routes_in_at_most_64_bytes_each, 0, 6);
	tcase_add_loop_test(tc, lpm_deletion_gives_the_memory_back, 0, 2);
	tcase_add_loop_test(tc, lpm_deletion_leaves_nothing_behind_where_nobody_comes_again, 0, 2);
	tcase_add_loop_test(tc, lpm_deletion_leaves_one_route_as_if_it_had_been_alone, 0, 2);
	tcase_add_loop_test(
		tc, lpm_scan_sees_a_route_that_stays_once_while_the_table_changes, 0, 2);
	tcase_add_loop_test(tc, lpm_four_thousand_slices_have_routes_of_their_own, 0, 2);
	if (!SANITIZED) /* its own memory would be refused as well */
		tcase_add_loop_test(tc, lpm_stays_whole_when_the_kernel_refuses_memory, 0, 2);
	return table_run("lpm_room", tc, 120);
}

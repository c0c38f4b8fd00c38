/* SPDX-License-Identifier: BSD-3-Clause */
/* The longest-prefix-match table against a plain list of prefixes that is searched from end to end,
 * IPv4 and IPv6, by SIMD and without. One thread; the readers' side under change is in
 * test_lpm_readers.c. */
#include "lpm.h"

#include <check.h>
#include <errno.h>
#include <rte_byteorder.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lpm_node.h"
#include "table_eal.h"

/* Check writes to a file at every assertion; these are by the million. */
#define HOLDS(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			ck_abort_msg("%s", #cond);                                                 \
	} while (0)

#define UNIVERSE 2000
#define SLICES	 5

typedef unsigned __int128 address_t; /* from the top; IPv4 in the upper 32 bits */

static const uint16_t slice_ids[SLICES] = {1, 2, 77, 9000, LPM_SLICES - 1};

/* Every prefix that may be in the table; value 0: it is not. */
static struct route {
	address_t prefix;
	uint16_t slice;
	uint8_t length;
	uint32_t value;
	uint32_t seen;
} model[UNIVERSE];
static uint32_t model_count, slice_count[SLICES];
static struct lpm_table table;
static uint32_t bits;

/* Hosts nobody asks about, in the first slice: with them it has the larger array. */
#define FILLERS	    9000
#define FILLER_BITS 0xf123u

static uint64_t random64(void)
{
	return (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ random();
}

static address_t mask(uint32_t length)
{
	return length > 0 ? ~(address_t)0 << (128 - length) : 0;
}

static void bytes_of(address_t a, uint8_t *bytes)
{
	for (uint32_t i = 0; i < 16; i++)
		bytes[i] = a >> (120 - 8 * i);
}

static address_t random_address(void)
{
	return ((address_t)random64() << 64 | random64()) & mask(bits);
}

static uint32_t random_length(void)
{
	static const uint8_t edges[] = {
		0, 1, 7, 8, 13, 19, 24, 31, 32, 33, 48, 63, 64, 65, 127, 128};
	uint32_t length =
		random() % 3 == 0 ? edges[random() % RTE_DIM(edges)] : random() % (bits + 1);

	return RTE_MIN(length, bits);
}

static bool is_new(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (model[i].slice == model[n].slice && model[i].length == model[n].length &&
			model[i].prefix == model[n].prefix)
			return false;
	return true;
}

/* Prefixes above, below and beside each other: most share their first bits with an earlier one. */
static void make_universe(void)
{
	for (uint32_t n = 0; n < UNIVERSE;) {
		struct route *r = &model[n];
		address_t base =
			n > 0 && random() % 8 ? model[random() % n].prefix : random_address();
		uint32_t keep = random_length();

		base = (base & mask(keep)) | (random_address() & ~mask(keep));
		if (random() % 4 == 0) /* runs of zeros and ones as well */
			base = random() % 2 ? base & mask(keep) : base | (~mask(keep) & mask(bits));
		/* one slice has most of them, so that it gets arrays */
		*r = (struct route){.slice = slice_ids[random() % 2 ? 0 : random() % SLICES],
			.length = random_length()};
		r->prefix = base & mask(r->length);
		n += is_new(n) && r->prefix >> 112 != FILLER_BITS;
	}
}

static const struct route *model_lookup(uint16_t slice, address_t a)
{
	const struct route *best = NULL;

	for (uint32_t i = 0; i < UNIVERSE; i++)
		if (model[i].value != 0 && model[i].slice == slice &&
			((model[i].prefix ^ a) & mask(model[i].length)) == 0 &&
			(best == NULL || model[i].length > best->length))
			best = &model[i];
	return best;
}

static void lookup(const uint16_t *slice, const address_t *a, uint32_t n, uint32_t *value)
{
	uint32_t address4[LPM_BULK], scalar[LPM_BULK];
	uint64_t address6[LPM_BULK][2];

	for (uint32_t i = 0; i < n; i++) {
		address4[i] = a[i] >> 96;
		address6[i][0] = a[i] >> 64;
		address6[i][1] = a[i];
	}
	if (bits == 32) {
		lpm_lookup4_bulk(&table, slice, address4, n, value);
		lpm_lookup4_scalar(&table, slice, address4, n, scalar);
	} else {
		lpm_lookup6_bulk(&table, slice, address6, n, value);
		lpm_lookup6_scalar(&table, slice, address6, n, scalar);
	}
	HOLDS(memcmp(value, scalar, n * sizeof(*value)) == 0);
}

/* An address at or next to the edge of a prefix, or anywhere in it. */
static address_t ask_about(const struct route *r)
{
	address_t one = (address_t)1 << (128 - bits);

	switch (random() % 6) {
	case 0:
		return r->prefix;
	case 1:
		return r->prefix | (~mask(r->length) & mask(bits));
	case 2:
		return r->prefix - one;
	case 3:
		return ((r->prefix | (~mask(r->length) & mask(bits))) + one) & mask(bits);
	case 4:
		return r->prefix ^ (one << random() % bits);
	default:
		return r->prefix | (random_address() & ~mask(r->length));
	}
}

static void check_lookups(uint32_t bursts)
{
	for (uint32_t k = 0; k < bursts; k++) {
		uint32_t n = 1 + random() % LPM_BULK, value[LPM_BULK];
		uint16_t slice[LPM_BULK] = {0};
		address_t a[LPM_BULK] = {0};

		for (uint32_t i = 0; i < n; i++) {
			const struct route *r = &model[random() % UNIVERSE];

			a[i] = ask_about(r);
			slice[i] = random() % 8 ? r->slice : slice_ids[random() % SLICES];
			if (random() % 64 == 0)
				slice[i] = random() % 2 ? 0 : 78; /* without routes */
		}
		lookup(slice, a, n, value);
		for (uint32_t i = 0; i < n; i++) {
			const struct route *want = model_lookup(slice[i], a[i]);
			uint8_t bytes[16], length = 255;

			HOLDS(value[i] == (want != NULL ? want->value : 0));
			bytes_of(a[i], bytes);
			HOLDS(lpm_find_covering(&table, slice[i], bytes, bits, &length) ==
				value[i]);
			HOLDS(want == NULL || length == want->length);
		}
	}
}

/* Covering routes up to a length: as if the longer ones were not there. */
static void check_covering(uint32_t times)
{
	for (uint32_t k = 0; k < times; k++) {
		const struct route *r = &model[random() % UNIVERSE], *best = NULL;
		uint32_t max = random() % (bits + 1), value;
		uint8_t bytes[16], length;

		for (uint32_t i = 0; i < UNIVERSE; i++)
			if (model[i].value != 0 && model[i].slice == r->slice &&
				model[i].length <= max &&
				((model[i].prefix ^ r->prefix) & mask(model[i].length)) == 0 &&
				(best == NULL || model[i].length > best->length))
				best = &model[i];
		bytes_of(r->prefix, bytes);
		value = lpm_find_covering(&table, r->slice, bytes, max, &length);
		HOLDS(value == (best != NULL ? best->value : 0));
		HOLDS(best == NULL || length == best->length);
	}
}

static struct {
	uint16_t slice;
	address_t prefix;
	uint32_t length, n;
} last;

static void tally(uint16_t slice, const uint8_t *prefix, uint8_t length, uint32_t value, void *arg)
{
	address_t a = 0;

	for (uint32_t i = 0; i < 16; i++)
		a = a << 8 | prefix[i];
	if (a >> 112 == FILLER_BITS)
		return;
	if (last.n++ > 0) /* in order */
		HOLDS(slice > last.slice ||
			(slice == last.slice &&
				(a > last.prefix || (a == last.prefix && length > last.length))));
	last.slice = slice;
	last.prefix = a;
	last.length = length;
	for (uint32_t i = 0; i < UNIVERSE; i++)
		if (model[i].slice == slice && model[i].length == length && model[i].prefix == a) {
			HOLDS(model[i].value == value);
			model[i].seen++;
			return;
		}
	HOLDS(false);
}

static void check_scan(uint16_t slice, uint32_t page)
{
	struct lpm_cursor cursor = {0};

	last.n = 0;
	for (uint32_t i = 0; i < UNIVERSE; i++)
		model[i].seen = 0;
	while (!cursor.done)
		lpm_scan(&table, slice, &cursor, page, tally, NULL);
	for (uint32_t i = 0; i < UNIVERSE; i++)
		HOLDS(model[i].seen ==
			(model[i].value != 0 && (slice == 0 || model[i].slice == slice)));
}

static void check_all(void)
{
	HOLDS(lpm_count(&table) == model_count);
	for (uint32_t s = 0; s < SLICES; s++)
		HOLDS(lpm_count_slice(&table, slice_ids[s]) == slice_count[s]);
	for (uint32_t i = 0; i < UNIVERSE; i++) {
		uint8_t bytes[16];

		bytes_of(model[i].prefix, bytes);
		HOLDS(lpm_get(&table, model[i].slice, bytes, model[i].length) == model[i].value);
	}
	check_lookups(100);
	check_covering(200);
	check_scan(0, 7);
	check_scan(slice_ids[random() % SLICES], 1000);
}

static uint32_t *count_of(uint16_t slice)
{
	uint32_t s = 0;

	while (slice_ids[s] != slice)
		s++;
	return &slice_count[s];
}

static void step(struct route *r, bool put)
{
	uint32_t value = random64() | 1;
	uint8_t bytes[16];

	/* bits beyond the length do not matter */
	bytes_of(r->prefix | (random_address() & ~mask(r->length)), bytes);
	if (put) {
		HOLDS(lpm_put(&table, r->slice, bytes, r->length, value) == (r->value == 0));
		model_count += r->value == 0;
		*count_of(r->slice) += r->value == 0;
		r->value = value;
	} else {
		HOLDS(lpm_delete(&table, r->slice, bytes, r->length) == (r->value ? 0 : -ENOENT));
		model_count -= r->value != 0;
		*count_of(r->slice) -= r->value != 0;
		r->value = 0;
	}
}

static void set_fillers(bool there)
{
	for (uint32_t i = 0; i < FILLERS; i++) {
		uint8_t bytes[16];

		bytes_of((address_t)(FILLER_BITS << 16 | i * 7) << 96, bytes);
		if (there)
			HOLDS(lpm_put(&table, slice_ids[0], bytes, bits, 1) == 1);
		else
			HOLDS(lpm_delete(&table, slice_ids[0], bytes, bits) == 0);
	}
	model_count += there ? FILLERS : -FILLERS;
	slice_count[0] += there ? FILLERS : -FILLERS;
}

static void clear(uint16_t slice)
{
	HOLDS(lpm_clear(&table, slice) == *count_of(slice));
	model_count -= *count_of(slice);
	*count_of(slice) = 0;
	for (uint32_t i = 0; i < UNIVERSE; i++)
		if (model[i].slice == slice)
			model[i].value = 0;
}

static void begin(uint32_t address_bits, uint32_t max_routes)
{
	bits = address_bits;
	memset(model, 0, sizeof(model));
	memset(slice_count, 0, sizeof(slice_count));
	model_count = 0;
	HOLDS(lpm_init(&table, "test", bits, max_routes) == 0);
}

START_TEST(lpm_agrees_with_a_plain_list_over_random_operations)
{
	srandom(815 + _i);
	begin(_i & 1 ? 128 : 32, UNIVERSE + FILLERS);
	make_universe();
	/* waves: mostly adding, mostly deleting, until it is nearly full and nearly empty */
	for (uint32_t wave = 0; wave < 6; wave++) {
		if (wave % 3 == 1)
			set_fillers(true);
		for (uint32_t k = 0; k < 20000; k++) {
			step(&model[random() % UNIVERSE],
				wave & 1 ? random() % 16 == 0 : random() % 8);
			if (k % 64 == 0)
				check_lookups(1);
			if (k % 10000 == 0)
				check_all();
		}
		if (wave % 3 == 2)
			set_fillers(false);
		clear(slice_ids[(wave + 2) % SLICES]);
		check_all();
	}
	for (uint32_t i = 0; i < UNIVERSE; i++)
		step(&model[i], false);
	check_all();
	HOLDS(lpm_count(&table) == 0);
	lpm_fini(&table);
}
END_TEST

START_TEST(lpm_refuses_what_is_out_of_range)
{
	const uint8_t any[16] = {10};
	uint8_t length;

	HOLDS(lpm_init(&table, "t", 64, 10) == -EINVAL);
	HOLDS(lpm_init(&table, "t", 32, 0) == -EINVAL);
	begin(_i ? 128 : 32, 10);
	HOLDS(lpm_put(&table, 0, any, 8, 1) == -EINVAL);
	HOLDS(lpm_put(&table, LPM_SLICES, any, 8, 1) == -EINVAL);
	HOLDS(lpm_put(&table, 1, any, bits + 1, 1) == -EINVAL);
	HOLDS(lpm_put(&table, 1, any, 8, 0) == -EINVAL);
	HOLDS(lpm_delete(&table, 0, any, 8) == -EINVAL);
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
	Suite *suite = suite_create("lpm");
	TCase *tc = tcase_create("lpm");
	SRunner *runner = srunner_create(suite);

	table_eal();
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, lpm_agrees_with_a_plain_list_over_random_operations, 0, 6);
	tcase_add_loop_test(tc, lpm_refuses_what_is_out_of_range, 0, 2);
	tcase_add_loop_test(tc, lpm_takes_its_capacity_and_not_one_more, 0, 2);
	tcase_add_loop_test(tc, lpm_holds_a_million_routes_in_at_most_64_bytes_each, 0, 6);
	tcase_add_loop_test(tc, lpm_deletion_gives_the_memory_back, 0, 2);
	tcase_add_loop_test(
		tc, lpm_scan_sees_a_route_that_stays_once_while_the_table_changes, 0, 2);
	tcase_add_loop_test(tc, lpm_four_thousand_slices_have_routes_of_their_own, 0, 2);
#ifndef __SANITIZE_ADDRESS__ /* its own memory would be refused as well */
	tcase_add_loop_test(tc, lpm_stays_whole_when_the_kernel_refuses_memory, 0, 2);
#endif
	suite_add_tcase(suite, tc);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The longest-prefix-match table against a plain list of prefixes that is searched from end to end,
 * IPv4 and IPv6, by SIMD and without. One thread; the readers' side under change is in
 * test_lpm_readers.c, what it holds and takes in test_lpm_room.c. */
#include "lpm.h"

#include <check.h>
#include <errno.h>
#include <rte_byteorder.h>
#include <stdlib.h>
#include <string.h>

#include "lpm_node.h"
#include "table_eal.h"

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

int main(void)
{
	TCase *tc = tcase_create("lpm");

	table_eal();
	tcase_add_loop_test(tc, lpm_agrees_with_a_plain_list_over_random_operations, 0, 6);
	return table_run("lpm", tc, 120);
}

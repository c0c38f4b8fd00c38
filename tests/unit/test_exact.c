/* SPDX-License-Identifier: BSD-3-Clause */
/* The exact-match table against a plain array that does the same, for keys of 1, 2 and 5 words; and
 * its lookup by SIMD against the scalar one. One thread; the readers' side under change is in
 * test_exact_readers.c. */
#include "exact.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "table_eal.h"

#define UNIVERSE 6000
#define CAPACITY 4500

static const uint32_t word_counts[] = {1, 2, 5};

/* Key i: for more than one word many share the first, so that the others decide. */
static void key_of(uint32_t i, uint32_t words, uint64_t *key)
{
	key[0] = words == 1 ? i * 0x10001ull + 1 : i % 7 + 1;
	for (uint32_t w = 1; w < words; w++)
		key[w] = w + 1 == words ? i : i % (3 + w);
}

static struct {
	bool present;
	uint64_t value;
} model[UNIVERSE];
static uint32_t model_count;
static struct exact_table table;

static bool tally(const uint64_t *key, uint64_t *value, void *arg)
{
	uint32_t *seen = arg,
		 i = table.key_words == 1 ? (key[0] - 1) / 0x10001 : key[table.key_words - 1];
	uint64_t want[EXACT_KEY_WORDS];

	HOLDS(i < UNIVERSE);
	key_of(i, table.key_words, want);
	HOLDS(memcmp(key, want, table.key_words * sizeof(*key)) == 0);
	HOLDS(model[i].present && model[i].value == *value);
	seen[i]++;
	return false;
}

static void lookup_bulk(const uint64_t *keys, uint32_t n, uint64_t **value)
{
	switch (table.key_words) {
	case 1:
		exact_lookup_bulk(&table, keys, 1, n, value);
		break;
	case 2:
		exact_lookup_bulk(&table, keys, 2, n, value);
		break;
	default:
		exact_lookup_bulk(&table, keys, 5, n, value);
	}
}

/* All of the table, by every way of reading it. */
static void compare(void)
{
	static uint32_t seen[UNIVERSE];
	uint64_t keys[EXACT_BULK * EXACT_KEY_WORDS], *value[EXACT_BULK], cursor = 0;
	uint32_t words = table.key_words;

	HOLDS(table.count == model_count);
	for (uint32_t i = 0; i < UNIVERSE; i += EXACT_BULK) {
		uint32_t n = RTE_MIN((uint32_t)EXACT_BULK, UNIVERSE - i);

		for (uint32_t k = 0; k < n; k++)
			key_of(i + k, words, &keys[k * words]);
		lookup_bulk(keys, n, value);
		for (uint32_t k = 0; k < n; k++) {
			HOLDS(value[k] == exact_find(&table, &keys[k * words]));
			HOLDS((value[k] != NULL) == model[i + k].present);
			HOLDS(value[k] == NULL || *value[k] == model[i + k].value);
		}
	}
	memset(seen, 0, sizeof(seen));
	do
		exact_scan(&table, &cursor, 100, tally, seen);
	while (cursor != 0);
	for (uint32_t i = 0; i < UNIVERSE; i++)
		HOLDS(seen[i] == model[i].present);
}

static void step(uint32_t i, uint32_t op)
{
	uint64_t key[EXACT_KEY_WORDS], value = (uint64_t)random() << 20 | random();
	int rc;

	key_of(i, table.key_words, key);
	if (op == 0) {
		rc = exact_delete(&table, key);
		HOLDS(rc == (model[i].present ? 0 : -ENOENT));
		model_count -= model[i].present;
		model[i].present = false;
		return;
	}
	rc = exact_put(&table, key, value);
	HOLDS(rc == (model[i].present ? 0 : model_count < CAPACITY ? 1 : -ENOSPC));
	if (rc < 0)
		return;
	model_count += rc;
	model[i].present = true;
	model[i].value = value;
}

START_TEST(exact_agrees_with_a_plain_array_over_random_operations)
{
	memset(model, 0, sizeof(model));
	model_count = 0;
	srandom(4711 + _i);
	HOLDS(exact_init(&table, "model", word_counts[_i], CAPACITY) == 0);
	/* waves: mostly adding until it is full, mostly deleting until it is nearly empty */
	for (uint32_t wave = 0; wave < 12; wave++)
		for (uint32_t k = 0; k < 12000; k++) {
			step(random() % UNIVERSE, wave & 1 ? (random() % 4 == 0) : random() % 4);
			if (k % 3000 == 0)
				compare();
		}
	compare();
	exact_fini(&table);
}
END_TEST

START_TEST(exact_refuses_what_it_cannot_hold)
{
	uint64_t zero[EXACT_KEY_WORDS] = {0, 1, 1, 1, 1};

	HOLDS(exact_init(&table, "t", 3, 10) == -EINVAL);
	HOLDS(exact_init(&table, "t", 0, 10) == -EINVAL);
	HOLDS(exact_init(&table, "t", 1, 0) == -EINVAL);
	HOLDS(exact_init(&table, "t", word_counts[_i], 10) == 0);
	HOLDS(exact_put(&table, zero, 1) == -EINVAL);
	HOLDS(table.count == 0);
	exact_fini(&table);
}
END_TEST

START_TEST(exact_takes_its_capacity_and_not_one_more)
{
	uint32_t words = word_counts[_i], capacity = 1000 + 37 * _i;
	uint64_t key[EXACT_KEY_WORDS], extra[EXACT_KEY_WORDS];

	HOLDS(exact_init(&table, "full", words, capacity) == 0);
	for (uint32_t i = 0; i < capacity; i++) {
		key_of(i, words, key);
		HOLDS(exact_put(&table, key, i) == 1);
	}
	key_of(capacity, words, extra);
	HOLDS(exact_put(&table, extra, 1) == -ENOSPC);
	ck_assert_ptr_null(exact_find(&table, extra));
	HOLDS(exact_put(&table, key, 77) == 0); /* an update needs no room */
	HOLDS(exact_delete(&table, key) == 0);
	HOLDS(exact_put(&table, extra, 1) == 1);
	exact_fini(&table);
}
END_TEST

START_TEST(exact_deletion_gives_the_memory_back)
{
	uint32_t words = word_counts[_i];
	uint64_t key[EXACT_KEY_WORDS];

	HOLDS(exact_init(&table, "reuse", words, CAPACITY) == 0);
	uint64_t bytes = 0;

	for (uint32_t round = 0; round < 200; round++) {
		for (uint32_t i = 0; i < CAPACITY; i++) {
			key_of(i + round * 31, words, key);
			HOLDS(exact_put(&table, key, i) == 1);
		}
		for (uint32_t i = 0; i < CAPACITY; i++) {
			key_of(i + round * 31, words, key);
			HOLDS(exact_delete(&table, key) == 0);
		}
		if (round == 20)
			bytes = table.bytes;
	}
	ck_assert_uint_le(table.bytes, bytes + bytes / 20);
	exact_fini(&table);
}
END_TEST

static bool mark(const uint64_t *key, uint64_t *value, void *arg)
{
	((uint8_t *)arg)[*value] = 1;
	return *value >= 1000 && *value % 2; /* odd ones of the others go */
}

START_TEST(exact_scan_never_misses_an_entry_that_stays_while_the_table_changes)
{
	uint32_t words = word_counts[_i], next = 1000;
	uint64_t key[EXACT_KEY_WORDS], cursor = 0;
	static uint8_t seen[60000];

	memset(seen, 0, sizeof(seen));
	HOLDS(exact_init(&table, "scan", words, 60000) == 0);
	for (uint32_t i = 0; i < 1000; i++) {
		key_of(i, words, key);
		HOLDS(exact_put(&table, key, i) == 1);
	}
	do {
		exact_scan(&table, &cursor, 3, mark, seen);
		for (uint32_t k = 0; k < 20 && next < 60000; k++, next++) {
			key_of(next, words, key);
			HOLDS(exact_put(&table, key, next) == 1);
		}
	} while (cursor != 0);
	for (uint32_t i = 0; i < 1000; i++)
		ck_assert_msg(seen[i], "entry %u was missed", i);
	exact_fini(&table);
}
END_TEST

START_TEST(exact_holds_a_million_macs_in_at_most_64_bytes_each)
{
	uint64_t key;

	HOLDS(exact_init(&table, "macs", 1, LIMIT_MACS) == 0);
	for (uint64_t i = 0; i < LIMIT_MACS; i++) {
		key = (0x020000000000 + i) << 16 | 1;
		HOLDS(exact_put(&table, &key, i) == 1);
	}
	key = 1;
	HOLDS(exact_put(&table, &key, 0) == -ENOSPC);
	ck_assert_msg(
		table.bytes <= 64ull * LIMIT_MACS, "%lu bytes an entry", table.bytes / LIMIT_MACS);
	for (uint64_t i = 0; i < LIMIT_MACS; i++) {
		key = (0x020000000000 + i) << 16 | 1;
		uint64_t *value = exact_find(&table, &key);

		HOLDS(value != NULL && *value == i);
	}
	exact_fini(&table);
}
END_TEST

START_TEST(exact_match_by_simd_finds_what_the_scalar_one_finds)
{
	struct exact_bucket b = {0};
	uint64_t key;

	srandom(7);
	for (uint32_t round = 0; round < 200000; round++) {
		/* few different numbers, so that keys meet values as well */
		for (uint32_t c = 0; c < EXACT_CELLS; c++)
			b.cell[c] = random() % 8;
		for (key = 1; key < 8; key++) {
			HOLDS(exact_match(&b, &key, 1, false) ==
				exact_match_scalar(&b, &key, 1, false));
			HOLDS(exact_match(&b, &key, 1, true) ==
				exact_match_scalar(&b, &key, 1, true));
		}
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("exact");

	table_eal();
	tcase_add_loop_test(tc, exact_agrees_with_a_plain_array_over_random_operations, 0, 3);
	tcase_add_loop_test(tc, exact_refuses_what_it_cannot_hold, 0, 3);
	tcase_add_loop_test(tc, exact_takes_its_capacity_and_not_one_more, 0, 3);
	tcase_add_loop_test(tc, exact_deletion_gives_the_memory_back, 0, 3);
	tcase_add_loop_test(
		tc, exact_scan_never_misses_an_entry_that_stays_while_the_table_changes, 0, 3);
	tcase_add_test(tc, exact_holds_a_million_macs_in_at_most_64_bytes_each);
	tcase_add_test(tc, exact_match_by_simd_finds_what_the_scalar_one_finds);
	return table_run("exact", tc, 120);
}

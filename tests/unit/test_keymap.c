/* SPDX-License-Identifier: BSD-3-Clause */
/* The model's side tables against an array that cannot be wrong. */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

#include "keymap.h"

#define IDS 4000

struct entry {
	struct {
		uint16_t id;
		uint8_t more[10]; /* not a multiple of 8: the hash takes 8 bytes at a time */
	} key;
	uint32_t value;
};

static struct entry key_of(unsigned id)
{
	struct entry probe = {
		.key = {.id = 1 + id % 7, .more = {id >> 8, 0, 0, 0, 0, 0, 0, 0, id}}};

	return probe;
}

START_TEST(map_holds_what_was_put_through_growth_and_removal)
{
	struct keymap map = {
		.key_bytes = sizeof(key_of(0).key), .entry_bytes = sizeof(struct entry)};
	static uint32_t want[IDS]; /* 0: not there */
	size_t count = 0;

	srandom(_i + 1);
	ck_assert_ptr_null(keymap_find(
		&map, &(struct entry[]) { key_of(0) } -> key));
	for (int step = getenv("SLUICE_QUICK") ? 150000 : 0; step < 200000; step++) {
		unsigned id = random() % IDS;
		struct entry probe = key_of(id), *entry = keymap_find(&map, &probe.key);

		ck_assert_int_eq(entry != NULL, want[id] != 0);
		if (entry)
			ck_assert_uint_eq(entry->value, want[id]);
		if (entry && random() % 2) {
			keymap_remove(&map, entry);
			want[id] = 0;
			count--;
		} else {
			entry = keymap_add(&map, &probe.key);
			ck_assert_uint_eq(entry->value, want[id]);
			count += want[id] == 0;
			entry->value = want[id] = step + 1;
		}
		ck_assert_uint_eq(map.count, count);
	}
	for (unsigned id = 0; id < IDS; id++)
		ck_assert_int_eq(keymap_find(
					 &map, &(struct entry[]) { key_of(id) } -> key) != NULL,
			want[id] != 0);
	keymap_free(&map);
	ck_assert_ptr_null(keymap_find(
		&map, &(struct entry[]) { key_of(0) } -> key));
	for (unsigned id = 0; id < IDS; id++)
		want[id] = 0;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keymap");
	TCase *tcase = tcase_create("keymap");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, map_holds_what_was_put_through_growth_and_removal, 0, 3);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

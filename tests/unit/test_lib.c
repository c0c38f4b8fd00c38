/* SPDX-License-Identifier: BSD-3-Clause */
/* What several rooms need once (dataplane/lib). */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "array.h"
#include "clock.h"
#include "hash.h"
#include "text.h"

/* The vectors of draft-eastlake-fnv: what is derived from these hashes is the same everywhere. */
START_TEST(fnv_is_that_of_the_draft)
{
	ck_assert_uint_eq(hash_fnv64(HASH_FNV64, "", 0), UINT64_C(0xcbf29ce484222325));
	ck_assert_uint_eq(hash_fnv64(HASH_FNV64, "a", 1), UINT64_C(0xaf63dc4c8601ec8c));
	ck_assert_uint_eq(hash_fnv64(HASH_FNV64, "foobar", 6), UINT64_C(0x85944171f73967e8));
	ck_assert_uint_eq(hash_fnv32(HASH_FNV32, "a", 1), UINT32_C(0xe40c292c));
	ck_assert_uint_eq(hash_fnv32(HASH_FNV32, "foobar", 6), UINT32_C(0xbf9cf968));
}
END_TEST

START_TEST(fnv_goes_on_where_it_stopped)
{
	ck_assert_uint_eq(hash_fnv64(hash_fnv64(HASH_FNV64, "foo", 3), "bar", 3),
		hash_fnv64(HASH_FNV64, "foobar", 6));
}
END_TEST

START_TEST(words_differ_by_content_length_and_seed)
{
	static const uint8_t zero[24], one[24] = {[16] = 1};

	ck_assert_uint_ne(hash_words(zero, 24, 0), hash_words(one, 24, 0));
	ck_assert_uint_ne(hash_words(zero, 23, 0), hash_words(zero, 24, 0));
	ck_assert_uint_ne(hash_words(zero, 24, 0), hash_words(zero, 24, 1));
}
END_TEST

/* A table takes the low bits: keys in a row must not fall into a few buckets. */
START_TEST(words_spread_over_the_low_bits)
{
	unsigned buckets[256] = {0}, most = 0;

	for (uint64_t key = 0; key < 25600; key++) {
		unsigned *bucket = &buckets[hash_words(&key, sizeof(key), 0) & 255];

		most = ++*bucket > most ? *bucket : most;
	}
	ck_assert_uint_lt(most, 160);
}
END_TEST

START_TEST(array_keeps_what_it_has_when_it_grows)
{
	uint32_t room = 0, *item = NULL;

	for (uint32_t i = 0; i < 1000; i++) {
		ck_assert(array_grow(&item, &room, i, sizeof(*item)));
		ck_assert_uint_gt(room, i);
		item[i] = i;
	}
	for (uint32_t i = 0; i < 1000; i++)
		ck_assert_uint_eq(item[i], i);
	ck_assert_uint_le(room, 2000);
	free(item);
}
END_TEST

START_TEST(array_without_memory_is_as_it_was)
{
	uint32_t room = 0, was;
	uint64_t *item = NULL;

	ck_assert(array_grow(&item, &room, 0, sizeof(*item)));
	item[0] = 7;
	was = room;
	ck_assert(!array_grow(&item, &room, room, SIZE_MAX / 4));
	ck_assert_uint_eq(room, was);
	ck_assert_uint_eq(item[0], 7);
	free(item);
	item = NULL;
	room = UINT32_C(1) << 31;
	ck_assert(!array_grow(&item, &room, room, 1));
}
END_TEST

START_TEST(text_grows_and_keeps_what_was_added)
{
	struct text text = {0};
	char part[1000];

	memset(part, 'x', sizeof(part));
	for (int i = 0; i < 100; i++) {
		part[0] = (char)('0' + i % 10);
		text_add(&text, part, sizeof(part));
	}
	ck_assert_uint_eq(text.len, 100000);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(text.text[1000 * i], '0' + i % 10);
	ck_assert_int_eq(text.text[99999], 'x');
	free(text.text);
}
END_TEST

START_TEST(clocks_are_in_microseconds)
{
	uint64_t mono = clock_mono_us(), cpu = clock_cpu_us();
	int64_t wall = clock_wall_us();
	struct timespec ms = {.tv_nsec = 2000000};

	nanosleep(&ms, NULL);
	ck_assert_uint_ge(clock_mono_us() - mono, 2000);
	ck_assert_uint_lt(clock_mono_us() - mono, 60000000);
	ck_assert_uint_lt(clock_cpu_us() - cpu, 60000000);
	ck_assert_int_lt(llabs(wall / 1000000 - time(NULL)), 60);
}
END_TEST

START_TEST(added_items_are_zero_and_in_order)
{
	struct pair {
		uint64_t a, b;
	} *pairs = NULL;
	uint32_t room = 0, count = 0;

	for (uint64_t i = 0; i < 1000; i++) {
		struct pair *pair = xarray_add(&pairs, &room, &count, sizeof(*pairs));

		ck_assert_uint_eq(pair->a | pair->b, 0);
		pair->a = i;
		pair->b = ~i;
	}
	ck_assert_uint_eq(count, 1000);
	for (uint64_t i = 0; i < 1000; i++)
		ck_assert(pairs[i].a == i && pairs[i].b == ~i);
	free(pairs);
}
END_TEST

/* Called by hand: AddressSanitizer ends a process that asks for too much with a report of its own.
 */
START_TEST(memory_exhausted_ends_the_process_with_status_1)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		close(STDERR_FILENO);
		alloc_exhausted();
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lib");
	TCase *tcase = tcase_create("lib");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, fnv_is_that_of_the_draft);
	tcase_add_test(tcase, fnv_goes_on_where_it_stopped);
	tcase_add_test(tcase, words_differ_by_content_length_and_seed);
	tcase_add_test(tcase, words_spread_over_the_low_bits);
	tcase_add_test(tcase, array_keeps_what_it_has_when_it_grows);
	tcase_add_test(tcase, array_without_memory_is_as_it_was);
	tcase_add_test(tcase, text_grows_and_keeps_what_was_added);
	tcase_add_test(tcase, clocks_are_in_microseconds);
	tcase_add_test(tcase, added_items_are_zero_and_in_order);
	tcase_add_test(tcase, memory_exhausted_ends_the_process_with_status_1);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* json_read() against jansson: what it reads, jansson reads as the same; what it leaves is left. */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"

#define FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY)

static const struct {
	const char *text;
	bool plain;
} texts[] = {
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"put\",\"params\":{\"type\":\"slice\","
	 "\"objects\":[{\"name\":\"a\",\"vni\":100},{\"name\":\"b\",\"mss_clamp\":true,\"x\":null,"
	 "\"y\":false,\"z\":-7,\"e\":[],\"o\":{}}]}}",
		true},
	{" \t{ \"a\" : [ 1 , 2 ] }\r ", true},
	{"0", true},
	{"-0", true},
	{"999999999999999999", true},
	{"\"\"", true},
	{"{\"\":1}", true},
	{"", false},
	{" ", false},
	{"01", false},
	{"-", false},
	{"1.5", false},
	{"1e3", false},
	{"9223372036854775807", false},
	{"9223372036854775808", false},
	{"\"a\\n\"", false},
	{"\"\xc3\xa9\"", false},
	{"\"a", false},
	{"\"\x01\"", false},
	{"\"\x7f\"", false},
	{"{\"a\":1,\"a\":2}", false},
	{"{\"a\":1,}", false},
	{"[1,]", false},
	{"[1 2]", false},
	{"{\"a\" 1}", false},
	{"{a:1}", false},
	{"nul", false},
	{"true1", false},
	{"truefalse", false},
	{"{} {}", false},
	{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", false},
};

/* What it reads is what jansson reads. Returns whether it read anything. */
static bool check_same(const char *text, size_t len)
{
	json_t *got = json_read(text, len), *want = json_loadb(text, len, FLAGS, NULL);

	if (got)
		ck_assert_msg(want && json_equal(got, want), "%.*s", (int)len, text);
	json_decref(got);
	json_decref(want);
	return got != NULL;
}

START_TEST(plain_texts_are_read_and_others_left)
{
	ck_assert_int_eq(check_same(texts[_i].text, strlen(texts[_i].text)), texts[_i].plain);
}
END_TEST

/* Bytes changed, taken out and doubled at random: never more than jansson takes. */
START_TEST(mutations_are_read_as_jansson_does_or_left)
{
	static const char signs[] = "{}[]\",:-0123456789.eE truefalsn\\\x01\x7f\xc3";
	char text[512];

	srand(_i + 1);
	for (int round = 0; round < 20000; round++) {
		size_t len = strlen(texts[0].text);

		memcpy(text, texts[0].text, len);
		for (int change = rand() % 3; change >= 0 && len > 1; change--) {
			size_t at = rand() % len;

			if (rand() % 3 == 0) {
				memmove(text + at, text + at + 1, --len - at);
			} else if (rand() % 2 && len + 8 < sizeof(text)) {
				size_t some = 1 + rand() % 8;

				some = some < len - at ? some : len - at;
				memmove(text + at + some, text + at, len - at);
				len += some;
			} else {
				text[at] = signs[rand() % (sizeof(signs) - 1)];
			}
		}
		check_same(text, rand() % 8 ? len : rand() % (len + 1));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json_read");
	TCase *tcase = tcase_create("json_read");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(
		tcase, plain_texts_are_read_and_others_left, 0, sizeof(texts) / sizeof(texts[0]));
	tcase_add_loop_test(tcase, mutations_are_read_as_jansson_does_or_left, 0, 8);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

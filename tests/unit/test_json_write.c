/* SPDX-License-Identifier: BSD-3-Clause */
/* json_write() against jansson: the same text, byte by byte. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "json_write.h"

static const char *const texts[] = {
	"{}",
	"[]",
	"{\"a\":[],\"b\":{},\"c\":[{}],\"d\":[[],[1]],\"e\":null,\"f\":true,\"g\":false}",
	"[0,-1,1,9223372036854775807,-9223372036854775808,10,-10,99,100]",
	"[1.5,1e300,-0.0,1e-7,123456.789,2.0]",
	"[\"\",\"a\",\"\\\"\",\"\\\\\",\"\\n\\t\\b\\f\\r\",\"\\u0001\\u001f\\u007f\",\"/\"]",
	"[\"\xc3\xa9\",\"\xf0\x9f\x98\x80\",\"a\xe2\x82\xac\"]",
	"{\"a\\\"b\":1,\"\xc3\xa9\":2,\"\\n\":3,\"\":4}",
	"{\"z\":1,\"a\":2,\"m\":{\"y\":1,\"b\":[\"x\",{\"q\":[1,2,3]}]}}",
};

static void check_same(const json_t *value)
{
	char *got = json_write(value), *want = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	ck_assert_ptr_nonnull(got);
	ck_assert_str_eq(got, want);
	budget_free_text(got, 0, NULL);
	budget_free_text(want, 0, NULL);
}

START_TEST(writes_what_jansson_writes)
{
	json_t *value = json_loads(texts[_i], JSON_DECODE_ANY, NULL);

	ck_assert_ptr_nonnull(value);
	check_same(value);
	json_decref(value);
}
END_TEST

START_TEST(long_texts_and_long_lists_find_room)
{
	json_t *list = json_array();
	char text[5000];

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 5000; i++) {
		json_array_append_new(list, json_stringn(text, i));
		json_array_append_new(list, json_integer(i));
	}
	check_same(list);
	json_decref(list);
	ck_assert_int_eq(budget_used(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json_write");
	TCase *tcase = tcase_create("json_write");
	SRunner *runner = srunner_create(suite);
	int failed;

	budget_install();
	tcase_add_loop_test(tcase, writes_what_jansson_writes, 0, sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(tcase, long_texts_and_long_lists_find_room);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

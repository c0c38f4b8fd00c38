/* SPDX-License-Identifier: BSD-3-Clause */
/* Merge patch by the RFC's own examples, and preconditions. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "document.h"

/* RFC 7396, appendix A: target, patch, result. */
static const char *const examples[][3] = {
	{"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
	{"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
	{"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
	{"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
	{"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
	{"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
	{"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
	{"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
	{"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
	{"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
	{"{\"a\":\"foo\"}", "null", "null"},
	{"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
	{"{\"e\":null}", "{\"a\":1}", "{\"a\":1,\"e\":null}"},
	{"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
	{"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
};

START_TEST(merge_patch_does_as_the_rfc_says)
{
	json_t *target = json_loads(examples[_i][0], JSON_DECODE_ANY, NULL);
	json_t *patch = json_loads(examples[_i][1], JSON_DECODE_ANY, NULL);
	json_t *out = merge_patch(target, patch);
	char *text = json_dumps(out, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	char *same = json_dumps(target, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	ck_assert_str_eq(text, examples[_i][2]);
	ck_assert_str_eq(same, examples[_i][0]);
	free(text);
	free(same);
	json_decref(target);
	json_decref(patch);
	json_decref(out);
}
END_TEST

START_TEST(merge_patch_makes_an_object_of_nothing)
{
	json_t *patch = json_loads("{\"a\":1,\"b\":null}", 0, NULL);
	json_t *out = merge_patch(NULL, patch);

	ck_assert_int_eq((int)json_object_size(out), 1);
	json_decref(out);
	json_decref(patch);
}
END_TEST

START_TEST(etag_is_found_in_lists_whole_and_strong)
{
	ck_assert(etag_listed("\"7\"", "\"7\"", false, false));
	ck_assert(etag_listed("\"1\", \"7\"", "\"7\"", false, false));
	ck_assert(etag_listed(" \"1\",\"7\" ,", "\"7\"", false, false));
	ck_assert(!etag_listed("\"17\"", "\"7\"", false, false));
	ck_assert(!etag_listed("\"77\"", "\"7\"", false, false));
	ck_assert(!etag_listed("7", "\"7\"", false, false));
	ck_assert(!etag_listed("", "\"7\"", false, false));
	ck_assert(!etag_listed("\"7", "\"7\"", false, false));
	ck_assert(!etag_listed("W/\"7\"", "\"7\"", false, false));
	ck_assert(etag_listed("W/\"7\"", "\"7\"", true, false));
	ck_assert(etag_listed("W/\"6\", \"7\"", "\"7\"", false, false));
	ck_assert(etag_listed("\"7.1f\"", "\"7\"", false, true));
	ck_assert(etag_listed("\"6\", \"7.1f\"", "\"7\"", false, true));
	ck_assert(!etag_listed("\"7.1f\"", "\"7\"", false, false));
	ck_assert(!etag_listed("\"7\"", "\"7.1f\"", false, false));
	ck_assert(!etag_listed("\"71f\"", "\"7\"", false, true));
	ck_assert(!etag_listed("\"17.1f\"", "\"7\"", false, true));
	ck_assert(!etag_listed("\"7\"", "\"77\"", false, false));
}
END_TEST

START_TEST(etag_preconditions_refuse_what_they_should)
{
	ck_assert_ptr_null(etag_refuses(NULL, NULL, NULL));
	ck_assert_ptr_null(etag_refuses(NULL, NULL, "\"7\""));
	ck_assert_ptr_null(etag_refuses("\"7\"", NULL, "\"7\""));
	ck_assert_ptr_null(etag_refuses("*", NULL, "\"7\""));
	ck_assert_ptr_nonnull(etag_refuses("\"6\"", NULL, "\"7\""));
	ck_assert_ptr_nonnull(etag_refuses("*", NULL, NULL));
	ck_assert_ptr_nonnull(etag_refuses("\"7\"", NULL, NULL));
	ck_assert_ptr_null(etag_refuses(NULL, "*", NULL));
	ck_assert_ptr_nonnull(etag_refuses(NULL, "*", "\"7\""));
	ck_assert_ptr_nonnull(etag_refuses(NULL, "\"7\"", "\"7\""));
	ck_assert_ptr_null(etag_refuses(NULL, "\"6\"", "\"7\""));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rest");
	TCase *tc = tcase_create("rest");

	tcase_add_loop_test(
		tc, merge_patch_does_as_the_rfc_says, 0, sizeof(examples) / sizeof(examples[0]));
	tcase_add_test(tc, merge_patch_makes_an_object_of_nothing);
	tcase_add_test(tc, etag_is_found_in_lists_whole_and_strong);
	tcase_add_test(tc, etag_preconditions_refuse_what_they_should);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}

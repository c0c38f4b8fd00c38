/* SPDX-License-Identifier: BSD-3-Clause */
/* golden/NAME.json (a site and intents) compiles to golden/NAME.expect, whatever the order in which
 * the world was filled. `test_golden --bless` writes the expectations anew: look at the difference.
 */
#include <check.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "compile_rig.h"

static glob_t files;
static bool bless;

static char *read_all(const char *path)
{
	char *text = NULL;
	size_t room = 0;
	FILE *in = fopen(path, "r");

	if (!in || getdelim(&text, &room, '\0', in) < 0) {
		free(text);
		text = NULL;
	}
	if (in)
		fclose(in);
	return text;
}

static void write_all(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
}

static void expect(const char *path, const char *text)
{
	char *want;

	if (bless)
		write_all(path, text);
	want = read_all(path);
	ck_assert_msg(want, "%s is not there: test_golden --bless makes it", path);
	ck_assert_msg(!strcmp(want, text), "%s is now:\n%s", path, text);
	free(want);
}

static char *compile(const json_t *document, bool backwards)
{
	const char *site = json_string_value(json_object_get(document, "site"));
	struct world *world = rig_world(document, backwards);
	char *text = rig_compile(world, site);

	world_free(world);
	return text;
}

START_TEST(compiler_gives_what_is_written_down)
{
	const char *path = files.gl_pathv[_i];
	json_t *document = rig_file(path);
	char *forth = compile(document, false), *back = compile(document, true);
	char expected[512];

	snprintf(expected, sizeof(expected), "%.*s.expect", (int)(strlen(path) - 5), path);
	expect(expected, forth);
	/* what is allocated may depend on the order; a golden case says its VNIs */
	ck_assert_str_eq(forth, back);
	free(forth);
	free(back);
	json_decref(document);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("golden");
	TCase *tcase = tcase_create("golden");
	int failed;

	bless = argc > 1 && !strcmp(argv[1], "--bless");
	if (glob(GOLDEN "/*.json", 0, NULL, &files) || !files.gl_pathc) {
		fprintf(stderr, "no cases in %s\n", GOLDEN);
		return 1;
	}
	tcase_add_loop_test(tcase, compiler_gives_what_is_written_down, 0, files.gl_pathc);
	suite_add_tcase(suite, tcase);
	failed = suite_main(suite);
	globfree(&files);
	return failed;
}

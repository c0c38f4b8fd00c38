/* SPDX-License-Identifier: BSD-3-Clause */
/* What main() of every Check program in these folders ends with. */
#ifndef TESTS_CONTROL_SUITE_H
#define TESTS_CONTROL_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Runs it and takes it: what main() returns. CK_VERBOSITY and CK_FORK work as Check says. */
static inline int suite_main(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif

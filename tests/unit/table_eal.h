/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL and RCU for the table tests: a small process with no devices; and the end of their main(). */
#ifndef TESTS_TABLE_EAL_H
#define TESTS_TABLE_EAL_H

#include <check.h>
#include <rte_common.h>
#include <rte_eal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "rcu.h"

/* Check writes to a file at every assertion; these are by the million. With a message or without.
 */
#define HOLDS(cond, ...)                                                                           \
	do {                                                                                       \
		if (!(cond))                                                                       \
			table_broken(__FILE__, __LINE__, #cond, " " __VA_ARGS__);                  \
	} while (0)

__attribute__((format(printf, 4, 5))) static inline void table_broken(
	const char *file, int line, const char *cond, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ck_abort_msg("%s:%d: %s:%s", file, line, cond, text);
}

static inline void table_eal(void)
{
	char *argv[] = {"test", "--no-huge", "-m", "256", "--no-shconf", "--no-telemetry",
		"--no-pci", "--log-level", "error", "--lcores", "0", "--iova-mode", "va", NULL};

	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0 || rcu_init() != 0) {
		fprintf(stderr, "EAL does not start\n");
		exit(EXIT_FAILURE);
	}
}

/* Runs the case in this process, within so many seconds a test: what main() returns. Takes tc. */
static inline int table_run(const char *name, TCase *tc, double timeout_s)
{
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tc, timeout_s);
	suite_add_tcase(suite, tc);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif

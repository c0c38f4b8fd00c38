/* SPDX-License-Identifier: BSD-3-Clause */
/* Can this machine load XDP programs? Asked by main() of the tests that need one. */
#ifndef TESTS_XDP_POSSIBLE_H
#define TESTS_XDP_POSSIBLE_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"

/* False, and said, where the kernel or the user's rights forbid it: main() returns 77. -EACCES is
 * not that: the verifier says it of a bad program. */
static inline bool xdp_possible(void)
{
	struct xdp_program_fds program;
	int rc = geteuid() != 0 ? -EPERM : xdp_program_load(&program);

	if (rc == -EPERM || rc == -ENOSYS) {
		printf("skip: no XDP program can be loaded here: %s\n", strerror(-rc));
		return false;
	}
	if (rc == 0)
		xdp_program_close(&program);
	return true;
}

#endif

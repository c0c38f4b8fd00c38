/* SPDX-License-Identifier: BSD-3-Clause */
/* The cases of this folder's program. */
#ifndef TESTS_MIRROR_LINK_H
#define TESTS_MIRROR_LINK_H

#include <check.h>

TCase *lines_case(void);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Between fake_kernel.c, which has the tables, and fake_kernel_calls.c. */
#ifndef TESTS_FAKE_KERNEL_PARTS_H
#define TESTS_FAKE_KERNEL_PARTS_H

#include "fake_kernel.h"

struct kernel {
	char netns[64];
	bool open, complete, absent;
	int hidden; /* entries below it have not been told yet, while a dump goes on */
	struct kernel_listener listener;
	struct fake_entry entry[FAKE_ROOM];
};

bool fake_same_ip(const struct api_ip *a, const struct api_ip *b);
struct fake_entry *fake_find(struct kernel *k, const struct fake_entry *as);
bool fake_is_by(const struct fake_entry *e, uint32_t index); /* does it lead by this link? */

#endif

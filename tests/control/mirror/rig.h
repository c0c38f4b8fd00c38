/* SPDX-License-Identifier: BSD-3-Clause */
/* A network namespace of the test's own, a mirror of it, and the loop between them. */
#ifndef TESTS_MIRROR_RIG_H
#define TESTS_MIRROR_RIG_H

#include <check.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel_private.h"

extern struct event_base *base;
extern struct kernel *kernel;

/* What the listener has heard since rig_forget. */
struct heard {
	uint32_t changed[KERNEL_KINDS], gone[KERNEL_KINDS];
	uint32_t settled;
	uint64_t settled_us;
};
extern struct heard heard;

bool rig_possible(void); /* root, and a namespace can be made; else the test passes over */
void rig_setup(void);	 /* a namespace, lo up, an opened and complete mirror */
void rig_teardown(void);
void rig_ip(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* must succeed */
int rig_try(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void rig_run(int ms); /* the loop, for so long */
void rig_quiet(void); /* until nothing has been heard for a while and no dump goes on */
bool rig_until(bool (*true_)(void), int ms);
struct api_ip rig_prefix(const char *text);
const struct kernel_route *rig_route(uint32_t table, const char *prefix);
uint32_t rig_index(const char *name);
/* Entry by entry against a mirror that is opened now; and a rescan finds nothing. */
void rig_compare(const char *when);

#endif

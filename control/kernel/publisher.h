/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel as a source of groups in the dataplane (dataplane/objects/claims.h): each object that
 * the mirror makes of it is a group of its own. What cannot be in force is kept by the dataplane
 * and tried again there, so that here is only what is wanted, which revision of it the dataplane
 * has, and why that is not in force. One thread, the loop's. */
#ifndef KERNEL_PUBLISHER_H
#define KERNEL_PUBLISHER_H

#include "dataplane.h"
#include "mirror.h"

struct publisher;

/* resync_s: so often the dataplane's groups are compared (0: 60). */
struct publisher *publisher_open(struct event_base *base, struct dataplane *dp, uint32_t resync_s);
/* What was published stays in the dataplane. NULL: nothing. */
void publisher_close(struct publisher *publisher);

/* text: canonical JSON, copied; NULL: the kernel does not say so any more. Cheap: done from the
 * loop. */
void publisher_say(
	struct publisher *publisher, enum object_type type, const char *key, const char *text);
/* The picture is whole: what the dataplane has of an earlier life and was not said goes. */
void publisher_whole(struct publisher *publisher);
/* Compares what the dataplane has now. */
void publisher_resync(struct publisher *publisher);

/* Those of struct mirror_counters that are the publisher's. */
void publisher_counters(const struct publisher *publisher, struct mirror_counters *out);
/* Some of those that are not in force, at most that many. */
void publisher_refused(const struct publisher *publisher, uint32_t most,
	void (*each)(enum object_type type, const char *key, const char *reason, void *arg),
	void *arg);

#endif

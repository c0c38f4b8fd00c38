/* SPDX-License-Identifier: BSD-3-Clause */
/* A reconciler between a world and a dataplane that are fakes. */
#ifndef RIG_H
#define RIG_H

#include "fake.h"
#include "fake_world.h"

extern struct event_base *base;
extern struct fake fake;
extern struct dataplane *dp;
extern struct reconciler *rec;
extern int rig_statuses;	    /* times that a state was told */
extern const char *const *rig_keep; /* for rig_start */

/* for rig_start and rig_restart; 0: never, since it would come at any moment of a test on a machine
 * that is slow */
extern uint32_t rig_second_look_ms;

/* Runs the loop until it is so; false: it is not within a minute. */
bool rig_until(bool (*is)(void));
void rig_start(void);
void rig_stop(void);
void rig_restart(void); /* of the control plane; the world and the dataplane stay */
void rig_settle(void);	/* waits until all that was touched is applied or refused */
void rig_synced(void);	/* waits until nothing differs */
void rig_lose(void);	/* the fake stops, and that is noticed */
void rig_resync(void);
struct reconcile_counters rig_counters(void);
void rig_slice(const char *name, int vni); /* an intent: slice, attachment, member */
void rig_slice_in(const char *name, int vni, const char *meter); /* … with a meter of everyone's */
void rig_site(void);						 /* with the port of all slices */
/* As sluice-kernel does it, once: the object, or that it is gone. */
void rig_kernel(const char *type, const char *object, bool there);
void rig_route(int number, bool there); /* the kernel's, of slice blue, by blue:lan0.101 */
void rig_state(enum intent_type type, const char *name, enum intent_state state);
const char *rig_reason(enum intent_type type, const char *name);

#endif

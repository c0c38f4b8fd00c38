/* SPDX-License-Identifier: BSD-3-Clause */
/* The streams of /v1/events. */
#ifndef OBSERVE_EVENTS_H
#define OBSERVE_EVENTS_H

int events_start(void); /* 0 or -1: no memory */
void events_stop(void); /* ends all streams */

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Where what the mirror makes of the kernel goes: given by who starts it (mirror_start()). All are
 * called from the loop. */
#ifndef EVPN_SINK_H
#define EVPN_SINK_H

#include <stdbool.h>

#include "intent.h"
#include "log.h"
#include "types.h"

struct mirror_sink {
	/* An object of type address, neighbor, route, mac, member or tunnel. text: its canonical
	 * JSON, borrowed; NULL: the kernel does not say so any more. */
	void (*object)(enum object_type type, const char *key, const char *text, void *arg);
	/* The first picture is whole: what is not told by now is not so. */
	void (*ready)(void *arg);
	/* The dataplane has refused this intent, and what was in its way is gone. */
	void (*retry)(enum intent_type type, const char *name, void *arg);
	/* For who listens to events. fields is stolen. */
	void (*event)(enum log_level level, const char *event, json_t *fields, void *arg);
	void *arg;
};

#endif

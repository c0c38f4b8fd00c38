/* SPDX-License-Identifier: BSD-3-Clause */
/* What the user plane tells the control plane (TS 29.244 clause 5.2, 7.5.8), as events of the
 * socket. Made on the main thread by urr.c, hold.c and gtpu_path.c; rpc/events_upf.c turns them
 * into JSON. */
#ifndef UPF_EVENT_H
#define UPF_EVENT_H

#include <stdint.h>

#include "types.h"

enum upf_event_kind {
	UPF_USAGE,	      /* event "usage" */
	UPF_DOWNLINK_DATA,    /* "downlink_data" */
	UPF_PATH_UP,	      /* "path.up" */
	UPF_PATH_DOWN,	      /* "path.down" */
	UPF_ERROR_INDICATION, /* "error_indication": a peer does not know a TEID we send to */
};

/* Why a usage report is made (TS 29.244 8.2.41). */
#define USAGE_VOLUME_THRESHOLD 0x001u
#define USAGE_TIME_THRESHOLD   0x002u
#define USAGE_PERIODIC	       0x004u
#define USAGE_START	       0x008u
#define USAGE_STOP	       0x010u
#define USAGE_VOLUME_QUOTA     0x020u
#define USAGE_TIME_QUOTA       0x040u
#define USAGE_TERMINATION      0x080u /* the session or the URR was deleted */

struct upf_usage {
	uint32_t urr_id;
	uint32_t sequence; /* UR-SEQN, from 0 */
	uint32_t why;	   /* USAGE_* */
	/* since the report before */
	uint64_t ul_packets, ul_bytes, dl_packets, dl_bytes;
	uint32_t duration_s;
	uint64_t start_unix_s, end_unix_s; /* of what is reported */
};

struct upf_event {
	enum upf_event_kind kind;
	const char *session; /* name; NULL for paths */
	union {
		struct upf_usage usage;
		struct {
			uint32_t pdr_id;
			uint32_t packets; /* held now */
		} downlink_data;
		struct {
			uint16_t gtpu; /* id */
			struct api_ip peer;
		} path;
		struct {
			uint32_t teid;
			struct api_ip peer;
		} error;
	};
};

/* Set by rpc/; NULL: nobody listens. Main thread. */
extern void (*upf_on_event)(const struct upf_event *event);

static inline void upf_event(const struct upf_event *event)
{
	if (upf_on_event)
		upf_on_event(event);
}

#endif

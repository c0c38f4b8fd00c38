/* SPDX-License-Identifier: BSD-3-Clause */
/* Between compile_session.c and session_local.c. */
#ifndef COMPILE_SESSION_PARTS_H
#define COMPILE_SESSION_PARTS_H

#include "emit.h"

struct local_texts; /* filters of one local data network */

struct session_work {
	struct compile *c;
	const struct intent_session *intent;
	union api_object obj; /* pdrs and fars: own memory, with room for as many as may be */
	struct local_texts *texts;
};

/* PDRs and FARs of the uplink classifier. 0, -ENOMEM, -EINVAL: there is no room for them. */
int add_local_networks(struct session_work *work);

void session_work_free(struct session_work *work);

#endif

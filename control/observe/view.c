/* SPDX-License-Identifier: BSD-3-Clause */
/* What the handlers of this folder share. Owns nothing. */
#include "observe.h"

#include <string.h>

#define SILENT_MS 5000 /* as long as hello may take */

const char *view_dataplane(void)
{
	static const char *const names[] = {
		[DATAPLANE_DOWN] = "down", [DATAPLANE_UP] = "up", [DATAPLANE_HUNG] = "hung"};

	enum dataplane_state state = dataplane_state(control.dataplane);

	if (state == DATAPLANE_UP && dataplane_silent_ms(control.dataplane) > SILENT_MS)
		state = DATAPLANE_HUNG;
	return names[state];
}

bool view_whole(const struct actor *actor)
{
	return !actor->tenant[0] && actor->role != ROLE_TENANT;
}

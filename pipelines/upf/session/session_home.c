/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions that would count at home (session_line.h), had workers not been able to count there
 * yet when their acts became others: once they are not, the session moves there by a change of
 * its own, and its lines serve it again. Main thread only. Owns the list of those that wait. */
#include <stdlib.h>

#include "session_change.h"

#define HOMES_A_TURN 64 /* one grace period, and less than a millisecond otherwise */
#define GROW	     256

static uint32_t *waiting, waiting_room, waiting_count;

void session_home_wanted(uint32_t index)
{
	if (waiting_count == waiting_room) {
		uint32_t *more = realloc(waiting, (2 * waiting_room + GROW) * sizeof(*more));

		if (more == NULL)
			return; /* it goes on as it is */
		waiting = more;
		waiting_room = 2 * waiting_room + GROW;
	}
	waiting[waiting_count++] = index;
}

/* Does it still want to, and may it? It has been changed or deleted since, perhaps. */
static bool may_go(uint32_t index)
{
	const struct session_cold *cold = &session_cold[index];

	return cold->now.pack != 0 && cold->homeless && !cold->home && !cold->off;
}

uint32_t session_home_poll(void)
{
	struct session_change *change[HOMES_A_TURN];
	uint32_t n = 0;

	if (waiting_count == 0 || session_changes_open())
		return 0;
	for (uint32_t i = 0; i < HOMES_A_TURN && waiting_count > 0; i++) {
		uint32_t index = waiting[--waiting_count];

		if (may_go(index) && session_prepare_home(index, &change[n]) == 1)
			n++;
	}
	if (n > 0)
		session_commit(change, n);
	return n;
}

void session_home_fini(void)
{
	free(waiting);
	waiting = NULL;
	waiting_room = waiting_count = 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Who listens to events. Owns the list. */
#include "notify.h"

#include <rte_debug.h>

const struct notify *notify_listeners[NOTIFY_MAX + 1];

void notify_listen(const struct notify *notify)
{
	uint32_t i = 0;

	while (notify_listeners[i] != NULL && notify_listeners[i] != notify)
		i++;
	RTE_VERIFY(i < NOTIFY_MAX); /* there are fewer rooms */
	notify_listeners[i] = notify;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* When URRs are due by time: a wheel of seconds, so that a million of them cost what those cost
 * that are due. Main thread only. Owns the wheel. */
#include <rte_cycles.h>
#include <string.h>

#include "urr_live.h"

#define WHEEL	 4096 /* slots of a second; what is further off comes by once a turn */
#define POLL_MAX 256  /* a call's share */

static uint32_t clock_tsc(void)
{
	return rte_rdtsc() / rte_get_tsc_hz() + 1;
}

uint32_t (*urr_clock)(void) = clock_tsc;

static uint32_t wheel[WHEEL], wheel_s, work; /* work: the rest of wheel_s's slot */

void urr_disarm(struct urr_live *l)
{
	if (l->due_s == 0)
		return;
	if (l->next != 0)
		urr_live[l->next].prev = l->prev;
	if (l->prev != 0)
		urr_live[l->prev].next = l->next;
	else if (work != 0 && &urr_live[work] == l)
		work = l->next;
	else
		wheel[l->due_s % WHEEL] = l->next;
	l->due_s = l->next = l->prev = 0;
}

void urr_arm_at(struct urr_live *l, uint32_t due_s)
{
	uint32_t *head;

	urr_disarm(l);
	l->due_s = RTE_MAX(due_s, wheel_s + 1);
	head = &wheel[l->due_s % WHEEL];
	l->next = *head;
	if (l->next != 0)
		urr_live[l->next].prev = l - urr_live;
	*head = l - urr_live;
}

void urr_timers_init(void)
{
	memset(wheel, 0, sizeof(wheel));
	work = 0;
	wheel_s = urr_clock();
}

static void look_at(struct urr_live *l)
{
	const struct urr_record *r = urr_record_of(l->session);

	for (uint32_t n = 0; r != NULL && n < r->urrs; n++)
		if (&urr_live[r->urr[n].live] == l) {
			urr_look(l->session, n);
			return;
		}
}

uint32_t urr_poll(void)
{
	uint32_t now_s = urr_clock(), done = 0;

	while (done < POLL_MAX) {
		struct urr_live *l;

		if (work == 0) {
			if (wheel_s >= now_s)
				break;
			wheel_s++;
			work = wheel[wheel_s % WHEEL];
			wheel[wheel_s % WHEEL] = 0;
			continue;
		}
		l = &urr_live[work];
		uint32_t due_s = l->due_s;

		urr_disarm(l);
		done++;
		if (due_s > wheel_s)
			urr_arm_at(l, due_s);
		else
			look_at(l);
	}
	return done;
}

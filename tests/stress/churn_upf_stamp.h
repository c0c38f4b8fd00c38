/* SPDX-License-Identifier: BSD-3-Clause */
/* Between churn_upf_traffic.c, which sends, and churn_upf_judge.c: what a packet bears. */
#ifndef TESTS_CHURN_UPF_STAMP_H
#define TESTS_CHURN_UPF_STAMP_H

#include "churn_upf.h"

#define STAMP_MAGIC 0x51ce51ceu
#define INNER(v6)   ((v6) ? 40u : 20u)

enum way_in { IN_UP, IN_DOWN, IN_N9, IN_TALK };

/* In the payload. */
struct stamp {
	uint32_t magic, seq, teid;
	uint32_t epoch;
	uint16_t slot, to; /* to: IN_TALK */
	uint8_t in, class, v6;
	uint8_t pad;
};

/* The address of a UE, there. */
void stamp_put_ue(uint8_t *at, bool v6, uint32_t address);

static inline uint32_t stamp_load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* What stands in the ports' rings: how many. */
uint32_t judge_received(const struct churn_traffic *t);
void judge_init(void);
void judge_fini(void);

#endif

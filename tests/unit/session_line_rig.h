/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests of a session's lines and home look at, and what makes a session more than plain. */
#ifndef TESTS_SESSION_LINE_RIG_H
#define TESTS_SESSION_LINE_RIG_H

#include <check.h>
#include <rte_byteorder.h>

#include "qer.h"
#include "session_rig.h"
#include "session_store.h"

static inline const struct session_line *up(uint32_t index)
{
	return session_line(session_cells(0), index, false);
}

static inline const struct session_line *down(uint32_t index)
{
	return session_line(session_cells(0), index, true);
}

static inline bool at_home(uint32_t index)
{
	return session_block[index]->cells == SESSION_HOME(index);
}

static inline uint32_t chosen_teid_be(uint32_t index)
{
	uint32_t pdr, teid = 0;

	ck_assert(session_chosen_of(index, 0, &pdr, &teid));
	return rte_cpu_to_be_32(teid);
}

/* Rates are stored once. */
static inline uint32_t rate_of(uint64_t mbr_bps)
{
	uint32_t rate;

	ck_assert_int_eq(rate_take(mbr_bps, 0, 20, &rate), 0);
	rate_give(rate);
	return rate;
}

/* ---- more than plain ---- */

/* Each of them, alone, is more than the lines can say. */
static inline void more_acts(struct made *m)
{
	m->pdr[2] = m->pdr[0];
	m->pdr[2].id = 3;
	m->pdr[2].precedence = 50;
	m->pdr[2].qers.count = 0;
	m->cfg.pdrs.count = 3;
	filter(m, 2, "permit out 6 from 192.0.2.0/24 443 to assigned");
}

static inline void gbr(struct made *m)
{
	m->qer[0].gbr_ul_bps = 1000000;
}

#endif

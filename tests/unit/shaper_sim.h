/* SPDX-License-Identifier: BSD-3-Clause */
/* A port with a shaper in simulated time: sources that send at a rate or without end, an owner that
 * comes by every `step_ns`, and what each class got. For test_shaper.c and test_shaper_life.c. */
#ifndef TESTS_SHAPER_SIM_H
#define TESTS_SHAPER_SIM_H

#include "shaper.h"

#define HZ 1000000000ull /* the simulated TSC counts nanoseconds */

struct source {
	uint16_t id;
	uint32_t len;	  /* bytes a frame */
	uint32_t wrapped; /* of them not the class's own */
	uint64_t bps;	  /* 0: without end */
	uint32_t backlog; /* frames it keeps waiting when without end; 0: 4 */
	/* what came of it since sim_reset() */
	uint64_t offered, taken, refused; /* frames */
	uint64_t sent, sent_bytes;
	uint64_t worst_ns; /* longest wait */
	/* the simulation's */
	double next_ns;
	uint32_t number, expect; /* of its frames: order */
};

struct sim {
	struct shaper *shaper;
	struct shaper_setting setting;
	uint64_t now_ns, step_ns;
	struct source *source;
	uint32_t sources;
	uint64_t sent_bytes, sent; /* of all */
};

/* EAL, the classes and a pool; once a process. */
void sim_setup(void);
/* A shaper of that rate over these sources; classes are at weight 1 and no guarantee. */
void sim_open(struct sim *sim, uint64_t rate_bps, struct source *source, uint32_t n);
/* All frames must have been taken or purged. */
void sim_close(struct sim *sim);
void sim_run(struct sim *sim, double seconds);
/* Sources stop; until nothing waits. */
void sim_drain(struct sim *sim);
/* Counts anew, keeps the state. */
void sim_reset(struct sim *sim);
/* What a source got since sim_reset() a second, with what is put around its frames and without. */
double sim_bps(const struct source *source, double seconds);
double sim_own_bps(const struct source *source, double seconds);
/* Frames held anywhere. */
uint32_t sim_held(void);
struct rte_mbuf *sim_frame(uint16_t id, uint32_t len);

#define ck_near(got, want, percent)                                                                \
	ck_assert_msg((double)(got) > (want) * (1 - (percent) / 100.0) &&                          \
			      (double)(got) < (want) * (1 + (percent) / 100.0),                    \
		#got ": %.4g, want %.4g within %g %%", (double)(got), (double)(want),              \
		(double)(percent))

#endif

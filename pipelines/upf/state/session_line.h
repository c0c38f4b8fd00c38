/* SPDX-License-Identifier: BSD-3-Clause */
/* A session's home: two lines a worker at a place that its index says, one for each direction. A
 * session of at most one act each way counts and meters there, and while such an act is plain, main
 * fills in all that packets want to know: then the line is the only one of the session that they
 * touch, and nothing has to be followed to it. What is not plain finds its way by the block.
 *
 * Cells are session_cell[8], those of session_hot.h with block->cells = SESSION_HOME(index):
 *
 *   uplink    0  drops; how             downlink  4  how
 *             1  how                              5  how
 *             2  the act's cell                   6  the act's cell
 *             3  two buckets (worker 0)           7  two buckets (worker 0)
 *
 * key says whom the line serves; 0: nobody. Main writes the rest of "how" only while key has been 0
 * for a grace period, so a worker that saw the key may believe the line for the rest of its burst.
 * Read by session_line_run.c; written by session_line.c. */
#ifndef UPF_SESSION_LINE_H
#define UPF_SESSION_LINE_H

#include "door.h"
#include "session_hot.h"

struct session_line {
	uint64_t drops;	  /* of uplink's: the session's */
	uint32_t key;	  /* SESSION_LINE_UP, SESSION_LINE_DOWN; release store */
	uint32_t address; /* uplink: the UE's; downlink: the TEID to send to; as in a packet */
	union {
		struct {
			uint16_t slice; /* into it */
			uint8_t gtpu;	/* own address it must come to */
			uint8_t pad;
			uint32_t rules; /* index; 0: all of the UE's packets pass */
		} up;
		struct { /* as in struct gtpu_way; the slice is the key's */
			uint16_t peer;
			uint8_t qfi, tos;
			uint32_t flags : 8, rules : 24;
		} down;
	};
	uint32_t rate[2]; /* of the buckets; 0: none */
	struct session_cell cell;
	uint64_t bucket[2];
};
_Static_assert(sizeof(struct session_line) == SESSION_LINE_BYTES, "as they are fetched ahead");

#define SESSION_LINE_UP(teid_be)	(teid_be)
#define SESSION_LINE_DOWN(group, slice) (1u << 31 | (uint32_t)(group) << 16 | (slice))
#define SESSION_LINE_RULES		(1u << 24)

#define HOME_CELLS	       8u
#define HOME_UP		       2 /* the acts' cells */
#define HOME_DOWN	       6
#define HOME_BUCKETS	       6u /* the first one, of uplink, in units of 8 bytes from the home on */
#define HOME_BUCKETS_DOWN      8u /* downlink's first, from there */
#define SESSION_HOME(index)    ((uint32_t)(index)*HOME_CELLS)
#define SESSION_IS_HOME(cells) ((cells) < SESSION_HOME(LIMIT_SESSIONS + 1))

/* In a worker's cells. */
static __rte_always_inline struct session_line *session_line(
	struct session_cell *cells, uint32_t index, bool down)
{
	return (struct session_line *)(cells + SESSION_HOME(index)) + down;
}
_Static_assert(sizeof(struct session_cell) * HOME_CELLS == 2 * SESSION_LINE_BYTES,
	"as they are fetched ahead");

/* acquire: pairs with the release of session_line.c */
static __rte_always_inline uint32_t session_line_key(const struct session_line *l)
{
	return __atomic_load_n(&l->key, __ATOMIC_ACQUIRE);
}

/* Of all workers: worker 0's. Those of qer_hot.h's qer_buckets. */
static __rte_always_inline uint32_t line_bucket(uint32_t index, bool down)
{
	return 2 * SESSION_HOME(index) + HOME_BUCKETS + (down ? HOME_BUCKETS_DOWN : 0);
}

#endif

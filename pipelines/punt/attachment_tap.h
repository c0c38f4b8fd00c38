/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's interface of an attachment, its slow path: what stations say to the gateway and the
 * switch does not answer goes there, and what the kernel sends there leaves by the attachment. Of
 * an l2 slice it carries nothing. Frames pass through the main thread, which alone reads and writes
 * the descriptors; a serial number keeps what is on its way from reaching an attachment that has
 * taken over the id. Packets that came by tunnels and sessions never go to the kernel. */
#ifndef PIPELINES_ATTACHMENT_TAP_H
#define PIPELINES_ATTACHMENT_TAP_H

#include <stdbool.h>
#include <stdint.h>

struct worker;

/* tx: to the kernel, rx: from it. Bytes of the frames as they pass, without the attachment's tag.
 */
struct tap_counters {
	uint64_t tx_packets, tx_bytes, rx_packets, rx_bytes;
};

/* ---- main thread ---- */

/* 0 or -errno. */
int attachment_tap_init(void);
void attachment_tap_fini(void);

/* Frames of the published attachment pass through fd from now on, which stays the caller's: open
 * until the next set or unset. Also after the attachment has moved to another slice. */
void attachment_tap_set(uint16_t attachment, int fd);
/* No more: what still is on its way is dropped. */
void attachment_tap_unset(uint16_t attachment);

/* The kernel took the interface away (deleted, or its namespace was): fd is of no use any more. Set
 * by the server. */
extern void (*attachment_tap_on_gone)(uint16_t attachment);

/* How many there are. */
uint32_t attachment_tap_count(void);
/* Readable when the kernel has sent something. */
int attachment_tap_poll_fd(void);
/* What the kernel sent goes to the workers, a bounded number of frames: how many. */
uint32_t attachment_taps_read(void);
/* What the workers have for the kernel goes there, a bounded number: how many. */
uint32_t attachment_taps_write(void);

void attachment_tap_counters_read(uint16_t attachment, struct tap_counters *out);
/* Of all there ever were. */
void attachment_taps_counters_read(struct tap_counters *out);

/* ---- workers (attachment_tap.c) ---- */

struct tap_frame {
	struct rte_mbuf *m;
	uint32_t serial;
	uint32_t attachment;
};

/* By attachment: the serial number of its tap, 0: it has none that carries packets. */
extern uint32_t *tap_serial; /* [LIMIT_ATTACHMENTS + 1] */

int tap_worker_init(struct worker *w);
void tap_worker_fini(struct worker *w);
/* Sends what the kernel sent; about once a millisecond. */
void tap_tick(struct worker *w);

#endif

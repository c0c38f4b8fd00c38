/* SPDX-License-Identifier: BSD-3-Clause */
/* What of an AF_XDP interface's frames is the dataplane's, as its XDP program is told; all else is
 * the kernel's, and so is everything until the first word. Main thread; port_xdp.c opens, the
 * pipelines say by port_take() and xdp_filter_local() as objects come and go. */
#ifndef CORE_XDP_FILTER_H
#define CORE_XDP_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "types.h"

struct xdp_filter;
struct xdp_program_fds;

/* Nothing is the dataplane's any more: what a life before ours has told this program. 0 or -errno.
 */
int xdp_filter_clear(const struct xdp_program_fds *program);
/* Clears it, tells it the addresses that are known, and keeps it up to date. *out, 0 or -errno. */
int xdp_filter_open(const struct xdp_program_fds *program, struct xdp_filter **out);
/* The program keeps to what it was told. NULL is fine. */
void xdp_filter_close(struct xdp_filter *filter);

/* There is, or is no more, an attachment of that VLAN (0: untagged). NULL is fine. */
void xdp_filter_vlan(struct xdp_filter *filter, uint16_t vlan, bool add);
/* UDP to there is taken, at all interfaces, until it was removed as often as it was added. gtpu: it
 * is counted as GTP-U's, else as a tunnel's. */
void xdp_filter_local(const struct api_ip *address, uint16_t port_be, bool gtpu, bool add);

/* Forgets the addresses; no filter is open any more. */
void xdp_filter_fini(void);

#endif

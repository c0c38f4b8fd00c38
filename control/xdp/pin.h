/* SPDX-License-Identifier: BSD-3-Clause */
/* The programs' maps by name, for bpftool and for people: FOLDER/NETNS-IFINDEX/{setting,locals,
 * counts}. Nothing depends on them: where no bpffs can be had there are none. */
#ifndef XDP_PIN_H
#define XDP_PIN_H

#include "attach.h"

/* Finds or mounts a bpffs, and removes what an earlier life of control left for this network
 * namespace. "" when there is none. */
const char *pin_folder(void);
void pin_put(unsigned ifindex, const struct xdp_program_fds *program);
void pin_remove(unsigned ifindex);
void pin_remove_all(void); /* of this network namespace */

#endif

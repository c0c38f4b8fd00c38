/* SPDX-License-Identifier: BSD-3-Clause */
/* The XDP program of an AF_XDP port on its interface: found, put there, taken away. Nothing is
 * kept here, the kernel knows all: the program stays with the interface when the process that
 * attached it is gone.
 *
 * Interfaces are those of the caller's network namespace. */
#ifndef BPF_ATTACH_H
#define BPF_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice_xdp.h"

/* A program of ours, attached or only loaded; its maps. */
struct xdp_program_fds {
	int program, setting, locals, counts, owner;
	uint32_t id;
	bool generic;	  /* the driver has no XDP, or not for this: the kernel's own, slower */
	char foreign[40]; /* with -EEXIST: the name of the program that is there instead */
};

/* The program on an interface. 0: ours, to be closed; -ENOENT: there is none; -EEXIST: another one,
 * named in `foreign`; else -errno. */
int xdp_program_find(unsigned ifindex, struct xdp_program_fds *out);

/* Is the program of that id on the interface? 1 or 0; -ENODEV, else -errno. */
int xdp_program_on(unsigned ifindex, uint32_t id);

/* Loads ours, attached nowhere: its maps may be filled first. 0, to be closed; -EOPNOTSUPP: this
 * kernel has no XDP or no AF_XDP; -EPERM: not root; else -errno. */
int xdp_program_load(struct xdp_program_fds *out);

/* In the driver where that can, else generic. Takes nobody's place: -EBUSY, -EEXIST if something is
 * there. 0 or -errno. */
int xdp_program_attach(unsigned ifindex, struct xdp_program_fds *program);

/* Only this one is removed. 0 or -errno. */
int xdp_program_detach(unsigned ifindex, const struct xdp_program_fds *program);

void xdp_program_close(struct xdp_program_fds *program);

/* Closes every descriptor of this process that is that program: libxdp 1.3 forgets one for each
 * socket, and the program's maps would stay. */
void xdp_program_forget(uint32_t id);

/* Whose sockets it feeds: the number of the process, which is gone if it does not exist. */
uint32_t xdp_program_owner(const struct xdp_program_fds *program);
int xdp_program_own(const struct xdp_program_fds *program, uint32_t pid);

/* What libbpf said last, one line; "" if nothing. */
const char *xdp_program_why(void);

#endif

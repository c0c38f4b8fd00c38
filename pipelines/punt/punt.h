/* SPDX-License-Identifier: BSD-3-Clause */
/* To the kernel, by the twins of ports, and from it. */
#ifndef PUNT_PUNT_H
#define PUNT_PUNT_H

struct burst;
struct worker;

/* punt[] → the kernel's twin of the port. */
void punt_run(struct worker *w, struct burst *b);
/* A burst that came from a kernel twin → its port. */
void kernel_out_run(struct worker *w, struct burst *b);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice-kernel as a child of sluice-control that was started with capabilities: by hand, in the
 * demo, in tests. Under systemd it is a service of its own. */
#ifndef MIRROR_LINK_SPAWN_H
#define MIRROR_LINK_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

/* Has this process CAP_NET_ADMIN? */
bool spawn_may(void);
/* Starts a guardian, a small process that keeps its capabilities: it starts sluice-kernel, which
 * lies beside this program, and again a second after each end of it; both end with this process,
 * however that ends. Before there are other threads. log_file "": stderr. 0 or -errno: -ENOENT,
 * -EACCES of the program. */
int spawn_start(const char *socket, const char *dataplane, const char *log_file,
	const char *log_level, pid_t *guardian);
/* Ends both, and waits for it. 0: nothing. */
void spawn_stop(pid_t guardian);
/* For SIGCHLD: has the guardian ended? Then there is none any more: 0 is the caller's to note. */
bool spawn_ended(pid_t guardian);
/* For SIGHUP: sluice-kernel opens its log anew. */
void spawn_reload(pid_t guardian);

/* This thread, and all threads and processes that it makes from now on, have no capability: before
 * there are others. 0 or -errno. */
int spawn_drop_capabilities(void);

#endif

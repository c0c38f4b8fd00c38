/* SPDX-License-Identifier: BSD-3-Clause */
/* One sluice-control a dataplane: two would take away each other's objects for ever. */
#ifndef CONTROL_LOCK_H
#define CONTROL_LOCK_H

#include <stddef.h>

/* Locks the file SOCKET.control beside the dataplane's socket (which need not be there yet) until
 * the process ends, however it ends. Who may not make it there finds the dataplane's own, or that
 * of tmpfiles.conf. 0; -EBUSY: another sluice-control has it; -EACCES, -EPERM, -EROFS: this user
 * may neither make nor read it; other -errno: it cannot be made. why says what to do. */
int lock_dataplane(const char *socket, char *why, size_t size);

#endif

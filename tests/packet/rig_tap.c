/* SPDX-License-Identifier: BSD-3-Clause */
/* Taps of attachments on socket pairs (rig_tap.h). */
#include "rig_tap.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attachment_tap.h"
#include "bounds.h"

static struct {
	int switch_end, kernel_end; /* 0: none */
} ends[LIMIT_ATTACHMENTS + 1];

static void end(int *fd)
{
	if (*fd != 0)
		close(*fd);
	*fd = 0;
}

void rig_tap(uint16_t attachment)
{
	int old_switch = ends[attachment].switch_end, old_kernel = ends[attachment].kernel_end;
	int pair[2];

	RIG_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0,
		"no socket pair: %s", strerror(errno));
	ends[attachment].switch_end = pair[0];
	ends[attachment].kernel_end = pair[1];
	attachment_tap_set(attachment, pair[0]);
	end(&old_switch);
	end(&old_kernel);
}

void rig_tap_gone(uint16_t attachment)
{
	attachment_tap_unset(attachment);
	end(&ends[attachment].switch_end);
	end(&ends[attachment].kernel_end);
}

void rig_tap_hang_up(uint16_t attachment)
{
	end(&ends[attachment].kernel_end);
}

bool rig_tap_take(uint16_t attachment, struct pkt *out)
{
	ssize_t n = ends[attachment].kernel_end != 0
			    ? recv(ends[attachment].kernel_end, out->b, PKT_MAX, 0)
			    : -1;

	out->len = n > 0 ? n : 0;
	return n > 0;
}

void rig_tap_say(uint16_t attachment, const struct pkt *p)
{
	RIG_CHECK(send(ends[attachment].kernel_end, p->b, p->len, MSG_NOSIGNAL) == (ssize_t)p->len,
		"the tap takes nothing: %s", strerror(errno));
}

void rig_taps(void)
{
	attachment_taps_write();
	attachment_taps_read();
	rig_advance(0);
}

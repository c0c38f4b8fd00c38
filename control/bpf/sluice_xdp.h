/* SPDX-License-Identifier: BSD-3-Clause */
/* What the XDP program and those who fill and read its maps share (sluice_xdp.bpf.c,
 * dataplane/core, control/xdp). Fixed width types only: one side is compiled for BPF. */
#ifndef BPF_SLUICE_XDP_H
#define BPF_SLUICE_XDP_H

#include <linux/types.h>

/* net_af_xdp finds an attached program and its sockets' map by these two names (libxdp's rule). */
#define XDP_PROGRAM_NAME "xsk_def_prog"
#define XDP_SOCKETS_NAME "xsks_map"
/* By this one we know our own: no other program has a map of that name. 15 characters at most. */
#define XDP_SETTING_NAME "sluice_setting"

#define XDP_QUEUES	64    /* of one interface */
#define XDP_LOCALS	65536 /* a port and a 0 for each tunnel of a box, and room for two sets */
#define XDP_VLAN_WORDS	(4096 / 64)
#define XDP_HEADERS_MAX 4 /* IPv6 extension headers walked before UDP */

/* Why a frame went where it went: name, help text. */
#define XDP_VERDICTS(V)                                                                            \
	V(OVERLAY, overlay, "VXLAN or Geneve to an address of a tunnel: to the dataplane")         \
	V(GTPU, gtpu, "GTP-U to an address of ours: to the dataplane")                             \
	V(ATTACHMENT, attachment, "of a VLAN, or untagged, with an attachment: to the dataplane")  \
	V(FRAGMENT, fragment,                                                                      \
		"later fragment of UDP to an address of a tunnel or GTP-U: to the dataplane")      \
	V(UNFILTERED, unfiltered, "no dataplane has told what to take: all to the kernel")         \
	V(KERNEL, kernel, "anything else: to the kernel")                                          \
	V(MALFORMED, malformed, "headers cut short: to the kernel, which counts it too")           \
	V(NO_SOCKET, no_socket, "for the dataplane, which does not read this queue: to the kernel")

enum xdp_verdict {
#define XDP_VERDICT_ENUM(up, low, help) XDP_VERDICT_##up,
	XDP_VERDICTS(XDP_VERDICT_ENUM)
#undef XDP_VERDICT_ENUM
		XDP_VERDICT_COUNT
};

#define XDP_FILTER   1u /* what the maps say goes to the dataplane; unset: nothing */
#define XDP_UNTAGGED 2u /* there is an untagged attachment */
#define XDP_NO_PASS  4u /* what is for the dataplane and has no socket is dropped, not passed */

struct xdp_setting {
	__u32 flags;
	__u32 pad;
	__u64 vlans[XDP_VLAN_WORDS]; /* bit: the VLAN has an attachment */
};

/* What of UDP is ours. Port 0: the address has some port, so fragments to it are taken. */
struct xdp_local {
	__u8 address[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u16 port;	  /* in network order */
	__u16 pad;
};

enum xdp_local_kind { XDP_LOCAL_OVERLAY = 1, XDP_LOCAL_GTPU = 2, XDP_LOCAL_ADDRESS = 3 };

struct xdp_count {
	__u64 packets, bytes;
};

#endif

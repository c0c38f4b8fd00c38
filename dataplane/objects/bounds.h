/* SPDX-License-Identifier: BSD-3-Clause */
/* How much of everything one box holds. Past a limit the answer is RPC_ERR_CAPACITY with
 * data.limit. Part of dataplane/objects: plain C, no rte_*; the control plane includes it too. */
#ifndef API_BOUNDS_H
#define API_BOUNDS_H

#define LIMIT_NAME		 63 /* characters of an object's name */
#define LIMIT_DEVICE		 255
#define LIMIT_WORKERS		 16
#define LIMIT_PORTS		 64
#define LIMIT_SLICES		 16383 /* ids 1..16383; 0 is "no slice" */
#define LIMIT_ATTACHMENTS	 16383
#define LIMIT_TUNNELS		 16383
#define LIMIT_MEMBERS		 131072
#define LIMIT_ADDRESSES		 65536
#define LIMIT_UNDERLAY_ADDRESSES 4096 /* of those, on ports */
#define LIMIT_NEIGHBORS		 16384
#define LIMIT_ROUTES		 262144 /* of the underlay */
#define LIMIT_FIB_ROUTES                                                                           \
	2097152 /* of all l3 slices, of one address family, the switch's own entries included */
#define LIMIT_NEXTHOPS	524288
#define LIMIT_HOSTS	131072 /* neighbours on attachments, learned and static */
#define LIMIT_ROUTE_VIA 16
#define LIMIT_METERS	16383
#define LIMIT_MACS	1048576 /* in the whole box, learned and static */

#define LIMIT_GTPU	     64	     /* own GTP-U addresses */
#define LIMIT_SESSIONS	     1048575 /* twenty bits of a TEID that is chosen here */
#define LIMIT_SLICE_SESSIONS 16383   /* Ethernet ones, of one slice: floods go to each */
#define LIMIT_SESSION_PDRS   32
#define LIMIT_SESSION_FARS   32
#define LIMIT_SESSION_QERS   16
#define LIMIT_SESSION_URRS   32
#define LIMIT_SESSION_FRAMED 16	  /* prefixes behind the UE */
#define LIMIT_SESSION_TEIDS  16	  /* own F-TEIDs of one session */
#define LIMIT_PDR_FILTERS    2048 /* of one PDR */
#define LIMIT_FILTER	     255  /* characters of one */

#define LIMIT_RPC_LINE_BYTES (16u << 20) /* one request */
#define LIMIT_RPC_CLIENTS    128

#define RATE_MIN_BPS	  100000 /* of a shaped port */
#define GUARANTEE_MIN_BPS 1000
#define RATE_MAX_BPS	  1000000000000ull /* bits a second; a terabit */
#define METER_RATE_MIN	  8		   /* bits a second: a byte */
#define METER_RATE_MAX	  1000000000000ull
#define METER_BURST_MIN	  64 /* a shorter one would pass no packet at all */
#define METER_BURST_MAX	  4294967295ull

#define MTU_MIN 576
#define MTU_MAX 9600

/* IFA_PROTO (Linux 5.18) of addresses that dataplane and control put on interfaces of the kernel by
 * themselves: whoever mirrors the kernel leaves them out. */
#define API_KERNEL_PROTOCOL 83

#endif

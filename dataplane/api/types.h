/* SPDX-License-Identifier: BSD-3-Clause */
/* The object types of the socket as C structures (contract.md, "Object types").
 * A decoded object is zeroed first, so two equal objects compare equal with memcmp.
 * Part of dataplane/api: plain C, no rte_*. */
#ifndef API_TYPES_H
#define API_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"

enum object_type {
	OBJECT_PORT,
	OBJECT_ADDRESS,
	OBJECT_NEIGHBOR,
	OBJECT_ROUTE,
	OBJECT_SLICE,
	OBJECT_ATTACHMENT,
	OBJECT_TUNNEL,
	OBJECT_MEMBER,
	OBJECT_MAC,
	OBJECT_METER,
	OBJECT_TYPES
};

typedef char api_name[LIMIT_NAME + 1]; /* "" means left out */

struct api_mac_addr {
	uint8_t bytes[6];
};

/* An address, or a prefix when len is used; family 0 means left out. */
struct api_ip {
	uint8_t family; /* 0, 4 or 6 */
	uint8_t len;	/* prefix length; 32 or 128 for a plain address */
	uint8_t bytes[16];
};

struct api_port {
	api_name name;
	char device[LIMIT_DEVICE + 1]; /* DPDK devargs or a PCI address */
	struct api_mac_addr mac;       /* all zero: the device's own */
	uint32_t mtu;		       /* of the IP packet; 0 = 1500 */
	uint32_t queues;	       /* 0 = one a worker where the device can */
	uint32_t mbufs;		       /* 0 = sized from queues */
	bool tap;		       /* wants a twin in the kernel */
	uint64_t rate_bps;	       /* what leaves is shaped to it; 0: not */
	uint32_t rate_overhead_bytes;  /* counted beside each frame against the rate */
	/* answers only, zero in a stored object */
	bool link;
	uint32_t speed_mbps;		/* 0 = the device does not say */
	struct api_mac_addr mac_in_use; /* the one it answers to */
	char tap_name[16];
};

struct api_address {
	api_name port; /* exactly one of port and attachment */
	api_name attachment;
	struct api_ip prefix; /* host bits kept: 198.18.0.1/24 */
};

struct api_neighbor {
	api_name port;
	api_name attachment;
	struct api_ip address;
	struct api_mac_addr mac;
	/* only in answers, of learned ones */
	api_name slice;
	bool learned;
	uint32_t state; /* as enum neighbor_state */
	uint32_t age_s; /* since it was last confirmed */
};

struct api_via {
	struct api_ip address;
	api_name port;
	api_name tunnel;
	api_name attachment;
	struct api_mac_addr
		mac;	 /* via a tunnel: of the gateway at its other end; zero: the slice's own */
	uint32_t weight; /* 1 to 255 */
};

struct api_route {
	api_name table; /* "underlay" or a slice */
	struct api_ip prefix;
	uint32_t via_count;
	struct api_via via[LIMIT_ROUTE_VIA];
};

#define GUARANTEE_METER UINT64_MAX
enum slice_kind { SLICE_L2, SLICE_L3 };

struct api_slice {
	api_name name;
	uint32_t vni;		 /* 1 to 16777215 */
	uint32_t kind;		 /* enum slice_kind */
	uint32_t max_macs;	 /* learned and static; default 65536 */
	uint32_t mac_ageing_s;	 /* default 300; 0 = learned MACs stay */
	uint32_t flood_pps;	 /* packets a second taken for flooding; default 10000; 0 = none */
	uint32_t weight;	 /* 1 to 1000: its part of what guarantees leave of a shaped port */
	uint64_t guarantee_bps;	 /* 0: none; GUARANTEE_METER: left out, as the slice's meter says */
	struct api_mac_addr mac; /* l3: of its gateways; zero: made from the VNI */
	bool mss_clamp; /* TCP through its tunnels is told of an MSS that fits; default false */
	bool suppress;	/* answers ARP and ND for hosts it knows instead of flooding; default false;
			   l2 only */
	api_name meter; /* of all its traffic into the overlay */
	uint32_t static_macs; /* only in answers */
	uint32_t routes;      /* only in answers */
};

struct api_attachment {
	api_name name;
	api_name slice;
	api_name port;
	uint32_t vlan; /* 0 = untagged */
	api_name meter_in;
	api_name meter_out;
};

enum tunnel_encap { ENCAP_VXLAN, ENCAP_GENEVE };
enum tunnel_dscp { DSCP_COPY = 64 };		   /* or 0 to 63, fixed */
enum tunnel_csum { CSUM_AUTO, CSUM_ON, CSUM_OFF }; /* auto: zero on IPv4, real on IPv6 */

struct api_tunnel {
	api_name name;
	uint32_t encap; /* enum tunnel_encap */
	struct api_ip local;
	struct api_ip remote;
	uint32_t dst_port; /* default 4789 (vxlan), 6081 (geneve) */
	uint32_t ttl;	   /* default 64 */
	bool df;	   /* default true, false with fragment; IPv4 only */
	bool fragment;	   /* what does not fit the underlay leaves in fragments; default false */
	uint32_t dscp;	   /* 0 to 63 fixed; left out: DSCP_COPY */
	uint32_t udp_csum; /* enum tunnel_csum */
	bool accept_zero_csum6; /* RFC 6935: take UDP checksum zero over IPv6; default false */
	char state[160];	/* only in answers: "up via wan0 198.18.0.2" */
};

struct api_member {
	api_name slice;
	api_name tunnel;
};

struct api_mac {
	api_name slice;
	struct api_mac_addr mac;
	api_name attachment; /* exactly one of attachment and tunnel */
	api_name tunnel;
	bool learned;	/* only in answers */
	uint32_t age_s; /* only in answers: of a learned one, since it was last seen */
};

enum meter_algorithm { METER_TRTCM, METER_SRTCM, METER_TRTCM_4115 }; /* RFC 2698, 2697, 4115 */
enum meter_yellow { YELLOW_REMARK, YELLOW_PASS, YELLOW_DROP };
enum meter_mode { COLOR_AWARE, COLOR_BLIND };

struct api_meter {
	api_name name;
	uint64_t cir_bps;
	uint32_t cbs_bytes;
	uint64_t pir_bps;   /* rfc4115: EIR; srtcm: not looked at */
	uint32_t pbs_bytes; /* srtcm, rfc4115: EBS */
	uint32_t algorithm; /* enum meter_algorithm */
	uint32_t yellow;    /* enum meter_yellow */
	uint32_t color;	    /* enum meter_mode */
};

union api_object {
	struct api_port port;
	struct api_address address;
	struct api_neighbor neighbor;
	struct api_route route;
	struct api_slice slice;
	struct api_attachment attachment;
	struct api_tunnel tunnel;
	struct api_member member;
	struct api_mac mac;
	struct api_meter meter;
};

#define API_KEY_BYTES 192 /* the longest key with its NUL */

#endif

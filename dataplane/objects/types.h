/* SPDX-License-Identifier: BSD-3-Clause */
/* The object types of the socket as C structures (contract.md, "Object types").
 * A decoded object is zeroed first, so two equal objects compare equal with memcmp.
 * Part of dataplane/objects: plain C, no rte_*. */
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
	OBJECT_GTPU,
	OBJECT_SESSION,
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

#define PORT_FAULT 240

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
	bool gone;		/* the interface below it */
	uint32_t interface_mtu; /* of the interface below it, while it is less than mtu */
	bool tap_lost;
	char warning[192];	/* port_veth.h; "": none */
	char fault[PORT_FAULT]; /* what loses its traffic, and the cure; "": nothing known */
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
	/* only in answers, of learned ones, and of those that are wanted and missing */
	api_name slice;
	bool learned;
	uint32_t state; /* as enum neighbor_state */
	uint32_t age_s; /* since it was last confirmed */
	bool wanted;	/* on the underlay: a path leads over it */
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
	bool tunnel_learning; /* MACs are learned from frames that come by tunnels; default true;
				 l2 only */
	api_name meter;	      /* of all its traffic into the overlay */
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
	char tap[16];	    /* interface in the kernel that is its slow path; "": none */
	uint32_t tap_index; /* only in answers: of that interface when it was made */
};

enum tunnel_encap { ENCAP_VXLAN, ENCAP_GENEVE, ENCAP_GTPU }; /* the last: gtpu peers alone */
enum tunnel_dscp { DSCP_COPY = 64 };			     /* or 0 to 63, fixed */
enum tunnel_csum { CSUM_AUTO, CSUM_ON, CSUM_OFF };	     /* auto: zero on IPv4, real on IPv6 */

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
	bool accept_zero_csum6; /* take UDP checksum zero over IPv6; default: vxlan, RFC 7348
				   section 5 */
	bool has_zero_csum6;	/* accept_zero_csum6 was said */
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
	bool movable;	  /* gives way to what is learned at an attachment; default false */
	api_name session; /* only in answers: learned behind an Ethernet session */
	bool learned;	  /* only in answers */
	bool overtaken;	  /* only in answers: a learned one, for which a movable one gave way */
	uint32_t age_s;	  /* only in answers: of a learned one, since it was last seen */
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

/* ---- the mobile user plane (TS 29.244, TS 29.281) ---- */

enum upf_interface { INTERFACE_ACCESS, INTERFACE_CORE };

struct api_gtpu {
	api_name name;
	struct api_ip address;
	uint32_t interface; /* enum upf_interface: access (N3), core (N9) */
	uint32_t echo_s;   /* seconds between echo requests to a peer in use; 0: none; default 60 */
	uint32_t ttl;	   /* default 64 */
	uint32_t dscp;	   /* 0 to 63 fixed; left out: DSCP_COPY; a FAR's own goes first */
	uint32_t udp_csum; /* enum tunnel_csum */
	bool accept_zero_csum6;
};

/* Lists of a session. Items of a decoded one live until the same thread decodes the next object of
 * a type with lists. */
struct api_text {
	const char *text; /* ends with NUL */
	uint32_t len;
};
struct api_texts {
	uint32_t count;
	struct api_text *item;
};
struct api_ids {
	uint32_t count;
	uint32_t *item;
};
struct api_prefixes {
	uint32_t count;
	struct api_ip *item;
};

struct api_ethernet_filter {
	struct api_mac_addr source, destination; /* all zero: any */
	uint32_t vlan;				 /* 0: any */
	uint32_t ethertype;			 /* 0: any */
};
struct api_ethernet_filters {
	uint32_t count;
	struct api_ethernet_filter *item;
};

enum outer_removal { /* as TS 29.244 8.2.64 numbers them */
	REMOVE_GTPU_IPV4 = 0,
	REMOVE_GTPU_IPV6 = 1,
	REMOVE_GTPU = 6,
	REMOVE_NONE = 255 /* left out */
};
#define QFI_NONE 64u /* left out */

struct api_pdr {
	uint32_t id;
	uint32_t precedence; /* lower goes first */
	uint32_t source;     /* enum upf_interface */
	uint32_t teid;	     /* 0: left out */
	uint32_t choose_id;  /* PDRs of the same gtpu and choose_id share the TEID chosen; default 0
			      */
	api_name gtpu;	     /* with teid or for one to be chosen */
	api_name slice; /* source core without gtpu: where the UE's packets come from; left out: the
			   session's */
	struct api_texts filters;
	struct api_ethernet_filters ethernet;
	uint32_t qfi;		       /* 0 to 63; QFI_NONE */
	uint32_t outer_header_removal; /* enum outer_removal */
	uint32_t far;
	struct api_ids qers, urrs;
	/* filled in by rpc/, not on the wire */
	uint16_t gtpu_id, slice_id;
};
struct api_pdrs {
	uint32_t count;
	struct api_pdr *item;
};

struct api_outer_header {
	uint32_t teid; /* 0: no outer header */
	struct api_ip peer;
	api_name gtpu; /* the own address it is sent from; left out: one of the destination's
			  interface and the peer's family */
	uint16_t gtpu_id;
};

enum far_action { FAR_FORWARD, FAR_DROP, FAR_BUFFER };
struct api_far {
	uint32_t id;
	uint32_t action;      /* enum far_action */
	uint32_t destination; /* enum upf_interface; default core */
	api_name slice; /* core, no outer header: the slice it goes into; left out: the session's */
	struct api_outer_header outer_header;
	uint32_t dscp;	 /* of the outer header; left out: DSCP_COPY, the gtpu's */
	bool end_marker; /* when a put changes outer_header: tell the old tunnel (SNDEM) */
	bool notify_cp;	 /* with buffer: event downlink_data */
	struct api_outer_header duplicate_to;
	struct api_ip redirect; /* routed as if to this address (TS 29.244 8.2.20, by IP) */
	uint16_t slice_id;
};
struct api_fars {
	uint32_t count;
	struct api_far *item;
};

enum qer_gate { GATE_OPEN, GATE_CLOSED };
struct api_qer {
	uint32_t id;
	uint32_t gate_ul, gate_dl;	 /* enum qer_gate */
	uint64_t mbr_ul_bps, mbr_dl_bps; /* 0: not limited */
	uint64_t gbr_ul_bps, gbr_dl_bps; /* 0: none */
	uint32_t burst_ms; /* of the rate that may come at once; default 20, at least 2 packets of
			      9,600 bytes */
	uint32_t qfi;	   /* written into what leaves by GTP-U; QFI_NONE */
};
struct api_qers {
	uint32_t count;
	struct api_qer *item;
};

#define MEASURE_VOLUME	 0x1u
#define MEASURE_DURATION 0x2u
#define REPORT_START	 0x1u
#define REPORT_STOP	 0x2u
struct api_urr {
	uint32_t id;
	uint32_t measure;	  /* MEASURE_* */
	uint64_t threshold_bytes; /* 0: none; up- and downlink together, as all volumes here */
	uint64_t quota_bytes;	  /* NO_QUOTA: none */
	uint32_t threshold_s, quota_s;
	uint32_t period_s;
	uint32_t report;       /* REPORT_*: of traffic */
	uint32_t inactivity_s; /* no packet for so long: traffic has stopped, and time is not
				  measured; default 0: counts on */
	uint32_t grant;	       /* another number than before: its quotas are granted anew */
};
#define NO_QUOTA   UINT64_MAX
#define NO_QUOTA_S UINT32_MAX
struct api_urrs {
	uint32_t count;
	struct api_urr *item;
};

struct api_bar {
	uint32_t id;
	uint32_t packets;  /* held for the session at most; default 64, 0 = none */
	uint32_t delay_ms; /* from the packet to its event; default 0 */
};

struct api_ue {
	struct api_ip ipv4;	    /* an address */
	struct api_ip ipv6;	    /* a prefix; shorter than /64 is refused */
	struct api_prefixes framed; /* more prefixes that are the UE's: framed routes, a second IPv6
				       prefix (multi-homing) */
};

struct api_session {
	api_name name;
	api_name slice; /* l3: IP sessions; l2: Ethernet sessions */
	struct api_ue ue;
	struct api_pdrs pdrs;
	struct api_fars fars;
	struct api_qers qers;
	struct api_urrs urrs;
	struct api_bar bar;
	bool has_bar;
	/* filled in by rpc/, not on the wire */
	uint16_t slice_id;
	bool ethernet; /* the slice is l2: its PDUs are Ethernet frames */
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
	struct api_gtpu gtpu;
	struct api_session session;
};

#define API_KEY_BYTES 192 /* the longest key with its NUL */

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* On each interface that is an AF_XDP port: overlay, GTP-U and attachment traffic to the sockets of
 * the dataplane, the rest to the kernel. Loaded by attach.c, told what is ours by the dataplane
 * (xdp_filter.c); until then everything is the kernel's.
 *
 * It reads nothing but the frame and uapi structures: no field of the kernel's that could move, so
 * one object serves all kernels and needs no vmlinux.h. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "sluice_xdp.h"

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, XDP_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdp_setting);
} sluice_setting SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XDP_LOCALS);
	__uint(map_flags, BPF_F_NO_PREALLOC); /* most boxes have a handful */
	__type(key, struct xdp_local);
	__type(value, __u32);
} sluice_locals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XDP_VERDICT_COUNT);
	__type(key, __u32);
	__type(value, struct xdp_count);
} sluice_counts SEC(".maps");

/* The process whose sockets are in xsks_map, 0: none yet. For those who clean up; not read here. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sluice_owner SEC(".maps");

struct vlan_tag {
	__be16 tci;
	__be16 type;
};

struct extension { /* IPv6: hop-by-hop, routing, destination options */
	__u8 next;
	__u8 length; /* in 8 bytes, the first not counted */
	__u8 rest[6];
};

struct fragment_header {
	__u8 next;
	__u8 reserved;
	__be16 offset; /* in 8 bytes, and flags in the lowest 3 bits */
	__be32 id;
};

#define IP4_OFFSET  0x1fff
#define IP6_OFFSET  0xfff8
#define HOP_BY_HOP  0
#define ROUTING	    43
#define FRAGMENT    44
#define DESTINATION 60

static __always_inline int count(struct xdp_md *ctx, __u32 verdict, int action)
{
	struct xdp_count *c = bpf_map_lookup_elem(&sluice_counts, &verdict);

	if (c) {
		c->packets++;
		c->bytes += ctx->data_end - ctx->data;
	}
	return action;
}

static __always_inline int to_dataplane(
	struct xdp_md *ctx, const struct xdp_setting *setting, __u32 verdict)
{
	__u64 without = setting->flags & XDP_NO_PASS ? XDP_DROP : XDP_PASS;
	int action = bpf_redirect_map(&xsks_map, ctx->rx_queue_index, without);

	return count(ctx, action == XDP_REDIRECT ? verdict : XDP_VERDICT_NO_SOCKET, action);
}

/* The verdict on UDP to the address in `local`: later fragments have no port to look at. */
static __always_inline __u32 udp_verdict(
	struct xdp_local *local, const void *at, const void *end, int later)
{
	const struct udphdr *udp = at;
	__u32 *kind;

	if (later)
		return bpf_map_lookup_elem(&sluice_locals, local) ? XDP_VERDICT_FRAGMENT
								  : XDP_VERDICT_KERNEL;
	if ((const void *)(udp + 1) > end)
		return XDP_VERDICT_MALFORMED;
	local->port = udp->dest;
	kind = bpf_map_lookup_elem(&sluice_locals, local);
	if (!kind || *kind == XDP_LOCAL_ADDRESS) /* port 0 stands for fragments, and is nobody's */
		return XDP_VERDICT_KERNEL;
	return *kind == XDP_LOCAL_GTPU ? XDP_VERDICT_GTPU : XDP_VERDICT_OVERLAY;
}

static __always_inline __u32 ip4_verdict(const void *at, const void *end)
{
	const struct iphdr *ip = at;
	struct xdp_local local = {};
	__u32 length;

	if ((const void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5)
		return XDP_VERDICT_MALFORMED;
	if (ip->protocol != IPPROTO_UDP)
		return XDP_VERDICT_KERNEL;
	length = ip->ihl * 4;
	local.address[10] = local.address[11] = 0xff;
	__builtin_memcpy(local.address + 12, &ip->daddr, 4);
	return udp_verdict(&local, at + length, end, ip->frag_off & bpf_htons(IP4_OFFSET));
}

static __always_inline __u32 ip6_verdict(const void *at, const void *end)
{
	const struct ipv6hdr *ip = at;
	struct xdp_local local = {};
	int later = 0;
	__u8 next;

	if ((const void *)(ip + 1) > end || ip->version != 6)
		return XDP_VERDICT_MALFORMED;
	__builtin_memcpy(local.address, &ip->daddr, 16);
	next = ip->nexthdr;
	at = ip + 1;
	for (int i = 0; i < XDP_HEADERS_MAX && next != IPPROTO_UDP && !later; i++) {
		const struct extension *ext = at;

		if (next != HOP_BY_HOP && next != ROUTING && next != DESTINATION &&
			next != FRAGMENT)
			return XDP_VERDICT_KERNEL;
		if ((const void *)(ext + 1) > end)
			return XDP_VERDICT_MALFORMED;
		if (next == FRAGMENT) {
			const struct fragment_header *fragment = at;

			later = (fragment->offset & bpf_htons(IP6_OFFSET)) != 0;
			at += sizeof(*fragment);
		} else {
			at += 8 + ext->length * 8;
		}
		next = ext->next;
	}
	return next == IPPROTO_UDP ? udp_verdict(&local, at, end, later) : XDP_VERDICT_KERNEL;
}

SEC("xdp")
int xsk_def_prog(struct xdp_md *ctx)
{
	const void *at = (const void *)(long)ctx->data, *end = (const void *)(long)ctx->data_end;
	const struct ethhdr *eth = at;
	struct xdp_setting *setting;
	__u32 zero = 0, verdict, vid = 0;
	__be16 type;

	setting = bpf_map_lookup_elem(&sluice_setting, &zero);
	/* the owner's map is named so that it belongs to the program */
	if (!setting || !bpf_map_lookup_elem(&sluice_owner, &zero))
		return XDP_PASS; /* the verifier's wish: an array of one has its entry */
	if (!(setting->flags & XDP_FILTER))
		return count(ctx, XDP_VERDICT_UNFILTERED, XDP_PASS);
	if ((const void *)(eth + 1) > end)
		return count(ctx, XDP_VERDICT_MALFORMED, XDP_PASS);
	type = eth->h_proto;
	at = eth + 1;
	if (type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD)) {
		const struct vlan_tag *tag = at;

		if ((const void *)(tag + 1) > end)
			return count(ctx, XDP_VERDICT_MALFORMED, XDP_PASS);
		vid = bpf_ntohs(tag->tci) & 0xfff;
		type = tag->type;
		at = tag + 1;
	}
	if (vid ? setting->vlans[vid / 64] >> (vid % 64) & 1 : setting->flags & XDP_UNTAGGED)
		return to_dataplane(ctx, setting, XDP_VERDICT_ATTACHMENT);
	/* the underlay is untagged; a VLAN that nobody attached is the kernel's */
	if (vid != 0)
		verdict = XDP_VERDICT_KERNEL;
	else if (type == bpf_htons(ETH_P_IP))
		verdict = ip4_verdict(at, end);
	else if (type == bpf_htons(ETH_P_IPV6))
		verdict = ip6_verdict(at, end);
	else
		verdict = XDP_VERDICT_KERNEL;
	if (verdict == XDP_VERDICT_KERNEL || verdict == XDP_VERDICT_MALFORMED)
		return count(ctx, verdict, XDP_PASS);
	return to_dataplane(ctx, setting, verdict);
}

/* The number of libxdp's agreement about the two names; it looks for it in the BTF. */
__uint(xsk_prog_version, 1) SEC("xdp_metadata");

char _license[] SEC("license") = "BSD-3-Clause";

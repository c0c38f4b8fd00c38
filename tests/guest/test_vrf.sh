#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Two l3 slices, each fed by a VRF of the box's Linux, with the same networks and the same routes behind their routers.
# What iproute2 changes in a VRF is seen in the dataplane's routes and in what hosts reach; the other VRF's stays.
#
#     netns rb  VLAN 10  198.18.10.2, behind it 198.19.0.1 and 2001:db8:9::1 ┐          ┌ 198.18.10.1 ┐ tap blue10 ┐ slice blue,
#     netns hb  VLAN 11  198.18.11.2                                         ├─ trunk ══╡ lan0        │ tap blue11 ┘ VRF blue 100
#     netns rg  VLAN 20  198.18.10.2, behind it the same                     │          │             │ tap green10┐ slice green,
#     netns hg  VLAN 21  198.18.11.2                                         ┘          └ 198.18.11.1 ┘ tap green11┘ VRF green 200
. ./lib.sh

# host NETNS VLAN NET NET6: with its way to everything by the gateway
host() {
	ip netns add "$1"
	ip link add eth0 netns "$1" link trunk address "02:00:00:00:00:$2" type vlan id "$2" || fail "VLAN $2"
	ip -n "$1" link set eth0 up
	ip -n "$1" addr add "$3.2/24" dev eth0
	ip -n "$1" addr add "$4::2/64" dev eth0 nodad
	ip -n "$1" route add default via "$3.1"
	ip -n "$1" route add default via "$4::1"
}

# router NETNS: has a network behind it
router() {
	ip -n "$1" link set lo up
	ip -n "$1" addr add 198.19.0.1/32 dev lo
	ip -n "$1" addr add 2001:db8:9::1/128 dev lo nodad
}

# slice NAME VNI VLAN VLAN [KERNEL]: by the VRF of its name unless told
slice() {
	cat <<-END
		---
		kind: slice
		name: $1
		service: l3
		vni: $2
		kernel: {${5:-vrf: $1}}
		endpoints:
		  - {site: here, port: lan0, vlan: $3, tap: ${1}10, gateway: 198.18.10.1/24, gateway6: "2001:db8:10::1/64"}
		  - {site: here, port: lan0, vlan: $4, tap: ${1}11, gateway: 198.18.11.1/24, gateway6: "2001:db8:11::1/64"}
	END
}

# in the dataplane: prefixes of a slice's routes, in order
prefixes() { sluice --json dp list route "table=$1" | jq -r '[.objects[].prefix] | sort | join(" ")'; }

# routed SLICE PREFIXES: until these are its routes, in the order of their text
routed() {
	tries=200
	until [ "$(prefixes "$1")" = "$2" ]; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || fail "routes of slice $1: want '$2', got '$(prefixes "$1")'"
		sleep 0.1
	done
}

enslaved() { ip -json link show "$1" | jq -e ".[0].master == \"$2\"" >/dev/null; }

# until the gateways' networks are in the VRF's table
connected() {
	for n in 10 11; do
		within 20 "VRF $1 has network 198.18.$n.0/24" ip route get "198.18.$n.2" vrf "$1" oif "$1$n"
		within 20 "VRF $1 has network 2001:db8:$n::/64" ip -6 route get "2001:db8:$n::2" vrf "$1" oif "$1$n"
	done
}

wire trunk lan0
host rb 10 198.18.10 2001:db8:10
host hb 11 198.18.11 2001:db8:11
host rg 20 198.18.10 2001:db8:10
host hg 21 198.18.11 2001:db8:11
router rb
router rg
vrf green 200 # VRF blue comes later than its slice
box_start here
{
	echo 'kind: site'
	echo 'name: here'
	echo 'ports: [{name: lan0, device: "net_af_packet0,iface=lan0"}]'
	slice blue 100 10 11
	slice green 200 20 21
} | apply

within 20 "the taps of slice green are in VRF green" enslaved green10 green
within 20 "both of them" enslaved green11 green
connected green
within 20 "tap blue10 is there, without a VRF" ip link show blue10
ip -json link show blue10 | jq -e '.[0].flags | index("UP") | not' >/dev/null || fail "outside of its VRF blue10 is up: it would be the box's own"
ip route add blackhole 198.19.0.0/24 table 100
sleep 0.5
routed blue ""
vrf blue 100
routed blue 198.19.0.0/24
within 20 "the taps of slice blue are in VRF blue, which came later" enslaved blue10 blue
within 20 "both of them" enslaved blue11 blue
connected blue
ip route del blackhole 198.19.0.0/24 table 100
routed blue ""
say "a route that was there before its VRF is taken in with it"

for box in hb:rb hg:rg; do
	reaches "netns:${box%:*}" 198.18.11.1
	reaches "netns:${box%:*}" 198.18.10.2
done
say "the taps are in their VRFs, whichever was first, and the slices route"

reaches blue 198.18.10.2
reaches green 198.18.11.2
say "the box's Linux reaches hosts of both slices by its VRFs"

silent netns:hb 198.19.0.1
ip route add 198.19.0.0/24 via 198.18.10.2 vrf blue || fail "a route in VRF blue"
routed blue 198.19.0.0/24
reaches netns:hb 198.19.0.1
routed green ""
silent netns:hg 198.19.0.1
say "a route of VRF blue is slice blue's, and not green's"

ip route add 198.19.0.0/24 via 198.18.10.2 vrf green || fail "a route in VRF green"
ip -6 route add 2001:db8:9::/64 via 2001:db8:10::2 vrf green || fail "an IPv6 route in VRF green"
routed green "198.19.0.0/24 2001:db8:9::/64"
reaches netns:hg 198.19.0.1
reaches netns:hg 2001:db8:9::1
silent netns:hb 2001:db8:9::1
ip route del 198.19.0.0/24 vrf blue
routed blue ""
silent netns:hb 198.19.0.1
reaches netns:hg 198.19.0.1
say "the same prefix in both: what one VRF loses the other keeps"

kill -9 "$control"
wait "$control" 2>/dev/null
ip route add 198.19.0.0/24 via 198.18.10.2 vrf blue
ip -6 route del 2001:db8:9::/64 vrf green
reaches netns:hg 198.19.0.1
control_start here
routed blue 198.19.0.0/24
routed green 198.19.0.0/24
reaches netns:hb 198.19.0.1
say "what was changed while there was no control is taken in when it is back"

ip link del blue
routed blue ""
silent netns:hb 198.19.0.1
reaches netns:hg 198.19.0.1
vrf blue 101 # another table
within 20 "the taps are in the new VRF" enslaved blue10 blue
connected blue
ip route add 198.19.0.0/24 via 198.18.10.2 vrf blue
ip -6 route add 2001:db8:9::/64 via 2001:db8:10::2 vrf blue
routed blue "198.19.0.0/24 2001:db8:9::/64"
reaches netns:hb 198.19.0.1
reaches netns:hb 2001:db8:9::1
say "a VRF that goes takes its routes along, and comes back with another table"

slice blue 100 10 11 "table: 102" | apply
free() { ip -json link show "$1" | jq -e '.[0] | has("master") | not' >/dev/null; }
within 5 "tap blue10 is in the VRF no more" free blue10
within 5 "nor is the other" free blue11
within 5 "its gateway's network is the box's own now" ip route get 198.18.11.2 oif blue11
routed blue ""
ip route add 198.19.0.0/24 via 198.18.10.2 dev blue10 table 102
routed blue 198.19.0.0/24
reaches netns:hb 198.19.0.1
reaches netns:hg 198.19.0.1
say "a slice that has a table instead of a VRF takes its taps out of it"

slice blue 100 10 11 | apply
within 20 "the taps are in the VRF again" enslaved blue10 blue
connected blue
reaches blue 198.18.10.2
say "and back"
box_stop

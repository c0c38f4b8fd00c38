#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The guest has VRFs; a box starts there and takes intents; the kernel's own 802.1Q is the peer of tagged attachments.
#
#             ┌ trunk.10 in VRF ha 198.18.10.2 ┐                 ┌ VLAN 10  198.18.10.1 ┐ slice red
#             ├ trunk.20 in VRF hb 198.18.20.2 │                 ├ VLAN 20  198.18.20.1 ┘
#    trunk ───┤                                ├─── veth ─── lan0┤
#             ├ trunk.30 in VRF hc 198.18.10.2 │                 ├ VLAN 30  198.18.10.1 ┐ slice green,
#             ├ trunk.40 in VRF hd 198.18.20.2 │                 ├ VLAN 40  198.18.20.1 ┘ the same addresses
#             ├ trunk.50 in VRF he 198.18.50.2 │                 ├ VLAN 50 ┐
#             └ trunk.60 in VRF hf 198.18.50.3 ┘                 └ VLAN 60 ┘ slice flat (l2)
. ./lib.sh

# host VRF TABLE VLAN ADDRESS [GATEWAY]: a host of its own on the trunk, with its way to the other network
host() {
	vrf "$1" "$2"
	ip link add "trunk.$3" link trunk address "02:00:00:00:00:$3" type vlan id "$3" || fail "the kernel has no 802.1Q"
	ip link set "trunk.$3" master "$1" up
	ip addr add "$4/24" dev "trunk.$3"
	[ $# -lt 5 ] || ip route add 198.18.0.0/16 via "$5" vrf "$1"
}

wire trunk lan0
host ha 101 10 198.18.10.2 198.18.10.1
host hb 102 20 198.18.20.2 198.18.20.1
host hc 103 30 198.18.10.2 198.18.10.1
host hd 104 40 198.18.20.2 198.18.20.1
host he 105 50 198.18.50.2
host hf 106 60 198.18.50.3
equal "$(ip -json -d link show ha | jq -c '.[0].linkinfo')" '{"info_kind":"vrf","info_data":{"table":101}}' "what the kernel says of VRF ha"
equal "$(ip -json route show vrf ha 198.18.10.0/24 | jq -r '.[0].dev')" trunk.10 "the network of VRF ha is by"
equal "$(ip route show table main)" "" "routes of the main table"
say "VRFs, each with a network of its own"

box_start here
say "dataplane and control are up after $(cut -d' ' -f1 /proc/uptime) s"
apply <<'END'
kind: site
name: here
ports: [{name: lan0, device: "net_af_packet0,iface=lan0"}]
---
kind: slice
name: red
service: l3
vni: 100
endpoints:
  - {site: here, port: lan0, vlan: 10, gateway: 198.18.10.1/24}
  - {site: here, port: lan0, vlan: 20, gateway: 198.18.20.1/24}
---
kind: slice
name: green
service: l3
vni: 200
endpoints:
  - {site: here, port: lan0, vlan: 30, gateway: 198.18.10.1/24}
  - {site: here, port: lan0, vlan: 40, gateway: 198.18.20.1/24}
---
kind: slice
name: flat
vni: 300
endpoints:
  - {site: here, port: lan0, vlan: 50}
  - {site: here, port: lan0, vlan: 60}
END
equal "$(sluice --json dp list attachment | jq -c '[.objects[].vlan] | sort')" '[10,20,30,40,50,60]' "attachments' VLANs"
say "intents are taken: three slices, six attachments"

for from in ha hb hc hd; do
	case $from in
	ha | hc) reaches $from 198.18.10.1 && reaches $from 198.18.20.2 ;;
	hb | hd) reaches $from 198.18.20.1 && reaches $from 198.18.10.2 ;;
	esac
done
say "every host reaches its gateway, and the host on the other VLAN of its slice"

reaches he 198.18.50.3
equal "$(ip -json neigh show dev trunk.50 198.18.50.3 | jq -r '.[0].lladdr')" 02:00:00:00:00:60 "the MAC of the host on VLAN 60, seen from VLAN 50"
silent he 198.18.10.2
for pair in ha:198.18.20.2 he:198.18.50.3; do
	ping -I "${pair%:*}" -c 3 -W 2 -s 1472 "${pair#*:}" >/run/ping.log 2>&1 || fail "packets of 1,500 bytes from ${pair%:*}: $(cat /run/ping.log)"
done
say "a bridge from VLAN to VLAN, and packets of 1,500 bytes"

# who answered for 198.18.20.2 was the host of the same slice: with green's taken away only green is silent
ip link set trunk.40 down
silent hc 198.18.20.2
reaches ha 198.18.20.2
say "slices with the same addresses stay apart"
box_stop

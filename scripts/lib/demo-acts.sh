# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Two more acts of scripts/demo, which sources this: a tenant whose slice routes, and one that is held to the rate it was sold.
# Everything used here is scripts/demo's: its stage, its words, its counts.

# green: site A's host has the box as its gateway; at site B the slice ends in a Linux that routes.
# shellcheck disable=SC2154  # build, socket, state: scripts/demo's
check_routed() {
	local mac address
	title "A third tenant, green, has a slice that routes: its gateway is the box itself, at site B a Linux router"
	wire box lan-green a-green eth0 1500
	silent box lan-green
	tenant a-green $mac_a 198.18.110.2 2001:db8:110::2
	ip -n demo-a-green route add default via 198.18.110.1
	ip -n demo-a-green -6 route add default via 2001:db8:110::1
	ip -n demo-site-b link add name vx-green type vxlan id 300 local 198.18.0.2 remote 198.18.0.1 dstport 4789
	ip -n demo-site-b link set vx-green netns demo-b-green
	ip -n demo-b-green link set vx-green mtu 1500 up
	ip -n demo-b-green addr add 198.18.120.2/24 dev vx-green
	ip -n demo-b-green addr add 2001:db8:120::2/64 dev vx-green nodad
	for address in 198.18.120.1 2001:db8:120::1; do # the slice's own MAC: 02:5c, the VNI, 01
		ip -n demo-b-green neigh replace $address lladdr 02:5c:00:01:2c:01 dev vx-green nud permanent
	done
	ip -n demo-b-green route add 198.18.110.0/24 via 198.18.120.1
	ip -n demo-b-green -6 route add 2001:db8:110::/64 via 2001:db8:120::1
	mac=$(ip -n demo-b-green -j link show vx-green | jq -r '.[0].address')
	sluice dp put port name=lan-green device=net_af_packet3,iface=lan-green
	sluice dp put slice name=green vni=300 kind=l3
	sluice dp put attachment name=green-a slice=green port=lan-green
	sluice dp put member slice=green tunnel=to-b
	sluice dp put address attachment=green-a prefix=198.18.110.1/24
	sluice dp put address attachment=green-a prefix=2001:db8:110::1/64
	sluice dp put route table=green prefix=198.18.120.0/24 "via=tunnel:to-b,mac=$mac"
	sluice dp put route table=green prefix=2001:db8:120::/64 "via=tunnel:to-b,mac=$mac"
	for address in 198.18.120.2 2001:db8:120::2; do
		wait_until "green's way to $address" inside a-green ping -n -q -c 1 -W 1 $address
		inside a-green ping -n -q -c 10 -i 0.05 -W 2 $address >"$state/out" 2>&1 && result ok "10 of 10, a to b, $address" ||
			result FAIL "a to b, $address: $(grep received "$state/out" || tail -n 1 "$state/out")"
	done
	inside a-green traceroute -n -q 1 -w 2 198.18.120.2 >"$state/out" 2>&1 || true
	address=$(awk 'NR > 1 { printf "%s%s", sep, $2; sep = " then " }' "$state/out")
	result "$([[ $address == '198.18.110.1 then 198.18.120.2' ]] && echo ok)" "traceroute from a: $address"
}

# blue's traffic into the overlay, metered: what arrives at site B is counted by b's own kernel.
check_rate() {
	local before after rate
	title "Blue is held to the 20 Mbit/s it was sold: 60 Mbit/s of UDP for 3 seconds, counted where it arrives"
	sluice dp put meter name=sold cir_bps=20000000 cbs_bytes=100000 pir_bps=20000000 pbs_bytes=100000
	sluice dp put slice name=blue vni=100 meter=sold
	start iperf-rate b-blue iperf3 -s -1 -p 5301
	wait_until "iperf3 -s" inside b-blue sh -c "ss -ltn | grep -q :5301"
	inside a-blue timeout 30 iperf3 -c $far -p 5301 -u -b 60M -l 1400 -t 4 >"$state/iperf-rate.json" 2>&1 &
	local sender=$!
	sleep 0.8
	before=$(inside b-blue cat /sys/class/net/eth0/statistics/rx_bytes)
	sleep 3
	after=$(inside b-blue cat /sys/class/net/eth0/statistics/rx_bytes)
	wait "$sender" || true
	rate=$(((after - before) * 8 / 3 / 10000)) # hundredths of Mbit/s, as the meter counts: frames without FCS
	result "$([[ $rate -ge 1850 && $rate -le 2150 ]] && echo ok)" "b received $((rate / 100)).$(printf %02d $((rate % 100))) Mbit/s"
	result "$([[ $(counter meter sold red_packets) -gt 0 ]] && echo ok)" \
		"the meter: $(counter meter sold green_packets) green, $(counter meter sold yellow_packets) yellow, $(counter meter sold red_packets) red and dropped by name"
	sluice dp put slice name=blue vni=100
}

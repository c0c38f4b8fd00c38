# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The mobile act of scripts/demo, which sources this: a UE behind a gNB in Gwangju, and three ways for its packets.
#
#                                              ┌ n6   [internet 1000] ── internet 198.18.60.2
#   ue 198.18.50.1 ~ gnb 198.18.2.2 ══ n3 box ─┼ edge [edge 1001]     ── local    198.18.70.2   breakout
#                                              └ n9 ══ central UPF 198.18.3.2 ~ dn 198.18.80.2

# shellcheck disable=SC2034  # scripts/demo adds them to its own
mobile_spaces=(demo-gnb demo-ue demo-central demo-dn demo-internet demo-local)

# SPACE BEHIND TUN LOCAL PEER SEND RECEIVE ADDRESS [OPTION…]: a GTP-U end whose TUN interface is in the space BEHIND
# shellcheck disable=SC2154  # top, state: scripts/demo's
gtpu_end() {
	local space=$1 behind=$2 tun=$3 address=$8
	start "gtpu-$space" "$space" "$top/scripts/lib/gtpu-end" --tun "$tun" --local "$4" --peer "$5" --send "$6" --receive "$7" "${@:9}"
	wait_until "the interface $tun" ip -n "demo-$space" link show "$tun"
	ip -n "demo-$space" link set "$tun" netns "demo-$behind"
	ip -n "demo-$behind" link set "$tun" mtu 1400 up
	ip -n "demo-$behind" addr add "$address" dev "$tun"
	ip -n "demo-$behind" route replace default dev "$tun"
}

# A host behind an attachment of an l3 slice: 198.18.NETWORK.2, the box is .1
mobile_host() { # SPACE PORT NETWORK
	wire gwangju "$2" "$1" eth0 1500
	silent gwangju "$2"
	ip -n "demo-$1" addr add "198.18.$3.2/24" dev eth0
	ip -n "demo-$1" route add default via "198.18.$3.1"
}

mobile_wan() { # SPACE PORT NETWORK
	wire gwangju "$2-wire" "$1" wan 1600 "02:00:00:00:0$3:01" "02:00:00:00:0$3:02"
	underlay gwangju "$2-wire" "198.18.$3.1/24"
	ip -n "demo-$1" addr add "198.18.$3.2/24" dev wan
}

build_mobile() {
	mobile_wan gnb n3 2
	mobile_wan central n9 3
	mobile_host internet n6 60
	mobile_host local edge 70
}

# which way: what each door sent while the UE pinged
mobile_ways() {
	ask gwangju --json dp stats | jq -r '"\(.attachment["internet:n6"].out_packets) \(.attachment["edge:edge"].out_packets) \(.port.n9.tx_packets)"'
}

# shellcheck disable=SC2154  # state: scripts/demo's
check_mobile() {
	local name address door before after was other i=0
	title "A UE behind a gNB: to the internet by one slice, to a local network by another, to a central UPF over N9"
	sed -n '5,7s/^#  //p' "$top/scripts/lib/demo-mobile.sh"
	on gwangju apply -f scripts/lib/demo/mobile.yaml
	answered
	gtpu_end gnb ue ue0 198.18.2.2 198.18.2.1 4097 119 198.18.50.1/24 --qfi 9
	gtpu_end central dn dn0 198.18.3.2 198.18.3.1 36865 32769 198.18.80.2/24 --core
	for name in "the internet 198.18.60.2" "the local network 198.18.70.2" "the central UPF's network 198.18.80.2"; do
		address=${name##* }
		i=$((i + 1))
		door=$(printf 'by slice internet\nby slice edge\nover N9' | sed -n "${i}p")
		wait_until "the UE's way to $address" inside ue ping -n -q -c 1 -W 1 "$address"
		for _ in 1 2 3; do
			read -ra was <<<"$(mobile_ways)"
			inside ue ping -n -q -c 20 -i 0.02 -W 2 "$address" >"$state/out" 2>&1 || true
			read -ra after <<<"$(mobile_ways)"
			! grep -q ' 20 received' "$state/out" || break
			echo "  taken again, the machine is busy: $(grep received "$state/out" || tail -n 1 "$state/out")"
		done
		# a way not taken may still have carried an ARP question or two
		before="$((after[0] - was[0])) $((after[1] - was[1])) $((after[2] - was[2]))"
		other=$((after[0] + after[1] + after[2] - was[0] - was[1] - was[2] - after[i - 1] + was[i - 1]))
		result "$(grep -q ' 20 received' "$state/out" && [[ $((after[i - 1] - was[i - 1])) -ge 20 && $other -lt 5 ]] && echo ok)" \
			"20 of 20 to ${name% *} $door (packets out by internet, edge, N9: $before)"
	done
	read -r before after <<<"$(ask gwangju --json dp stats session | jq -r '.objects[] | "\(.urrs["1"].ul_bytes) \(.urrs["1"].dl_bytes)"')"
	result "$([[ $before -ge 5040 && $after -ge 5040 ]] && echo ok)" "all three came down by one tunnel; the URR counted $before bytes up, $after down"
}

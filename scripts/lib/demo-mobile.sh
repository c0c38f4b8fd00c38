# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The mobile act of scripts/demo, which sources this: a UE behind a gNB, and three ways for its packets. Everything used
# here is scripts/demo's: its stage, its words, its counts.
#
#                                              ┌ n6   [internet 1000] ── internet 198.18.60.2
#   ue 198.18.50.1 ~ gnb 198.18.2.2 ══ n3 box ─┼ edge [edge 1001]     ── local    198.18.70.2   breakout
#                                              └ n9 ══ central UPF 198.18.3.2 ~ dn 198.18.80.2

mobile_spaces=(demo-gnb demo-ue demo-central demo-dn demo-internet demo-local)

# end SPACE BEHIND TUN LOCAL PEER SEND RECEIVE ADDRESS [OPTION…]: a GTP-U end whose TUN interface is in the space BEHIND
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
mobile_host() { # SPACE PORT NUMBER SLICE VNI NETWORK
	wire box "$2" "$1" eth0 1500
	silent box "$2"
	ip -n "demo-$1" addr add "198.18.$6.2/24" dev eth0
	ip -n "demo-$1" route add default via "198.18.$6.1"
	sluice dp put port name="$2" device="net_af_packet$3,iface=$2"
	sluice dp put slice name="$4" vni="$5" kind=l3
	sluice dp put attachment name="$4-a" slice="$4" port="$2"
	sluice dp put address attachment="$4-a" prefix="198.18.$6.1/24"
}

mobile_wan() { # SPACE PORT NUMBER NETWORK
	wire box "$2" "$1" wan 1600
	silent box "$2"
	ip -n "demo-$1" addr add "198.18.$4.2/24" dev wan
	ip -n "demo-$1" neigh replace "198.18.$4.1" dev wan nud permanent lladdr "$(ip -n demo-box -j link show "$2" | jq -r '.[0].address')"
	sluice dp put port name="$2" device="net_af_packet$3,iface=$2" mtu=1600
	sluice dp put address port="$2" prefix="198.18.$4.1/24"
	sluice dp put neighbor port="$2" address="198.18.$4.2" "mac=$(ip -n "demo-$1" -j link show wan | jq -r '.[0].address')"
}

mobile_session() {
	cat <<JSON
[{"name": "imsi-001010000000001", "slice": "internet", "ue": {"ipv4": "198.18.50.1"},
  "pdrs": [
    {"id": 1, "precedence": 30, "source": "access", "gtpu": "n3", "outer_header_removal": 0, "far": 1, "qers": [1], "urrs": [1],
     "filters": ["permit out ip from 198.18.70.0/24 to assigned"]},
    {"id": 2, "precedence": 40, "source": "access", "gtpu": "n3", "outer_header_removal": 0, "far": 2, "qers": [1], "urrs": [1],
     "filters": ["permit out ip from 198.18.80.0/24 to assigned"]},
    {"id": 3, "precedence": 255, "source": "access", "gtpu": "n3", "outer_header_removal": 0, "far": 3, "qers": [1], "urrs": [1]},
    {"id": 4, "precedence": 255, "source": "core", "far": 4, "qers": [1], "urrs": [1]},
    {"id": 5, "precedence": 255, "source": "core", "slice": "edge", "far": 4, "qers": [1], "urrs": [1]},
    {"id": 6, "precedence": 255, "source": "core", "gtpu": "n9", "teid": 36865, "outer_header_removal": 0, "far": 4, "qers": [1], "urrs": [1]}],
  "fars": [
    {"id": 1, "action": "forward", "destination": "core", "slice": "edge"},
    {"id": 2, "action": "forward", "destination": "core", "outer_header": {"teid": 32769, "peer": "198.18.3.2"}},
    {"id": 3, "action": "forward", "destination": "core"},
    {"id": 4, "action": "forward", "destination": "access", "outer_header": {"teid": 119, "peer": "198.18.2.2"}}],
  "qers": [{"id": 1, "qfi": 9, "mbr_ul_bps": 50000000, "mbr_dl_bps": 50000000}],
  "urrs": [{"id": 1, "measure": ["volume"]}]}]
JSON
}

# which way: what each door sent while the UE pinged
mobile_ways() {
	printf '%s %s %s' "$(counter attachment internet-a out_packets)" "$(counter attachment edge-a out_packets)" \
		"$(counter port n9 tx_packets)"
}

check_mobile() {
	local name address door teid before after was other i
	title "A UE behind a gNB: to the internet by one slice, to a local network by another, to a central UPF over N9"
	sed -n '6,8s/^#  //p' "$top/scripts/lib/demo-mobile.sh"
	for name in "${mobile_spaces[@]}"; do add_space "${name#demo-}"; done
	mobile_wan gnb n3 10 2
	mobile_wan central n9 11 3
	mobile_host internet n6 12 internet 1000 60
	mobile_host local edge 13 edge 1001 70
	sluice dp put gtpu name=n3 address=198.18.2.1 interface=access
	sluice dp put gtpu name=n9 address=198.18.3.1 interface=core
	mobile_session >"$state/session.json"
	sluice dp put session --file "$state/session.json"
	teid=$("$cli" --socket "$socket" --json dp get session imsi-001010000000001 | jq -r '.pdrs[0].teid')
	gtpu_end gnb ue ue0 198.18.2.2 198.18.2.1 "$teid" 119 198.18.50.1/24 --qfi 9
	gtpu_end central dn dn0 198.18.3.2 198.18.3.1 36865 32769 198.18.80.2/24 --core
	i=0
	for name in "the internet 198.18.60.2" "the local network 198.18.70.2" "the central UPF's network 198.18.80.2"; do
		address=${name##* }
		i=$((i + 1))
		door=$(printf 'by slice internet\nby slice edge\nover N9' | sed -n "${i}p")
		wait_until "the UE's way to $address" inside ue ping -n -q -c 1 -W 1 "$address"
		read -ra was <<<"$(mobile_ways)"
		inside ue ping -n -q -c 20 -i 0.02 -W 2 "$address" >"$state/out" 2>&1 || true
		read -ra after <<<"$(mobile_ways)"
		# a way not taken may still have carried an ARP question or two
		before="$((after[0] - was[0])) $((after[1] - was[1])) $((after[2] - was[2]))"
		other=$((after[0] + after[1] + after[2] - was[0] - was[1] - was[2] - after[i - 1] + was[i - 1]))
		result "$(grep -q ' 20 received' "$state/out" && [[ $((after[i - 1] - was[i - 1])) -ge 20 && $other -lt 5 ]] && echo ok)" \
			"20 of 20 to ${name% *} $door (packets out by internet, edge, N9: $before)"
	done
	read -r before after <<<"$(counters session | jq -r '.objects[] | "\(.urrs["1"].ul_bytes) \(.urrs["1"].dl_bytes)"')"
	result "$([[ $before -ge 5040 && $after -ge 5040 ]] && echo ok)" "all three came down by one tunnel; the URR counted $before bytes up, $after down"
}

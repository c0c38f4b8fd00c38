# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the tenants of scripts/demo, which sources this, do: ping, ask who is there, TCP, routing, and a rate that is held.

# ping_all NAME FROM ADDRESS [SIZE]: ten of ten, unfragmented
# shellcheck disable=SC2154  # state, top: scripts/demo's
ping_all() {
	if inside "$2" ping -n -q -c 10 -i 0.03 -W 2 -M "do" -s "${4:-56}" "$3" >"$state/out" 2>&1; then
		result ok "$1: 10 of 10 to $3"
	else
		result FAIL "$1: to $3: $(grep received "$state/out" || tail -n 1 "$state/out")"
	fi
}

check_pings() {
	local name way from to number
	title "Both tenants ping around, IPv4 and IPv6, in frames of full size"
	wait_until "red's way through Open vSwitch" inside red-gwangju ping -n -q -c 1 -W 1 198.18.100.2
	for name in blue red; do
		for way in "gwangju busan 2" "busan seoul 3" "seoul gwangju 1"; do
			read -r from to number <<<"$way"
			ping_all "$name, $from to $to" "$name-$from" "198.18.100.$number" 1472
			ping_all "$name, $from to $to" "$name-$from" "2001:db8:100::$number" 1452
		done
	done
	if inside seoul ping -n -q -c 3 -i 0.1 -W 2 198.18.0.1 >/dev/null 2>&1; then
		result ok "Gwangju's own address 198.18.0.1 answers too: by its kernel, behind port gwangju-kt"
	else
		result FAIL "Gwangju's own address 198.18.0.1 does not answer"
	fi
}

who() { inside "$1" /usr/bin/python3 "$top/scripts/lib/banner.py" ask 198.18.100.2 7000; }

check_isolation() {
	local name answer before after
	title "Same addresses, same MACs, and nobody hears the other"
	for name in blue red; do
		start "banner-$name" "$name-busan" /usr/bin/python3 "$top/scripts/lib/banner.py" serve 198.18.100.2 7000 "$name"
	done
	for name in blue red; do
		wait_until "the server of $name" inside "$name-busan" sh -c "ss -ltn | grep -q :7000"
		answer=$(who "$name-gwangju")
		result "$([[ $answer == "$name" ]] && echo ok)" "$name's host asks 198.18.100.2:7000 who it is: '$answer'"
	done
	kill "$(pids_of "$state/banner-blue.pid")"
	sleep 0.2
	answer=$(who blue-gwangju)
	result "$([[ $answer == ConnectionRefusedError ]] && echo ok)" "blue's server ends, red's runs on; blue's host now hears: '$answer'"
	before=$(counter busan slice red in_packets)
	inside blue-gwangju ping -n -q -c 50 -i 0.01 198.18.100.2 >/dev/null
	after=$(counter busan slice red in_packets)
	result "$([[ $before == "$after" ]] && echo ok)" "blue pings 50 times; packets that slice red saw meanwhile: $((after - before))"
}

mbits() { jq -r '.end.sum_received.bits_per_second / 1e6 | floor' "$1" 2>/dev/null || echo 0; }

# Both tenants at the same moment, with the very same addresses and ports.
check_tcp() {
	local name way rate what pids=()
	title "TCP both ways, both tenants at once, the same addresses and ports: iperf3, 3 seconds"
	for way in "" -R; do
		pids=()
		what=$([[ -n $way ]] && echo 'Busan to Gwangju' || echo 'Gwangju to Busan')
		for name in blue red; do
			start "iperf-$name" "$name-busan" iperf3 -s -1 -p 5201
			wait_until "iperf3 -s" inside "$name-busan" sh -c "ss -ltn | grep -q :5201"
		done
		for name in blue red; do
			# shellcheck disable=SC2086
			inside "$name-gwangju" timeout 30 iperf3 -c 198.18.100.2 -p 5201 --cport 40000 -t 3 -J $way >"$state/iperf-$name.json" 2>&1 &
			pids+=($!)
		done
		if [[ -n $way ]]; then
			sleep 2
			echo "  meanwhile:"
			show gwangju top
		fi
		wait "${pids[@]}" || true
		for name in blue red; do
			rate=$(mbits "$state/iperf-$name.json")
			if [[ $rate =~ ^[0-9]+$ && $rate -gt 0 ]]; then
				result ok "$name, $what: $rate Mbit/s"
			else
				result FAIL "$name, $what: $(jq -r '.error // "nothing arrived"' "$state/iperf-$name.json" 2>/dev/null)"
			fi
		done
	done
}

# green: the boxes are its hosts' gateways; in Seoul the slice ends in a Linux that routes.
check_routed() {
	local address
	title "Green's slice routes: its gateways are the boxes themselves, in Seoul a Linux router"
	for address in 198.18.120.2 2001:db8:120::2 198.18.130.1 2001:db8:130::1; do
		wait_until "green's way to $address" inside green-gwangju ping -n -q -c 1 -W 1 $address
		ping_all "green, Gwangju to $([[ $address == *130* ]] && echo Seoul || echo Busan)" green-gwangju $address
	done
	wait_until "Seoul's way to Busan" inside green-seoul ping -n -q -c 1 -W 1 -I 198.18.130.1 198.18.120.2
	ping_all "green, Seoul to Busan" green-seoul 198.18.120.2
	inside green-gwangju traceroute -n -q 1 -w 2 198.18.120.2 >"$state/out" 2>&1 || true
	address=$(awk 'NR > 1 { printf "%s%s", sep, $2; sep = " then " }' "$state/out")
	result "$([[ $address == '198.18.110.1 then 198.18.120.1 then 198.18.120.2' ]] && echo ok)" "traceroute: $address"
}

# What arrives in Seoul of 60 Mbit/s, counted by the kernel there: hundredths of Mbit/s, as the meter counts: frames without FCS
rate_arrived() {
	local before after sender
	start iperf-rate blue-seoul iperf3 -s -1 -p 5301
	wait_until "iperf3 -s" inside blue-seoul sh -c "ss -ltn | grep -q :5301"
	inside blue-gwangju timeout 30 iperf3 -c 198.18.100.3 -p 5301 -u -b 60M -l 1400 -t 4 >"$state/iperf-rate.json" 2>&1 &
	sender=$!
	sleep 0.8
	before=$(inside blue-seoul cat /sys/class/net/eth0/statistics/rx_bytes)
	sleep 3
	after=$(inside blue-seoul cat /sys/class/net/eth0/statistics/rx_bytes)
	wait "$sender" || true
	echo $(((after - before) * 8 / 3 / 10000))
}

# Too much is wrong whatever the machine does; too little may be its other work.
check_rate() {
	local red rate
	title "Blue is sold 20 Mbit/s: 60 Mbit/s of UDP for 3 seconds, counted where it arrives"
	on_both slice set blue bandwidth.committed_bps=20M
	for _ in 1 2 3; do
		rate=$(rate_arrived)
		[[ $rate -lt 1850 ]] || break
		echo "  taken again, the machine is busy: $((rate / 100)) Mbit/s came"
	done
	result "$([[ $rate -ge 1850 && $rate -le 2150 ]] && echo ok)" "Seoul received $((rate / 100)).$(printf %02d $((rate % 100))) Mbit/s"
	red=$(ask gwangju --json dp drops | jq -r '.slice_meter_red // 0')
	result "$([[ $red -gt 0 ]] && echo ok)" "the rest is dropped by name: slice_meter_red $red"

	title "And one TCP flow gets what Blue was sold: iperf3, 5 seconds"
	for _ in 1 2 3; do
		start iperf-sold blue-seoul iperf3 -s -1 -p 5302
		wait_until "iperf3 -s" inside blue-seoul sh -c "ss -ltn | grep -q :5302"
		inside blue-gwangju timeout 30 iperf3 -c 198.18.100.3 -p 5302 -O 1 -t 5 -J >"$state/iperf-sold.json" 2>&1 || true
		rate=$(mbits "$state/iperf-sold.json")
		[[ ${rate%.*} -lt 18 ]] || break
		echo "  taken again, the machine is busy: $rate Mbit/s came"
	done
	result "$([[ ${rate%.*} -ge 18 && ${rate%.*} -le 21 ]] && echo ok)" "TCP got $rate of 20 Mbit/s"
}

# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What scripts/demo, which sources this, shows of the control plane itself: intents in, one that is refused, processes
# that are killed, and what people see.

# shellcheck disable=SC2154  # state: scripts/demo's
# intents_of NAME: the file, with the devices that were asked for
intents_of() {
	local file=scripts/lib/demo/$1.yaml
	# shellcheck disable=SC2154  # device: scripts/demo's
	if [[ $device != af_packet ]] && grep -q net_af_packet "$top/$file"; then
		sed "s/net_af_packet/net_$device/" "$top/$file" >"$state/$1.yaml"
		file=$state/$1.yaml
	fi
	echo "$file"
}

apply_intents() {
	local name
	title "Both boxes are given the same intents, and each does its own part"
	for name in sites slices; do
		on_both apply -f "$(intents_of $name)"
		answered
	done
	show gwangju slice list
	for name in gwangju busan; do
		result "$(is_synced $name && echo ok)" "$name: everything wanted is there: $(objects_of $name) objects in the dataplane"
	done
}

objects_of() { ask "$1" --json status | jq -r '.reconciler.actual'; }

# Blue has 20 of the WAN's 100 Mbit/s; 90 more are not there, and nothing changes.
check_refused() {
	local was status
	title "An intent that cannot be kept is refused, and says what is missing"
	was=$(ask busan --json status | jq -r .store.revision)
	set -- slice create gold bandwidth.committed_bps=90M endpoint=site=gwangju,port=lan-blue,vlan=7 \
		endpoint=site=busan,port=lan-blue,vlan=7
	echo "  busan\$ sluice $*"
	status=0
	ask busan "$@" >"$state/cli.out" 2>&1 || status=$?
	answered
	result "$([[ $status -eq 1 ]] && grep -q '10,*000,*000 more' "$state/cli.out" && echo ok)" "refused: 10 Mbit/s are short"
	status=$(curl -s -o "$state/out" -w '%{http_code}' --unix-socket "$state/busan/control.sock" -H 'Content-Type: application/json' \
		-d '{"name": "gold", "bandwidth": {"committed_bps": 90000000}, "endpoints": [{"site": "gwangju", "port": "lan-blue", "vlan": 7},
		     {"site": "busan", "port": "lan-blue", "vlan": 7}]}' http://sluice/v1/slices)
	result "$([[ $status == 409 ]] && echo ok)" "the same by REST: $status $(jq -r .detail "$state/out")"
	result "$([[ $(ask busan --json status | jq -r .store.revision) == "$was" ]] && echo ok)" "nothing has changed: revision $was still"
}

# pings of blue, Gwangju to Busan, fifty a second, until stopped
start_pings() {
	start pings blue-gwangju ping -n -i 0.02 -O 198.18.100.2
	sleep 0.3
}

# stop_pings: prints sent and received
stop_pings() {
	sleep 0.3
	kill -INT "$(pids_of "$state/pings.pid")"
	wait_until "ping's summary" grep -q received "$state/pings.log"
	sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) received.*/\1 \2/p' "$state/pings.log"
	rm -f "$state/pings.log"
}

check_control_killed() {
	local sent received began
	title "kill -9 of Busan's control plane while blue pings: the dataplane does not notice"
	start_pings
	kill_9 control-busan
	sleep 0.5
	began=$(now_ms)
	start_control busan
	wait_until "Busan's control plane" is_synced busan
	began=$(($(now_ms) - began))
	read -r sent received <<<"$(stop_pings)"
	# the last may have been on its way when ping was stopped
	result "$([[ $sent -gt 10 && $received -ge $((sent - 1)) ]] && echo ok)" "$received of $sent pings answered; started again, it knew all in $began ms"
	began=$(ask busan --json status | jq -r .reconciler.transactions)
	result "$([[ $began == 0 ]] && echo ok)" "what it found was as wanted: $began transactions"
}

check_dataplane_killed() {
	local sent received began socket_ms state_ms ping_ms
	title "kill -9 of Gwangju's dataplane while blue pings: everything is back by itself"
	start_pings
	kill_9 dataplane-gwangju
	began=$(now_ms)
	start_dataplane gwangju
	wait_until "Gwangju's dataplane" ask gwangju dp hello
	socket_ms=$(($(now_ms) - began))
	wait_until "Gwangju's state" is_synced gwangju
	state_ms=$(($(now_ms) - began))
	wait_until "blue's traffic" inside blue-gwangju ping -n -q -c 1 -W 0.2 198.18.100.2
	ping_ms=$(($(now_ms) - began))
	read -r sent received <<<"$(stop_pings)"
	result "$([[ $ping_ms -le 5000 ]] && echo ok)" \
		"from its start: ready after $socket_ms ms, all objects there after $state_ms, the next ping after $ping_ms; $((sent - received)) of $sent lost"
	wait_until "the UE's way" inside ue ping -n -q -c 1 -W 1 198.18.60.2
	ping_all "the UE's session is back too" ue 198.18.60.2
	wait_until "green's way" inside green-gwangju ping -n -q -c 1 -W 1 198.18.120.2
	ping_all "green is" green-gwangju 198.18.120.2
}

show_control() {
	title "What people see"
	show gwangju status
	show gwangju topology
	show gwangju top
	show gwangju events -n 14 --event intent --event dataplane --event path
}

show_counters() {
	local type
	title "Where Gwangju's packets went since its dataplane was started again"
	for type in port slice attachment tunnel session; do
		ask gwangju dp stats $type
		echo
	done
	ask gwangju dp drops
}

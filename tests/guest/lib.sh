# SPDX-License-Identifier: BSD-3-Clause
# What the guest's scripts begin with (they source it): checks that end the script, and a box, that is a dataplane and its
# control. The shell is dash, the tools are busybox's, iproute2 and jq. Nothing has to be cleaned up: the machine ends.
# shellcheck shell=sh
set -u

say() { echo "ok: $(cut -d. -f1 /proc/uptime) s  $*"; }

# fail TEXT…: what the programs and the kernel think of it follows
fail() {
	echo "FAIL: $*"
	for log in /run/dataplane.log /run/control.log; do
		[ -s "$log" ] && echo "--- $log" && tail -n 30 "$log"
	done
	echo "--- ip addr, routes of all tables"
	ip -brief addr
	ip route show table all
	exit 1
}

# equal GOT WANTED WHAT
equal() { [ "$1" = "$2" ] || fail "$3: want '$2', got '$1'"; }

# within SECONDS WHAT COMMAND…: until the command succeeds. The guest is slow: these are limits, not measurements
within() {
	tries=$(($1 * 10)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || fail "$what: not within the time ($*)"
		sleep 0.1
	done
}

dataplane_start() {
	sluice-dataplane --no-huge --memory 256 --idle nap >>/run/dataplane.log 2>&1 &
	dataplane=$!
	within 60 "the dataplane answers" sluice dp list port
}

# control_start SITE
control_start() {
	sluice-control --site "$1" --store /var/lib/sluice >>/run/control.log 2>&1 &
	control=$!
	within 60 "control answers" sluice status
}

# box_start SITE
box_start() {
	dataplane_start
	control_start "$1"
}

# box_stop: both are still there, and end by SIGTERM with status 0
box_stop() {
	for process in "$control" "$dataplane"; do
		kill -TERM "$process" 2>/dev/null || fail "process $process of the box has ended by itself"
		wait "$process"
		equal $? 0 "exit status of a program of the box after SIGTERM"
	done
}

synced() { [ "$(sluice --json status | jq -c '[.reconciler.synced, .reconciler.refused]')" = '[true,0]' ]; }

# apply <INTENTS: in the dataplane when it returns; what the kernel makes of it (its own addresses on new taps) may follow
apply() {
	sluice apply -f - --wait 60 >/run/apply.log 2>&1 || fail "sluice apply: $(cat /run/apply.log)"
	within 20 "synced, and nothing refused, after an apply: $(sluice --json status | jq -c .reconciler)" synced
}

# wire A B: two interfaces joined, both up, that say nothing of their own
wire() {
	ip link add name "$1" type veth peer name "$2" || fail "veth $1 - $2"
	for end in "$1" "$2"; do
		echo 1 >"/proc/sys/net/ipv6/conf/$end/disable_ipv6"
		ip link set dev "$end" up
	done
}

# vrf NAME TABLE
vrf() {
	ip link add name "$1" type vrf table "$2" || fail "VRF $1"
	ip link set dev "$1" up
}

# pings FROM COUNT SECONDS ADDRESS: by an interface or VRF, or in netns:NAME
pings() {
	case $1 in
	netns:*) ip netns exec "${1#netns:}" ping -c "$2" -W "$3" "$4" ;;
	*) ping -I "$1" -c "$2" -W "$3" "$4" ;;
	esac >/dev/null 2>&1
}

# the first ping may be lost to the question for the host
reaches() { within 6 "$1 reaches $2" pings "$1" 1 2 "$2"; }

silent() { pings "$1" 2 1 "$2" && fail "$1 reaches $2, which it must not"; }

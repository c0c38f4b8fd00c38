# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The boxes of scripts/demo, which sources this: sluice-dataplane and sluice-control of each, what they are asked, and
# what becomes of them when they are killed.

# shellcheck disable=SC2154  # build, state, top: scripts/demo's
start_dataplane() { # SITE
	start "dataplane-$1" "$1" "$build/dataplane/sluice-dataplane" --socket "$state/$1/dataplane.sock" --memory 384 \
		--file-prefix "sluice-demo-$1" --idle nap
}

start_control() { # SITE
	start "control-$1" "$1" "$build/control/sluice-control" --site "$1" --socket "$state/$1/control.sock" \
		--dataplane "$state/$1/dataplane.sock" --store "$state/$1/store"
}

start_box() { # SITE
	mkdir -p "$state/$1"
	start_dataplane "$1"
	start_control "$1"
	wait_until "the dataplane of $1 (is there memory for it? see $state/dataplane-$1.log)" ask "$1" dp hello
	wait_until "the control plane of $1 (see $state/control-$1.log)" ask "$1" status
}

# ask SITE WORDS…: sluice, quietly
ask() {
	local site=$1
	shift
	"$build/control/sluice" --control "$state/$site/control.sock" --socket "$state/$site/dataplane.sock" "$@"
}

# on SITE WORDS…: as a person there would type it
on() {
	local site=$1
	shift
	printf '  %s$ sluice %s\n' "$site" "$*"
	(cd "$top" && ask "$site" "$@") >"$state/cli.out" 2>&1 || {
		answered
		die "that command failed"
	}
}

# The same on both boxes: they have the same intents.
on_both() {
	on gwangju "$@"
	on busan "$@"
}

answered() { sed 's/^./    &/' "$state/cli.out"; }

show() { # SITE WORDS…: with what it answers
	on "$@"
	answered
	echo
}

# counter SITE TYPE KEY NAME
counter() { ask "$1" --json dp stats "$2" | jq -r --arg key "$3" --arg name "$4" '.objects[$key][$name]'; }

# Everything wanted is there, and nothing else.
is_synced() { ask "$1" --json status 2>/dev/null | jq -e '.dataplane.state == "up" and .reconciler.synced' >/dev/null; }

kill_9() { # NAME
	local pid
	pid=$(pids_of "$state/$1.pid")
	kill -9 "$pid"
	while [[ -e /proc/$pid ]]; do sleep 0.01; done
}

# in + copies + own = out + drops + merged, over all ports and their kernel twins, once traffic has stopped
check_ledger() { # SITE
	local all last='' numbers in out drops copies own merged
	for _ in {1..30}; do # drops between two readings that are the same
		all=$(ask "$1" --json dp stats)
		numbers=$(jq -c '[.port, .box] | del(.. | .connections?)' <<<"$all")
		[[ $numbers != "$last" ]] || break
		last=$numbers
		sleep 0.3
		drops=$(ask "$1" --json dp drops | jq '[.[] | numbers] | add // 0')
		sleep 0.1
	done
	in=$(jq '[.port[] | .rx_packets + (.tap_rx_packets // 0)] | add' <<<"$all")
	out=$(jq '[.port[] | .tx_packets + (.tap_tx_packets // 0)] | add' <<<"$all")
	copies=$(jq '.box.box.replicated' <<<"$all")
	own=$(jq '.box.box.originated' <<<"$all")
	merged=$(jq '.box.box.merged' <<<"$all")
	result "$([[ $((in + copies + own)) -eq $((out + drops + merged)) ]] && echo ok)" \
		"$1: $in + $copies + $own = $out + $drops + $merged"
}

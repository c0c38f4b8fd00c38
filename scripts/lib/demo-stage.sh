# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The stage of scripts/demo, which sources this: processes, namespaces and wires, and the end of them all. Only what was
# started here is ever ended.

# ---- processes

inside() {
	local space=$1
	shift
	ip netns exec "demo-$space" "$@"
}

# born PID: when the process started, in ticks; with the pid it names a process for good
born() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# start NAME SPACE CMD…: in the background, remembered in NAME.pid
# shellcheck disable=SC2154  # state: scripts/demo's
start() {
	local name=$1 space=$2
	shift 2
	ip netns exec "demo-$space" "$@" >>"$state/$name.log" 2>&1 </dev/null &
	echo "$! $(born $!)" >"$state/$name.pid"
	disown $! # one that is killed on purpose is no news
}

# The pids of the given .pid files (all, without any) whose processes are still the ones that were started.
pids_of() {
	local file pid ticks
	[[ $# -gt 0 ]] || set -- "$state"/*.pid
	for file; do
		[[ -f $file ]] || continue
		read -r pid ticks <"$file"
		[[ -z $ticks || $(born "$pid") != "$ticks" ]] || echo "$pid"
	done
}

running() { [[ -n $(pids_of "$state"/dataplane-*.pid) ]]; }

clean() {
	local signal pids space
	for signal in TERM KILL; do
		mapfile -t pids < <(pids_of)
		[[ ${#pids[@]} -eq 0 ]] || kill "-$signal" "${pids[@]}" 2>/dev/null || true
		for _ in {1..50}; do
			[[ -n $(pids_of) ]] || break 2
			sleep 0.1
		done
	done
	# shellcheck disable=SC2154  # spaces: scripts/demo's
	for space in "${spaces[@]}"; do
		if [[ -e /run/netns/$space ]]; then
			ip netns del "$space" || true
		fi
	done
	rm -rf "$state" /var/run/dpdk/sluice-demo-* # the latter are EAL's
}

finish() {
	local status=$? log
	trap - EXIT INT TERM
	if [[ $status -ne 0 ]]; then
		for log in "$state"/{dataplane,control}-*.log; do
			[[ -s $log ]] || continue
			warn "the demo failed; the end of $(basename "$log"):"
			tail -n 15 "$log" | sed 's/^/    /' >&2
		done
	fi
	clean
	exit "$status"
}

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# wait_until WHAT CMD…
wait_until() {
	local what=$1 end=$(($(now_ms) + 10000))
	shift
	until "$@" >/dev/null 2>&1; do
		[[ $(now_ms) -lt $end ]] || die "$what: not within 10 seconds"
		sleep 0.03
	done
}

# ---- namespaces and wires

add_space() {
	ip netns add "demo-$1"
	inside "$1" sysctl -q -w net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.router_solicitations=0 \
		net.ipv6.conf.default.accept_ra=0
	ip -n "demo-$1" link set lo up
}

# wire SPACE IF SPACE IF MTU [MAC MAC]: offloads off, so that what is on the wire is whole frames with their checksums
wire() {
	ip -n "demo-$1" link add name "$2" mtu "$5" type veth peer name "$4" mtu "$5" netns "demo-$3"
	[[ $# -lt 7 ]] || ip -n "demo-$1" link set "$2" address "$6"
	[[ $# -lt 7 ]] || ip -n "demo-$3" link set "$4" address "$7"
	inside "$1" ethtool -K "$2" tx off sg off tso off gso off gro off >/dev/null 2>&1
	inside "$3" ethtool -K "$4" tx off sg off tso off gso off gro off >/dev/null 2>&1
	ip -n "demo-$1" link set "$2" up
	ip -n "demo-$3" link set "$4" up
}

# silent SPACE IF…: these ends belong to a switch; the kernel's own stack stays out of it
silent() {
	local space=$1 name
	shift
	for name; do
		inside "$space" sysctl -q -w "net.ipv6.conf.$name.disable_ipv6=1" "net.ipv4.conf.$name.rp_filter=1"
		ip -n "demo-$space" link set "$name" arp off
	done
}

# underlay SPACE IF PREFIX: an interface whose addresses the kernel holds: on the port's tap, which has them from the
# intents, or, under an AF_XDP port, here
underlay() {
	# shellcheck disable=SC2154  # device: scripts/demo's
	if [[ $device == af_xdp ]]; then
		inside "$1" sysctl -q -w "net.ipv6.conf.$2.disable_ipv6=1"
		ip -n "demo-$1" addr add "$3" dev "$2"
	else
		silent "$1" "$2"
	fi
}

bridge() { # SPACE NAME IF…
	local space=$1 name=$2 port
	shift 2
	ip -n "demo-$space" link add name "$name" type bridge forward_delay 0 mcast_snooping 0
	inside "$space" sysctl -q -w "net.ipv6.conf.$name.disable_ipv6=1"
	for port; do
		ip -n "demo-$space" link set "$port" master "$name"
		silent "$space" "$port"
	done
	ip -n "demo-$space" link set "$name" up
}

host() { # SPACE NUMBER: the same addresses and MACs for every tenant
	ip -n "demo-$1" link set eth0 address "02:00:00:00:0a:0$2"
	ip -n "demo-$1" addr add "198.18.100.$2/24" dev eth0
	ip -n "demo-$1" addr add "2001:db8:100::$2/64" dev eth0 nodad
}

# ---- the three sites

# Seoul's kernel: a VXLAN interface and a bridge for each of blue and red, which flood to both boxes.
build_seoul() {
	local name vni
	ip -n demo-seoul addr add 198.18.0.3/24 dev wan
	for name in blue red; do
		vni=$([[ $name == blue ]] && echo 100 || echo 200)
		wire seoul "$name" "$name-seoul" eth0 1500
		ip -n demo-seoul link add name "vx-$name" type vxlan id "$vni" local 198.18.0.3 dstport 4789
		for box in 198.18.0.1 198.18.0.2; do
			inside seoul bridge fdb append 00:00:00:00:00:00 dev "vx-$name" dst $box
		done
		ip -n demo-seoul link set "vx-$name" mtu 1500 up
		bridge seoul "br-$name" "vx-$name" "$name"
		host "$name-seoul" 3
	done
}

# Seoul's router for green: the kernel's routes say by which tunnel, the far end is the slice's own MAC: 02:5c, the VNI, 01.
build_router() {
	local site
	ip -n demo-green-seoul addr add 198.18.0.4/24 dev wan
	ip -n demo-green-seoul link add name vx type vxlan external local 198.18.0.4 dstport 4789
	ip -n demo-green-seoul link set vx mtu 1500 up
	ip -n demo-green-seoul link add name green link vx address 02:5c:00:01:2c:01 type macvlan mode private
	ip -n demo-green-seoul link set green up
	inside green-seoul sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip -n demo-green-seoul addr add 198.18.130.1/24 dev green
	ip -n demo-green-seoul addr add 2001:db8:130::1/64 dev green nodad
	for site in 1 2; do
		ip -n demo-green-seoul neigh replace "198.18.130.25$site" lladdr 02:5c:00:01:2c:01 dev green nud permanent
		ip -n demo-green-seoul neigh replace "2001:db8:130::ff0$site" lladdr 02:5c:00:01:2c:01 dev green nud permanent
		ip -n demo-green-seoul route add "198.18.1${site}0.0/24" encap ip id 300 src 198.18.0.4 dst "198.18.0.$site" \
			via "198.18.130.25$site" dev green
		ip -n demo-green-seoul -6 route add "2001:db8:1${site}0::/64" encap ip id 300 src 198.18.0.4 dst "198.18.0.$site" \
			via "2001:db8:130::ff0$site" dev green
	done
}

# A host of green behind a box, which is its gateway.
green_host() { # SITE NETWORK
	wire "$1" lan-green "green-$1" eth0 1500
	silent "$1" lan-green
	ip -n "demo-green-$1" addr add "198.18.$2.2/24" dev eth0
	ip -n "demo-green-$1" addr add "2001:db8:$2::2/64" dev eth0 nodad
	ip -n "demo-green-$1" route add default via "198.18.$2.1"
	ip -n "demo-green-$1" -6 route add default via "2001:db8:$2::1"
}

# Gwangju's access switch for red: Open vSwitch in user space, because not every kernel has VLAN devices.
start_switch() {
	local db=$state/ovs.db vsctl
	local -x OVS_RUNDIR=$state OVS_LOGDIR=$state OVS_DBDIR=$state
	ovsdb-tool create "$db" /usr/share/openvswitch/vswitch.ovsschema
	start ovsdb switch ovsdb-server "$db" "--remote=punix:$state/ovs.sock" "--unixctl=$state/ovsdb.ctl"
	vsctl=(ovs-vsctl --timeout=15 "--db=unix:$state/ovs.sock")
	wait_until "Open vSwitch's database" test -S "$state/ovs.sock"
	"${vsctl[@]}" --no-wait init
	local binary=/usr/lib/openvswitch-switch/ovs-vswitchd # the one without DPDK
	[[ -x $binary ]] || binary=ovs-vswitchd
	start vswitchd switch "$binary" "unix:$state/ovs.sock" "--unixctl=$state/vswitchd.ctl"
	"${vsctl[@]}" add-br br0 -- set bridge br0 datapath_type=netdev
	"${vsctl[@]}" add-port br0 access tag=20 -- add-port br0 trunk trunks=20
}

build_stage() {
	local space
	for space in "${spaces[@]}"; do add_space "${space#demo-}"; done
	wire gwangju wan-wire wan gwangju 1600 02:00:00:00:00:01 02:00:00:00:ff:01
	wire busan wan-wire wan busan 1600 02:00:00:00:00:02 02:00:00:00:ff:02
	wire seoul wan wan seoul 1600 02:00:00:00:00:03 02:00:00:00:ff:03
	wire green-seoul wan wan router 1600 02:00:00:00:00:04 02:00:00:00:ff:04
	bridge wan internet gwangju busan seoul router
	wire gwangju lan-blue blue-gwangju eth0 1500
	wire busan lan-blue blue-busan eth0 1500
	wire gwangju trunk switch trunk 1500
	wire switch access red-gwangju eth0 1500
	wire busan lan-red red-busan eth0 1500
	silent switch trunk access
	silent gwangju lan-blue trunk
	silent busan lan-blue lan-red
	underlay gwangju wan-wire 198.18.0.1/24
	underlay busan wan-wire 198.18.0.2/24
	for space in blue red; do
		host "$space-gwangju" 1
		host "$space-busan" 2
	done
	build_seoul
	green_host gwangju 110
	green_host busan 120
	build_router
	build_mobile
	start_switch
}

#!/bin/sh
# For FRR: a bridge with the VXLAN device of the slice's VNI. Packets never pass here, FRR reads and writes its table.
# sluice-control makes the endpoints' taps ports of the bridge. $1 is this box's address in the underlay.
set -e
ip link add br10 type bridge
ip link add vx10 type vxlan id 10 local "${1:-198.18.0.1}" dstport 4789 nolearning
ip link set vx10 master br10
bridge link set dev vx10 learning off neigh_suppress on
ip link set br10 up
ip link set vx10 up

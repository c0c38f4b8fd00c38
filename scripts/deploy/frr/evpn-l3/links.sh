#!/bin/sh
# The slice's Linux: a network namespace with the VXLAN device of its VNI (L3VNI) in a bridge, which FRR wants for type 5.
# The device is made outside, so that its packets belong to the underlay. $1 is this box's address there. sluice-control
# gives the bridge the MAC of the slice's router at this box, which FRR tells the others.
set -e
ip netns add red
ip -n red link set lo up
ip link add vx200 type vxlan id 200 local "${1:-198.18.0.1}" dstport 4789 nolearning
ip link set vx200 netns red
ip -n red link add br200 type bridge
ip -n red link set vx200 master br200
bridge -n red link set dev vx200 learning off
ip -n red link set br200 up
ip -n red link set vx200 up

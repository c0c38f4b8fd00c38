#!/bin/sh
# The slice's Linux: a network namespace. sluice-control moves the endpoints' taps there and gives them the gateways'
# addresses. No ip_forward: it is the switch that forwards.
set -e
ip netns add blue
ip -n blue link set lo up

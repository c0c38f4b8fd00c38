-- SPDX-License-Identifier: BSD-3-Clause
-- Pktgen-DPDK: the encapsulation test of scripts/bench with real NICs.
--
--     Pktgen port 0 -- tenant frames --> in0  [ Sluice ]  wan0 -- VXLAN --> Pktgen port 1
--
-- The box: slice vni 100, untagged attachment on in0, address 198.18.0.1/24 on wan0, tunnel t1 to 198.18.0.2, neighbor
-- 198.18.0.2 with the MAC of Pktgen port 1, and a static mac for each destination, 02:5a:02:00:00:00 and up, via t1.
--
--     pktgen -l 0-2 -- -P -m "1.0,2.1" -f bench/pktgen/vxlan.lua
--
-- For decapsulation send the benchmark's own file, whose outer destination is the MAC to give to port wan0:
--
--     bench/gen_pcap.py decap.pcap --encap vxlan --flows 65536
--     pktgen -l 0-2 -- -P -m "1.0,2.1" -s 1:decap.pcap

package.path = package.path .. ";?.lua;test/?.lua;app/?.lua"
require "Pktgen"

local port, sink = "0", "1"
local flows = 65536     -- 256 to 65536
local seconds = 10
local last = string.format("%02x:%02x", math.floor((flows - 1) / 256), (flows - 1) % 256)

local function range(field, first, step, limit)
	field(port, "start", first)
	field(port, "inc", step)
	field(port, "min", first)
	field(port, "max", limit)
end

pktgen.stop("all")
pktgen.reset("all")

-- all of them step together, so a frame's fields are always those of one flow
range(pktgen.range.src_mac, "02:5a:01:00:00:00", "00:00:00:00:00:01", "02:5a:01:00:" .. last)
range(pktgen.range.dst_mac, "02:5a:02:00:00:00", "00:00:00:00:00:01", "02:5a:02:00:" .. last)
range(pktgen.range.src_ip, "10.0.0.0", "0.0.0.1", string.format("10.0.%d.%d", math.floor((flows - 1) / 256), (flows - 1) % 256))
range(pktgen.range.dst_ip, "10.64.0.0", "0.0.0.1", string.format("10.64.%d.%d", math.floor((flows - 1) / 256), (flows - 1) % 256))
range(pktgen.range.src_port, 1024, 0, 1024)
range(pktgen.range.dst_port, 5001, 0, 5001)
range(pktgen.range.pkt_size, 64, 0, 64) -- with FCS
pktgen.range.ip_proto(port, "udp")
pktgen.set_range(port, "on")
pktgen.set(port, "rate", 100)

-- once slowly, so that every source has been learned before anything is measured
pktgen.set(port, "rate", 1)
pktgen.start(port)
pktgen.delay(5000)
pktgen.set(port, "rate", 100)
pktgen.delay(2000)
local before = pktgen.portStats("all", "port")
pktgen.delay(seconds * 1000)
local after = pktgen.portStats("all", "port")
pktgen.stop(port)

local sent = after[tonumber(port)].opackets - before[tonumber(port)].opackets
local got = after[tonumber(sink)].ipackets - before[tonumber(sink)].ipackets
printf("sent %.2f Mpps, received %.2f Mpps\n", sent / seconds / 1e6, got / seconds / 1e6)

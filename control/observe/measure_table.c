/* SPDX-License-Identifier: BSD-3-Clause */
/* The names of the dataplane's counters at /metrics, as data. Used by measure.c; owns nothing. */
#include "measure.h"

#define COUNT(type, counter, name, help)                                                           \
	{                                                                                          \
		type, counter, name, NULL, NULL, PROM_COUNTER, help                                \
	}
#define LEVEL(type, counter, name, help)                                                           \
	{                                                                                          \
		type, counter, name, NULL, NULL, PROM_GAUGE, help                                  \
	}
#define COLOR(type, counter, name, color, help)                                                    \
	{                                                                                          \
		type, counter, name, "color", color, PROM_COUNTER, help                            \
	}
#define COLORS(type, prefix, name, help)                                                           \
	COLOR(type, prefix "green_packets", name "_packets_total", "green", "Packets" help),       \
		COLOR(type, prefix "yellow_packets", name "_packets_total", "yellow", ""),         \
		COLOR(type, prefix "red_packets", name "_packets_total", "red", ""),               \
		COLOR(type, prefix "green_bytes", name "_bytes_total", "green", "Bytes" help),     \
		COLOR(type, prefix "yellow_bytes", name "_bytes_total", "yellow", ""),             \
		COLOR(type, prefix "red_bytes", name "_bytes_total", "red", "")
#define SHAPER(type, name)                                                                         \
	COUNT(type, "shaper_packets", name "_shaper_packets_total",                                \
		"Packets that the shaper sent."),                                                  \
		COUNT(type, "shaper_bytes", name "_shaper_bytes_total",                            \
			"Bytes that the shaper sent."),                                            \
		COUNT(type, "shaper_dropped", name "_shaper_dropped_packets_total",                \
			"Packets that found the shaper's queue full."),                            \
		LEVEL(type, "shaper_queued_packets", name "_shaper_queued_packets",                \
			"Packets that wait."),                                                     \
		LEVEL(type, "shaper_queued_bytes", name "_shaper_queued_bytes",                    \
			"Bytes that wait.")
#define TRAFFIC(type, name, of)                                                                    \
	COUNT(type, "in_packets", name "_receive_packets_total",                                   \
		"Packets that came in by " of "."),                                                \
		COUNT(type, "in_bytes", name "_receive_bytes_total",                               \
			"Bytes that came in by " of "."),                                          \
		COUNT(type, "out_packets", name "_transmit_packets_total",                         \
			"Packets that left by " of "."),                                           \
		COUNT(type, "out_bytes", name "_transmit_bytes_total",                             \
			"Bytes that left by " of "."),                                             \
		COUNT(type, "dropped", name "_dropped_packets_total",                              \
			"Packets of " of " dropped.")

const struct measure measures[] = {
	COUNT("port", "rx_packets", "port_receive_packets_total", "Packets received by a port."),
	COUNT("port", "rx_bytes", "port_receive_bytes_total",
		"Bytes of frames received by a port, without FCS."),
	COUNT("port", "tx_packets", "port_transmit_packets_total", "Packets sent by a port."),
	COUNT("port", "tx_bytes", "port_transmit_bytes_total",
		"Bytes of frames sent by a port, without FCS."),
	COUNT("port", "rx_missed", "port_receive_missed_packets_total",
		"Packets that the device had no room for."),
	COUNT("port", "tx_dropped", "port_transmit_dropped_packets_total",
		"Packets that the device did not take."),
	SHAPER("port", "port"),
	LEVEL("port", "shaper_buffers_max", "port_shaper_buffers_limit",
		"Buffers that the shaper may hold."),
	COUNT("port", "tap_rx_packets", "port_tap_receive_packets_total",
		"Packets from the port's twin in the kernel."),
	COUNT("port", "tap_rx_bytes", "port_tap_receive_bytes_total",
		"Bytes from the port's twin in the kernel."),
	COUNT("port", "tap_tx_packets", "port_tap_transmit_packets_total",
		"Packets to the port's twin in the kernel."),
	COUNT("port", "tap_tx_bytes", "port_tap_transmit_bytes_total",
		"Bytes to the port's twin in the kernel."),
	COUNT("port", "tap_rx_missed", "port_tap_receive_missed_packets_total",
		"Packets from the twin that there was no room for."),
	COUNT("port", "tap_tx_dropped", "port_tap_transmit_dropped_packets_total",
		"Packets that the twin did not take."),

	TRAFFIC("tunnel", "tunnel", "a tunnel"),
	TRAFFIC("slice", "slice", "a slice"),
	COLORS("slice", "meter_", "slice_meter", " of a slice by the colour of its meter."),
	SHAPER("slice", "slice"),
	TRAFFIC("attachment", "attachment", "an attachment"),
	COUNT("attachment", "tap_rx_packets", "attachment_tap_receive_packets_total",
		"Packets from the attachment's tap in the kernel."),
	COUNT("attachment", "tap_rx_bytes", "attachment_tap_receive_bytes_total",
		"Bytes from the attachment's tap in the kernel."),
	COUNT("attachment", "tap_tx_packets", "attachment_tap_transmit_packets_total",
		"Packets to the attachment's tap in the kernel."),
	COUNT("attachment", "tap_tx_bytes", "attachment_tap_transmit_bytes_total",
		"Bytes to the attachment's tap in the kernel."),
	COLORS("attachment", "meter_in_", "attachment_meter_in",
		" into an attachment by the colour of its meter."),
	COLORS("attachment", "meter_out_", "attachment_meter_out",
		" out of an attachment by the colour of its meter."),
	COLORS("meter", "", "meter", " by colour, over all that a meter profile is used for."),

	COUNT("box", "replicated", "box_replicated_packets_total", "Copies made for flooding."),
	COUNT("box", "merged", "box_merged_packets_total", "Fragments merged into whole packets."),
	COUNT("box", "punted", "box_punted_packets_total", "Packets given to the kernel."),
	COUNT("box", "from_kernel", "box_kernel_packets_total", "Packets taken from the kernel."),
	COUNT("box", "tap_rx_packets", "box_tap_receive_packets_total",
		"Packets from taps of attachments, of all there were."),
	COUNT("box", "tap_tx_packets", "box_tap_transmit_packets_total",
		"Packets to taps of attachments, of all there were."),
	COUNT("box", "originated", "box_originated_packets_total",
		"Packets that the box made (ARP, ND, ICMP errors)."),
	COUNT("box", "announced", "box_announced_packets_total",
		"Of those, gateways that said unasked which MAC they have."),
	COUNT("box", "answered", "box_answered_packets_total",
		"Requests that the box answered in place of a host, or as a gateway."),
	COUNT("box", "learn_lost", "box_learn_lost_total",
		"MACs not learned as the ring to the main thread was full."),
	COUNT("box", "learn_refused", "box_learn_refused_total",
		"MACs not learned as the slice has its limit."),
	COUNT("box", "hosts_lost", "box_hosts_lost_total",
		"Hosts not learned as the ring to the main thread was full."),
	COUNT("box", "hosts_refused", "box_hosts_refused_total",
		"Hosts not learned as the slice has its limit."),
	COUNT("box", "events_lost", "box_events_lost_total", "Events that watchers did not get."),
	LEVEL("box", "held", "box_held_packets", "Packets held for idle users."),
	LEVEL("box", "errors_held", "box_errors_held", "ICMP errors that wait to be sent."),
	LEVEL("box", "hosts", "box_hosts", "Hosts known by ARP and ND."),
	LEVEL("box", "macs", "box_macs", "MAC addresses known."),
	LEVEL("box", "mac_table_bytes", "box_mac_table_bytes", "Memory of the MAC table."),
	LEVEL("box", "routes", "box_routes", "Routes of all slices and the underlay."),
	LEVEL("box", "nexthops", "box_nexthops", "Next hops in use."),
	LEVEL("box", "route_table_bytes", "box_route_table_bytes", "Memory of the routes."),
	LEVEL("box", "connections", "box_connections", "Connections to the dataplane's socket."),

	COUNT("worker", "packets", "worker_packets_total", "Packets that a worker received."),
	COUNT("worker", "busy_cycles", "worker_busy_cycles_total",
		"Cycles of the loops that found packets."),
	COUNT("worker", "loops", "worker_loops_total", "Loops."),
	COUNT("worker", "idle_loops", "worker_idle_loops_total", "Loops that found nothing to do."),
	COUNT("worker", "naps", "worker_naps_total", "Times a worker with nothing to do slept."),
	LEVEL("worker", "cpu", "worker_cpu", "The CPU a worker runs on."),

	COUNT("stage", "packets", "stage_sampled_packets_total",
		"Packets of the bursts whose cost was sampled (one in 1,024)."),
	COUNT("stage", "cycles", "stage_sampled_cycles_total",
		"Cycles spent on those packets, by stage."),
	{NULL},
};

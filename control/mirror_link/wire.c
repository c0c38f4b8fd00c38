/* SPDX-License-Identifier: BSD-3-Clause */
/* The counters of the mirror as JSON (wire.h). */
#include "wire.h"

#include <string.h>

static const struct wire_counter {
	const char *name;
	size_t offset, size;
} wire_table[] = {
#define COUNTER(member)                                                                            \
	{                                                                                          \
#member, offsetof(struct mirror_counters, member),                                 \
			sizeof(((struct mirror_counters *)0)->member)                              \
	}
	COUNTER(kernel.messages),
	COUNTER(kernel.overruns),
	COUNTER(kernel.rescans),
	COUNTER(kernel.drift_total),
	COUNTER(kernel.verified),
	COUNTER(kernel.drift_last),
	COUNTER(kernel.refused),
	COUNTER(kernel.entries[KERNEL_LINK]),
	COUNTER(kernel.entries[KERNEL_ADDRESS]),
	COUNTER(kernel.entries[KERNEL_NEXTHOP]),
	COUNTER(kernel.entries[KERNEL_ROUTE]),
	COUNTER(kernel.entries[KERNEL_NEIGHBOR]),
	COUNTER(kernel.entries[KERNEL_FDB]),
	COUNTER(kernel.receive_buffer_bytes),
	COUNTER(namespaces),
	COUNTER(namespaces_missing),
	COUNTER(ready),
	COUNTER(addresses),
	COUNTER(neighbors),
	COUNTER(routes),
	COUNTER(tunnels),
	COUNTER(members),
	COUNTER(macs),
	COUNTER(macs_multihomed),
	COUNTER(routes_unusable),
	COUNTER(ways_left_out),
	COUNTER(stations),
	COUNTER(neighbors_kept),
	COUNTER(last_change_us),
	COUNTER(unsaid),
	COUNTER(refused),
	COUNTER(waiting),
	COUNTER(drift_total),
	COUNTER(transactions),
#undef COUNTER
};
#define COUNTERS (sizeof(wire_table) / sizeof(*wire_table))

json_t *wire_counters(const struct mirror_counters *counters)
{
	json_t *out = json_object();

	for (size_t i = 0; i < COUNTERS; i++) {
		uint64_t value = 0; /* little-endian, as all that DPDK's vector code is built for */

		memcpy(&value, (const char *)counters + wire_table[i].offset, wire_table[i].size);
		json_object_set_new(out, wire_table[i].name, json_integer((json_int_t)value));
	}
	return out;
}

void wire_counters_read(const json_t *from, struct mirror_counters *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < COUNTERS; i++) {
		uint64_t value =
			(uint64_t)json_integer_value(json_object_get(from, wire_table[i].name));

		memcpy((char *)out + wire_table[i].offset, &value, wire_table[i].size);
	}
}

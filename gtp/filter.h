/* SPDX-License-Identifier: BSD-3-Clause */
/* SDF filters: IPFilterRule (RFC 6733 section 4.3.1, as TS 29.212 section 5.4.2 and TS 29.244
 * section 8.2.5 restrict and extend it). Text → structure and back. libc and dataplane/objects/ alone; used by
 * the session model, tests and the fuzzer; owns nothing. Any thread.
 *
 * Written from the network's side: `permit out <proto> from <network> [ports] to <UE> [ports]`.
 * Here the two ends are called remote (the network's) and local (the UE's), whatever the direction
 * a PDR is for. `permit in` names the UE first; it means the same with the ends exchanged.
 * `assigned` is the UE's end wherever it stands: some SMFs write `permit in ip from any to
 * assigned`. Options after the ports: `tos <value>[/<mask>]`, `spi <value>`, `flowlabel <value>`
 * (numbers decimal or 0x), as the flow description's companions of TS 29.244 (ToS Traffic Class,
 * SPI, Flow Label). */
#ifndef GTP_FILTER_H
#define GTP_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_PORTS 16 /* ranges of one end */

struct filter_ports {
	uint16_t low, high; /* both included */
};

struct filter_end {
	uint8_t family; /* 0: any; 4, 6 */
	bool assigned;	/* the UE's own address; family 0 */
	bool negated;	/* `!`: all but these */
	uint8_t len;	/* of the prefix */
	uint8_t bytes[16];
	uint8_t n_ports; /* 0: any, also without ports */
	struct filter_ports ports[FILTER_PORTS];
};

#define FILTER_PROTO_ANY 256u
struct filter {
	uint16_t proto; /* FILTER_PROTO_ANY: `ip` */
	bool deny;
	struct filter_end remote, local;
	bool has_tos, has_spi, has_flow_label;
	uint8_t tos, tos_mask;
	uint32_t spi;
	uint32_t flow_label; /* 20 bits */
};

/* 0; or -1 with what was wanted in `want` (for people) and *at, the offset in text where. text need
 * not end with NUL. All of out is set, unused parts are 0, so that equal filters are equal by
 * memcmp; ports are sorted and merged, host bits are 0. */
int filter_parse(const char *text, size_t len, struct filter *out, const char **want, size_t *at);

/* The canonical text; returns its length (as snprintf). */
int filter_format(const struct filter *filter, char *text, size_t size);

#endif

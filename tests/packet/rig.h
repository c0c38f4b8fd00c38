/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole box in one process, without NIC and without a worker thread: bytes go in, what left and
 * what was dropped comes out. Used by the packet tests, the isolation test and the packet fuzzer;
 * each says what a failed check does. */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "drops.h"
#include "nexthop.h"
#include "types.h"

#define PKT_MAX	 17000
#define OUTS_MAX 512

struct pkt {
	uint32_t len;
	uint8_t b[PKT_MAX];
};

struct out {
	uint16_t port;
	struct pkt pkt;
};

struct rig {
	/* since the last rig_begin() */
	uint64_t in, out;	  /* by ports, and by taps of attachments */
	uint64_t tap_in, tap_out; /* of those, by taps */
	uint64_t drops, replicated, originated, answered, merged, punted;
	uint64_t cycles;   /* that the last burst took the worker */
	uint64_t segments; /* buffers of all that left */
	int64_t held;	   /* buffers in reassembly, change */
	uint64_t drop[DROP_REASONS];
	uint32_t outs; /* of out[], at most OUTS_MAX are kept */
};

extern struct rig rig;
extern struct out *rig_out; /* [OUTS_MAX] */
extern uint16_t rig_slices; /* the highest id that was given */

/* Supplied by the program: says what is wrong and does not return. */
void rig_failed(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
#define RIG_CHECK(cond, ...)                                                                       \
	do {                                                                                       \
		if (!(cond))                                                                       \
			rig_failed(__VA_ARGS__);                                                   \
	} while (0)

/* EAL, once a process; lcores as EAL's --lcores takes them. */
void rig_eal(const char *lcores);
/* Before rig_start(): bursts go to so many workers in turn, on one thread. 1 unless a test asks. */
extern uint32_t rig_workers;
/* An empty box with one worker that has no thread. */
void rig_start(void);
/* Lets reassembly time out, checks that no buffer leaked, takes the box down. */
void rig_stop(void);

/* The link of a port changes, and what follows from it. */
void rig_link(uint16_t port, bool up);

/* Ports are rings: what the switch sends is read back by rig_send(). */
uint16_t rig_port(uint32_t mtu);
void rig_port_gone(uint16_t port);
/* Shapes it, or with 0 no longer. */
void rig_shape(uint16_t port, uint64_t rate_bps);
/* A second port acts as the kernel's twin of the first. */
uint16_t rig_twin(uint16_t port);

uint16_t rig_slice(uint32_t vni);
uint16_t rig_slice_as(const struct api_slice *cfg);
uint16_t rig_attachment(uint16_t slice, uint16_t port, uint16_t vlan);
uint16_t rig_tunnel(const char *local, const char *remote);
uint16_t rig_tunnel_as(const char *local, const char *remote, const struct api_tunnel *rest);
struct api_tunnel rig_tunnel_defaults(void);
void rig_mac(uint16_t slice, uint64_t mac, uint32_t door);
void rig_address(uint16_t port, const char *prefix);
void rig_neighbor(uint16_t port, const char *address, uint64_t mac);
void rig_route(const char *prefix, const char *via, uint16_t port);
/* Of the underlay, which is not resolved anew yet; NULL: the route goes. */
void rig_underlay_route(const struct api_ip *prefix, const struct l3_via *via, uint32_t count);
uint64_t rig_port_mac(uint16_t port);
struct api_ip rig_ip(const char *text, bool prefix);
struct api_mac_addr rig_mac_addr(uint64_t mac);

/* Runs a burst through the pipeline, collects what left into rig_out[], and checks the ledger:
 * in + replicated + originated = out + drops + merged + held, and what was dropped of a slice is
 * counted there. One packet goes among others (decoys.h). */
void rig_begin(void);
void rig_send(uint16_t port, const struct pkt *pkt, uint32_t n);
/* The same for packets that do not lie side by side; at most a burst. */
void rig_send_each(uint16_t port, const struct pkt *const *pkt, uint32_t n);
/* One packet in chained buffers, cut at this byte. */
void rig_send_cut(uint16_t port, const struct pkt *pkt, uint32_t at);
/* Takes all buffers of a port's pool but `leave`: how many; and gives them all back. */
uint32_t rig_take_buffers(uint16_t port, uint32_t leave);
void rig_give_buffers(void);
/* Buffers of all ports and of the reassembly that are not in their pools. */
int64_t rig_buffers_used(void);
/* Time goes on, by this and by rig_wait() alone; the workers' ticks run. */
void rig_advance(double seconds);
/* The same in steps of a tenth of a millisecond, since a shaped port does not save up time. */
void rig_wait(double seconds);
/* The main thread's turn: learning, ageing, what waits for a grace period. */
void rig_poll(void);

#endif

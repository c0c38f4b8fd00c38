/* SPDX-License-Identifier: BSD-3-Clause */
/* No packet of one slice ever leaves at a door of another: random topologies of l2 and l3 slices,
 * UEs' sessions in them, random and hostile packets, configuration that changes between them. The
 * parts:
 *   world.c, world_l3.c      the topology, and its changes
 *   world_upf.c              sessions, and their part of the model
 *   model.c                  who may enter where, which way an address has: configuration alone
 *   shots.c, shots_*.c       the packets, each filled with marks of who sent it
 *   verdict.c, verdict_*.c   the judgement of all that left, and of what the taps got
 * What is asked of every packet that left: no mark in it is another tenant's; its door is one of
 * the slice that it entered. Bridged frames are untouched and left by another door, never from
 * tunnel to tunnel. Routed ones have TTL one less, a right checksum, an untouched payload, and the
 * MAC and door of a next hop that the slice's own longest prefix has; to a UE's address they leave
 * by its session's tunnel, and what comes by a TEID goes nowhere unless it is from the UE. Answers
 * (ARP, ND, echo), ICMP errors and fragments go back into the slice they are about. And the ledger
 * after every burst (rig.h). A failure prints what replays it: test_isolation --seed N --cases N
 * [--help]
 */
#include <rte_random.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "verdict.h"

#define ROUND 300 /* cases a topology */

static uint64_t seed;
static bool verbose;
static uint32_t cases = 40000, at_case;
static uint64_t sent, left, entered;
static struct pkt *pieces, spare;

void rig_failed(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "case %u: ", at_case);
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\nreplay: test_isolation --seed %lu --cases %u\n", seed, at_case + 1);
	va_end(args);
	if (verbose)
		l3_print(stderr);
	exit(EXIT_FAILURE);
}

/* A burst by one port. */
static void send_burst(void)
{
	uint32_t n = 1 + rnd(SHOTS);
	int port = rnd(LANS + WANS);
	const struct pkt *p[SHOTS];

	for (uint32_t i = 0; i < n; i++) {
		shot_make(i, port);
		entered += shot[i].in.slice != NONE;
		p[i] = &shot[i].p;
	}
	shots_heard(n);
	rig_begin();
	rig_send_each(world.port[port], p, n);
	sent += n;
	left += rig.out;
	verdict_all(n, true);
	verdict_taps(n);
}

/* One packet alone, damaged: the model says what it may be now. */
static void send_damaged(void)
{
	int port = rnd(LANS + WANS);
	struct pkt *p = &shot[SHOT_ALONE].p;

	shot_make(SHOT_ALONE, port);
	shot_spoil(port);
	shots_heard(1);
	rig_begin();
	shots_chained = p->len > 20 && CHANCE(10);
	if (shots_chained)
		rig_send_cut(world.port[port], p, 1 + rnd(p->len - 1));
	else
		rig_send(world.port[port], p, 1);
	sent++;
	left += rig.out;
	verdict_all(1, false);
	verdict_taps(1);
	shots_chained = false;
}

/* Pieces of shot[i], appended; ids that no other packet of the box has, or that many have. */
static uint32_t cut(uint32_t i, uint32_t n, uint32_t id)
{
	const struct pkt *p = &shot[i].p;
	uint16_t type = get16(p->b + 12);
	uint32_t head = 14 + (type == 0x86dd ? 40 : (p->b[14] & 15) * 4);

	if ((type != 0x0800 && type != 0x86dd) || p->b[14] >> 4 != (type == 0x0800 ? 4 : 6) ||
		p->len < head + 64 || p->b[14 + (type == 0x0800 ? 9 : 6)] != 17 ||
		(type == 0x0800 && get16(p->b + 20) & 0x3fff))
		return 0;
	return fragment(p, 64 + 8 * rnd(40), id, pieces + n, SHOTS - n);
}

/* Fragments of several packets, shuffled. When many have the same id, packets may be put together
 * that were never sent: they still may only leave at a door of their VNI. */
static void send_fragments(void)
{
	static uint32_t next_id;
	int port = LANS + rnd(WANS);
	bool mixed = CHANCE(30);
	uint32_t n = 0, shots = 0;

	while (shots < 12 && n < SHOTS - 8) {
		shot_make(shots, port);
		if (mixed)
			memset(shot[shots].p.b + shot[shots].marks, 0xee,
				shot[shots].marks != 0 ? shot[shots].p.len - shot[shots].marks : 0);
		n += cut(shots, n, mixed ? rnd(3) : 16 + next_id++ % 60000);
		shots++;
	}
	shots_heard(shots);
	for (uint32_t i = 0; i + 1 < n; i++) {
		uint32_t k = i + rnd(n - i);

		spare = pieces[i];
		pieces[i] = pieces[k];
		pieces[k] = spare;
	}
	rig_begin();
	rig_send(world.port[port], pieces, n);
	sent += n;
	left += rig.out;
	if (mixed)
		verdict_doors();
	else
		verdict_all(shots, false);
	verdict_taps(shots);
}

/* Time goes on: what waits is given up, what is unknown is asked for. */
static void pass_time(double seconds)
{
	rig_begin();
	rig_poll();
	rig_advance(seconds);
	left += rig.out;
	verdict_all(0, false);
}

/* What main ordered to be asked is asked first: a worker takes a millisecond for it at most. */
static void change(void)
{
	pass_time(0);
	world_change();
}

/* After what main ordered: what leaves then is the kernel's. */
static void say_by_tap(void)
{
	pass_time(0.001);
	tap_speaks();
	left += rig.out;
}

static void one_case(void)
{
	uint32_t what = rnd(100);

	if (what < 50)
		send_burst();
	else if (what < 80)
		send_damaged();
	else if (what < 87)
		send_fragments();
	else if (what < 90)
		pass_time(CHANCE(50) ? 0.001 : 2);
	else if (what < 92)
		say_by_tap();
	else
		change();
	if (CHANCE(20))
		rig_poll();
}

static void parse(int argc, char **argv)
{
	seed = time(NULL);
	for (int i = 1; i < argc; i++) {
		if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) {
			seed = strtoull(argv[++i], NULL, 0);
		} else if (i + 1 < argc && strcmp(argv[i], "--cases") == 0) {
			cases = strtoul(argv[++i], NULL, 0);
		} else if (strcmp(argv[i], "--verbose") == 0) {
			verbose = true;
		} else {
			printf("test_isolation [--seed N] [--cases N] [--verbose]\n"
			       "  --seed   of all that is random (the time of day)\n"
			       "  --cases  how many bursts, damaged packets and changes (%u); a\n"
			       "           topology has %u\n"
			       "  --verbose  a failure prints gateways, neighbours and routes\n",
				cases, ROUND);
			exit(strcmp(argv[i], "--help") == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
		}
	}
	random_state = seed * 0x9e3779b97f4a7c15ull | 1;
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	printf("seed %lu, %u cases\n", seed, cases);
	fflush(stdout);
	rig_eal("0");
	rte_srand(seed); /* timers of neighbours */
	shot = calloc(SHOTS, sizeof(*shot));
	pieces = calloc(SHOTS, sizeof(*pieces));
	RIG_CHECK(shot != NULL && pieces != NULL, "no memory");
	for (at_case = 0; at_case < cases; at_case++) {
		if (at_case % ROUND == 0) {
			if (at_case > 0)
				rig_stop();
			world_build();
		}
		one_case();
	}
	rig_stop();
	printf("%lu packets in, %lu out: %lu bridged, %lu routed (%lu of them had to be), %lu "
	       "fragments, %lu answers, %lu errors, %lu questions; %lu from UEs, %lu to UEs, %lu "
	       "GTP-U messages; %lu to taps, %lu from them\n",
		sent, left, seen.bridged, seen.routed, seen.must, seen.cut, seen.answers,
		seen.errors, seen.questions, seen.from_ues, seen.to_ues, seen.messages,
		seen.to_taps, seen.from_taps);
	/* a test that lets nothing through shows nothing */
	RIG_CHECK(
		cases < 5000 || (left > cases && entered > cases && seen.routed > cases / 2 &&
					seen.bridged > cases / 2 && seen.must > cases / 20 &&
					seen.errors > 0 && seen.cut > 0 &&
					seen.from_ues > cases / 20 && seen.to_ues > cases / 20 &&
					seen.to_taps > cases / 50 && seen.from_taps > cases / 2000),
		"too little left");
	free(shot);
	free(pieces);
	return EXIT_SUCCESS;
}

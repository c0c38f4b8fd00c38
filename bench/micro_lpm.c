/* SPDX-License-Identifier: BSD-3-Clause */
/* Micro benchmark of the longest-prefix-match table: bursts of 32 lookups over 65,536 random flows,
 * puts and deletes, for the populations that a box may have. Run by scripts/bench (case `lpm`) or
 * by hand; prints one JSON object a line. Every answer is compared with lpm_find_covering(). */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_random.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lpm.h"
#include "rcu.h"

#define FLOWS  65536
#define ROUNDS 15

struct route {
	uint64_t bits[2]; /* from the top, host order; IPv4 in the upper 32 */
	uint16_t slice;
	uint8_t length;
};

struct population {
	const char *name;
	uint32_t routes;
	uint32_t slices;
	bool hosts; /* all of them full length */
};

static const struct population populations[] = {
	{"5 routes", 5, 1, false},
	{"1,000 routes", 1000, 1, false},
	{"100,000 routes", 100000, 1, false},
	{"100,000 hosts", 100000, 1, true},
	{"1,000,000 routes", 1000000, 1, false},
	{"1,000,000 hosts", 1000000, 1, true},
	{"4,000 slices of 25", 100000, 4000, false},
};

static struct route *routes;
static uint16_t flow_slice[FLOWS];
static uint32_t flow4[FLOWS];
static uint64_t flow6[FLOWS][2];

/* ---- populations ---- */

/* Shares of lengths, in tenths of a percent, as full Internet tables show them. */
struct share {
	uint8_t length;
	uint16_t tenths;
};

static const struct share lengths4[] = {{24, 600}, {23, 97}, {22, 110}, {21, 50}, {20, 45},
	{19, 25}, {18, 14}, {17, 8}, {16, 13}, {15, 2}, {14, 2}, {13, 1}, {12, 1}, {32, 32}};
static const struct share lengths6[] = {{48, 470}, {44, 70}, {40, 60}, {36, 40}, {32, 130},
	{33, 20}, {34, 15}, {35, 10}, {29, 20}, {28, 5}, {46, 30}, {47, 20}, {45, 10}, {42, 15},
	{38, 10}, {56, 20}, {64, 25}, {128, 30}};

static uint8_t length_of(const struct share *share)
{
	uint32_t x = rte_rand_max(1000);

	for (; x >= share->tenths; share++)
		x -= share->tenths;
	return share->length;
}

/* Addresses gather: blocks are drawn, then prefixes in them, a few in each. */
static void address_of(uint32_t block, bool v6, uint64_t *bits)
{
	static const uint16_t registries[] = {0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00};
	uint64_t x = (block + 1) * 0x9e3779b97f4a7c15ull;

	if (v6) {
		bits[0] = (uint64_t)(registries[x % 6] | (x >> 8 & 0xf)) << 48 |
			  (x >> 16 & 0xffff) << 32 | (rte_rand() & 0xffffffff);
		bits[1] = rte_rand();
	} else { /* 1.0.0.0 to 223.255.255.255: a block is a /16 */
		bits[0] = ((1 + x % 223) << 24 | (x >> 24 & 0xff) << 16 | (rte_rand() & 0xffff))
			  << 32;
		bits[1] = 0;
	}
}

static void cut(struct route *r)
{
	uint32_t n = r->length;

	r->bits[0] &= n == 0 ? 0 : n >= 64 ? UINT64_MAX : ~(UINT64_MAX >> n);
	r->bits[1] &= n <= 64 ? 0 : n >= 128 ? UINT64_MAX : ~(UINT64_MAX >> (n - 64));
}

static void make_routes(const struct population *p, bool v6)
{
	uint32_t blocks = RTE_MAX(p->routes / p->slices / 25, 3u);

	rte_srand(20240521);
	for (uint32_t i = 0; i < p->routes; i++) {
		struct route *r = &routes[i];

		r->slice = 1 + i % p->slices;
		address_of(rte_rand_max(blocks), v6, r->bits);
		r->length = p->hosts ? (v6 ? 128 : 32) : length_of(v6 ? lengths6 : lengths4);
		if (i < p->slices)
			r->length = 0;
		cut(r);
	}
	for (uint32_t i = 0; i < FLOWS; i++) { /* to anywhere below a random route */
		struct route *r = &routes[rte_rand_max(p->routes)],
			     mask = {{~0ull, ~0ull}, 0, r->length};

		cut(&mask);
		flow_slice[i] = r->slice;
		flow6[i][0] = r->bits[0] | (rte_rand() & ~mask.bits[0]);
		flow6[i][1] = r->bits[1] | (rte_rand() & ~mask.bits[1]);
		flow4[i] = flow6[i][0] >> 32;
	}
}

/* ---- measuring ---- */

static void bytes_of(const uint64_t *bits, uint8_t *bytes)
{
	uint64_t be[2] = {rte_cpu_to_be_64(bits[0]), rte_cpu_to_be_64(bits[1])};

	memcpy(bytes, be, sizeof(be));
}

static int put(struct lpm_table *t, const struct route *r, uint32_t value)
{
	uint8_t bytes[16];

	bytes_of(r->bits, bytes);
	return lpm_put(t, r->slice, bytes, r->length, value);
}

static int erase(struct lpm_table *t, const struct route *r)
{
	uint8_t bytes[16];

	bytes_of(r->bits, bytes);
	return lpm_delete(t, r->slice, bytes, r->length);
}

static void lookup(const struct lpm_table *t, uint32_t i, uint32_t *value, bool v6)
{
	if (v6)
		lpm_lookup6_bulk(
			t, &flow_slice[i], (const uint64_t(*)[2]) & flow6[i], LPM_BULK, value);
	else
		lpm_lookup4_bulk(t, &flow_slice[i], &flow4[i], LPM_BULK, value);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Cycles of this thread: others may share the CPU. */
static uint64_t cycles_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (now.tv_sec * 1e9 + now.tv_nsec) * 1e-9 * rte_get_tsc_hz();
}

static double lookup_cycles(const struct lpm_table *t, bool v6)
{
	uint32_t value[LPM_BULK];
	double took[ROUNDS];

	for (uint32_t r = 0; r < ROUNDS; r++) {
		uint64_t start = cycles_now();

		for (uint32_t i = 0; i < FLOWS; i += LPM_BULK)
			lookup(t, i, value, v6);
		took[r] = (double)(cycles_now() - start) / FLOWS;
	}
	qsort(took, ROUNDS, sizeof(*took), compare);
	return took[ROUNDS / 2];
}

static int check(const struct lpm_table *t, bool v6)
{
	uint32_t value[LPM_BULK], wrong = 0;
	uint8_t bytes[16], length;

	for (uint32_t i = 0; i < FLOWS; i += LPM_BULK) {
		lookup(t, i, value, v6);
		for (uint32_t k = 0; k < LPM_BULK; k++) {
			uint64_t bits[2] = {flow6[i + k][0], v6 ? flow6[i + k][1] : 0};

			bytes_of(bits, bytes);
			wrong +=
				value[k] == 0 || value[k] != lpm_find_covering(t, flow_slice[i + k],
								     bytes, v6 ? 128 : 32, &length);
		}
	}
	if (wrong > 0)
		fprintf(stderr, "micro_lpm: %u answers are wrong\n", wrong);
	return wrong > 0 ? -1 : 0;
}

static double us_each(uint64_t start, uint32_t n)
{
	return (double)(cycles_now() - start) / rte_get_tsc_hz() * 1e6 / n;
}

/* ---- changes beside a worker that forwards ---- */

static struct {
	const struct lpm_table *t;
	bool v6, ready, stop;
} reader;

static void *reader_main(void *arg)
{
	uint32_t value[LPM_BULK];
	cpu_set_t all;

	CPU_ZERO(&all);
	for (uint32_t i = 0; i < CPU_SETSIZE; i++)
		CPU_SET(i, &all);
	pthread_setaffinity_np(pthread_self(), sizeof(all), &all);
	rte_rcu_qsbr_thread_register(rcu_qsbr, 1);
	rte_rcu_qsbr_thread_online(rcu_qsbr, 1);
	__atomic_store_n(&reader.ready, true, __ATOMIC_RELEASE);
	for (uint32_t i = 0; !__atomic_load_n(&reader.stop, __ATOMIC_RELAXED);
		i = (i + LPM_BULK) % FLOWS) {
		lookup(reader.t, i, value, reader.v6);
		rte_rcu_qsbr_quiescent(rcu_qsbr, 1);
	}
	rte_rcu_qsbr_thread_offline(rcu_qsbr, 1);
	rte_rcu_qsbr_thread_unregister(rcu_qsbr, 1);
	return NULL;
}

/* Microseconds of the clock on the wall, waiting for grace periods included. */
static double change_us_beside(struct lpm_table *t, bool v6, uint32_t changes)
{
	pthread_t thread;

	reader.t = t;
	reader.v6 = v6;
	reader.ready = reader.stop = false;
	if (pthread_create(&thread, NULL, reader_main, NULL) != 0)
		return -1;
	while (!__atomic_load_n(&reader.ready, __ATOMIC_ACQUIRE))
		sched_yield();
	uint64_t start = rte_rdtsc();

	for (uint32_t i = 0; i < changes / 2; i++)
		erase(t, &routes[i]);
	for (uint32_t i = 0; i < changes / 2; i++)
		put(t, &routes[i], i + 1);
	double us = (double)(rte_rdtsc() - start) / rte_get_tsc_hz() * 1e6 / changes;

	__atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	return us;
}

static int measure(const struct population *p, bool v6)
{
	static struct lpm_table t;
	uint32_t changes = RTE_MIN(p->routes, 100000u);
	uint64_t start;

	make_routes(p, v6);
	if (lpm_init(&t, "bench", v6 ? 128 : 32, p->routes) != 0)
		return -1;
	start = cycles_now();
	for (uint32_t i = 0; i < p->routes; i++)
		if (put(&t, &routes[i], i + 1) < 0)
			return -1;
	double fill_us = us_each(start, p->routes);
	double bytes = (double)lpm_bytes(&t) / lpm_count(&t);
	double cycles = lookup_cycles(&t, v6);
	int rc = check(&t, v6);

	/* changes of a full table: routes go and come back; a second pair is not there any more */
	start = cycles_now();
	for (uint32_t i = 0; i < changes; i++)
		erase(&t, &routes[i]);
	double delete_us = us_each(start, changes);

	start = cycles_now();
	for (uint32_t i = 0; i < changes; i++)
		put(&t, &routes[i], i + 1);
	double put_us = us_each(start, changes);

	double beside_us = change_us_beside(&t, v6, changes);

	printf("{\"family\": %u, \"population\": \"%s\", \"routes\": %u, \"lookup_cycles\": %.1f, "
	       "\"bytes_per_route\": %.1f, \"fill_us\": %.2f, \"put_us\": %.2f, \"delete_us\": "
	       "%.2f, \"change_beside_us\": %.2f}\n",
		v6 ? 6 : 4, p->name, lpm_count(&t), cycles, bytes, fill_us, put_us, delete_us,
		beside_us);
	fflush(stdout);
	lpm_fini(&t);
	return rc;
}

int main(int argc, char **argv)
{
	char *cpu = argc == 3 && strcmp(argv[1], "--cpu") == 0 ? argv[2] : (char[]){"0"};
	char *eal[] = {(char[]){"micro_lpm"}, (char[]){"-l"}, cpu, (char[]){"--no-pci"},
		(char[]){"--no-telemetry"}, (char[]){"--log-level=lib.*:error"},
		(char[]){"--no-huge"}, (char[]){"-m"}, (char[]){"64"}, NULL};
	int rc = 0;

	if (argc != 1 && argc != 3) {
		fprintf(stderr, "usage: micro_lpm [--cpu N]\n");
		return 2;
	}
	routes = malloc(1000000 * sizeof(*routes));
	if (routes == NULL || rte_eal_init(RTE_DIM(eal) - 1, eal) < 0 || rcu_init() != 0)
		return 1;
	for (uint32_t i = 0; i < RTE_DIM(populations) && rc == 0; i++)
		for (uint32_t v6 = 0; v6 < 2 && rc == 0; v6++)
			rc = measure(&populations[i], v6);
	rcu_fini();
	rte_eal_cleanup();
	free(routes);
	return rc == 0 ? 0 : 1;
}

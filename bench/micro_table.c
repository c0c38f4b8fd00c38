/* SPDX-License-Identifier: BSD-3-Clause */
/* Micro benchmark: a bulk lookup of the project's exact-match table beside
 * rte_hash_lookup_bulk_data, with the same keys in the same random order, at several populations.
 * Run by scripts/bench (case `table`) or by hand; prints one JSON object a line. Both tables are
 * declared for as many entries as they hold, as a box at its limit would. */
#include <getopt.h>
#include <inttypes.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>
#include <rte_random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact.h"
#include "rcu.h"

#define BULK   64 /* RTE_HASH_LOOKUP_BULK_MAX, and a burst of frames has 64 as well */
#define ROUNDS 5

/* Keys as the MAC table has them: slice id above 48 bits of MAC. order[] is what is asked for. */
struct keys {
	uint32_t n;
	uint32_t asked; /* a multiple of BULK */
	uint64_t *key;
	uint64_t *order;
};

struct result {
	double lookup, insert, erase; /* cycles each, medians */
	double bytes;		      /* an entry */
};

static uint64_t key_of(uint32_t i)
{
	return 1ull << 48 | 0x025a00000000ull | (uint64_t)i * 0x9e3779b1u % (1u << 28);
}

static int keys_make(struct keys *k, uint32_t n)
{
	k->n = n;
	k->asked = RTE_MAX(n, 65536u) / BULK * BULK;
	k->key = rte_malloc(NULL, (size_t)n * sizeof(uint64_t), RTE_CACHE_LINE_SIZE);
	k->order = rte_malloc(NULL, (size_t)k->asked * sizeof(uint64_t), RTE_CACHE_LINE_SIZE);
	if (k->key == NULL || k->order == NULL)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		k->key[i] = key_of(i);
	for (uint32_t i = 0; i < k->asked; i++)
		k->order[i] = k->key[i % n];
	rte_srand(20240521);
	for (uint32_t i = k->asked - 1; i > 0; i--) {
		uint32_t j = rte_rand_max(i + 1);
		uint64_t swap = k->order[i];

		k->order[i] = k->order[j];
		k->order[j] = swap;
	}
	return 0;
}

static void keys_free(struct keys *k)
{
	rte_free(k->key);
	rte_free(k->order);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, uint32_t n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[n / 2];
}

static size_t heap_used(void)
{
	struct rte_malloc_socket_stats stats;

	return rte_malloc_get_socket_stats(0, &stats) == 0 ? stats.heap_allocsz_bytes : 0;
}

/* As many passes over the order as make a measurement of some milliseconds. */
static uint32_t passes(const struct keys *k)
{
	return RTE_MAX(1u, (4u << 20) / k->asked);
}

/* Every lookup must have hit: the sum of the values proves it. */
static int check_sum(const char *what, const struct keys *k, uint64_t sum)
{
	uint64_t want = 0;

	for (uint32_t i = 0; i < k->asked; i++)
		want += k->order[i] & 0xffffffff;
	if (sum == want * passes(k))
		return 0;
	fprintf(stderr, "micro_table: %s returned wrong values\n", what);
	return -1;
}

static int run_exact(const struct keys *k, struct result *out)
{
	struct exact_table t;
	double took[ROUNDS];

	if (exact_init(&t, "bench", 1, k->n) != 0)
		return -1;
	out->bytes = (double)t.bytes / k->n;
	uint64_t start = rte_rdtsc();
	for (uint32_t i = 0; i < k->n; i++)
		if (exact_put(&t, &k->key[i], k->key[i] & 0xffffffff) < 0)
			return -1;
	out->insert = (double)(rte_rdtsc() - start) / k->n;
	for (uint32_t r = 0; r < ROUNDS; r++) {
		uint64_t *value[BULK], sum = 0;

		start = rte_rdtsc();
		for (uint32_t p = 0; p < passes(k); p++)
			for (uint32_t i = 0; i < k->asked; i += BULK) {
				exact_lookup_bulk(&t, &k->order[i], 1, BULK, value);
				for (uint32_t j = 0; j < BULK; j++)
					sum += value[j] != NULL ? *value[j] : 0;
			}
		took[r] = (double)(rte_rdtsc() - start) / passes(k) / k->asked;
		if (check_sum("exact_lookup_bulk", k, sum) != 0)
			return -1;
	}
	out->lookup = median(took, ROUNDS);
	start = rte_rdtsc();
	for (uint32_t i = 0; i < k->n; i++)
		exact_delete(&t, &k->key[i]);
	out->erase = (double)(rte_rdtsc() - start) / k->n;
	exact_fini(&t);
	return 0;
}

static struct rte_hash *hash_make(const struct keys *k, uint8_t flags, struct result *out)
{
	struct rte_hash_parameters params = {
		.name = "bench",
		.entries = RTE_MAX(k->n, 8u),
		.key_len = sizeof(uint64_t),
		.hash_func = rte_hash_crc,
		.socket_id = 0,
		.extra_flag = flags | RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	size_t before = heap_used();
	struct rte_hash *h = rte_hash_create(&params);

	out->bytes = (double)(heap_used() - before) / k->n;
	return h;
}

static int run_rte_hash(const struct keys *k, uint8_t flags, struct result *out)
{
	struct rte_hash *h = hash_make(k, flags, out);
	double took[ROUNDS];

	if (h == NULL)
		return -1;
	uint64_t start = rte_rdtsc();
	for (uint32_t i = 0; i < k->n; i++)
		if (rte_hash_add_key_data(
			    h, &k->key[i], (void *)(uintptr_t)(k->key[i] & 0xffffffff)) != 0)
			return -1;
	out->insert = (double)(rte_rdtsc() - start) / k->n;
	for (uint32_t r = 0; r < ROUNDS; r++) {
		const void *ask[BULK];
		void *data[BULK];
		uint64_t sum = 0, hits;

		start = rte_rdtsc();
		for (uint32_t p = 0; p < passes(k); p++)
			for (uint32_t i = 0; i < k->asked; i += BULK) {
				for (uint32_t j = 0; j < BULK; j++)
					ask[j] = &k->order[i + j];
				rte_hash_lookup_bulk_data(h, ask, BULK, &hits, data);
				for (uint32_t j = 0; j < BULK; j++)
					sum += hits & 1ull << j ? (uintptr_t)data[j] : 0;
			}
		took[r] = (double)(rte_rdtsc() - start) / passes(k) / k->asked;
		if (check_sum("rte_hash_lookup_bulk_data", k, sum) != 0)
			return -1;
	}
	out->lookup = median(took, ROUNDS);
	start = rte_rdtsc();
	for (uint32_t i = 0; i < k->n; i++) {
		int32_t slot = rte_hash_del_key(h, &k->key[i]);

		if (flags & RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF)
			rte_hash_free_key_with_position(h, slot);
	}
	out->erase = (double)(rte_rdtsc() - start) / k->n;
	rte_hash_free(h);
	return 0;
}

static void print(const char *table, uint32_t entries, const struct result *r)
{
	printf("{\"table\": \"%s\", \"entries\": %u, \"lookup_cycles\": %.2f, \"insert_cycles\": "
	       "%.1f, "
	       "\"delete_cycles\": %.1f, \"bytes_per_entry\": %.1f}\n",
		table, entries, r->lookup, r->insert, r->erase, r->bytes);
	fflush(stdout);
}

static int compare_at(uint32_t entries)
{
	struct keys k = {0};
	struct result exact = {0}, hash = {0}, lone = {0};

	/* lock-free readers beside one writer is what a switch would need; without that, rte_hash
	 * at its fastest */
	if (keys_make(&k, entries) != 0 || run_exact(&k, &exact) != 0 ||
		run_rte_hash(&k, RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF, &hash) != 0 ||
		run_rte_hash(&k, 0, &lone) != 0) {
		fprintf(stderr, "micro_table: failed at %u entries (out of memory?)\n", entries);
		return -1;
	}
	print("exact", entries, &exact);
	print("rte_hash lock-free", entries, &hash);
	print("rte_hash one thread", entries, &lone);
	keys_free(&k);
	return 0;
}

static int start_eal(char *cpu, bool huge)
{
	char *argv[] = {(char[]){"micro_table"}, (char[]){"-l"}, cpu, (char[]){"--no-pci"},
		(char[]){"--no-telemetry"}, (char[]){"--log-level=lib.*:error"},
		huge ? (char[]){"--in-memory"} : (char[]){"--no-huge"}, (char[]){"-m"},
		(char[]){"512"}, NULL};

	/* with huge pages memory is taken as it is asked for */
	return rte_eal_init(huge ? 7 : 9, argv);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {1024, 65536, 1048576};
	static const struct option options[] = {{"cpu", required_argument, NULL, 'c'},
		{"no-huge", no_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
	char *cpu = (char[]){"0"};
	bool huge = true;
	int opt, rc = 0;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == '?') {
			fprintf(stderr, "usage: micro_table [--cpu N] [--no-huge] [ENTRIES…]\n");
			return 2;
		}
		if (opt == 'c')
			cpu = optarg;
		else
			huge = false;
	}
	if (start_eal(cpu, huge) < 0 || rcu_init() != 0)
		return 1;
	if (optind == argc)
		for (uint32_t i = 0; i < RTE_DIM(sizes) && rc == 0; i++)
			rc = compare_at(sizes[i]);
	for (; optind < argc && rc == 0; optind++)
		rc = compare_at(strtoul(argv[optind], NULL, 10));
	rcu_fini();
	rte_eal_cleanup();
	return rc == 0 ? 0 : 1;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Lock-free readers of the exact-match table while its writer adds, deletes and grows: a key that
 * stays is never missed, and no key is ever found with another key's value. Runs under TSan as well
 * (-Dportable=true: it does not know 64-byte loads). */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "exact.h"
#include "table_eal.h"

#define READERS	  2
#define STABLE	  1000
#define MOVING	  20000
#define SECONDS	  2
#define AT_MOST_S 20 /* where others leave the readers no time */

static struct exact_table table;
static bool stop, go;
static struct result {
	uint64_t lookups, missed, wrong, hits;
} results[READERS];

/* Keys are numbered; the stable ones come first. Many share their first word. */
static void key_of(uint32_t i, uint32_t words, uint64_t *key)
{
	key[0] = words == 1 ? i + 1 : i % 5 + 1;
	for (uint32_t w = 1; w < words; w++)
		key[w] = w + 1 == words ? i : i % (3 + w);
}

/* The value says which key it belongs to. */
static uint64_t value_of(uint32_t i)
{
	return i * 0x9e3779b97f4a7c15ull + 1;
}

static __rte_always_inline void read_once(struct result *r, const uint32_t words, uint32_t *seed)
{
	uint64_t keys[EXACT_BULK * EXACT_KEY_WORDS], *value[EXACT_BULK];
	uint32_t which[EXACT_BULK];

	for (uint32_t k = 0; k < EXACT_BULK; k++) {
		*seed = *seed * 1664525 + 1013904223;
		which[k] = k & 1 ? (*seed >> 8) % STABLE : STABLE + (*seed >> 8) % MOVING;
		key_of(which[k], words, &keys[k * words]);
	}
	exact_lookup_bulk(&table, keys, words, EXACT_BULK, value);
	for (uint32_t k = 0; k < EXACT_BULK; k++) {
		if (value[k] == NULL) {
			r->missed += which[k] < STABLE;
			continue;
		}
		r->hits++;
		r->wrong += __atomic_load_n(value[k], __ATOMIC_RELAXED) != value_of(which[k]);
	}
	__atomic_store_n(&r->lookups, r->lookups + EXACT_BULK, __ATOMIC_RELAXED);
}

static void *reader(void *arg)
{
	struct result *r = arg;
	uint32_t id = r - results, seed = id + 1;

	rte_rcu_qsbr_thread_register(rcu_qsbr, id);
	rte_rcu_qsbr_thread_online(rcu_qsbr, id);
	__atomic_store_n(&go, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (table.key_words == 1)
			read_once(r, 1, &seed);
		else if (table.key_words == 2)
			read_once(r, 2, &seed);
		else
			read_once(r, 5, &seed);
		rte_rcu_qsbr_quiescent(rcu_qsbr, id);
	}
	rte_rcu_qsbr_thread_offline(rcu_qsbr, id);
	rte_rcu_qsbr_thread_unregister(rcu_qsbr, id);
	return NULL;
}

static void put(uint32_t i)
{
	uint64_t key[EXACT_KEY_WORDS];

	key_of(i, table.key_words, key);
	if (exact_put(&table, key, value_of(i)) < 0)
		ck_abort_msg("no room for key %u", i);
}

static void take(uint32_t i)
{
	uint64_t key[EXACT_KEY_WORDS];

	key_of(i, table.key_words, key);
	exact_delete(&table, key);
}

static uint64_t lookups(void)
{
	uint64_t sum = 0;

	for (uint32_t t = 0; t < READERS; t++)
		sum += __atomic_load_n(&results[t].lookups, __ATOMIC_RELAXED);
	return sum;
}

/* A table that starts small, grows to its full size among the readers, empties and fills again. */
static void churn(uint32_t words)
{
	uint64_t start = rte_get_tsc_cycles(), hz = rte_get_tsc_hz(), took;
	uint32_t x = 1, rounds = 0;

	do {
		for (uint32_t i = 0; i < MOVING; i++)
			put(STABLE + i);
		for (uint32_t i = 0; i < 2 * MOVING; i++) {
			x = x * 1664525 + 1013904223;
			if (x >> 31)
				put(STABLE + (x >> 8) % MOVING);
			else
				take(STABLE + (x >> 8) % MOVING);
		}
		for (uint32_t i = 0; i < MOVING; i++)
			take(STABLE + i);
		rounds++;
		took = rte_get_tsc_cycles() - start;
	} while (took < SECONDS * hz || (took < AT_MOST_S * hz && lookups() < 10000));
	ck_assert_uint_gt(rounds, 0);
}

START_TEST(exact_readers_never_miss_a_stable_key_nor_get_a_wrong_value)
{
	static const uint32_t word_counts[] = {1, 2, 5};
	pthread_t thread[READERS];
	struct result sum = {0};

	/* several tables, since growth happens once in each */
	for (uint32_t table_no = 0; table_no < 3; table_no++) {
		ck_assert_int_eq(
			exact_init(&table, "readers", word_counts[_i], STABLE + MOVING), 0);
		for (uint32_t i = 0; i < STABLE; i++)
			put(i);
		memset(results, 0, sizeof(results));
		stop = go = false;
		for (uint32_t t = 0; t < READERS; t++)
			ck_assert_int_eq(pthread_create(&thread[t], NULL, reader, &results[t]), 0);
		while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
			sched_yield();
		churn(word_counts[_i]);
		__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
		for (uint32_t t = 0; t < READERS; t++) {
			pthread_join(thread[t], NULL);
			sum.lookups += results[t].lookups;
			sum.hits += results[t].hits;
			sum.missed += results[t].missed;
			sum.wrong += results[t].wrong;
		}
		exact_fini(&table);
	}
	ck_assert_uint_gt(sum.lookups, 10000);
	ck_assert_msg(sum.missed == 0, "%lu of %lu missed", sum.missed, sum.lookups);
	ck_assert_msg(sum.wrong == 0, "%lu of %lu with a wrong value", sum.wrong, sum.hits);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("readers");

	table_eal();
	tcase_add_loop_test(tc, exact_readers_never_miss_a_stable_key_nor_get_a_wrong_value, 0, 3);
	return table_run("exact readers", tc, 120);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Readers of rule lists while the main thread makes and gives them back as fast as it can: who
 * found a list's index in a published word gets the answers of that list, never of another or of
 * freed memory. Runs under ASan and TSan as well (-Dportable=true for the latter). */
#include <check.h>
#include <pthread.h>
#include <sched.h>

#include "burst.h"
#include "flow_key.h"
#include "table_eal.h"

#define READERS	  2
#define SLOTS	  64
#define SECONDS	  2
#define AT_MOST_S 60  /* where others leave the readers no time */
#define LONG	  150 /* filters of a list that has bitmaps */

/* index << 32 | which list: what a session's block would say */
static uint64_t slot[SLOTS];
static bool stop, go;
static struct reading {
	uint64_t packets, wrong;
} readings[READERS];

/* List v takes UDP port v, by act v % 200, and nothing else that is asked for. */
static void list_of(uint32_t v, struct rule *rule, struct filter *f)
{
	uint32_t n = v % 8 == 0 ? LONG : 1 + v % 20;

	for (uint32_t i = 0; i < n; i++)
		f[i] = (struct filter){.proto = IPPROTO_UDP,
			.remote = {.n_ports = 1, .ports = {{60000 + i, 60000 + i}}}};
	f[n - 1].remote.ports[0] = (struct filter_ports){v, v};
	*rule = (struct rule){.act = v % 200, .qfi = QFI_NONE, .n_filters = n, .filter = f};
}

static void publish(uint32_t s, uint32_t v)
{
	static struct filter f[LONG];
	uint32_t index, old = slot[s] >> 32;
	struct rule rule;

	list_of(v, &rule, f);
	ck_assert_int_eq(rules_take(&rule, 1, &index), 0);
	/* pairs with the readers' load: the list is there before its index */
	__atomic_store_n(&slot[s], (uint64_t)index << 32 | v, __ATOMIC_RELEASE);
	rules_give(old);
}

static void read_once(struct reading *r, uint32_t *seed)
{
	const struct rules *rules[BURST_MAX];
	struct flow_key key[BURST_MAX];
	struct rules_result result[BURST_MAX];
	uint32_t v[BURST_MAX];

	for (uint32_t i = 0; i < BURST_MAX; i++) {
		*seed = *seed * 1664525 + 1013904223;
		uint64_t word = __atomic_load_n(&slot[*seed >> 8 & (SLOTS - 1)], __ATOMIC_ACQUIRE);

		v[i] = (uint32_t)word;
		rules[i] = __atomic_load_n(&rules_hot[word >> 32], __ATOMIC_RELAXED);
		key[i] = (struct flow_key){.proto = IPPROTO_UDP,
			.qfi = QFI_NONE,
			.flags = KEY_V4 | KEY_PORTS,
			.remote_port = v[i] + (i & 1)};
	}
	rules_classify(rules, key, BURST_MAX, result);
	for (uint32_t i = 0; i < BURST_MAX; i++)
		r->wrong += result[i].act != (i & 1 ? RULES_NONE : v[i] % 200);
	__atomic_store_n(&r->packets, r->packets + BURST_MAX, __ATOMIC_RELAXED);
}

static void *reader(void *arg)
{
	struct reading *r = arg;
	uint32_t id = r - readings, seed = id + 1;

	rte_rcu_qsbr_thread_register(rcu_qsbr, id);
	rte_rcu_qsbr_thread_online(rcu_qsbr, id);
	__atomic_store_n(&go, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		read_once(r, &seed);
		rte_rcu_qsbr_quiescent(rcu_qsbr, id);
	}
	rte_rcu_qsbr_thread_offline(rcu_qsbr, id);
	rte_rcu_qsbr_thread_unregister(rcu_qsbr, id);
	return NULL;
}

/* Each has read beside enough changes. */
static bool enough(uint64_t made)
{
	bool is = made > 1000;

	for (uint32_t t = 0; t < READERS; t++)
		is &= __atomic_load_n(&readings[t].packets, __ATOMIC_RELAXED) > 10000;
	return is;
}

START_TEST(readers_get_the_answers_of_the_list_they_found)
{
	uint64_t start = rte_get_tsc_cycles(), hz = rte_get_tsc_hz(), made = 0;
	pthread_t thread[READERS];
	uint32_t x = 1;

	ck_assert_int_eq(rules_init(), 0);
	for (uint32_t s = 0; s < SLOTS; s++)
		publish(s, s);
	for (uint32_t t = 0; t < READERS; t++)
		ck_assert_int_eq(pthread_create(&thread[t], NULL, reader, &readings[t]), 0);
	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
		sched_yield();
	for (uint64_t took = 0; took < SECONDS * hz || (took < AT_MOST_S * hz && !enough(made));
		took = rte_get_tsc_cycles() - start, made++) {
		x = x * 1664525 + 1013904223;
		publish(x >> 8 & (SLOTS - 1), (x >> 16) % 30000);
		if (made % 64 == 0)
			rcu_reclaim(false);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (uint32_t t = 0; t < READERS; t++) {
		pthread_join(thread[t], NULL);
		ck_assert_uint_gt(readings[t].packets, 10000);
		ck_assert_msg(readings[t].wrong == 0, "%lu of %lu are wrong", readings[t].wrong,
			readings[t].packets);
	}
	ck_assert_uint_gt(made, 1000);
	for (uint32_t s = 0; s < SLOTS; s++)
		rules_give(slot[s] >> 32);
	rcu_reclaim(true);

	uint32_t lists, filters;
	uint64_t bytes;

	rules_count(&lists, &filters, &bytes);
	ck_assert_uint_eq(lists + filters + bytes, 0);
	rules_fini();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("readers");

	table_eal();
	tcase_add_test(tc, readers_get_the_answers_of_the_list_they_found);
	return table_run("rules readers", tc, 120);
}

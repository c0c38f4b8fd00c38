/* SPDX-License-Identifier: BSD-3-Clause */
/* Lock-free readers of the longest-prefix-match table while its writer puts, replaces, deletes and
 * clears: every answer must have been true at some moment of its lookup. The writer numbers its
 * changes and writes down, before each, what every address will have as answer after it; a reader
 * compares with all that held between the last change done before its lookup and the last begun
 * after it. Runs under TSan as well. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "lpm.h"
#include "table_eal.h"

#define READERS	  2
#define PREFIXES  60
#define ADDRESSES 64
#define HISTORY	  4096
#define SECONDS	  2
#define AT_MOST_S 60   /* where others leave the readers no time */
#define FILLERS	  9000 /* hosts elsewhere: enough of them for the larger array */
#define SLICE	  5

typedef unsigned __int128 address_t; /* from the top; IPv4 in the upper 32 bits */

static struct lpm_table table;
static uint32_t bits;
static bool stop;
static uint32_t ready;

static struct prefix {
	address_t prefix;
	uint8_t length;
	uint32_t value;
} prefixes[PREFIXES];
static address_t addresses[ADDRESSES];

static uint32_t truth[HISTORY][ADDRESSES];
static uint64_t begun, done; /* changes */

static struct result {
	uint64_t lookups, wrong, moving;
} results[READERS];

static address_t mask(uint32_t length)
{
	return length > 0 ? ~(address_t)0 << (128 - length) : 0;
}

static address_t random_address(void)
{
	address_t a = 0;

	for (uint32_t i = 0; i < 8; i++)
		a = a << 16 | (random() & 0xffff);
	return a & mask(bits);
}

/* Two families of prefixes inside each other, and addresses at their edges. */
static void make_prefixes(void)
{
	address_t base[2] = {random_address() >> 1, random_address() >> 1};

	for (uint32_t i = 0; i < PREFIXES; i++) {
		struct prefix *p = &prefixes[i];

		p->value = 0;
		p->length = i < 12 ? i * bits / 11 : random() % (bits + 1);
		p->prefix = base[i & 1];
		if (random() % 4 == 0 && p->length > 1) /* beside it */
			p->prefix ^= (address_t)1 << (128 - 1 - random() % p->length);
		p->prefix &= mask(p->length);
		for (uint32_t k = 0; k < i; k++)
			if (prefixes[k].prefix == p->prefix && prefixes[k].length == p->length) {
				i--;
				break;
			}
	}
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		const struct prefix *p = &prefixes[random() % PREFIXES];

		addresses[i] =
			i < 16 ? base[i & 1] : p->prefix | (random_address() & ~mask(p->length));
	}
}

/* ---- readers ---- */

static void lookup(const uint32_t *which, uint32_t *value)
{
	uint32_t address4[LPM_BULK];
	uint64_t address6[LPM_BULK][2];
	uint16_t slice[LPM_BULK];

	for (uint32_t i = 0; i < LPM_BULK; i++) {
		address_t a = addresses[which[i]];

		slice[i] = SLICE;
		address4[i] = a >> 96;
		address6[i][0] = a >> 64;
		address6[i][1] = a;
	}
	if (bits == 32)
		lpm_lookup4_bulk(&table, slice, address4, LPM_BULK, value);
	else
		lpm_lookup6_bulk(&table, slice, address6, LPM_BULK, value);
}

static bool was_true(uint32_t address, uint32_t value, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i <= to; i++)
		if (__atomic_load_n(&truth[i % HISTORY][address], __ATOMIC_RELAXED) == value)
			return true;
	return false;
}

static void read_once(struct result *r, uint32_t *seed)
{
	uint32_t which[LPM_BULK], value[LPM_BULK], wrong = 0;

	for (uint32_t i = 0; i < LPM_BULK; i++) {
		*seed = *seed * 1664525 + 1013904223;
		which[i] = (*seed >> 8) % ADDRESSES;
	}
	/* acquire: pairs with the releases in change_begin() and change_end() */
	uint64_t from = __atomic_load_n(&done, __ATOMIC_ACQUIRE);

	lookup(which, value);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	uint64_t to = __atomic_load_n(&begun, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < LPM_BULK; i++)
		wrong += !was_true(which[i], value[i], from, to);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	/* a reader that slept has no history left to compare with */
	if (__atomic_load_n(&begun, __ATOMIC_ACQUIRE) - from >= HISTORY - 1)
		return;
	__atomic_store_n(&r->lookups, r->lookups + LPM_BULK, __ATOMIC_RELAXED);
	r->wrong += wrong;
	__atomic_store_n(&r->moving, r->moving + (from != to), __ATOMIC_RELAXED);
}

static void *reader(void *arg)
{
	struct result *r = arg;
	uint32_t id = r - results, seed = id + 1;

	rte_rcu_qsbr_thread_register(rcu_qsbr, id);
	rte_rcu_qsbr_thread_online(rcu_qsbr, id);
	__atomic_fetch_add(&ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		read_once(r, &seed);
		rte_rcu_qsbr_quiescent(rcu_qsbr, id);
	}
	rte_rcu_qsbr_thread_offline(rcu_qsbr, id);
	rte_rcu_qsbr_thread_unregister(rcu_qsbr, id);
	return NULL;
}

/* ---- the writer ---- */

/* Writes down what will be true. */
static void change_begin(void)
{
	uint64_t next = begun + 1;

	for (uint32_t a = 0; a < ADDRESSES; a++) {
		const struct prefix *best = NULL;

		for (uint32_t i = 0; i < PREFIXES; i++)
			if (prefixes[i].value != 0 &&
				((prefixes[i].prefix ^ addresses[a]) & mask(prefixes[i].length)) ==
					0 &&
				(best == NULL || prefixes[i].length > best->length))
				best = &prefixes[i];
		__atomic_store_n(&truth[next % HISTORY][a], best != NULL ? best->value : 0,
			__ATOMIC_RELAXED);
	}
	/* release: pairs with the acquire of `begun` in read_once() */
	__atomic_store_n(&begun, next, __ATOMIC_RELEASE);
}

static void change_end(void)
{
	/* release: pairs with the acquire of `done` in read_once() */
	__atomic_store_n(&done, begun, __ATOMIC_RELEASE);
}

static void bytes_of(address_t a, uint8_t *bytes)
{
	for (uint32_t i = 0; i < 16; i++)
		bytes[i] = a >> (120 - 8 * i);
}

static void change(uint32_t i, bool put)
{
	struct prefix *p = &prefixes[i];
	static uint32_t version;
	uint8_t bytes[16];
	bool was = p->value != 0;

	p->value = put ? ++version << 8 | (i + 1) : 0;
	bytes_of(p->prefix, bytes);
	change_begin();
	int rc = put ? lpm_put(&table, SLICE, bytes, p->length, p->value)
		     : lpm_delete(&table, SLICE, bytes, p->length);

	change_end();
	if (put ? rc != !was : rc != (was ? 0 : -ENOENT))
		ck_abort_msg("prefix %u: %d", i, rc);
}

static void change_clear(void)
{
	for (uint32_t i = 0; i < PREFIXES; i++)
		prefixes[i].value = 0;
	change_begin();
	lpm_clear(&table, SLICE);
	change_end();
}

/* Hosts in the other half of the address space, so that the root takes every form. */
static void filler(uint32_t i, bool put)
{
	uint8_t bytes[16];

	bytes_of(((address_t)(0xf0000000u + i * 77) << 96 | i) & mask(bits), bytes);
	if (put)
		lpm_put(&table, SLICE, bytes, bits, 1);
	else
		lpm_delete(&table, SLICE, bytes, bits);
}

/* The readers have read enough, also beside changes. */
static bool enough(void)
{
	uint64_t lookups = 0, moving = 0;

	for (uint32_t t = 0; t < READERS; t++) {
		lookups += __atomic_load_n(&results[t].lookups, __ATOMIC_RELAXED);
		moving += __atomic_load_n(&results[t].moving, __ATOMIC_RELAXED);
	}
	return lookups > 10000 && moving > 10 && begun > 1000;
}

static void churn(void)
{
	uint64_t start = rte_get_tsc_cycles(), hz = rte_get_tsc_hz(), took = 0;
	uint32_t fillers = 0;
	bool up = true;

	for (uint32_t round = 0; took < SECONDS * hz || (took < AT_MOST_S * hz && !enough());
		round++) {
		took = rte_get_tsc_cycles() - start;
		for (uint32_t k = 0; k < 20; k++)
			change(random() % PREFIXES, random() % 3 != 0);
		/* one prefix after the other, a moment long */
		for (uint32_t i = 0; i < 12; i++) {
			change(i, true);
			change((i + 11) % 12, false);
		}
		for (uint32_t k = 0; k < 200; k++)
			filler(up ? fillers++ : --fillers, up);
		if (fillers == 0 || fillers >= FILLERS)
			up = !up;
		if (round % 97 == 96) {
			change_clear();
			fillers = 0;
			up = true;
		}
		rcu_reclaim(false);
	}
}

START_TEST(lpm_readers_get_only_answers_that_were_true)
{
	pthread_t thread[READERS];
	struct result sum = {0};

	srandom(99 + _i);
	bits = _i ? 128 : 32;
	ck_assert_int_eq(lpm_init(&table, "readers", bits, PREFIXES + 2 * FILLERS), 0);
	make_prefixes();
	memset(truth, 0, sizeof(truth));
	memset(results, 0, sizeof(results));
	begun = done = ready = 0;
	stop = false;
	for (uint32_t t = 0; t < READERS; t++)
		ck_assert_int_eq(pthread_create(&thread[t], NULL, reader, &results[t]), 0);
	while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < READERS)
		sched_yield();
	churn();
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (uint32_t t = 0; t < READERS; t++) {
		pthread_join(thread[t], NULL);
		sum.lookups += results[t].lookups;
		sum.wrong += results[t].wrong;
		sum.moving += results[t].moving;
	}
	lpm_fini(&table);
	ck_assert_uint_gt(sum.lookups, 10000);
	ck_assert_uint_gt(sum.moving, 10); /* bursts beside a change */
	ck_assert_uint_gt(begun, 1000);
	ck_assert_msg(sum.wrong == 0, "%lu of %lu were never true", sum.wrong, sum.lookups);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("readers");

	table_eal();
	tcase_add_loop_test(tc, lpm_readers_get_only_answers_that_were_true, 0, 2);
	return table_run("lpm readers", tc, 120);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Rule lists and flow keys against a reference that goes filter by filter (rules_packets.h), the
 * sharing of equal lists, and the cases that are known to break others. */
#include <check.h>
#include <stdlib.h>

#include "burst.h"
#include "rules_packets.h"
#include "rules_scan.h"
#include "rules_wide.h"
#include "table_eal.h"

#define MAX_RULES   32
#define MAX_FILTERS 6000

static struct filter pool[MAX_FILTERS];
static struct rule rule[MAX_RULES];

static void setup(void)
{
	ck_assert_int_eq(rules_init(), 0);
}

static void teardown(void)
{
	rules_fini();
}

/* Random rules with about so many filters in all. */
static uint32_t make_rules(uint32_t rules, uint32_t filters)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < rules; i++) {
		uint32_t n = filters < rules ? below(2) : filters / rules;

		rule[i] = (struct rule){.act = below(16),
			.qfi = chance(85) ? QFI_NONE : PICK(some_qfis),
			.n_filters = n,
			.filter = &pool[used]};
		if (n == 0 && i + 1 < rules) /* seldom: it takes all that come after it */
			rule[i].qfi = PICK(some_qfis);
		for (uint32_t k = 0; k < n; k++)
			any_filter(&pool[used + k]);
		used += n;
	}
	return used;
}

static void check_equal(struct rules_result a, struct rules_result b, const char *form)
{
	ck_assert_msg(
		a.act == b.act && a.rule == b.rule, "%s: rule %u, else %u", form, a.rule, b.rule);
}

/* The list's form, and each that it could have. */
static void check_forms(const struct rules *r, const struct flow_key *key, struct rules_result is)
{
	struct rules other = *r;
	const struct rules *list = &other;
	struct rules_result result;

	check_equal(is, rules_scan_scalar(r, key), "filter by filter");
	other.form = RULES_SCAN;
	rules_classify(&list, key, 1, &result);
	check_equal(is, result, "by sixteen");
	if (r->entries > 0 && r->wide == NULL && chance(5)) {
		other.form = RULES_WIDE;
		other.wide = wide_build(r);
		ck_assert_ptr_nonnull(other.wide);
		rules_classify(&list, key, 1, &result);
		check_equal(is, result, "bitmaps");
		wide_free(other.wide);
	}
}

/* Each burst mixes packets of two lists, with runs of one. */
static void check_lists(const uint32_t *index, const struct rule *const *of, const uint32_t *n,
	uint32_t packets, uint32_t *matched)
{
	static struct made m[BURST_MAX];
	struct flow_key key[BURST_MAX] __rte_cache_aligned;
	const struct rules *rules[BURST_MAX];
	struct rules_result result[BURST_MAX];
	uint32_t which[BURST_MAX];

	for (uint32_t done = 0; done < packets; done += BURST_MAX) {
		uint32_t burst = 1 + below(BURST_MAX), list = below(2);

		for (uint32_t i = 0; i < burst; i++) {
			list ^= chance(10);
			which[i] = list;
			make_packet(&m[i]);
			key[i] = made_key(&m[i]);
			rules[i] = rules_hot[index[list]];
		}
		rules_classify(rules, key, burst, result);
		for (uint32_t i = 0; i < burst; i++)
			check_forms(rules[i], &key[i], result[i]);
		for (uint32_t i = 0; i < burst; i++) {
			struct rules_result want = list_result(of[which[i]], n[which[i]], &m[i]);

			ck_assert_msg(want.act == result[i].act && want.rule == result[i].rule,
				"rule %u (act %u) wanted, got %u (%u); family %u proto %u, list of "
				"%u entries, form %u",
				want.rule, want.act, result[i].rule, result[i].act, m[i].family,
				m[i].proto, rules[i]->entries, rules[i]->form);
			*matched += want.rule != RULES_NONE;
		}
	}
}

/* Lists of about so many filters each round, against the reference. */
static void check_random(uint32_t rounds, uint32_t rules, uint32_t filters, uint32_t packets)
{
	static struct rule first[MAX_RULES];
	static struct filter first_pool[MAX_FILTERS];
	const struct rule *of[2] = {first, rule};
	uint32_t index[2], n[2], matched = 0;

	if (getenv("SLUICE_QUICK"))
		rounds = (rounds + 3) / 4;
	for (uint32_t round = 0; round < rounds; round++) {
		n[0] = 1 + below(rules);
		make_rules(n[0], filters);
		memcpy(first, rule, sizeof(rule));
		memcpy(first_pool, pool, sizeof(pool));
		for (uint32_t i = 0; i < n[0]; i++)
			first[i].filter = first_pool + (rule[i].filter - pool);
		n[1] = 1 + below(rules);
		make_rules(n[1], filters);
		for (uint32_t i = 0; i < 2; i++)
			ck_assert_int_eq(rules_take(of[i], n[i], &index[i]), 0);
		check_lists(index, of, n, packets, &matched);
		for (uint32_t i = 0; i < 2; i++)
			rules_give(index[i]);
	}
	ck_assert_uint_gt(matched, rounds * packets / 100);
}

START_TEST(short_lists_are_as_the_reference)
{
	check_random(3000, 8, 12, 128);
}
END_TEST

START_TEST(middle_lists_are_as_the_reference)
{
	check_random(300, 20, 90, 1024);
}
END_TEST

START_TEST(long_lists_are_as_the_reference)
{
	long_list = true;
	check_random(40, 20, 1000, 2048);
	check_random(4, 32, 5000, 1024);
	long_list = false;
}
END_TEST

/* What is there of a packet is seen, and nothing past it: each length of each packet, in memory
 * that ends with it (a sanitizer watches). */
START_TEST(keys_end_with_the_packet)
{
	struct made m;
	struct flow_key key, whole;

	for (uint32_t i = 0; i < 2000; i++) {
		make_packet(&m);
		flow_key_of(m.bytes, m.len, m.uplink, &whole);
		for (uint32_t len = 0; len <= m.len; len++) {
			uint8_t *end = malloc(len + 1), *at = end + 1;

			memcpy(at, m.bytes, len);
			flow_key_of(at, len, m.uplink, &key);
			if (len < (m.family == 4 ? 20 : 40))
				ck_assert_uint_eq(key.flags, 0);
			else
				ck_assert_uint_eq(key.remote[0], whole.remote[0]);
			if (key.flags & KEY_PORTS) {
				ck_assert_uint_eq(key_ports(&key), key_ports(&whole));
				ck_assert(whole.flags & KEY_PORTS);
			}
			free(end);
		}
	}
}
END_TEST

/* ---- cases by name ---- */

static struct rules_result classify_one(uint32_t index, const struct flow_key *key)
{
	const struct rules *r = rules_hot[index];
	struct rules_result result;

	rules_classify(&r, key, 1, &result);
	return result;
}

static struct filter *one_filter(void)
{
	memset(pool, 0, sizeof(pool[0]));
	pool[0].proto = FILTER_PROTO_ANY;
	rule[0] = (struct rule){.qfi = QFI_NONE, .n_filters = 1, .filter = pool};
	return pool;
}

static struct made udp4(void)
{
	struct made m;

	do
		make_packet(&m);
	while (m.family != 4 || m.proto != 17 || !m.ports || m.bytes[0] != 0x45);
	return m;
}

START_TEST(a_port_filter_matches_no_later_fragment)
{
	struct made m = udp4();
	struct filter *f = one_filter();
	uint32_t index;

	f->proto = 17;
	f->remote.n_ports = 1;
	f->remote.ports[0] = (struct filter_ports){0, 65535};
	ck_assert_int_eq(rules_take(rule, 1, &index), 0);
	put16(m.bytes + 6, 0x2000);
	struct flow_key key = made_key(&m);
	ck_assert_uint_eq(classify_one(index, &key).rule, 0);
	put16(m.bytes + 6, 0x0001);
	key = made_key(&m);
	ck_assert_uint_eq(classify_one(index, &key).rule, RULES_NONE);
	rules_give(index);
}
END_TEST

START_TEST(icmpv6_is_not_in_ipv4_nor_icmp_in_ipv6)
{
	static const uint8_t proto[2] = {58, 1};
	struct filter *f = one_filter();
	uint32_t index;

	for (uint32_t i = 0; i < 2; i++) {
		struct flow_key key = {.proto = proto[i], .qfi = QFI_NONE};

		f->proto = proto[i];
		ck_assert_int_eq(rules_take(rule, 1, &index), 0);
		key.flags = i == 0 ? KEY_V4 : KEY_V6;
		ck_assert_uint_eq(classify_one(index, &key).rule, RULES_NONE);
		key.flags = i == 0 ? KEY_V6 : KEY_V4;
		ck_assert_uint_eq(classify_one(index, &key).rule, 0);
		rules_give(index);
	}
}
END_TEST

START_TEST(a_refusal_ends_its_rule_and_no_other)
{
	struct made m = udp4();
	struct flow_key key = made_key(&m);
	uint32_t index;

	memset(pool, 0, 3 * sizeof(pool[0]));
	pool[0] = (struct filter){.proto = 17, .deny = true};
	pool[1] = pool[2] = (struct filter){.proto = 17};
	rule[0] = (struct rule){.act = 1, .qfi = QFI_NONE, .n_filters = 2, .filter = pool};
	rule[1] = (struct rule){.act = 2, .qfi = QFI_NONE, .n_filters = 1, .filter = pool + 2};
	ck_assert_int_eq(rules_take(rule, 2, &index), 0);
	ck_assert_uint_eq(classify_one(index, &key).act, 2);
	key.proto = 6;
	ck_assert_uint_eq(classify_one(index, &key).act, RULES_NONE);
	rules_give(index);
}
END_TEST

START_TEST(what_takes_everything_is_trivial)
{
	struct filter *f = one_filter();
	uint32_t index;

	ck_assert_int_eq(rules_take(rule, 1, &index), 0); /* permit out ip from any to any */
	ck_assert(rules_is_trivial(rules_hot[index]));
	ck_assert_uint_eq(rules_hot[index]->result.rule, 0);
	rules_give(index);
	f->local.assigned = true;
	ck_assert_int_eq(rules_take(rule, 1, &index), 0);
	ck_assert(!rules_is_trivial(rules_hot[index]));
	ck_assert(rules_is_trivial_for_ue(rules_hot[index]));
	ck_assert_uint_eq(rules_hot[index]->result.rule, 0);
	rules_give(index);
	f->local.negated = true;
	ck_assert_int_eq(rules_take(rule, 1, &index), 0);
	ck_assert(!rules_is_trivial_for_ue(rules_hot[index]));
	rules_give(index);
	f->local.negated = false;
	f->proto = 6;
	ck_assert_int_eq(rules_take(rule, 1, &index), 0);
	ck_assert(!rules_is_trivial_for_ue(rules_hot[index]));
	rules_give(index);
	ck_assert_int_eq(rules_take(rule, 0, &index), 0); /* no PDR at all */
	ck_assert(rules_is_trivial(rules_hot[index]));
	ck_assert_uint_eq(rules_hot[index]->result.act, RULES_NONE);
	rules_give(index);
	rule[0].n_filters = 0;
	rule[0].qfi = 9;
	ck_assert_int_eq(rules_take(rule, 1, &index), 0);
	ck_assert(!rules_is_trivial(rules_hot[index]));
	ck_assert(!rules_is_trivial_for_ue(rules_hot[index]));
	rules_give(index);
}
END_TEST

/* ---- Ethernet ---- */

START_TEST(ethernet_filters_match_macs_tag_and_type)
{
	static const uint8_t frame[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xa8, 0x20, 0x64,
		0x81, 0x00, 0x00, 0x07, 0x08, 0x00, 0x45};
	static const struct {
		struct api_ethernet_filter f;
		bool match;
	} row[] = {
		{{.vlan = 0}, true},
		{{.destination = {{2, 0, 0, 0, 0, 1}}}, true},
		{{.destination = {{2, 0, 0, 0, 0, 2}}}, false},
		{{.source = {{2, 0, 0, 0, 0, 2}}, .vlan = 100, .ethertype = 0x0800}, true},
		{{.source = {{2, 0, 0, 0, 0, 1}}}, false},
		{{.vlan = 7}, false},
		{{.ethertype = 0x8100}, false},
		{{.ethertype = 0x86dd}, false},
	};
	struct flow_key key;
	uint32_t index;

	for (uint32_t i = 0; i < RTE_DIM(row); i++) {
		struct rule r = {.qfi = QFI_NONE, .n_ethernet = 1, .ethernet = &row[i].f};

		ck_assert_int_eq(rules_take(&r, 1, &index), 0);
		flow_key_of_frame(frame, sizeof(frame), &key);
		ck_assert_msg((classify_one(index, &key).rule == 0) == row[i].match, "row %u", i);
		flow_key_of_frame(frame, 13, &key); /* no frame: nothing to match */
		ck_assert_uint_eq(classify_one(index, &key).rule, RULES_NONE);
		rules_give(index);
	}
}
END_TEST

/* ---- sharing ---- */

START_TEST(equal_lists_are_one_and_go_with_their_last_use)
{
	uint32_t a, b, c, lists, filters;
	struct filter *f = one_filter();
	uint64_t bytes;

	f->proto = 6;
	ck_assert_int_eq(rules_take(rule, 1, &a), 0);
	ck_assert_int_eq(rules_take(rule, 1, &b), 0);
	ck_assert_uint_eq(a, b);
	rule[0].act = 3;
	ck_assert_int_eq(rules_take(rule, 1, &c), 0);
	ck_assert_uint_ne(a, c);
	rules_count(&lists, &filters, &bytes);
	ck_assert_uint_eq(lists, 2);
	ck_assert_uint_eq(filters, 2);
	rules_give(a);
	rules_count(&lists, &filters, &bytes);
	ck_assert_uint_eq(lists, 2);
	rules_give(b);
	rules_count(&lists, &filters, &bytes);
	ck_assert_uint_eq(lists, 1);
	rules_give(c);
	rcu_reclaim(true);
	rules_count(&lists, &filters, &bytes);
	ck_assert_uint_eq(lists, 0);
	ck_assert_uint_eq(bytes, 0);
}
END_TEST

START_TEST(an_index_is_not_used_again_before_a_grace_period)
{
	struct filter *f = one_filter();
	uint32_t a, b;

	f->proto = 6;
	rte_rcu_qsbr_thread_register(rcu_qsbr, 1);
	rte_rcu_qsbr_thread_online(rcu_qsbr, 1);
	ck_assert_int_eq(rules_take(rule, 1, &a), 0);
	const struct rules *r = rules_hot[a];

	rules_give(a);
	rcu_reclaim(false);
	f->proto = 17;
	ck_assert_int_eq(rules_take(rule, 1, &b), 0);
	ck_assert_uint_ne(a, b);
	ck_assert_ptr_eq(rules_hot[a], r); /* who found it before may still look */
	rte_rcu_qsbr_quiescent(rcu_qsbr, 1);
	rcu_reclaim(false);
	rules_give(b);
	f->proto = 1;
	ck_assert_int_eq(rules_take(rule, 1, &b), 0);
	ck_assert_uint_eq(a, b);
	rules_give(b);
	rte_rcu_qsbr_thread_offline(rcu_qsbr, 1);
	rte_rcu_qsbr_thread_unregister(rcu_qsbr, 1);
}
END_TEST

START_TEST(a_list_too_long_is_refused_and_leaves_nothing)
{
	static struct filter many[RULES_MAX_FILTERS + 1];
	uint32_t index, lists, filters;
	uint64_t bytes;
	struct rule r[2] = {{.qfi = QFI_NONE, .filter = many, .n_filters = RULES_MAX_FILTERS},
		{.qfi = QFI_NONE, .filter = many + RULES_MAX_FILTERS, .n_filters = 1}};

	for (uint32_t i = 0; i < RTE_DIM(many); i++)
		many[i] = (struct filter){.proto = 6, .remote = {.n_ports = 1, .ports = {{i, i}}}};
	ck_assert_int_eq(rules_take(r, 2, &index), -ENOSPC);
	rules_count(&lists, &filters, &bytes);
	ck_assert_uint_eq(lists + filters + bytes, 0);
	ck_assert_int_eq(rules_take(r, 1, &index), 0);
	rules_give(index);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("lists");

	table_eal();
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_port_filter_matches_no_later_fragment);
	tcase_add_test(tc, icmpv6_is_not_in_ipv4_nor_icmp_in_ipv6);
	tcase_add_test(tc, a_refusal_ends_its_rule_and_no_other);
	tcase_add_test(tc, what_takes_everything_is_trivial);
	tcase_add_test(tc, ethernet_filters_match_macs_tag_and_type);
	tcase_add_test(tc, equal_lists_are_one_and_go_with_their_last_use);
	tcase_add_test(tc, an_index_is_not_used_again_before_a_grace_period);
	tcase_add_test(tc, a_list_too_long_is_refused_and_leaves_nothing);
	tcase_add_test(tc, keys_end_with_the_packet);
	tcase_add_test(tc, short_lists_are_as_the_reference);
	tcase_add_test(tc, middle_lists_are_as_the_reference);
	tcase_add_test(tc, long_lists_are_as_the_reference);
	return table_run("rules", tc, 120);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Micro benchmark of rule lists: bursts of 32 random packets, flow key included, through lists of 1
 * to 4,096 filters by each form that a list may have, and by rte_acl beside them. Run by
 * scripts/bench (case `rules`) or by hand; prints one JSON object a line. Every answer is compared
 * with the scalar scan's. */
#include <netinet/in.h>
#include <rte_acl.h>
#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "burst.h"
#include "flow_key.h"
#include "rcu.h"
#include "rules_scan.h"
#include "rules_wide.h"

#define PACKETS 8192
#define ROUNDS	15
#define PACKET	64
#define MAX	4096

static const uint32_t sizes[] = {1, 16, 64, 128, 256, 1000, MAX};

static uint8_t packet[PACKETS][PACKET];
static struct filter filter[MAX + 1];
static struct rule rule[17];
static bool v6;

/* ---- filters and traffic ---- */

/* As operators write them: a server's or a network's addresses, a protocol, a port or a range. */
static void make_filter(struct filter *f, uint32_t i)
{
	static const uint16_t ports[] = {80, 443, 53, 8080, 5060, 3478, 1194, 4500};
	uint32_t bits = v6 ? 128 : 32;

	*f = (struct filter){.proto = FILTER_PROTO_ANY};
	f->remote.family = v6 ? 6 : 4;
	f->remote.len = rte_rand_max(100) < 50 ? bits : bits / 2 + rte_rand_max(bits / 2);
	for (uint32_t b = 0; b < bits / 8; b++)
		f->remote.bytes[b] = rte_rand();
	f->remote.bytes[0] = v6 ? 0x20 : 16 + f->remote.bytes[0] % 64;
	if (v6) /* of few networks */
		f->remote.bytes[1] = 1, memset(f->remote.bytes + 2, i % 16, 2);
	for (uint32_t b = f->remote.len; b < bits; b++)
		f->remote.bytes[b / 8] &= ~(0x80 >> b % 8);
	f->local.assigned = true;
	if (rte_rand_max(100) < 70)
		f->proto = rte_rand_max(2) ? IPPROTO_TCP : IPPROTO_UDP;
	if (f->proto != FILTER_PROTO_ANY && rte_rand_max(100) < 70) {
		uint16_t low = ports[rte_rand_max(RTE_DIM(ports))];

		f->remote.n_ports = 1;
		f->remote.ports[0] = (struct filter_ports){
			low, rte_rand_max(100) < 70 ? low : low + rte_rand_max(1000)};
	}
}

/* Up to sixteen rules, the filters spread over them, and one that takes the rest. */
static uint32_t make_rules(uint32_t n)
{
	uint32_t rules = RTE_MIN(n, 16u);

	rte_srand(20240521);
	for (uint32_t i = 0; i < n; i++)
		make_filter(&filter[i], i);
	for (uint32_t i = 0; i < rules; i++)
		rule[i] = (struct rule){.act = i,
			.qfi = QFI_NONE,
			.filter = &filter[i * n / rules],
			.n_filters = (i + 1) * n / rules - i * n / rules};
	rule[rules] = (struct rule){.act = 16, .qfi = QFI_NONE};
	return rules + 1;
}

/* Uplink, to what a filter of the list names; one in eight to anywhere. */
static void make_packets(uint32_t n)
{
	for (uint32_t p = 0; p < PACKETS; p++) {
		const struct filter *f = &filter[rte_rand_max(n)];
		uint8_t *ip = packet[p], *to = ip + (v6 ? 24 : 16), *udp = ip + (v6 ? 40 : 20);
		uint32_t proto = f->proto == FILTER_PROTO_ANY ? IPPROTO_UDP : f->proto;

		memset(ip, 0, PACKET);
		ip[0] = v6 ? 0x60 : 0x45;
		ip[v6 ? 5 : 3] = v6 ? PACKET - 40 : PACKET;
		ip[v6 ? 6 : 9] = proto;
		for (uint32_t b = f->remote.len; b < (v6 ? 128u : 32u); b++)
			to[b / 8] |= rte_rand_max(2) ? 0x80 >> b % 8 : 0;
		for (uint32_t b = 0; b < (v6 ? 16u : 4u); b++)
			to[b] |= f->remote.bytes[b];
		if (rte_rand_max(8) == 0)
			to[0] ^= 0x80;
		*(rte_be16_t *)udp = rte_cpu_to_be_16(1024 + rte_rand_max(60000));
		*(rte_be16_t *)(udp + 2) = rte_cpu_to_be_16(
			f->remote.n_ports ? f->remote.ports[0].low : rte_rand_max(65536));
	}
}

/* ---- measuring ---- */

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

static struct rules_result result[PACKETS];

static void burst_classify(const struct rules *r, uint32_t at, bool classify)
{
	struct flow_key key[BURST_MAX] __rte_cache_aligned;
	const struct rules *rules[BURST_MAX];

	for (uint32_t i = 0; i < BURST_MAX; i++) {
		flow_key_of(packet[at + i], PACKET, true, &key[i]);
		key[i].flags |= KEY_ASSIGNED;
		rules[i] = r;
	}
	if (classify)
		rules_classify(rules, key, BURST_MAX, &result[at]);
	else
		__asm__ volatile("" ::"r"(key) : "memory");
}

static void burst_scalar(const struct rules *r, uint32_t at)
{
	struct flow_key key;

	for (uint32_t i = 0; i < BURST_MAX; i++) {
		flow_key_of(packet[at + i], PACKET, true, &key);
		key.flags |= KEY_ASSIGNED;
		result[at + i] = rules_scan_scalar(r, &key);
	}
}

enum how { BY_RULES, BY_SCALAR, BY_KEY };

static double cycles_of(const struct rules *r, enum how how)
{
	double took[ROUNDS];

	for (uint32_t k = 0; k < ROUNDS; k++) {
		uint64_t start = cycles_now();

		for (uint32_t i = 0; i < PACKETS; i += BURST_MAX)
			if (how == BY_SCALAR)
				burst_scalar(r, i);
			else
				burst_classify(r, i, how == BY_RULES);
		took[k] = (double)(cycles_now() - start) / PACKETS;
	}
	qsort(took, ROUNDS, sizeof(*took), compare);
	return took[ROUNDS / 2];
}

/* ---- rte_acl, for IPv4 ---- */

enum { ACL_PROTO, ACL_SOURCE, ACL_DESTINATION, ACL_PORTS, ACL_PORT2, ACL_FIELDS };

static const struct rte_acl_field_def acl_field[ACL_FIELDS] = {
	{RTE_ACL_FIELD_TYPE_BITMASK, 1, ACL_PROTO, 0, 9},
	{RTE_ACL_FIELD_TYPE_MASK, 4, ACL_SOURCE, 1, 12},
	{RTE_ACL_FIELD_TYPE_MASK, 4, ACL_DESTINATION, 2, 16},
	{RTE_ACL_FIELD_TYPE_RANGE, 2, ACL_PORTS, 3, 20},
	{RTE_ACL_FIELD_TYPE_RANGE, 2, ACL_PORT2, 3, 22},
};
RTE_ACL_RULE_DEF(acl_rule, ACL_FIELDS);

static int acl_add(struct rte_acl_ctx *acl, const struct filter *f, uint32_t i, uint32_t n)
{
	struct acl_rule r = {
		.data = {.category_mask = 1, .priority = n + 1 - i, .userdata = i + 1}};
	bool any = f->proto == FILTER_PROTO_ANY;
	uint32_t be;

	memcpy(&be, f->remote.bytes, 4);
	r.field[ACL_PROTO].value.u8 = any ? 0 : f->proto;
	r.field[ACL_PROTO].mask_range.u8 = any ? 0 : 0xff;
	r.field[ACL_DESTINATION].value.u32 = rte_be_to_cpu_32(be);
	r.field[ACL_DESTINATION].mask_range.u32 = f->remote.len;
	r.field[ACL_PORTS].mask_range.u16 = UINT16_MAX;
	r.field[ACL_PORT2].value.u16 = f->remote.n_ports ? f->remote.ports[0].low : 0;
	r.field[ACL_PORT2].mask_range.u16 =
		f->remote.n_ports ? f->remote.ports[0].high : UINT16_MAX;
	return rte_acl_add_rules(acl, (const struct rte_acl_rule *)&r, 1);
}

static struct rte_acl_ctx *acl_make(uint32_t n)
{
	struct rte_acl_param param = {
		.name = "rules", .rule_size = RTE_ACL_RULE_SZ(ACL_FIELDS), .max_rule_num = n + 1};
	struct rte_acl_config config = {.num_categories = 1, .num_fields = ACL_FIELDS};
	struct rte_acl_ctx *acl = rte_acl_create(&param);
	struct filter all = {.proto = FILTER_PROTO_ANY};

	memcpy(config.defs, acl_field, sizeof(acl_field));
	for (uint32_t i = 0; acl != NULL && i <= n; i++)
		if (acl_add(acl, i < n ? &filter[i] : &all, i, n) != 0)
			return NULL;
	if (acl == NULL || rte_acl_build(acl, &config) != 0)
		return NULL;
	return acl;
}

static double acl_cycles(const struct rte_acl_ctx *acl)
{
	const uint8_t *data[BURST_MAX];
	uint32_t answer[BURST_MAX];
	double took[ROUNDS];

	for (uint32_t k = 0; k < ROUNDS; k++) {
		uint64_t start = cycles_now();

		for (uint32_t at = 0; at < PACKETS; at += BURST_MAX) {
			for (uint32_t i = 0; i < BURST_MAX; i++)
				data[i] = packet[at + i];
			rte_acl_classify(acl, data, answer, BURST_MAX, 1);
		}
		took[k] = (double)(cycles_now() - start) / PACKETS;
	}
	qsort(took, ROUNDS, sizeof(*took), compare);
	return took[ROUNDS / 2];
}

static void measure_acl(uint32_t n)
{
	uint64_t start = cycles_now();
	struct rte_acl_ctx *acl = acl_make(n);

	printf(", \"acl_build_us\": %.0f", (double)(cycles_now() - start) / rte_get_tsc_hz() * 1e6);
	if (acl != NULL)
		printf(", \"acl_cycles\": %.1f", acl_cycles(acl));
	rte_acl_free(acl);
}

/* ---- all forms of a list ---- */

static int check(const struct rules *r, const char *form)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < PACKETS; i++) {
		struct rules_result was = result[i];
		struct flow_key key;

		flow_key_of(packet[i], PACKET, true, &key);
		key.flags |= KEY_ASSIGNED;
		struct rules_result want = rules_scan_scalar(r, &key);

		wrong += was.rule != want.rule || was.act != want.act;
	}
	if (wrong > 0)
		fprintf(stderr, "micro_rules: %s: %u answers are wrong\n", form, wrong);
	return wrong > 0 ? -1 : 0;
}

static int measure(uint32_t n, bool acl)
{
	uint32_t index, lists, filters, rules = make_rules(n);
	uint64_t bytes, start;
	int rc;

	make_packets(n);
	start = cycles_now();
	if (rules_take(rule, rules, &index) != 0)
		return -1;
	double build_us = (double)(cycles_now() - start) / rte_get_tsc_hz() * 1e6;

	rules_count(&lists, &filters, &bytes);
	const struct rules *r = rules_hot[index];
	struct rules scan = *r, wide = *r;

	scan.form = RULES_SCAN;
	wide.form = RULES_WIDE;
	start = cycles_now();
	wide.wide = wide_build(r);
	double wide_us = (double)(cycles_now() - start) / rte_get_tsc_hz() * 1e6;
	printf("{\"family\": %u, \"filters\": %u, \"build_us\": %.0f, \"bytes\": %" PRIu64
	       ", \"key_cycles\": %.1f",
		v6 ? 6 : 4, n, build_us, bytes, cycles_of(r, BY_KEY));
	printf(", \"cycles\": %.1f", cycles_of(r, BY_RULES));
	rc = check(r, "list");
	printf(", \"scan_cycles\": %.1f", cycles_of(&scan, BY_RULES));
	rc |= check(r, "scan");
	printf(", \"wide_build_us\": %.0f, \"wide_cycles\": %.1f", wide_us,
		cycles_of(&wide, BY_RULES));
	rc |= check(r, "wide");
	printf(", \"scalar_cycles\": %.1f", cycles_of(r, BY_SCALAR));
	if (acl && !v6)
		measure_acl(n);
	printf("}\n");
	fflush(stdout);
	wide_free(wide.wide);
	rules_give(index);
	rcu_reclaim(true);
	return rc;
}

int main(int argc, char **argv)
{
	bool acl = argc > 1 && strcmp(argv[argc - 1], "--acl") == 0;
	char *cpu = argc >= 3 && strcmp(argv[1], "--cpu") == 0 ? argv[2] : (char[]){"0"};
	char *eal[] = {(char[]){"micro_rules"}, (char[]){"-l"}, cpu, (char[]){"--no-pci"},
		(char[]){"--no-telemetry"}, (char[]){"--log-level=lib.*:error"},
		(char[]){"--no-huge"}, (char[]){"-m"}, (char[]){"512"}, NULL};
	int rc = 0;

	if (rte_eal_init(RTE_DIM(eal) - 1, eal) < 0 || rcu_init() != 0 || rules_init() != 0)
		return 1;
	for (uint32_t f = 0; f < 2 && rc == 0; f++)
		for (uint32_t i = 0; i < RTE_DIM(sizes) && rc == 0; i++) {
			v6 = f == 1;
			rc = measure(sizes[i], acl);
		}
	rules_fini();
	rcu_fini();
	rte_eal_cleanup();
	return rc == 0 ? 0 : 1;
}

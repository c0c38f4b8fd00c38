/* SPDX-License-Identifier: BSD-3-Clause */
/* Options of sluice-dataplane: nobody ever writes EAL flags. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burst.h"
#include "device_allow.h"

#define HUGE_FREE "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"

static void usage(FILE *to)
{
	fprintf(to,
		"Usage: sluice-dataplane [options]\n"
		"The packet switch of a Sluice box: one process, programmed over a unix socket.\n"
		"\n"
		"  --socket PATH       where programs talk to it (default "
		"/run/sluice-dataplane/dataplane.sock)\n"
		"  --workers N         polling threads, 1 to %d (default 1)\n"
		"  --lcores LIST       their CPUs, as in 1,3-5 (default: the last N this process "
		"may use)\n"
		"  --memory MB         memory for tables and packet buffers (default 512)\n"
		"  --no-huge           do without huge pages: slower, works anywhere\n"
		"  --file-prefix NAME  a name of its own for each instance on a machine (default "
		"sluice)\n"
		"  --burst N           frames taken from a queue at once, 1 to %d (default: 64 "
		"where "
		"the L1 data\n"
		"                      cache has 48 KB or more, else 32)\n"
		"  --idle spin|nap     what a worker without packets does (default spin)\n"
		"  --config FILE       JSON, the params of one transaction, put at start\n"
		"  --allow-device NAME one more driver that ports may name, with all its "
		"arguments: net_pcap, say; again for\n"
		"                      each. any: every driver of DPDK, for labs: some run "
		"programs and write files as root.\n"
		"                      Always allowed: net_af_packet, net_af_xdp, net_tap, "
		"net_memif, net_vhost, net_null,\n"
		"                      PCI addresses\n"
		"  --verbose           DPDK's log at level info\n"
		"  --version, --help\n",
		LIMIT_WORKERS, BURST_MAX);
}

/* "1,3-5" → CPUs; how many, or -1 */
static int parse_cpus(const char *list, uint32_t *cpu)
{
	int n = 0;

	while (*list != '\0') {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (end == list)
			return -1;
		if (*end == '-') {
			list = end + 1;
			last = strtoul(list, &end, 10);
			if (end == list)
				return -1;
		}
		for (; first <= last; first++) {
			if (n == LIMIT_WORKERS || first >= CPU_SETSIZE)
				return -1;
			cpu[n++] = first;
		}
		if (*end == ',')
			end++;
		else if (*end != '\0')
			return -1;
		list = end;
	}
	return n;
}

static int parse_number(
	const char *text, const char *option, uint32_t min, uint32_t max, uint32_t *out)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || v < min || v > max) {
		fprintf(stderr, "sluice-dataplane: %s takes a number from %u to %u, not \"%s\"\n",
			option, min, max, text);
		return -1;
	}
	*out = v;
	return 0;
}

/* The last CPUs this process may use, the first left to the main thread where there is one to
 * spare. */
static int default_cpus(struct options *opt)
{
	cpu_set_t set;
	uint32_t all[CPU_SETSIZE], n = 0;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return -1;
	for (uint32_t c = 0; c < CPU_SETSIZE; c++)
		if (CPU_ISSET(c, &set))
			all[n++] = c;
	if (opt->workers > n)
		fprintf(stderr, "sluice-dataplane: %u workers share %u CPUs\n", opt->workers, n);
	for (uint32_t i = 0; i < opt->workers; i++)
		opt->cpu[i] = all[(n - 1 - i % n)];
	return 0;
}

static int check_cpus(const struct options *opt)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return -1;
	for (uint32_t i = 0; i < opt->workers; i++)
		if (!CPU_ISSET(opt->cpu[i], &set)) {
			fprintf(stderr,
				"sluice-dataplane: --lcores: CPU %u is not one this process may "
				"run on\n",
				opt->cpu[i]);
			return -1;
		}
	return 0;
}

static int parse_nonempty(const char *option)
{
	if (optarg[0] != '\0')
		return 0;
	fprintf(stderr, "sluice-dataplane: %s must not be empty\n", option);
	return -1;
}

enum {
	OPT_SOCKET = 256,
	OPT_WORKERS,
	OPT_LCORES,
	OPT_MEMORY,
	OPT_NO_HUGE,
	OPT_PREFIX,
	OPT_BURST,
	OPT_IDLE,
	OPT_CONFIG,
	OPT_ALLOW_DEVICE,
	OPT_VERBOSE,
	OPT_VERSION,
	OPT_HELP
};

static const struct option longs[] = {
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"workers", required_argument, NULL, OPT_WORKERS},
	{"lcores", required_argument, NULL, OPT_LCORES},
	{"memory", required_argument, NULL, OPT_MEMORY},
	{"no-huge", no_argument, NULL, OPT_NO_HUGE},
	{"file-prefix", required_argument, NULL, OPT_PREFIX},
	{"burst", required_argument, NULL, OPT_BURST},
	{"idle", required_argument, NULL, OPT_IDLE},
	{"config", required_argument, NULL, OPT_CONFIG},
	{"allow-device", required_argument, NULL, OPT_ALLOW_DEVICE},
	{"verbose", no_argument, NULL, OPT_VERBOSE},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static int parse_one(int c, struct options *opt, bool *listed)
{
	int n;

	switch (c) {
	case OPT_SOCKET:
		opt->socket = optarg;
		return parse_nonempty("--socket");
	case OPT_WORKERS:
		return parse_number(optarg, "--workers", 1, LIMIT_WORKERS, &opt->workers);
	case OPT_LCORES:
		n = parse_cpus(optarg, opt->cpu);
		if (n <= 0) {
			fprintf(stderr,
				"sluice-dataplane: --lcores takes CPUs such as 1,3-5 (at most %d), "
				"not \"%s\"\n",
				LIMIT_WORKERS, optarg);
			return -1;
		}
		opt->workers = n;
		*listed = true;
		return 0;
	case OPT_MEMORY:
		return parse_number(optarg, "--memory", 256, 1u << 20, &opt->memory_mb);
	case OPT_NO_HUGE:
		opt->no_huge = true;
		return 0;
	case OPT_PREFIX:
		opt->file_prefix = optarg;
		if (strchr(optarg, '/') == NULL)
			return parse_nonempty("--file-prefix");
		fprintf(stderr, "sluice-dataplane: --file-prefix is a name, not a path: \"%s\"\n",
			optarg);
		return -1;
	case OPT_BURST:
		return parse_number(optarg, "--burst", 1, BURST_MAX, &opt->burst);
	case OPT_IDLE:
		opt->nap = strcmp(optarg, "nap") == 0;
		if (opt->nap || strcmp(optarg, "spin") == 0)
			return 0;
		fprintf(stderr, "sluice-dataplane: --idle takes spin or nap, not \"%s\"\n", optarg);
		return -1;
	case OPT_CONFIG:
		opt->config = optarg;
		return 0;
	case OPT_ALLOW_DEVICE:
		if (device_allow(optarg) == 0)
			return parse_nonempty("--allow-device");
		fprintf(stderr, "sluice-dataplane: too many --allow-device; any allows all\n");
		return -1;
	case OPT_VERBOSE:
		opt->verbose = true;
		return 0;
	case OPT_VERSION:
		printf("sluice-dataplane %s\n", SLUICE_VERSION);
		return 1;
	case OPT_HELP:
		usage(stdout);
		return 1;
	default:
		fprintf(stderr, "Try: sluice-dataplane --help\n");
		return -1;
	}
}

int options_parse(int argc, char **argv, struct options *opt)
{
	bool listed = false;
	int c, rc = 0;

	*opt = (struct options){.socket = "/run/sluice-dataplane/dataplane.sock",
		.file_prefix = "sluice",
		.workers = 1,
		.memory_mb = 512};
	while (rc == 0 && (c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		rc = parse_one(c, opt, &listed);
	if (rc == 0 && optind < argc) {
		fprintf(stderr, "sluice-dataplane: what is \"%s\"? Try: sluice-dataplane --help\n",
			argv[optind]);
		return -1;
	}
	if (rc != 0)
		return rc;
	return listed ? check_cpus(opt) : default_cpus(opt);
}

void options_choose_memory(struct options *opt)
{
	unsigned long pages = 0;
	FILE *f = opt->no_huge ? NULL : fopen(HUGE_FREE, "r");

	if (f != NULL) {
		if (fscanf(f, "%lu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	if (opt->no_huge || pages * 2 >= opt->memory_mb)
		return;
	fprintf(stderr,
		"sluice-dataplane: %lu MB of huge pages are free and %u MB wanted: doing without "
		"them "
		"(slower; scripts/setup reserves huge pages)\n",
		pages * 2, opt->memory_mb);
	opt->no_huge = true;
}

static char *arg(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static char *arg(const char *fmt, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	return text;
}

/* "--lcores=0@0,1@1,2@3": the main thread on the CPUs that no worker has, or on all when there are
 * none. */
static char *lcores_arg(const struct options *opt)
{
	char text[4096];
	cpu_set_t set;
	size_t len = 0;
	bool any = false;

	sched_getaffinity(0, sizeof(set), &set);
	for (int pass = 0; pass < 2 && !any; pass++) {
		len = snprintf(text, sizeof(text), "0@(");
		for (uint32_t c = 0; c < CPU_SETSIZE && len < 3000; c++) {
			bool taken = false;

			for (uint32_t i = 0; i < opt->workers; i++)
				taken |= opt->cpu[i] == c;
			if (!CPU_ISSET(c, &set) || (taken && pass == 0))
				continue;
			len += snprintf(text + len, sizeof(text) - len, "%s%u", any ? "," : "", c);
			any = true;
		}
		len += snprintf(text + len, sizeof(text) - len, ")");
	}
	for (uint32_t i = 0; i < opt->workers; i++)
		len += snprintf(text + len, sizeof(text) - len, ",%u@%u", i + 1, opt->cpu[i]);
	return arg("--lcores=%s", text);
}

int options_eal_args(const struct options *opt, char *argv[EAL_ARGS_MAX])
{
	int n = 0;

	argv[n++] = arg("sluice-dataplane");
	argv[n++] = lcores_arg(opt);
	argv[n++] = arg("--main-lcore=0");
	argv[n++] = arg("-m");
	argv[n++] = arg("%u", opt->memory_mb);
	argv[n++] = arg("--file-prefix=%s", opt->file_prefix);
	argv[n++] = arg("--no-telemetry");
	/* no PCI device but the one a port names later: an allow list with nothing on it */
	argv[n++] = arg("--allow=ffff:ff:1f.7");
	/* nothing in hugetlbfs or /run that a kill -9 would leave behind */
	argv[n++] = arg(opt->no_huge ? "--no-shconf" : "--in-memory");
	if (opt->no_huge)
		argv[n++] = arg("--no-huge");
	argv[n++] = arg("--log-level=%s", opt->verbose ? "info" : "warning");
	if (!opt->verbose)
		argv[n++] = arg("--log-level=user1:info");
	return n;
}

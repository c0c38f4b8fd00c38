/* SPDX-License-Identifier: BSD-3-Clause */
/* Random commands of ip and bridge, some while dumps go on: what the mirror holds by then is what
 * a mirror opened now reads, entry by entry, and a rescan finds no drift. */
#include <signal.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../suite.h"
#include "rig.h"

#define ROUNDS	 (getenv("SLUICE_LONG") ? 40 : 15)
#define COMMANDS 40
#define LINKS	 6

static unsigned seed, seed_of_test;
static pid_t other; /* has a namespace, to which links move */

static int pick(int n)
{
	return (int)((unsigned)rand_r(&seed) / 7 % (unsigned)n);
}

static const char *one_of(const char *const *words)
{
	int count = 0;

	while (words[count])
		count++;
	return words[pick(count)];
}
#define ONE_OF(...) one_of((const char *const[]){__VA_ARGS__, NULL})

static void link_command(FILE *to)
{
	int n = pick(LINKS);

	/* every other seed has links that mostly stay, so that more routes are taken */
	switch (pick(seed_of_test % 2 ? 12 : 60)) {
	case 0:
		fprintf(to, "link del x%d\n", n);
		break;
	case 1:
		fprintf(to, "link set x%d netns %d\n", n, other);
		break;
	case 2:
		fprintf(to, "link set x%d down\nlink set x%d name z%d\nlink set z%d up\n", n, n, n,
			n);
		break;
	case 3:
		fprintf(to, "link set z%d down\nlink set z%d name x%d\n", n, n, n);
		break;
	case 4:
		fprintf(to, "link set %s%d %s\n", ONE_OF("x", "y"), n, ONE_OF("up", "down"));
		break;
	case 5:
		fprintf(to, "link set x%d %s\n", n, ONE_OF("master br0", "nomaster"));
		break;
	case 6:
		fprintf(to, "link set %s%d mtu %d\n", ONE_OF("x", "y"), n, 1200 + pick(3) * 150);
		break;
	case 7:
		fprintf(to, "link set %s %s\n", ONE_OF("br0", "vx0", "vx1"), ONE_OF("up", "down"));
		break;
	case 8:
		if (pick(3))
			break;
		fprintf(to, "link del vx0\nlink add vx0 type vxlan id 100 dstport 4789 local "
			    "198.18.0.1 nolearning\nlink set vx0 master br0 up\n");
		break;
	default:
		fprintf(to,
			"link add x%d type veth peer name y%d\nlink set x%d up\nlink set y%d up\n",
			n, n, n, n);
		fprintf(to,
			"addr add 198.18.%d.1/24 dev x%d\naddr add 2001:db8:%d::1/64 dev x%d "
			"nodad\n",
			n, n, n, n);
	}
}

static void address_command(FILE *to)
{
	const char *verb = ONE_OF("add", "add", "del");
	int n = pick(LINKS);

	if (pick(2))
		fprintf(to, "addr %s 198.18.%d.%d/%d dev x%d\n", verb, n, 1 + pick(3), 24 + pick(2),
			n);
	else
		fprintf(to, "addr %s 2001:db8:%d::%d/64 dev x%d%s\n", verb, n, 1 + pick(3), n,
			*verb == 'a' ? ONE_OF("", " nodad") : "");
}

static void ways(FILE *to, bool six, int count)
{
	for (int i = 0; i < count; i++) {
		int n = pick(LINKS);

		fprintf(to, count > 1 ? " nexthop" : "");
		if (pick(5) || six)
			fprintf(to, six ? " via 2001:db8:%d::%d" : " via 198.18.%d.%d", n,
				2 + pick(3));
		fprintf(to, " dev x%d", n);
		if (count > 1 && pick(2))
			fprintf(to, " weight %d", 1 + pick(3));
	}
}

static void route_command(FILE *to)
{
	bool six = pick(2), reject;
	const char *verb = ONE_OF(
		"add", "add", "append", "prepend", "replace", "replace", "change", "del", "del");

	fprintf(to, "%s route %s ", six ? "-6" : "-4", verb);
	reject = !pick(10);
	if (reject)
		fprintf(to, "%s ", ONE_OF("blackhole", "unreachable", "prohibit"));
	fprintf(to, six ? "2001:db8:f%d::/48" : "198.19.%d.0/24", pick(6));
	if (pick(3) == 0)
		fprintf(to, " metric %d", 10 + pick(2));
	if (!six && pick(6) == 0)
		fprintf(to, " tos 0x10");
	if (pick(4) == 0)
		fprintf(to, " table 100");
	if (!six && pick(5) == 0) /* joined ways have one each, of which the kernel tells one */
		fprintf(to, " proto %s", ONE_OF("bgp", "static"));
	if (*verb != 'd' || pick(2)) {
		if (pick(4) == 0)
			fprintf(to, " nhid %d", pick(2) ? 1 + pick(6) : 11 + pick(3));
		else if (six && pick(5) == 0)
			fprintf(to, " dev x%d", pick(LINKS));
		else if (!six || !reject) /* `prohibit … via`: hidden and shown again unsaid */
			ways(to, six, 1 + pick(3));
	}
	fprintf(to, "\n");
}

static void nexthop_command(FILE *to)
{
	int n = pick(LINKS);

	switch (pick(6)) {
	case 0:
		fprintf(to, "nexthop del id %d\n", pick(2) ? 1 + pick(6) : 11 + pick(3));
		break;
	case 1:
	case 2:
		fprintf(to, "nexthop %s id %d group %d,%d/%d\n", ONE_OF("add", "replace"),
			11 + pick(3), 1 + pick(3), 4 + pick(3), 1 + pick(4));
		break;
	case 3:
		fprintf(to, "nexthop replace id %d blackhole\n", 1 + pick(6));
		break;
	default:
		fprintf(to,
			pick(3) ? "nexthop %s id %d via 198.18.%d.2 dev x%d\n"
				: "nexthop %s id %d via 2001:db8:%d::2 dev x%d\n",
			ONE_OF("add", "replace"), 1 + pick(6), n, n);
	}
}

static void neighbor_command(FILE *to)
{
	int n = pick(LINKS);

	/* others than below: `managed` takes PERMANENT from an entry without a word */
	if (pick(4) == 0) {
		fprintf(to, "neigh %s 198.18.%d.%d dev x%d %s\n", ONE_OF("add", "replace"), n,
			5 + pick(2), n, ONE_OF("use", "managed"));
		return;
	}
	fprintf(to, "neigh %s ", ONE_OF("add", "replace", "replace", "del"));
	fprintf(to, pick(2) ? "198.18.%d.%d" : "2001:db8:%d::%d", n, 2 + pick(3));
	fprintf(to, " lladdr 02:00:00:00:00:%02d dev x%d nud %s%s\n", pick(4), n,
		ONE_OF("permanent", "reachable", "stale", "noarp", "failed", "incomplete"),
		ONE_OF("", "", " extern_learn"));
}

static void fdb_command(FILE *to)
{
	const char *mac = ONE_OF("00:00:00:00:00:00", "02:00:00:00:01:01", "02:00:00:00:01:02");
	const char *verb = ONE_OF("add", "append", "replace", "del");

	if (pick(3) == 0)
		fprintf(to, "fdb %s 02:00:00:00:01:%02d dev %s%d master %s\n",
			ONE_OF("add", "replace", "del"), pick(4), "x", pick(LINKS),
			ONE_OF("static", "dynamic", "local", "extern_learn"));
	else if (pick(3) == 0)
		fprintf(to, "fdb %s %s dev vx0 master %s\n", ONE_OF("replace", "del"), mac,
			ONE_OF("static", "extern_learn"));
	else if (pick(4) == 0)
		fprintf(to, "fdb %s %s dev vx1 self dst 198.18.9.%d vni %d src_vni %d\n", verb, mac,
			1 + pick(3), 7 + pick(2), 7 + pick(2));
	else
		fprintf(to, "fdb %s %s dev vx0 self dst 198.18.9.%d%s\n", verb, mac, 1 + pick(3),
			ONE_OF("", "", " vni 7", " port 4790"));
}

/* The loop goes on meanwhile. */
static void run_commands(bool bridge)
{
	static void (*const commands[])(FILE * to) = {link_command, address_command, route_command,
		route_command, route_command, nexthop_command, neighbor_command, neighbor_command};
	/* a process each: ip -batch ends at some errors */
	FILE *to = popen(bridge ? "while read line; do echo $line >&2; bridge $line; done "
				  ">/dev/null 2>>${COMMANDS:-/dev/null}"
				: "while read line; do echo $line >&2; ip $line; done >/dev/null "
				  "2>>${COMMANDS:-/dev/null}",
		"w");

	ck_assert_ptr_nonnull(to);
	for (int i = 0; i < COMMANDS; i++) {
		if (bridge)
			fdb_command(to);
		else
			commands[pick(sizeof(commands) / sizeof(commands[0]))](to);
		if (pick(8) == 0) {
			fflush(to);
			rig_run(pick(4));
		}
		if (pick(30) == 0)
			kernel_rescan(kernel);
	}
	pclose(to);
}

static void setup(void)
{
	rig_setup();
	other = fork();
	if (!other) {
		if (unshare(CLONE_NEWNET) == 0)
			pause();
		_exit(0);
	}
	for (int n = 0; n < LINKS; n++) {
		rig_ip("link add x%d type veth peer name y%d", n, n);
		rig_ip("link set x%d up", n);
		rig_ip("link set y%d up", n);
		rig_ip("addr add 198.18.%d.1/24 dev x%d", n, n);
		rig_ip("addr add 2001:db8:%d::1/64 dev x%d nodad", n, n);
	}
	rig_ip("link add br0 type bridge");
	rig_ip("link add vx0 type vxlan id 100 dstport 4789 local 198.18.0.1 nolearning");
	rig_ip("link add vx1 type vxlan dstport 4799 local 198.18.0.1 external");
	rig_ip("link set vx0 master br0 up");
	rig_ip("link set vx1 up");
	rig_ip("link set br0 up");
	rig_quiet();
}

static void teardown(void)
{
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	rig_teardown();
}

START_TEST(tables_are_the_kernels_after_random_commands)
{
	struct kernel_counters counters;
	const int rounds = ROUNDS;
	char when[64];

	seed = seed_of_test = (unsigned)_i + 1;
	for (int round = 0; round < rounds; round++) {
		snprintf(when, sizeof(when), "seed %d round %d", _i + 1, round);
		run_commands(pick(5) == 0);
		rig_quiet();
		rig_compare(when);
		kernel_rescan(kernel);
		rig_quiet();
		kernel_counters(kernel, &counters);
		ck_assert_msg(!counters.drift_last, "%s: %u entries were not as known", when,
			counters.drift_last);
	}
	kernel_counters(kernel, &counters);
	printf("seed %u: %lu messages, %lu rescans, %lu verified, %u routes, %u nexthops, %u "
	       "neighbours, %u fdb\n",
		_i + 1, counters.messages, counters.rescans, counters.verified,
		counters.entries[KERNEL_ROUTE], counters.entries[KERNEL_NEXTHOP],
		counters.entries[KERNEL_NEIGHBOR], counters.entries[KERNEL_FDB]);
}
END_TEST

static Suite *random_suite(void)
{
	Suite *suite = suite_create("kernel random");
	TCase *all = tcase_create("all");

	/* others with every commit (meson.build), the same ones again for the same commit */
	int first = getenv("SEED") ? atoi(getenv("SEED")) * 3 : 0;

	tcase_set_timeout(all, 250);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_loop_test(all, tables_are_the_kernels_after_random_commands, first, first + 3);
	suite_add_tcase(suite, all);
	return suite;
}

int main(void)
{
	return rig_possible() ? suite_main(random_suite()) : 77;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The rig of rig.h. Owns the namespace, which goes with the process. */
#include "rig.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

struct event_base *base;
struct kernel *kernel;
struct heard heard;

bool rig_possible(void)
{
	return geteuid() == 0;
}

static void changed(
	struct kernel *of, enum kernel_kind kind, const void *entry, bool gone, void *arg)
{
	if (gone)
		heard.gone[kind]++;
	else
		heard.changed[kind]++;
}

static void settled(struct kernel *of, void *arg)
{
	heard.settled++;
	heard.settled_us = clock_mono_us();
}

static const struct kernel_listener listener = {.changed = changed, .settled = settled};

static bool is_complete(void)
{
	return kernel_complete(kernel);
}

void rig_setup(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	rig_ip("link set lo up");
	base = event_base_new();
	ck_assert_int_eq(kernel_open(base, NULL, 0, &listener, &kernel), 0);
	ck_assert(rig_until(is_complete, 20000));
}

void rig_teardown(void)
{
	kernel_close(kernel);
	kernel = NULL;
	event_base_free(base);
	libevent_global_shutdown();
}

static int run(const char *fmt, va_list args, const char *silent)
{
	char words[1024], line[1100];

	vsnprintf(words, sizeof(words), fmt, args);
	snprintf(line, sizeof(line), "%s %s%s", strncmp(words, "fdb ", 4) ? "ip" : "bridge", words,
		silent);
	return system(line);
}

void rig_ip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	ck_assert_msg(run(fmt, args, "") == 0, "%s", fmt);
	va_end(args);
}

int rig_try(const char *fmt, ...)
{
	va_list args;
	int err;

	va_start(args, fmt);
	err = run(fmt, args, " 2>/dev/null");
	va_end(args);
	return err;
}

static void stop(evutil_socket_t fd, short what, void *arg)
{
	event_base_loopbreak(base);
}

void rig_run(int ms)
{
	struct timeval wait = {ms / 1000, ms % 1000 * 1000};
	struct event *timer = event_new(base, -1, 0, stop, NULL);

	event_add(timer, &wait);
	event_base_dispatch(base);
	event_free(timer);
}

bool rig_until(bool (*true_)(void), int ms)
{
	uint64_t until_us = clock_mono_us() + (uint64_t)ms * 1000;

	while (!true_() && clock_mono_us() < until_us)
		rig_run(2);
	return true_();
}

static bool is_busy(void)
{
	return kernel->dump.running || !STAILQ_EMPTY(&kernel->dump.verifies);
}

void rig_quiet(void)
{
	uint64_t messages;

	do {
		messages = kernel->counters.messages;
		rig_run(60);
	} while (messages != kernel->counters.messages || is_busy());
}

struct api_ip rig_prefix(const char *text)
{
	struct api_ip ip = {0};
	char address[64];
	const char *slash = strchr(text, '/');

	snprintf(address, sizeof(address), "%.*s", slash ? (int)(slash - text) : 63, text);
	ip.family = strchr(address, ':') ? 6 : 4;
	ck_assert_int_eq(inet_pton(ip.family == 4 ? AF_INET : AF_INET6, address, ip.bytes), 1);
	ip.len = slash ? (uint8_t)atoi(slash + 1) : ip.family == 4 ? 32 : 128;
	return ip;
}

const struct kernel_route *rig_route(uint32_t table, const char *prefix)
{
	struct api_ip ip = rig_prefix(prefix);

	return kernel_route(kernel, table, &ip);
}

uint32_t rig_index(const char *name)
{
	const struct kernel_link *link = kernel_link_named(kernel, name);

	return link ? link->index : 0;
}

/* ---- comparing ---- */

static struct kernel *fresh;

static bool is_fresh(void)
{
	return kernel_complete(fresh);
}

static void show(const char *when, const char *whose, const struct kernel_route *route)
{
	char text[64];

	inet_ntop(route->prefix.family == 4 ? AF_INET : AF_INET6, route->prefix.bytes, text,
		sizeof(text));
	fprintf(stderr,
		"%s: only in %s: table %u %s/%u metric %u tos %u proto %u type %u scope %u nhid %u",
		when, whose, route->table, text, route->prefix.len, route->metric, route->tos,
		route->protocol, route->type, route->scope, route->nexthop);
	for (uint32_t i = 0; i < route->via_count; i++)
		fprintf(stderr, " via %u.%u.%u.%u-%u dev %u weight %u",
			route->via[i].address.bytes[0], route->via[i].address.bytes[1],
			route->via[i].address.bytes[2], route->via[i].address.bytes[3],
			route->via[i].address.bytes[15], route->via[i].index, route->via[i].weight);
	fprintf(stderr, "\n");
}

static void show_entry(const char *when, const char *name, int kind, const struct entry *entry,
	const struct entry *other)
{
	const struct kernel_link *link = (const void *)entry->body;

	fprintf(stderr, "%s: kind %d, index %u: %s in %s:", when, kind,
		ntohl(*(uint32_t *)entry->key.bytes), other ? "other" : "only", name);
	if (kind == KERNEL_LINK)
		fprintf(stderr, " %s %s up %d carrier %d master %u", link->name, link->kind,
			link->up, link->carrier, link->master);
	else
		for (uint32_t i = 0; i < entry->size && i < 48; i++)
			fprintf(stderr, " %02x", entry->body[i]);
	fprintf(stderr, "\n");
}

static bool same_ways(const struct kernel_route *a, const struct kernel_route *b)
{
	return a->nexthop == b->nexthop && a->via_count == b->via_count &&
	       !memcmp(a->via, b->via, a->via_count * sizeof(a->via[0]));
}

static bool same(const struct kernel_route *a, const struct kernel_route *b)
{
	return !memcmp(&a->prefix, &b->prefix, sizeof(a->prefix)) && a->metric == b->metric &&
	       a->tos == b->tos && a->protocol == b->protocol && a->type == b->type &&
	       a->scope == b->scope && same_ways(a, b);
}

struct side {
	const struct kernel *other;
	const char *when, *name;
	uint32_t missing;
};

static void look_up(const void *entry, void *arg)
{
	const struct kernel_route *route = entry;
	struct side *side = arg;
	struct route_table *table = route_table_of(&side->other->routes, route->table);
	struct route *one = NULL;

	if (table)
		one = table->buckets[route_prefix_hash(&route->prefix) & table->mask];
	while (one && !same(&one->pub, route))
		one = one->next;
	if (one)
		return;
	show(side->when, side->name, route);
	side->missing++;
}

static uint32_t missing(
	const char *when, const char *name, struct kernel *of, const struct kernel *in)
{
	struct side side = {.other = in, .when = when, .name = name};
	static const struct kernel_key lowest;

	kernel_each(of, KERNEL_ROUTE, look_up, &side);
	for (int kind = 0; kind < KERNEL_KINDS; kind++) {
		struct entry *entry = table_from(of, kind, &lowest), *other;

		for (; entry; entry = table_next(entry)) {
			other = table_find(in, kind, &entry->key);
			if (other && other->size == entry->size &&
				!memcmp(other->body, entry->body, entry->size))
				continue;
			show_entry(when, name, kind, entry, other);
			side.missing++;
		}
	}
	return side.missing;
}

static uint32_t compare(const char *when)
{
	static const struct kernel_listener nobody;
	uint32_t differ;

	ck_assert_int_eq(kernel_open(base, NULL, 0, &nobody, &fresh), 0);
	ck_assert(rig_until(is_fresh, 60000));
	differ = missing(when, "the mirror", kernel, fresh);
	differ += missing(when, "a dump", fresh, kernel);
	kernel_close(fresh);
	return differ;
}

/* The kernel tells of a carrier up to a second after it shows it: a second look. */
void rig_compare(const char *when)
{
	uint32_t differ = compare(when);

	if (differ) {
		rig_run(1500);
		rig_quiet();
		differ = compare(when);
	}
	ck_assert_msg(!differ, "%s: %u entries differ", when, differ);
}

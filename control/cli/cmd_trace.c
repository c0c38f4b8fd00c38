/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice dp trace: the next packets that match, with the stages they went through and what each
 * decided. The first bytes of each are one line, by a reader for the eye, not a parser to rely on:
 * the stages' own words are the truth. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

/* ---- a packet as one line ---- */

struct reader {
	const uint8_t *at;
	size_t left;
	int tunnels; /* how deep inside */
};

static void ethernet(struct reader *r);

/* The next n bytes, or NULL when the packet was cut before. */
static const uint8_t *take(struct reader *r, size_t n)
{
	const uint8_t *at = r->at;

	if (r->left < n)
		return NULL;
	r->at += n;
	r->left -= n;
	return at;
}

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static unsigned be24(const uint8_t *p)
{
	return (unsigned)p[0] << 16 | be16(p + 1);
}

/* VXLAN and Geneve carry a frame 8 bytes (and Geneve's options) further in. */
static void tunnel(struct reader *r, unsigned port)
{
	const uint8_t *h = take(r, 8);

	if (h == NULL || r->tunnels++ > 2)
		return;
	printf(" %s %u", port == 4789 ? "VXLAN" : "Geneve", be24(h + 4));
	if (port == 6081 && take(r, (h[0] & 0x3fu) * 4) == NULL)
		return;
	printf(" | ");
	ethernet(r);
}

static void transport(struct reader *r, unsigned proto)
{
	const uint8_t *h;

	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP) {
		if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
			printf(proto == IPPROTO_ICMP ? " ICMP" : " ICMPv6");
		else
			printf(" protocol %u", proto);
		h = take(r, 2);
		if (h != NULL && (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6))
			printf(" type %u", h[0]);
		return;
	}
	printf(proto == IPPROTO_TCP ? " TCP" : " UDP");
	h = take(r, 8);
	if (h == NULL)
		return;
	printf(" %u > %u", be16(h), be16(h + 2));
	if (proto == IPPROTO_UDP && (be16(h + 2) == 4789 || be16(h + 2) == 6081))
		tunnel(r, be16(h + 2));
}

static void ipv4(struct reader *r)
{
	const uint8_t *h = take(r, 20);
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	unsigned fragment;

	printf(" IPv4");
	if (h == NULL)
		return;
	inet_ntop(AF_INET, h + 12, src, sizeof(src));
	inet_ntop(AF_INET, h + 16, dst, sizeof(dst));
	printf(" %s > %s", src, dst);
	if ((h[0] & 0xf) > 5 && take(r, ((h[0] & 0xfu) - 5) * 4) == NULL)
		return;
	fragment = be16(h + 6) & 0x1fff;
	if (fragment != 0)
		printf(" fragment at %u", fragment * 8);
	else
		transport(r, h[9]);
}

static void ipv6(struct reader *r)
{
	const uint8_t *h = take(r, 40);
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	printf(" IPv6");
	if (h == NULL)
		return;
	inet_ntop(AF_INET6, h + 8, src, sizeof(src));
	inet_ntop(AF_INET6, h + 24, dst, sizeof(dst));
	printf(" %s > %s", src, dst);
	transport(r, h[6]);
}

static void arp(struct reader *r)
{
	const uint8_t *h = take(r, 28);

	if (h == NULL)
		printf(" ARP");
	else if (be16(h + 6) == 1)
		printf(" ARP who has %u.%u.%u.%u", h[24], h[25], h[26], h[27]);
	else
		printf(" ARP %u.%u.%u.%u is here", h[14], h[15], h[16], h[17]);
}

static void ethernet(struct reader *r)
{
	const uint8_t *h = take(r, 14), *tag;
	unsigned type;

	if (h == NULL) {
		printf("%zu bytes", r->left);
		return;
	}
	printf("%02x:%02x:%02x:%02x:%02x:%02x > %02x:%02x:%02x:%02x:%02x:%02x", h[6], h[7], h[8],
		h[9], h[10], h[11], h[0], h[1], h[2], h[3], h[4], h[5]);
	type = be16(h + 12);
	while (type == 0x8100 || type == 0x88a8) {
		tag = take(r, 4);
		if (tag == NULL)
			return;
		printf(" vlan %u", be16(tag) & 0xfff);
		type = be16(tag + 2);
	}
	if (type == 0x0800)
		ipv4(r);
	else if (type == 0x86dd)
		ipv6(r);
	else if (type == 0x0806)
		arp(r);
	else if (type >= 0x600)
		printf(" type 0x%04x", type);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "02aB" → bytes; how many, at most max; it stops where the hex does. */
static size_t packet_unhex(const char *hex, uint8_t *bytes, size_t max)
{
	size_t n = 0;

	/* the digit test fails on a NUL, so the second one is only read behind a first */
	while (n < max && digit(hex[0]) >= 0 && digit(hex[1]) >= 0) {
		bytes[n++] = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
		hex += 2;
	}
	return n;
}

/* ---- the command ---- */

enum {
	TRACE_COUNT,
	TRACE_PORT,
	TRACE_SLICE,
	TRACE_MAC,
	TRACE_IP,
	TRACE_DROPPED,
	TRACE_TIMEOUT,
	TRACE_HEX,
};

static const struct option_def trace_options[] = {
	{"count", 'n', OPTION_NUMBER, "N", .help = "how many packets (default 10)", .min = 1,
		.max = 1000},
	{"port", 'p', OPTION_VALUE, "PORT", "only those received on this port", .word = WORD_PORT},
	{"slice", 's', OPTION_VALUE, "SLICE", "only those of this slice", .word = WORD_SLICE},
	{"mac", 'm', OPTION_VALUE, "MAC", .help = "only those from or to this MAC address"},
	{"ip", 'i', OPTION_VALUE, "ADDRESS", .help = "only those from or to this IP address"},
	{"dropped", 'd', .help = "only those that are dropped"},
	{"timeout", 't', OPTION_NUMBER, "SECONDS",
		.help = "stop waiting after so long (default 30)", .min = 1, .max = 3600},
	{"hex", 'x', .help = "the bytes as well"},
	{.name = NULL},
};

static void print_title(const json_t *packet, int number)
{
	const char *port = json_text(packet, "port");
	json_int_t ns = json_number(packet, "time_ns");
	bool bold = isatty(STDOUT_FILENO);
	char clock[NUMBER_BYTES];

	printf("%s#%d  %s.%06lld  %s %s  worker %lld  %lld bytes%s\n", bold ? "\033[1m" : "",
		number, clock_text((time_t)(ns / 1000000000), clock),
		(long long)(ns % 1000000000 / 1000),
		json_is(packet, "from_kernel") ? "from the kernel for port" : "port",
		*port != '\0' ? port : "?", (long long)json_number(packet, "worker"),
		(long long)json_number(packet, "length"), bold ? "\033[0m" : "");
}

static void print_hex(const uint8_t *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (i % 16 == 0)
			printf("%s    %04zx ", i ? "\n" : "", i);
		printf("%s%02x", i % 8 == 0 ? "  " : " ", bytes[i]);
	}
	if (len > 0)
		putchar('\n');
}

static void print_packet(const json_t *packet, int number, bool hex)
{
	struct grid *grid = grid_new(2, 4, "");
	uint8_t bytes[2048];
	struct reader reader = {.at = bytes};
	const json_t *step;
	size_t len, i;

	print_title(packet, number);
	len = packet_unhex(json_text(packet, "bytes"), bytes, sizeof(bytes));
	reader.left = len;
	printf("    ");
	ethernet(&reader);
	putchar('\n');
	if (hex)
		print_hex(bytes, len);
	json_array_foreach (json_object_get(packet, "steps"), i, step) {
		grid_cell(grid, json_text(step, "stage"));
		grid_cell(grid, json_text(step, "text"));
	}
	grid_end(grid);
	putchar('\n');
	fflush(stdout);
}

static void print_end(const json_t *end)
{
	const char *reason = json_text(end, "reason");
	json_int_t packets = json_number(end, "packets");

	printf("%lld packet%s traced", (long long)packets, packets == 1 ? "" : "s");
	if (*reason != '\0')
		printf(" (%s)", reason);
	putchar('\n');
}

static int trace_follow(struct cli *cli, bool hex)
{
	int number = 0;
	json_t *event;

	while (cli_event(cli, -1, &event)) {
		bool end = strcmp(json_text(event, "event"), "trace.end") == 0;
		bool packet = strcmp(json_text(event, "event"), "trace.packet") == 0;

		if (cli->json && (packet || end))
			print_json_line(json_incref(event));
		else if (packet)
			print_packet(event, ++number, hex);
		else if (end)
			print_end(event);
		json_decref(event);
		if (end)
			return STATUS_OK;
		if (ferror(stdout))
			break;
	}
	return STATUS_FAILED;
}

/* NULL unless the option was given. */
static json_t *option_number(const struct args *args, int option)
{
	return args->set[option] ? json_integer(args->number[option]) : NULL;
}

static int trace_run(struct cli *cli, const struct args *args)
{
	json_t *result = cli_call(cli, "trace",
		json_pack("{s:o*, s:s*, s:s*, s:s*, s:s*, s:o*, s:o*}", "count",
			option_number(args, TRACE_COUNT), "port", args->value[TRACE_PORT], "slice",
			args->value[TRACE_SLICE], "mac", args->value[TRACE_MAC], "ip",
			args->value[TRACE_IP], "dropped",
			args->set[TRACE_DROPPED] ? json_true() : NULL, "timeout_s",
			option_number(args, TRACE_TIMEOUT)));

	json_decref(result);
	if (!cli->json && isatty(STDERR_FILENO))
		fputs("waiting for packets that match; Ctrl-C ends\n", stderr);
	return trace_follow(cli, args->set[TRACE_HEX]);
}

const struct command command_trace = {
	.name = "trace",
	.synopsis = "[-n N] [--port P] [--slice S] [--mac M] [--ip A] [--dropped] [--timeout S] "
		    "[--hex]",
	.summary = "follow the next packets that match through the stages",
	.details = "Every filter given must match. Each packet is shown as it came in, then a line "
		   "for every stage\n"
		   "it went through: what was decided, and in the last one where it went or why it "
		   "was dropped.\n"
		   "  sluice dp trace -n 3 --slice blue\n"
		   "  sluice dp trace --dropped --port wan0 --timeout 10\n",
	.options = trace_options,
	.wrong = "filters are options: --port, --slice, --mac, --ip, --dropped",
	.run = trace_run,
};

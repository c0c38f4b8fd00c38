/* SPDX-License-Identifier: BSD-3-Clause */
/* IPFilterRule text to structure (RFC 6733 section 4.3.1). Owns nothing, libc alone. The way
 * back is filter_format.c. */
#include "filter.h"

#include <arpa/inet.h>
#include <string.h>

#define WORD_MAX  64 /* characters of an address or a number; no longer one is any */
#define RANGES_IN 64 /* of one end as written; what is left after merging must fit FILTER_PORTS */

struct reader {
	const char *begin, *at, *end;
	const char *want; /* set when refused */
};

static bool refuse(struct reader *r, const char *at, const char *want)
{
	r->want = want;
	r->at = at;
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip_blanks(struct reader *r)
{
	while (r->at < r->end && is_blank(*r->at))
		r->at++;
}

/* The next word, blanks before it skipped; its length, 0 at the end. */
static size_t next_word(struct reader *r, const char **word)
{
	skip_blanks(r);
	*word = r->at;
	while (r->at < r->end && !is_blank(*r->at))
		r->at++;
	return (size_t)(r->at - *word);
}

static bool is_word(const char *word, size_t n, const char *name)
{
	return strlen(name) == n && memcmp(word, name, n) == 0;
}

/* A decimal number up to max at r->at, which moves past it; false: none, or a larger one. */
static bool read_number(struct reader *r, uint32_t max, uint32_t *value)
{
	const char *first = r->at;
	uint64_t v = 0;

	for (; r->at < r->end && is_digit(*r->at) && v <= max; r->at++)
		v = v * 10 + (uint64_t)(*r->at - '0');
	*value = (uint32_t)v;
	return r->at > first && v <= max;
}

static int hex_digit(char c)
{
	char lower = (char)(c | 0x20);

	return is_digit(c) ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Decimal, or hexadecimal behind 0x. */
static bool read_value(struct reader *r, uint32_t max, uint32_t *value)
{
	uint64_t v = 0;

	if (r->end - r->at < 2 || r->at[0] != '0' || (r->at[1] | 0x20) != 'x')
		return read_number(r, max, value);
	r->at += 2;
	const char *first = r->at;

	for (; r->at < r->end && hex_digit(*r->at) >= 0 && v <= max; r->at++)
		v = v << 4 | (uint64_t)hex_digit(*r->at);
	*value = (uint32_t)v;
	return r->at > first && v <= max;
}

/* ---- protocol ---- */

static const struct {
	char name[12];
	uint16_t proto;
} proto_name[] = {{"ip", FILTER_PROTO_ANY}, {"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"sctp", 132},
	{"icmp6", 58}, {"ipv6-icmp", 58}, {"esp", 50}, {"ah", 51}, {"gre", 47}, {"igmp", 2},
	{"ospf", 89}, {"udplite", 136}, {"dccp", 33}};

static bool read_proto(struct reader *r, struct filter *out)
{
	static const char want[] = "a protocol: ip, 0 to 255, or a name such as tcp, udp, icmp";
	const char *word;
	size_t n = next_word(r, &word);
	uint32_t value;

	for (uint32_t i = 0; i < sizeof(proto_name) / sizeof(proto_name[0]); i++) {
		if (is_word(word, n, proto_name[i].name)) {
			out->proto = proto_name[i].proto;
			return true;
		}
	}
	const char *end = r->at;

	r->at = word;
	if (!read_number(r, 255, &value) || r->at != end)
		return refuse(r, word, want);
	out->proto = (uint16_t)value;
	return true;
}

/* Ports are what these have; "ip" with ports means any of them. */
static bool has_ports(uint16_t proto)
{
	return proto == FILTER_PROTO_ANY || proto == 6 || proto == 17 || proto == 132 ||
	       proto == 33 || proto == 136;
}

/* ---- addresses ---- */

static void clear_host_bits(struct filter_end *e)
{
	for (uint32_t i = 0; i < sizeof(e->bytes); i++) {
		uint32_t bits = e->len > 8 * i ? e->len - 8 * i : 0;

		if (bits < 8)
			e->bytes[i] &= (uint8_t) ~(0xffu >> bits);
	}
}

static bool read_prefix(struct reader *r, const char *word, size_t n, struct filter_end *e)
{
	static const char want[] = "any, assigned, or an IPv4 or IPv6 address or prefix";
	const char *slash = memchr(word, '/', n);
	size_t address_len = slash ? (size_t)(slash - word) : n;
	char address[WORD_MAX];
	uint32_t len;

	if (address_len >= sizeof(address))
		return refuse(r, word, want);
	memcpy(address, word, address_len);
	address[address_len] = 0;
	e->family = memchr(address, ':', address_len) ? 6 : 4;
	/* a NUL inside would end it early */
	if (strlen(address) != address_len ||
		inet_pton(e->family == 6 ? AF_INET6 : AF_INET, address, e->bytes) != 1)
		return refuse(r, word, want);
	e->len = e->family == 6 ? 128 : 32;
	if (slash) {
		const char *end = r->at;

		r->at = slash + 1;
		if (!read_number(r, e->len, &len) || r->at != end)
			return refuse(r, slash + 1,
				e->family == 6 ? "a prefix length, 0 to 128"
					       : "a prefix length, 0 to 32");
		e->len = (uint8_t)len;
	}
	clear_host_bits(e);
	return true;
}

static bool read_address(struct reader *r, struct filter_end *e)
{
	const char *word;

	skip_blanks(r);
	if (r->at < r->end && *r->at == '!') {
		e->negated = true;
		r->at++;
	}
	size_t n = next_word(r, &word);
	bool any = is_word(word, n, "any");

	if (any || is_word(word, n, "assigned")) {
		if (e->negated)
			return refuse(r, word, "an address or a prefix after !");
		e->assigned = !any;
		return true;
	}
	return read_prefix(r, word, n, e);
}

/* ---- ports ---- */

/* Sorts and merges what touches; how many are left. */
static uint32_t merge_ports(struct filter_ports *range, uint32_t n)
{
	uint32_t left = 0;

	for (uint32_t i = 1; i < n; i++) { /* few, and mostly sorted: by insertion */
		struct filter_ports p = range[i];
		uint32_t k = i;

		for (; k > 0 && range[k - 1].low > p.low; k--)
			range[k] = range[k - 1];
		range[k] = p;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (left > 0 && range[i].low <= (uint32_t)range[left - 1].high + 1) {
			if (range[i].high > range[left - 1].high)
				range[left - 1].high = range[i].high;
		} else {
			range[left++] = range[i];
		}
	}
	return left;
}

static bool read_range(struct reader *r, struct filter_ports *range)
{
	const char *first = r->at;
	uint32_t low, high;

	if (!read_number(r, 65535, &low))
		return refuse(r, first, "a port, 0 to 65535");
	high = low;
	if (r->at < r->end && *r->at == '-') {
		const char *second = ++r->at;

		if (!read_number(r, 65535, &high))
			return refuse(r, second, "a port, 0 to 65535");
		if (high < low)
			return refuse(r, first, "a range of ports, the lower one first");
	}
	*range = (struct filter_ports){(uint16_t)low, (uint16_t)high};
	return true;
}

/* Blanks may stand behind a comma. No digit here: there are no ports. */
static bool read_ports(struct reader *r, const struct filter *f, struct filter_end *e)
{
	struct filter_ports range[RANGES_IN];
	uint32_t n = 0;

	skip_blanks(r);
	const char *first = r->at;

	if (r->at == r->end || !is_digit(*r->at))
		return true;
	if (!has_ports(f->proto))
		return refuse(r, first, "no ports: the protocol has none");
	for (bool more = true; more;) {
		if (n == RANGES_IN)
			return refuse(r, r->at, "no more than 64 ports and ranges");
		if (!read_range(r, &range[n++]))
			return false;
		more = r->at < r->end && *r->at == ',';
		if (more) {
			r->at++;
			skip_blanks(r);
		}
	}
	if (r->at < r->end && !is_blank(*r->at))
		return refuse(r, r->at, "ports as 80, 80-90 or 80,443");
	n = merge_ports(range, n);
	if (n > FILTER_PORTS)
		return refuse(r, first, "no more than 16 ports and ranges that do not touch");
	e->n_ports = (uint8_t)n;
	memcpy(e->ports, range, n * sizeof(range[0]));
	return true;
}

/* ---- options ---- */

static bool read_tos(struct reader *r, struct filter *out)
{
	const char *first = r->at;
	uint32_t value, mask = 0xff;

	if (!read_value(r, 255, &value))
		return refuse(r, first, "a type of service, 0 to 255, and perhaps /mask");
	if (r->at < r->end && *r->at == '/') {
		first = ++r->at;
		if (!read_value(r, 255, &mask) || mask == 0)
			return refuse(r, first, "a mask, 1 to 255");
	}
	out->has_tos = true;
	out->tos_mask = (uint8_t)mask;
	out->tos = (uint8_t)(value & mask);
	return true;
}

static bool read_option(struct reader *r, const char *word, size_t n, struct filter *out)
{
	const char *value = r->at;

	if (is_word(word, n, "tos") && !out->has_tos)
		return read_tos(r, out);
	if (is_word(word, n, "spi") && !out->has_spi) {
		out->has_spi = true;
		if (out->proto != FILTER_PROTO_ANY && out->proto != 50 && out->proto != 51)
			return refuse(r, word, "no spi: the protocol has none");
		return read_value(r, UINT32_MAX, &out->spi) ||
		       refuse(r, value, "an SPI, 0 to 4294967295");
	}
	if (is_word(word, n, "flowlabel") && !out->has_flow_label) {
		out->has_flow_label = true;
		return read_value(r, 0xfffff, &out->flow_label) ||
		       refuse(r, value, "a flow label, 0 to 1048575");
	}
	return refuse(r, word, "tos, spi or flowlabel, each once, or the end");
}

static bool read_options(struct reader *r, struct filter *out)
{
	const char *word;
	size_t n;

	while ((n = next_word(r, &word)) != 0) {
		skip_blanks(r);
		if (!read_option(r, word, n, out))
			return false;
		if (r->at < r->end && !is_blank(*r->at))
			return refuse(r, r->at, "a blank or the end after a number");
	}
	return true;
}

/* ---- all of it ---- */

static bool read_keyword(struct reader *r, const char *name, const char *want)
{
	const char *word;
	size_t n = next_word(r, &word);

	return is_word(word, n, name) || refuse(r, word, want);
}

/* One of two words; *second: it is the second. */
static bool read_choice(
	struct reader *r, const char *one, const char *two, const char *want, bool *second)
{
	const char *word;
	size_t n = next_word(r, &word);

	*second = is_word(word, n, two);
	return *second || is_word(word, n, one) || refuse(r, word, want);
}

static bool families_fit(struct reader *r, const struct filter *f, const char *to)
{
	if (f->remote.family != 0 && f->local.family != 0 && f->remote.family != f->local.family)
		return refuse(r, to, "both ends of one address family");
	if (f->has_flow_label && (f->remote.family == 4 || f->local.family == 4))
		return refuse(r, to, "IPv6 addresses with flowlabel");
	return true;
}

static bool read_filter(struct reader *r, struct filter *out)
{
	bool in;

	if (!read_choice(r, "permit", "deny", "permit or deny", &out->deny) ||
		!read_choice(r, "out", "in", "out or in", &in) || !read_proto(r, out))
		return false;
	struct filter_end *from = in ? &out->local : &out->remote;
	struct filter_end *to = in ? &out->remote : &out->local;

	if (!read_keyword(r, "from", "from") || !read_address(r, from) ||
		!read_ports(r, out, from) ||
		!read_keyword(r, "to", "to, or ports as 80, 80-90 or 80,443"))
		return false;
	skip_blanks(r);
	const char *to_at = r->at;

	if (!read_address(r, to) || !read_ports(r, out, to))
		return false;
	if (out->remote.assigned && out->local.assigned)
		return refuse(r, to_at, "the network's end: the UE's is assigned already");
	if (out->remote.assigned) { /* it is the UE's, whatever the direction says */
		struct filter_end ue = out->remote;

		out->remote = out->local;
		out->local = ue;
	}
	return read_options(r, out) && families_fit(r, out, to_at);
}

int filter_parse(const char *text, size_t len, struct filter *out, const char **want, size_t *at)
{
	struct reader r = {.begin = text, .at = text, .end = text + len};

	memset(out, 0, sizeof(*out));
	if (read_filter(&r, out))
		return 0;
	*want = r.want;
	*at = (size_t)(r.at - r.begin);
	return -1;
}

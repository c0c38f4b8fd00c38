/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses as text and back. The MAC parser is written out because a single message may carry a
 * hundred thousand of them. */
#include "schema.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int api_mac_parse(const char *text, struct api_mac_addr *out)
{
	for (int i = 0; i < 6; i++) {
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return -1;
		out->bytes[i] = high << 4 | low;
		text += 3;
	}
	return 0;
}

void api_mac_format(const struct api_mac_addr *mac, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 6; i++) {
		*text++ = digits[mac->bytes[i] >> 4];
		*text++ = digits[mac->bytes[i] & 15];
		*text++ = i < 5 ? ':' : '\0';
	}
}

/* "0" to "max", no sign, no space, no leading zero. */
static int parse_len(const char *text, int max)
{
	int value = 0;

	if (!isdigit((unsigned char)*text) || (text[0] == '0' && text[1] != '\0'))
		return -1;
	for (; isdigit((unsigned char)*text) && value <= max; text++)
		value = value * 10 + *text - '0';
	return *text == '\0' && value <= max ? value : -1;
}

int api_ip_parse(const char *text, bool prefix, struct api_ip *out)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char address[INET6_ADDRSTRLEN];
	int bits;

	memset(out, 0, sizeof(*out));
	if ((slash != NULL) != prefix || len >= sizeof(address))
		return -1;
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(AF_INET, address, out->bytes) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, address, out->bytes) == 1)
		out->family = 6;
	else
		goto err_zero;
	bits = out->family == 4 ? 32 : 128;
	if (prefix)
		bits = parse_len(slash + 1, bits);
	if (bits < 0)
		goto err_zero;
	out->len = bits;
	return 0;

err_zero:
	memset(out, 0, sizeof(*out));
	return -1;
}

void api_ip_format(const struct api_ip *ip, bool prefix, char *text)
{
	size_t len;

	if (ip->family == 0 || !inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->bytes, text,
				       INET6_ADDRSTRLEN)) {
		strcpy(text, "none");
		return;
	}
	if (!prefix)
		return;
	len = strlen(text);
	snprintf(text + len, 64 - len, "/%u", ip->len);
}

bool api_name_valid(const char *text, size_t len)
{
	if (len == 0 || len > LIMIT_NAME)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			(c == '\0' || !strchr("._-:@/", c)))
			return false;
	}
	return true;
}

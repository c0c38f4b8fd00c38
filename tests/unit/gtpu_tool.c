/* SPDX-License-Identifier: BSD-3-Clause */
/* gtp/gtpu.c for gtpu_peers.py, a line at a time on standard input and output:
 *   read HEX                                      → type flags teid sequence npdu psc payload len
 *   write TYPE TEID SEQUENCE|- PSC|- LEN          → HEX of the header
 *   echo_request SEQUENCE, echo_response SEQUENCE,
 *   error TEID ADDRESS-HEX PORT, supported SEQUENCE, end TEID  → HEX of the message
 * psc is "type.qfi.rqi.ppi", ppi "-" when it is not there. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gtpu.h"

static uint8_t bytes[65536];

static size_t from_hex(const char *hex, uint8_t *out, size_t room)
{
	size_t n = 0;
	unsigned value;

	for (; n < room && sscanf(hex, "%2x", &value) == 1; hex += 2)
		out[n++] = (uint8_t)value;
	return n;
}

static void print_hex(size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

static void print_header(size_t n)
{
	struct gtpu_header h;
	enum gtpu_error error = gtpu_read(bytes, n, &h);

	if (error != GTPU_OK) {
		printf("error %d\n", error);
		return;
	}
	printf("%u %02x %08x %u %u ", h.type, h.flags, ntohl(h.teid_be), h.sequence, h.npdu);
	if (!h.has_psc)
		printf("-");
	else if (h.psc.has_ppi)
		printf("%u.%u.%u.%u", h.psc.type, h.psc.qfi, h.psc.rqi, h.psc.ppi);
	else
		printf("%u.%u.%u.-", h.psc.type, h.psc.qfi, h.psc.rqi);
	printf(" %u %u\n", h.payload, h.payload_len);
}

static size_t write_header(const char *line)
{
	unsigned type, teid, len, psc_type, qfi, rqi, ppi;
	char sequence[16], container[32];
	struct gtpu_psc psc = {0};

	if (sscanf(line, "write %u %x %15s %31s %u", &type, &teid, sequence, container, &len) != 5)
		return 0;
	int fields = sscanf(container, "%u.%u.%u.%u", &psc_type, &qfi, &rqi, &ppi);

	if (fields >= 3)
		psc = (struct gtpu_psc){.type = (uint8_t)psc_type,
			.qfi = (uint8_t)qfi,
			.rqi = rqi != 0,
			.has_ppi = fields == 4,
			.ppi = fields == 4 ? (uint8_t)ppi : 0};
	return gtpu_write(bytes, sizeof(bytes), (uint8_t)type, htonl(teid), sequence[0] != '-',
		(uint16_t)atoi(sequence), fields >= 3 ? &psc : NULL, len);
}

static size_t write_error(const char *line)
{
	uint8_t address[16];
	unsigned teid, port;
	char hex[40];

	if (sscanf(line, "error %x %39s %u", &teid, hex, &port) != 3)
		return 0;
	size_t n = from_hex(hex, address, sizeof(address));

	return gtpu_write_error_indication(
		bytes, sizeof(bytes), htonl(teid), address, n, htons((uint16_t)port));
}

static size_t write_line(const char *line)
{
	unsigned v;

	if (sscanf(line, "echo_request %u", &v) == 1)
		return gtpu_write_echo_request(bytes, sizeof(bytes), (uint16_t)v);
	if (sscanf(line, "echo_response %u", &v) == 1)
		return gtpu_write_echo_response(bytes, sizeof(bytes), (uint16_t)v);
	if (sscanf(line, "supported %u", &v) == 1)
		return gtpu_write_supported_extensions(bytes, sizeof(bytes), (uint16_t)v);
	if (sscanf(line, "end %x", &v) == 1)
		return gtpu_write_end_marker(bytes, sizeof(bytes), htonl(v));
	return line[0] == 'w' ? write_header(line) : write_error(line);
}

int main(void)
{
	static char line[2 * sizeof(bytes) + 16];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strncmp(line, "read ", 5) == 0)
			print_header(from_hex(line + 5, bytes, sizeof(bytes)));
		else
			print_hex(write_line(line));
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* GTP-U headers: what other programs' encoders sent (tests/captures), all flag combinations, chains
 * of extension headers sound and not, and what is written. Beside it, gtpu_peers.py asks scapy and
 * tshark. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "gtpu.h"

static struct gtpu_header h;
static uint8_t buf[256];

static enum gtpu_error read_bytes(const uint8_t *bytes, size_t len)
{
	/* at the end of an allocation of its own, so that a byte too far is seen */
	uint8_t *copy = malloc(len + 1);

	memcpy(copy + 1, bytes, len);
	memset(&h, 0xaa, sizeof(h));
	enum gtpu_error error = gtpu_read(copy + 1, len, &h);

	free(copy);
	return error;
}
#define READ(...) read_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* ---- captures ---- */

struct seen {
	uint32_t g_pdu, echo, response, error, end, psc, sequence;
};

static struct seen read_capture(const char *name)
{
	struct seen n = {0};
	struct capture c;
	const uint8_t *bytes;
	uint32_t len;

	capture_open(&c, name);
	while ((bytes = capture_next(&c, GTPU_PORT, &len)) != NULL) {
		ck_assert_msg(read_bytes(bytes, len) == GTPU_OK, "%s frame %u", name, c.number);
		ck_assert_uint_eq(h.payload + h.payload_len, len);
		n.g_pdu += h.type == GTPU_G_PDU;
		n.echo += h.type == GTPU_ECHO_REQUEST;
		n.response += h.type == GTPU_ECHO_RESPONSE;
		n.error += h.type == GTPU_ERROR_INDICATION;
		n.end += h.type == GTPU_END_MARKER;
		n.psc += h.has_psc;
		n.sequence += (h.flags & GTPU_FLAG_S) != 0;
		if (h.type == GTPU_G_PDU) { /* what is left is the UE's packet, whole */
			const uint8_t *ip = bytes + h.payload;
			uint32_t total = ip[0] >> 4 == 4 ? (uint32_t)(ip[2] << 8 | ip[3])
							 : 40u + (uint32_t)(ip[4] << 8 | ip[5]);

			ck_assert_uint_eq(total, h.payload_len);
		}
	}
	return n;
}

START_TEST(ueransim_sends_containers_both_ways)
{
	struct seen n = read_capture("gtpu-5gc-ueransim.pcap");

	ck_assert_uint_eq(n.g_pdu, 42);
	ck_assert_uint_eq(n.psc, 42);
	/* the last one is from the core */
	ck_assert_uint_eq(h.psc.type, 0);
	ck_assert_uint_eq(h.psc.qfi, 1);
	ck_assert_uint_eq(ntohl(h.teid_be), 4);
}
END_TEST

START_TEST(an_epc_sends_messages_of_all_kinds)
{
	struct seen n = read_capture("gtpu-epc.pcap");

	ck_assert_uint_eq(n.g_pdu, 17);
	ck_assert_uint_eq(n.echo, 1);
	ck_assert_uint_eq(n.response, 1);
	ck_assert_uint_eq(n.end, 1);
	ck_assert_uint_eq(n.error, 2);
	ck_assert_uint_eq(n.psc, 0);
}
END_TEST

START_TEST(sgsnemu_sends_sequence_numbers)
{
	struct seen n = read_capture("gtpu-sgsnemu.pcap");

	ck_assert_uint_eq(n.g_pdu, 30);
	ck_assert_uint_eq(n.sequence, 10);
}
END_TEST

/* With a UDP Port extension header, and the unknown TEID in its own header too. */
START_TEST(open5gs_error_indications_are_read)
{
	struct gtpu_error_indication e;
	struct capture c;
	const uint8_t *bytes;
	uint32_t len, n = 0;
	const uint32_t teid[] = {0x7fffff01, 0x3584};

	capture_open(&c, "gtpu-epc.pcap");
	while ((bytes = capture_next(&c, GTPU_PORT, &len)) != NULL) {
		if (bytes[1] != GTPU_ERROR_INDICATION)
			continue;
		ck_assert_int_eq(read_bytes(bytes, len), GTPU_OK);
		ck_assert_int_eq(
			gtpu_read_error_indication(bytes + h.payload, h.payload_len, &e), 0);
		ck_assert_uint_eq(ntohl(e.teid_be), teid[n++]);
		ck_assert_uint_eq(e.address_len, 4);
		ck_assert_int_eq(memcmp(e.address, "\x0a\x64\x00\x01", 4), 0);
	}
	ck_assert_uint_eq(n, 2);
}
END_TEST

/* What Open5GS answered to sgsnemu's and srsRAN's echo, byte for byte. */
START_TEST(an_echo_response_is_theirs)
{
	struct capture c;
	const uint8_t *bytes;
	uint32_t len, n = 0;
	uint16_t sequence = 0;

	capture_open(&c, "gtpu-epc.pcap");
	while ((bytes = capture_next(&c, GTPU_PORT, &len)) != NULL) {
		ck_assert_int_eq(read_bytes(bytes, len), GTPU_OK);
		if (h.type == GTPU_ECHO_REQUEST) {
			sequence = h.sequence;
			ck_assert_uint_eq(gtpu_write_echo_request(buf, sizeof(buf), sequence), len);
			ck_assert_int_eq(memcmp(buf, bytes, len), 0);
			n++;
		} else if (h.type == GTPU_ECHO_RESPONSE) {
			ck_assert_uint_eq(
				gtpu_write_echo_response(buf, sizeof(buf), sequence), len);
			ck_assert_int_eq(memcmp(buf, bytes, len), 0);
			n++;
		} else if (h.type == GTPU_END_MARKER) {
			ck_assert_uint_eq(gtpu_write_end_marker(buf, sizeof(buf), h.teid_be), len);
			ck_assert_int_eq(memcmp(buf, bytes, len), 0);
			n++;
		}
	}
	ck_assert_uint_eq(n, 3);
}
END_TEST

/* ---- flags ---- */

START_TEST(any_flag_brings_the_four_octets)
{
	for (uint32_t flags = 0; flags < 8; flags++) {
		uint8_t bytes[] = {(uint8_t)(0x30 | flags), 255, 0, 8, 1, 2, 3, 4, 0x12, 0x34, 0x56,
			0, 0xaa, 0xbb, 0xcc, 0xdd};

		ck_assert_int_eq(read_bytes(bytes, sizeof(bytes)), GTPU_OK);
		ck_assert_uint_eq(h.payload, flags ? 12 : 8);
		ck_assert_uint_eq(h.payload_len, flags ? 4 : 8);
		ck_assert_uint_eq(ntohl(h.teid_be), 0x01020304);
		ck_assert_uint_eq(h.flags, 0x30 | flags);
		/* a field whose flag is not set says nothing */
		ck_assert_uint_eq(h.sequence, flags & GTPU_FLAG_S ? 0x1234 : 0);
		ck_assert_uint_eq(h.npdu, flags & GTPU_FLAG_PN ? 0x56 : 0);
		ck_assert(!h.has_psc && h.unknown_extension == 0);
		/* nor does the type of a next extension header without E */
		bytes[11] = GTPU_EXT_PSC;
		if (!(flags & GTPU_FLAG_E))
			ck_assert_int_eq(read_bytes(bytes, sizeof(bytes)), GTPU_OK);
		/* the octets are not there in full */
		bytes[3] = 3;
		ck_assert_int_eq(read_bytes(bytes, 11), flags ? GTPU_BAD_LENGTH : GTPU_OK);
	}
}
END_TEST

START_TEST(versions_and_lengths)
{
	ck_assert_int_eq(READ(0x30, 255, 0, 0, 0, 0, 0, 1), GTPU_OK);
	ck_assert_uint_eq(h.payload_len, 0);
	ck_assert_int_eq(READ(0x38, 255, 0, 0, 0, 0, 0, 1), GTPU_OK); /* spare bit: ignored */
	ck_assert_int_eq(READ(0x10, 255, 0, 0, 0, 0, 0, 1), GTPU_BAD_VERSION);
	ck_assert_int_eq(READ(0x50, 255, 0, 0, 0, 0, 0, 1), GTPU_BAD_VERSION);
	ck_assert_int_eq(READ(0xf0, 255, 0, 0, 0, 0, 0, 1), GTPU_BAD_VERSION);
	ck_assert_int_eq(READ(0x20, 255, 0, 0, 0, 0, 0, 1), GTPU_BAD_PROTOCOL);
	ck_assert_int_eq(READ(0x30, 255, 0, 1, 0, 0, 0, 1), GTPU_BAD_LENGTH);
	ck_assert_int_eq(READ(0x30, 255, 0xff, 0xff, 0, 0, 0, 1, 9), GTPU_BAD_LENGTH);
	ck_assert_int_eq(READ(0x30, 255, 0, 0, 0, 0, 0), GTPU_BAD_LENGTH);
	ck_assert_int_eq(gtpu_read(buf, 0, &h), GTPU_BAD_LENGTH);
	/* bytes behind the end are nobody's */
	ck_assert_int_eq(READ(0x30, 255, 0, 1, 0, 0, 0, 1, 9, 8, 7), GTPU_OK);
	ck_assert_uint_eq(h.payload_len, 1);
}
END_TEST

/* ---- extension headers ---- */

START_TEST(extension_headers_are_stepped_over_by_their_length)
{
	/* UDP port, service class of 8 octets, then the container */
	ck_assert_int_eq(READ(0x34, 255, 0, 21, 0, 0, 0, 1, 0, 0, 0, 0x40, 1, 8, 104, 0x20, 2, 1, 2,
				 3, 4, 5, 6, 0x85, 1, 0x10, 9, 0, 0xee),
		GTPU_OK);
	ck_assert(h.has_psc);
	ck_assert_uint_eq(h.psc.type, 1);
	ck_assert_uint_eq(h.psc.qfi, 9);
	ck_assert_uint_eq(h.payload, 28);
	ck_assert_uint_eq(h.payload_len, 1);
	/* E, and no extension header after all */
	ck_assert_int_eq(READ(0x34, 255, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0), GTPU_OK);
}
END_TEST

START_TEST(broken_chains_are_refused)
{
	/* length zero: would go on for ever */
	ck_assert_int_eq(READ(0x34, 255, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x40, 0, 0, 0, 0x40),
		GTPU_BAD_EXTENSION);
	ck_assert_int_eq(
		READ(0x34, 255, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x85, 0, 0, 0, 0), GTPU_BAD_EXTENSION);
	/* runs out: at once, inside one, at the type of one more; by the length field, too */
	ck_assert_int_eq(READ(0x34, 255, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0x85), GTPU_BAD_EXTENSION);
	ck_assert_int_eq(
		READ(0x34, 255, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 1), GTPU_BAD_EXTENSION);
	ck_assert_int_eq(
		READ(0x34, 255, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x85, 2, 0, 1, 0), GTPU_BAD_EXTENSION);
	ck_assert_int_eq(READ(0x34, 255, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x40, 1, 0, 1, 0x85),
		GTPU_BAD_EXTENSION);
	ck_assert_int_eq(READ(0x34, 255, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 1, 0, 5, 5),
		GTPU_BAD_EXTENSION);
	ck_assert_int_eq(
		READ(0x34, 255, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x40, 255, 0, 1, 0), GTPU_BAD_EXTENSION);
}
END_TEST

START_TEST(a_chain_has_a_limit)
{
	for (uint32_t n = 1; n <= 40; n++) {
		uint8_t bytes[12 + 4 * 40] = {0x34, 255, 0, (uint8_t)(4 + 4 * n), 0, 0, 0, 1};

		for (uint32_t i = 0; i < n; i++) {
			bytes[11 + 4 * i] = 0x40;
			bytes[12 + 4 * i] = 1;
		}
		ck_assert_int_eq(read_bytes(bytes, 12 + 4 * n),
			n <= GTPU_EXTENSIONS_MAX ? GTPU_OK : GTPU_BAD_EXTENSION);
	}
}
END_TEST

START_TEST(comprehension_is_in_the_two_high_bits)
{
	for (uint32_t type = 1; type < 256; type++) {
		enum gtpu_error error = READ(
			0x34, 255, 0, 9, 0, 0, 0, 1, 0, 0, 0, (uint8_t)type, 1, 0x10, 5, 0, 0xee);

		if (type == GTPU_EXT_PSC || type < 0x80) {
			ck_assert_int_eq(error, GTPU_OK);
			ck_assert_uint_eq(h.unknown_extension, 0);
		} else {
			ck_assert_int_eq(error, GTPU_UNKNOWN_EXTENSION);
			ck_assert_uint_eq(h.unknown_extension, type);
		}
		ck_assert_uint_eq(h.payload, 16);
		ck_assert_uint_eq(h.payload_len, 1);
	}
	/* the first one is told; a chain that is broken behind it is broken */
	ck_assert_int_eq(READ(0x36, 1, 0, 12, 0, 0, 0, 0, 0, 7, 0, 0xc1, 1, 0, 0, 0xc2, 1, 0, 0, 0),
		GTPU_UNKNOWN_EXTENSION);
	ck_assert_uint_eq(h.unknown_extension, 0xc1);
	ck_assert_uint_eq(h.sequence, 7);
	ck_assert_int_eq(
		READ(0x34, 255, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0xc1, 1, 0, 0, 0xc2, 0, 0, 0, 0),
		GTPU_BAD_EXTENSION);
}
END_TEST

START_TEST(containers_of_ts_38_415)
{
	/* DL: RQI, then PPP with PPI 5 */
	ck_assert_int_eq(READ(0x34, 255, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0x41, 0), GTPU_OK);
	ck_assert(h.has_psc && h.psc.type == 0 && h.psc.qfi == 1 && h.psc.rqi && !h.psc.has_ppi);
	ck_assert_int_eq(
		READ(0x34, 255, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0x85, 2, 0, 0xbf, 0xa0, 0, 0, 0, 0),
		GTPU_OK);
	ck_assert(h.psc.has_ppi && h.psc.ppi == 5 && h.psc.qfi == 63 && !h.psc.rqi);
	/* PPP, and no room for it */
	ck_assert_int_eq(
		READ(0x34, 255, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0x81, 0), GTPU_BAD_PSC);
	/* UL: its high bits are other things (N3/N9 delay, new IE), no RQI and no PPP */
	ck_assert_int_eq(
		READ(0x34, 255, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0x10, 0xc1, 0), GTPU_OK);
	ck_assert(h.psc.type == 1 && h.psc.qfi == 1 && !h.psc.rqi && !h.psc.has_ppi);
	/* QMP: a time stamp of 8 octets follows, stepped over; then sequence numbers */
	ck_assert_int_eq(READ(0x34, 255, 0, 17, 0, 0, 0, 1, 0, 0, 0, 0x85, 3, 0x08, 2, 1, 2, 3, 4,
				 5, 6, 7, 8, 0, 0xee),
		GTPU_OK);
	ck_assert_uint_eq(h.psc.qfi, 2);
	ck_assert_uint_eq(h.payload, 24);
	/* no such PDU type; twice */
	ck_assert_int_eq(
		READ(0x34, 255, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0x20, 1, 0), GTPU_BAD_PSC);
	ck_assert_int_eq(
		READ(0x34, 255, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 1, 0x85, 1, 0, 1, 0),
		GTPU_BAD_PSC);
}
END_TEST

/* ---- IEs ---- */

static int read_ies(const uint8_t *ies, size_t len, struct gtpu_error_indication *e)
{
	uint8_t *copy = malloc(len + 1);

	memcpy(copy + 1, ies, len);
	int rc = gtpu_read_error_indication(copy + 1, len, e);

	free(copy);
	return rc;
}
#define IES(...)                                                                                   \
	read_ies((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), &e)

START_TEST(error_indications_need_both_ies)
{
	struct gtpu_error_indication e;

	ck_assert_int_eq(IES(16, 0, 0, 0, 9, 133, 0, 4, 1, 2, 3, 4), 0);
	ck_assert_uint_eq(ntohl(e.teid_be), 9);
	ck_assert_int_eq(memcmp(e.address, "\1\2\3\4", 4), 0);
	/* IPv6, and a private extension, a recovery time stamp and a type of later releases beside
	 */
	ck_assert_int_eq(
		IES(14, 0, 16, 0, 0, 0, 9, 133, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
			14, 15, 16, 231, 0, 4, 1, 2, 3, 4, 141, 1, 0x85, 255, 0, 3, 0, 1, 7),
		0);
	ck_assert_uint_eq(e.address_len, 16);
	ck_assert_uint_eq(e.address[15], 16);
	/* one is missing */
	ck_assert_int_eq(IES(16, 0, 0, 0, 9), -1);
	ck_assert_int_eq(IES(133, 0, 4, 1, 2, 3, 4), -1);
	ck_assert_int_eq(gtpu_read_error_indication(buf, 0, &e), -1);
	/* cut off at every byte */
	const uint8_t whole[] = {16, 0, 0, 0, 9, 133, 0, 4, 1, 2, 3, 4};

	for (size_t len = 0; len < sizeof(whole); len++)
		ck_assert_int_eq(read_ies(whole, len, &e), -1);
	/* an address of no family; a TV whose length nobody knows */
	ck_assert_int_eq(IES(16, 0, 0, 0, 9, 133, 0, 5, 1, 2, 3, 4, 5), -1);
	ck_assert_int_eq(IES(99, 16, 0, 0, 0, 9, 133, 0, 4, 1, 2, 3, 4), -1);
	/* of two, the first */
	ck_assert_int_eq(IES(16, 0, 0, 0, 9, 16, 0, 0, 0, 8, 133, 0, 4, 1, 2, 3, 4), 0);
	ck_assert_uint_eq(ntohl(e.teid_be), 9);
}
END_TEST

/* ---- writing ---- */

START_TEST(headers_come_back_as_written)
{
	const struct gtpu_psc psc[] = {{.type = 0, .qfi = 63, .rqi = true},
		{.type = 0, .qfi = 1, .has_ppi = true, .ppi = 7}, {.type = 1, .qfi = 9},
		{.type = 0, .qfi = 5, .rqi = true, .has_ppi = true, .ppi = 3}};

	for (uint32_t i = 0; i < 10; i++) {
		const struct gtpu_psc *p = i < 8 ? &psc[i / 2] : NULL;
		bool sequence = i % 2;

		memset(buf, 0xaa, sizeof(buf));
		size_t len = gtpu_write(
			buf, sizeof(buf), GTPU_G_PDU, htonl(0xdeadbeef), sequence, 0x1234, p, 100);

		ck_assert_uint_eq(len, 8 + (p || sequence ? 4 : 0) + (p ? p->has_ppi ? 8 : 4 : 0));
		ck_assert_int_eq(read_bytes(buf, len + 100), GTPU_OK);
		ck_assert_uint_eq(ntohl(h.teid_be), 0xdeadbeef);
		ck_assert_uint_eq(h.payload, len);
		ck_assert_uint_eq(h.payload_len, 100);
		ck_assert_uint_eq(h.sequence, sequence ? 0x1234 : 0);
		ck_assert(h.has_psc == (p != NULL));
		if (p)
			ck_assert_int_eq(memcmp(&h.psc, p, sizeof(*p)), 0);
		/* nothing is written where there is no room */
		for (size_t room = 0; room < len; room++)
			ck_assert_uint_eq(
				gtpu_write(buf, room, GTPU_G_PDU, 0, sequence, 0, p, 0), 0);
	}
	ck_assert_uint_eq(gtpu_write(buf, sizeof(buf), 255, 1, false, 0, NULL, 65535), 8);
	ck_assert_uint_eq(gtpu_write(buf, sizeof(buf), 255, 1, false, 0, NULL, 65536), 0);
	ck_assert_uint_eq(gtpu_write(buf, sizeof(buf), 255, 1, true, 0, NULL, 65532), 0);
}
END_TEST

START_TEST(messages_come_back_as_written)
{
	const uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	struct gtpu_error_indication e;

	for (uint32_t i = 0; i < 4; i++) {
		size_t size = i & 1 ? 16 : 4, len;

		len = gtpu_write_error_indication(
			buf, sizeof(buf), htonl(7), six, size, i & 2 ? htons(4711) : 0);
		ck_assert_int_eq(read_bytes(buf, len), GTPU_OK);
		ck_assert_uint_eq(h.type, GTPU_ERROR_INDICATION);
		ck_assert_uint_eq(h.teid_be, 0); /* 5.1: of this message, always */
		ck_assert(h.flags & GTPU_FLAG_S);
		ck_assert_uint_eq(h.payload, i & 2 ? 16 : 12);
		ck_assert_int_eq(gtpu_read_error_indication(buf + h.payload, h.payload_len, &e), 0);
		ck_assert_uint_eq(ntohl(e.teid_be), 7);
		ck_assert_uint_eq(e.address_len, size);
		ck_assert_int_eq(memcmp(e.address, six, size), 0);
		ck_assert_uint_eq(
			gtpu_write_error_indication(buf, len - 1, 1, six, size, i & 2), 0);
	}
	size_t len = gtpu_write_supported_extensions(buf, sizeof(buf), 3);

	ck_assert_int_eq(read_bytes(buf, len), GTPU_OK);
	ck_assert_uint_eq(h.type, GTPU_SUPPORTED_EXTENSIONS);
	ck_assert_int_eq(memcmp(buf + h.payload, "\x8d\x01\x85", 3), 0);
	ck_assert_uint_eq(h.payload_len, 3);
	ck_assert_uint_eq(gtpu_write_echo_response(buf, 13, 3), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gtpu");
	TCase *t = tcase_create("gtpu");

	tcase_add_test(t, ueransim_sends_containers_both_ways);
	tcase_add_test(t, an_epc_sends_messages_of_all_kinds);
	tcase_add_test(t, sgsnemu_sends_sequence_numbers);
	tcase_add_test(t, open5gs_error_indications_are_read);
	tcase_add_test(t, an_echo_response_is_theirs);
	tcase_add_test(t, any_flag_brings_the_four_octets);
	tcase_add_test(t, versions_and_lengths);
	tcase_add_test(t, extension_headers_are_stepped_over_by_their_length);
	tcase_add_test(t, broken_chains_are_refused);
	tcase_add_test(t, a_chain_has_a_limit);
	tcase_add_test(t, comprehension_is_in_the_two_high_bits);
	tcase_add_test(t, containers_of_ts_38_415);
	tcase_add_test(t, error_indications_need_both_ies);
	tcase_add_test(t, headers_come_back_as_written);
	tcase_add_test(t, messages_come_back_as_written);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

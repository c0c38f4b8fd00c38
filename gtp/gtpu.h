/* SPDX-License-Identifier: BSD-3-Clause */
/* GTP-U on the wire (TS 29.281, TS 38.415): headers are read from and written to plain bytes. libc
 * alone; used by pipelines/upf, tests and the fuzzer; owns nothing. The fast path reads the plain
 * forms by itself and comes here for everything else. Any thread. */
#ifndef GTP_GTPU_H
#define GTP_GTPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GTPU_PORT	    2152
#define GTPU_HEADER	    8u /* without options */
#define GTPU_OPTIONS	    4u /* sequence number, N-PDU number, next extension: all or none */
#define GTPU_PSC	    4u /* a PDU Session Container of the smallest size */
#define GTPU_EXTENSIONS_MAX 8u /* a longer chain is refused */

/* Message types (TS 29.281 table 6.1-1). */
enum gtpu_type {
	GTPU_ECHO_REQUEST = 1,
	GTPU_ECHO_RESPONSE = 2,
	GTPU_ERROR_INDICATION = 26,
	GTPU_SUPPORTED_EXTENSIONS = 31,
	GTPU_TUNNEL_STATUS = 253,
	GTPU_END_MARKER = 254,
	GTPU_G_PDU = 255
};

/* First octet. */
#define GTPU_FLAGS   0x30 /* version 1, protocol type GTP */
#define GTPU_FLAG_PN 0x01
#define GTPU_FLAG_S  0x02
#define GTPU_FLAG_E  0x04

/* Extension header types (TS 29.281 figure 5.2.1-3). The two high bits say who must understand it.
 */
#define GTPU_EXT_NONE	       0x00
#define GTPU_EXT_LONG_PDCP     0x82
#define GTPU_EXT_SERVICE_CLASS 0x20
#define GTPU_EXT_UDP_PORT      0x40
#define GTPU_EXT_RAN	       0x81
#define GTPU_EXT_NR_RAN	       0x84
#define GTPU_EXT_PSC	       0x85
#define GTPU_EXT_PDCP	       0xc0

enum gtpu_error {
	GTPU_OK,
	GTPU_BAD_VERSION,   /* not version 1 */
	GTPU_BAD_PROTOCOL,  /* GTP' */
	GTPU_BAD_LENGTH,    /* the length field lies, or the packet ends inside the header */
	GTPU_BAD_EXTENSION, /* a length of 0, a chain that runs out or is longer than the limit */
	GTPU_UNKNOWN_EXTENSION, /* one that the receiver must understand (bits 11, or 10 for an
				   endpoint), and does not: answered with what is supported */
	GTPU_BAD_PSC		/* PDU Session Container: truncated, or a type other than 0 and 1 */
};

/* A PDU Session Container (TS 38.415 section 5.5.2). */
struct gtpu_psc {
	uint8_t type; /* 0 DL PDU SESSION INFORMATION, 1 UL */
	uint8_t qfi;
	bool rqi;     /* DL */
	bool has_ppi; /* DL */
	uint8_t ppi;  /* 0 to 7 */
};

struct gtpu_header {
	uint8_t type;  /* enum gtpu_type, or any other */
	uint8_t flags; /* first octet */
	uint32_t teid_be;
	uint16_t sequence; /* when flags has S */
	uint8_t npdu;	   /* when flags has PN */
	bool has_psc;
	struct gtpu_psc psc;
	uint32_t payload;	   /* offset of what the header carries, from its first octet */
	uint32_t payload_len;	   /* by the length field */
	uint8_t unknown_extension; /* with GTPU_UNKNOWN_EXTENSION */
};

/* Reads a header of which len bytes are there (the UDP payload). Everything in out is valid with
 * GTPU_OK; with GTPU_UNKNOWN_EXTENSION all but psc. Bytes after the length field's end are ignored.
 */
enum gtpu_error gtpu_read(const uint8_t *bytes, size_t len, struct gtpu_header *out);

/* Writes the header of a message that carries payload_len bytes after it: flags from `sequence`
 * (with_sequence) and psc (NULL: none). Returns its length, 0 when room is too small. */
size_t gtpu_write(uint8_t *bytes, size_t room, uint8_t type, uint32_t teid_be, bool with_sequence,
	uint16_t sequence, const struct gtpu_psc *psc, size_t payload_len);

/* Whole messages (7.2, 7.3). Each returns its length, 0 when room is too small. address: 4 or 16
 * bytes. */
size_t gtpu_write_echo_request(uint8_t *bytes, size_t room, uint16_t sequence);
/* With the Recovery IE, restart counter 0 (7.2.2). */
size_t gtpu_write_echo_response(uint8_t *bytes, size_t room, uint16_t sequence);
/* For the TEID and the address to which the packet was sent (7.3.1). port_be: 0, or the UDP source
 * port of the packet, carried in a UDP Port extension header. */
size_t gtpu_write_error_indication(uint8_t *bytes, size_t room, uint32_t teid_be,
	const uint8_t *address, size_t address_len, uint16_t port_be);
size_t gtpu_write_supported_extensions(uint8_t *bytes, size_t room, uint16_t sequence);
size_t gtpu_write_end_marker(uint8_t *bytes, size_t room, uint32_t teid_be);

/* The IEs of an error indication (the payload of its message): 0 or -1 when malformed or one is
 * missing. */
struct gtpu_error_indication {
	uint32_t teid_be;
	uint8_t address[16];
	uint8_t address_len; /* 4 or 16 */
};
int gtpu_read_error_indication(
	const uint8_t *payload, size_t len, struct gtpu_error_indication *out);

#endif

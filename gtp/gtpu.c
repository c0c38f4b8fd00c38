/* SPDX-License-Identifier: BSD-3-Clause */
/* GTP-U headers and messages (TS 29.281, TS 38.415), bytes to structures and back. Owns nothing,
 * libc alone. */
#include "gtpu.h"

#include <string.h>

#define IE_RECOVERY   14u  /* TV, one octet */
#define IE_TEID	      16u  /* TV, four octets */
#define IE_ADDRESS    133u /* TLV, as all types from 128 on */
#define IE_EXTENSIONS 141u /* its length is one octet (8.5), unlike all others' */

/* What this end understands, for the notification. */
static const uint8_t extensions_known[] = {GTPU_EXT_PSC};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* ---- reading ---- */

/* h: the extension header, of len bytes: its length, the container, the next type. */
static enum gtpu_error read_psc(const uint8_t *h, uint32_t len, struct gtpu_psc *out)
{
	out->type = h[1] >> 4;
	out->qfi = h[2] & 0x3f;
	if (out->type > 1)
		return GTPU_BAD_PSC;
	if (out->type == 1)
		return GTPU_OK;
	out->rqi = h[2] & 0x40;
	out->has_ppi = h[2] & 0x80;
	if (!out->has_ppi)
		return GTPU_OK;
	if (len < 8) /* the smallest one has no room for it */
		return GTPU_BAD_PSC;
	out->ppi = h[3] >> 5;
	return GTPU_OK;
}

/* The chain from `at` on, its first type being `type`; sets payload. */
static enum gtpu_error read_extensions(
	const uint8_t *bytes, uint32_t at, uint32_t end, uint8_t type, struct gtpu_header *out)
{
	bool bad_psc = false;

	for (uint32_t n = 0; type != GTPU_EXT_NONE; n++) {
		if (n == GTPU_EXTENSIONS_MAX || at >= end || bytes[at] == 0)
			return GTPU_BAD_EXTENSION;
		uint32_t len = bytes[at] * 4u;

		if (len > end - at)
			return GTPU_BAD_EXTENSION;
		if (type == GTPU_EXT_PSC) {
			bad_psc |= out->has_psc || read_psc(bytes + at, len, &out->psc) != GTPU_OK;
			out->has_psc = true;
		} else if (type & 0x80 && !out->unknown_extension) {
			out->unknown_extension = type; /* bits 10 and 11: 5.2.1 */
		}
		at += len;
		type = bytes[at - 1];
	}
	out->payload = at;
	if (out->unknown_extension)
		return GTPU_UNKNOWN_EXTENSION;
	return bad_psc ? GTPU_BAD_PSC : GTPU_OK;
}

enum gtpu_error gtpu_read(const uint8_t *bytes, size_t len, struct gtpu_header *out)
{
	enum gtpu_error error = GTPU_OK;

	memset(out, 0, sizeof(*out));
	if (len < GTPU_HEADER)
		return GTPU_BAD_LENGTH;
	if (bytes[0] >> 5 != 1)
		return GTPU_BAD_VERSION;
	if (!(bytes[0] & 0x10))
		return GTPU_BAD_PROTOCOL;
	uint32_t end = GTPU_HEADER + get16(bytes + 2);

	out->flags = bytes[0];
	out->type = bytes[1];
	memcpy(&out->teid_be, bytes + 4, 4);
	out->payload = GTPU_HEADER;
	if (end > len)
		return GTPU_BAD_LENGTH;
	if (out->flags & (GTPU_FLAG_S | GTPU_FLAG_PN | GTPU_FLAG_E)) {
		out->payload += GTPU_OPTIONS;
		if (out->payload > end)
			return GTPU_BAD_LENGTH;
		/* a field whose flag is not set is there and means nothing (5.1) */
		out->sequence = out->flags & GTPU_FLAG_S ? get16(bytes + 8) : 0;
		out->npdu = out->flags & GTPU_FLAG_PN ? bytes[10] : 0;
		if (out->flags & GTPU_FLAG_E)
			error = read_extensions(bytes, out->payload, end, bytes[11], out);
	}
	if (error == GTPU_OK || error == GTPU_UNKNOWN_EXTENSION)
		out->payload_len = end - out->payload;
	return error;
}

int gtpu_read_error_indication(
	const uint8_t *payload, size_t len, struct gtpu_error_indication *out)
{
	bool teid = false;
	size_t at = 0;

	memset(out, 0, sizeof(*out));
	while (at < len) {
		const uint8_t *ie = payload + at;
		size_t left = len - at, size;

		if (ie[0] == IE_TEID)
			size = 5;
		else if (ie[0] == IE_RECOVERY)
			size = 2;
		else if (ie[0] == IE_EXTENSIONS && left >= 2)
			size = 2u + ie[1];
		else if (ie[0] >= 128 && left >= 3)
			size = 3u + get16(ie + 1);
		else
			return -1; /* a TV of unknown length */
		if (size > left)
			return -1;
		if (ie[0] == IE_TEID && !teid) {
			memcpy(&out->teid_be, ie + 1, 4);
			teid = true;
		} else if (ie[0] == IE_ADDRESS && out->address_len == 0) {
			if (size != 3 + 4 && size != 3 + 16)
				return -1;
			out->address_len = (uint8_t)(size - 3);
			memcpy(out->address, ie + 3, out->address_len);
		}
		at += size;
	}
	return teid && out->address_len != 0 ? 0 : -1;
}

/* ---- writing ---- */

static void write_psc(uint8_t *h, uint32_t len, const struct gtpu_psc *psc)
{
	memset(h, 0, len); /* padding, and the type of a next one: none */
	h[0] = (uint8_t)(len / 4);
	h[1] = (uint8_t)(psc->type << 4);
	h[2] = psc->qfi & 0x3f;
	if (psc->type == 1)
		return;
	h[2] |= (uint8_t)(psc->rqi << 6 | psc->has_ppi << 7);
	if (psc->has_ppi)
		h[3] = (uint8_t)(psc->ppi << 5);
}

size_t gtpu_write(uint8_t *bytes, size_t room, uint8_t type, uint32_t teid_be, bool with_sequence,
	uint16_t sequence, const struct gtpu_psc *psc, size_t payload_len)
{
	uint32_t psc_len = !psc ? 0 : psc->type == 0 && psc->has_ppi ? 2 * GTPU_PSC : GTPU_PSC;
	uint32_t options = with_sequence || psc ? GTPU_OPTIONS : 0;
	size_t len = GTPU_HEADER + options + psc_len;

	if (room < len || payload_len > UINT16_MAX - options - psc_len)
		return 0;
	bytes[0] =
		(uint8_t)(GTPU_FLAGS | (with_sequence ? GTPU_FLAG_S : 0) | (psc ? GTPU_FLAG_E : 0));
	bytes[1] = type;
	put16(bytes + 2, (uint32_t)(options + psc_len + payload_len));
	memcpy(bytes + 4, &teid_be, 4);
	if (options) {
		put16(bytes + 8, with_sequence ? sequence : 0);
		bytes[10] = 0;
		bytes[11] = psc ? GTPU_EXT_PSC : GTPU_EXT_NONE;
	}
	if (psc)
		write_psc(bytes + GTPU_HEADER + GTPU_OPTIONS, psc_len, psc);
	return len;
}

/* A message between the two ends themselves: TEID 0, S set (5.1), then n octets of IEs. */
static size_t write_message(
	uint8_t *bytes, size_t room, uint8_t type, uint16_t sequence, const uint8_t *ies, size_t n)
{
	size_t len = gtpu_write(bytes, room, type, 0, true, sequence, NULL, n);

	if (len == 0 || room - len < n)
		return 0;
	memcpy(bytes + len, ies, n);
	return len + n;
}

size_t gtpu_write_echo_request(uint8_t *bytes, size_t room, uint16_t sequence)
{
	return write_message(bytes, room, GTPU_ECHO_REQUEST, sequence, (const uint8_t *)"", 0);
}

size_t gtpu_write_echo_response(uint8_t *bytes, size_t room, uint16_t sequence)
{
	const uint8_t ies[] = {IE_RECOVERY, 0};

	return write_message(bytes, room, GTPU_ECHO_RESPONSE, sequence, ies, sizeof(ies));
}

size_t gtpu_write_error_indication(uint8_t *bytes, size_t room, uint32_t teid_be,
	const uint8_t *address, size_t address_len, uint16_t port_be)
{
	uint8_t ies[4 + 5 + 3 + 16];
	uint32_t n = 0, extension = port_be != 0 ? 4 : 0;

	if (extension) { /* it stands before the IEs, and only its type's place in the header */
		ies[0] = 1;
		memcpy(ies + 1, &port_be, 2);
		ies[3] = GTPU_EXT_NONE;
		n = extension;
	}
	ies[n] = IE_TEID;
	memcpy(ies + n + 1, &teid_be, 4);
	ies[n + 5] = IE_ADDRESS;
	put16(ies + n + 6, (uint32_t)address_len);
	memcpy(ies + n + 8, address, address_len);
	n += 8 + (uint32_t)address_len;

	size_t len = write_message(bytes, room, GTPU_ERROR_INDICATION, 0, ies, n);

	if (len != 0 && extension) {
		bytes[0] |= GTPU_FLAG_E;
		bytes[11] = GTPU_EXT_UDP_PORT;
	}
	return len;
}

size_t gtpu_write_supported_extensions(uint8_t *bytes, size_t room, uint16_t sequence)
{
	uint8_t ies[2 + sizeof(extensions_known)] = {IE_EXTENSIONS, sizeof(extensions_known)};

	memcpy(ies + 2, extensions_known, sizeof(extensions_known));
	return write_message(bytes, room, GTPU_SUPPORTED_EXTENSIONS, sequence, ies, sizeof(ies));
}

size_t gtpu_write_end_marker(uint8_t *bytes, size_t room, uint32_t teid_be)
{
	return gtpu_write(bytes, room, GTPU_END_MARKER, teid_be, false, 0, NULL, 0);
}

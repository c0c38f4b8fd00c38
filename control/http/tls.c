/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificates and the TLS side of a connection. Owns the context. */
#include "http_private.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

static SSL_CTX *context;

static int fail(char *why, size_t size, const char *what, const char *file, const char *advice)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(code);
	bool system = ERR_SYSTEM_ERROR(code);

	snprintf(why, size, "%s %s: %s; %s", what, file,
		system	 ? strerror(ERR_GET_REASON(code))
		: reason ? reason
			 : "it is not PEM",
		advice);
	ERR_clear_error();
	return -EINVAL;
}

static bool readable(const char *file, const char *what, char *why, size_t size)
{
	FILE *in = fopen(file, "r");

	if (!in) {
		snprintf(why, size, "%s %s: %s; give a PEM file that sluice-control can read", what,
			file, strerror(errno));
		return false;
	}
	fclose(in);
	return true;
}

/* A passphrase would be asked for on the terminal, and block. */
static int no_passphrase(char *text, int size, int writing, void *arg)
{
	return -1;
}

static int load_pair(SSL_CTX *ctx, const struct http_config *config, char *why, size_t size)
{
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (!readable(config->certificate, "certificate", why, size) ||
		!readable(config->key, "key", why, size))
		return -ENOENT;
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, config->certificate) != 1)
		return fail(why, size, "certificate", config->certificate,
			"give a PEM file with the server's certificate first, then the chain");
	if (SSL_CTX_use_PrivateKey_file(ctx, config->key, SSL_FILETYPE_PEM) != 1) {
		if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH)
			goto mismatch;
		return fail(why, size, "key", config->key,
			"give a PEM file with the private key, without a passphrase");
	}
	if (SSL_CTX_check_private_key(ctx) == 1)
		return 0;
mismatch:
	snprintf(why, size,
		"key %s does not belong to certificate %s; give the key that the certificate was "
		"made with",
		config->key, config->certificate);
	ERR_clear_error();
	return -EINVAL;
}

static int load_client_ca(SSL_CTX *ctx, const char *file, char *why, size_t size)
{
	if (!readable(file, "client CA", why, size))
		return -ENOENT;
	if (SSL_CTX_load_verify_locations(ctx, file, NULL) != 1)
		return fail(
			why, size, "client CA", file, "give a PEM file with the CAs' certificates");
	SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(file));
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return 0;
}

/* Whoever offers protocols is told that it is HTTP/1.1. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *in, unsigned int in_len, void *arg)
{
	static const unsigned char http11[] = "\x08http/1.1";

	return SSL_select_next_proto((unsigned char **)out, out_len, http11, sizeof(http11) - 1, in,
		       in_len) == OPENSSL_NPN_NEGOTIATED
		       ? SSL_TLSEXT_ERR_OK
		       : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int tls_load(const struct http_config *config, char *why, size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int rc;

	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20"); /* of TLS 1.2 */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"sluice", 6);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	rc = load_pair(ctx, config, why, size);
	if (!rc && config->client_ca)
		rc = load_client_ca(ctx, config->client_ca, why, size);
	if (rc) {
		SSL_CTX_free(ctx);
		return rc;
	}
	SSL_CTX_free(context); /* connections that use it hold it */
	context = ctx;
	return 0;
}

void tls_unload(void)
{
	SSL_CTX_free(context);
	context = NULL;
}

struct bufferevent *tls_bufferevent(struct event_base *base, int fd, SSL **ssl)
{
	struct bufferevent *bev;

	*ssl = SSL_new(context);
	if (!*ssl)
		return NULL;
	bev = bufferevent_openssl_socket_new(
		base, fd, *ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!bev)
		return NULL; /* it has freed the SSL */
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

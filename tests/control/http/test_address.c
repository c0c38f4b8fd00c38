/* SPDX-License-Identifier: BSD-3-Clause */
/* Where TCP may be listened at (control/http/server.c): what is not an address and a port in
 * numbers is refused, also what the C library would make something else of. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "../suite.h"
#include "http_private.h"

static struct sockaddr_storage address;
static socklen_t len;
static char why[256];

/* What of the address came out, as it would be written. */
static const char *written(void)
{
	static char text[128];
	char host[64], port[8];

	ck_assert_int_eq(getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), port,
				 sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV),
		0);
	snprintf(text, sizeof(text), address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
		port);
	return text;
}

START_TEST(good_ones_are_taken_as_they_are)
{
	static const char *const good[] = {"127.0.0.1:1", "0.0.0.0:65535", "198.18.0.1:8443",
		"[::]:443", "[::1]:9100", "[2001:db8::1]:65535", NULL};

	for (int i = 0; good[i]; i++) {
		ck_assert_msg(
			!address_read("listen", good[i], false, &address, &len, why, sizeof(why)),
			"%s: %s", good[i], why);
		ck_assert_str_eq(written(), good[i]);
	}
}
END_TEST

START_TEST(bad_ones_are_refused_and_named)
{
	static const char *const bad[] = {"", ":", ":80", "banana", "banana:80", "localhost:80",
		"127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "0.0.0.0:99999",
		"127.0.0.1:4294967376", "127.0.0.1:99999999999999999999", "127.0.0.1:-1",
		"127.0.0.1:+80", "127.0.0.1: 80", "127.0.0.1:80 ", "127.0.0.1:0x50",
		"127.0.0.1:http", "127.0.0.1:00000080", "256.0.0.1:80", "::1:80", "::1", "[::1]",
		"[::1]:", "[::1]:0", "[::1]:65536", "[::1:80", "::1]:80", "[]:80", "[127.0.0.1]:80",
		"[banana]:80", "[2001:db8::g]:80", NULL};
	char begins[160];

	for (int i = 0; bad[i]; i++) {
		why[0] = '\0';
		ck_assert_msg(address_read("listen", bad[i], false, &address, &len, why,
				      sizeof(why)) == -EINVAL,
			"%s is taken", bad[i]);
		snprintf(begins, sizeof(begins), "listen %s: want ADDR:PORT or [ADDR6]:PORT",
			bad[i]);
		ck_assert_msg(!strncmp(why, begins, strlen(begins)), "%s: %s", bad[i], why);
	}
}
END_TEST

START_TEST(plain_ones_are_of_the_loopback)
{
	static const struct {
		const char *where;
		int rc;
	} all[] = {{"127.0.0.1:9100", 0}, {"127.9.9.9:9100", 0}, {"[::1]:9100", 0},
		{"0.0.0.0:9100", -EINVAL}, {"[::]:9100", -EINVAL}, {"198.18.0.1:9100", -EINVAL},
		{"[2001:db8::1]:9100", -EINVAL}, {NULL}};

	for (int i = 0; all[i].where; i++) {
		ck_assert_int_eq(address_read("metrics_listen", all[i].where, true, &address, &len,
					 why, sizeof(why)),
			all[i].rc);
		if (all[i].rc)
			ck_assert_ptr_nonnull(strstr(why, "plain HTTP is for this box alone"));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("address");
	TCase *tcase = tcase_create("address");

	tcase_add_test(tcase, good_ones_are_taken_as_they_are);
	tcase_add_test(tcase, bad_ones_are_refused_and_named);
	tcase_add_test(tcase, plain_ones_are_of_the_loopback);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}

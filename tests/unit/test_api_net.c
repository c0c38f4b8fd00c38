/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane/objects/ip.c and unix_socket.c. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ip.h"
#include "schema.h"
#include "unix_socket.h"

static struct api_ip ip(const char *text)
{
	struct api_ip out;

	ck_assert_msg(!api_ip_parse(text, strchr(text, '/') != NULL, &out), "%s", text);
	return out;
}

static const char *masked(const char *text)
{
	static char out[64];
	struct api_ip prefix = ip(text);

	api_ip_mask(&prefix);
	api_ip_format(&prefix, true, out);
	return out;
}

START_TEST(mask_clears_host_bits_at_any_length)
{
	ck_assert_str_eq(masked("198.18.255.255/17"), "198.18.128.0/17");
	ck_assert_str_eq(masked("198.18.255.255/0"), "0.0.0.0/0");
	ck_assert_str_eq(masked("198.18.255.255/24"), "198.18.255.0/24");
	ck_assert_str_eq(masked("198.18.255.255/32"), "198.18.255.255/32");
	ck_assert_str_eq(masked("2001:db8:ffff:ffff::ffff/33"), "2001:db8:8000::/33");
	ck_assert_str_eq(masked("2001:db8::ffff/128"), "2001:db8::ffff/128");
}
END_TEST

START_TEST(within_and_overlap_look_at_the_network_bits_alone)
{
	struct api_ip net = ip("198.18.128.0/17"), all = ip("0.0.0.0/0"), six = ip("2001:db8::/33");
	struct api_ip in = ip("198.18.255.1"), out = ip("198.18.127.1"), in6 = ip("2001:db8::1");

	ck_assert(api_ip_within(&in, &net) && !api_ip_within(&out, &net));
	ck_assert(api_ip_within(&out, &all) && !api_ip_within(&in6, &all));
	ck_assert(api_ip_within(&in6, &six));
	ck_assert(api_ip_overlap(&net, &all) && api_ip_overlap(&all, &net));
	ck_assert(!api_ip_overlap(&all, &six));
	net = ip("198.18.0.0/17");
	in = ip("198.18.128.0/17");
	ck_assert(!api_ip_overlap(&net, &in));
}
END_TEST

static char folder[64], path[128];

static void folder_make(void)
{
	strcpy(folder, "/tmp/sluice-net-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/run/x.sock", folder);
}

static void folder_remove(void)
{
	unlink(path);
	snprintf(path, sizeof(path), "%s/run", folder);
	rmdir(path);
	rmdir(folder);
}

START_TEST(socket_is_0660_in_a_folder_that_is_made)
{
	int fd = unix_socket_listen(path, 4);
	struct stat st;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0660);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK && fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}
END_TEST

START_TEST(socket_of_the_living_stays_of_the_dead_goes)
{
	int first = unix_socket_listen(path, 4), second;

	ck_assert_int_ge(first, 0);
	ck_assert_int_eq(unix_socket_listen(path, 4), -EADDRINUSE);
	close(first); /* killed: the file stays */
	second = unix_socket_listen(path, 4);
	ck_assert_int_ge(second, 0);
	close(second);
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(unix_socket_listen(path, 4), -EEXIST);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(socket_with_a_long_name_or_no_folder_is_an_error)
{
	char name[200];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(unix_socket_listen(name, 4), -ENAMETOOLONG);
	snprintf(name, sizeof(name), "%s/a/b/x.sock", folder);
	ck_assert_int_eq(unix_socket_listen(name, 4), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("api_net");
	TCase *ips = tcase_create("ip"), *sockets = tcase_create("socket");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(ips, mask_clears_host_bits_at_any_length);
	tcase_add_test(ips, within_and_overlap_look_at_the_network_bits_alone);
	tcase_add_checked_fixture(sockets, folder_make, folder_remove);
	tcase_add_test(sockets, socket_is_0660_in_a_folder_that_is_made);
	tcase_add_test(sockets, socket_of_the_living_stays_of_the_dead_goes);
	tcase_add_test(sockets, socket_with_a_long_name_or_no_folder_is_an_error);
	suite_add_tcase(suite, ips);
	suite_add_tcase(suite, sockets);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

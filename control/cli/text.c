/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers and times as people read and write them, and what `sluice` says when something is wrong.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"

struct invocation invocation; /* usage errors name its command */

char *number_grouped(json_int_t value, char *out)
{
	char digits[32];
	size_t len, i, at = 0;

	snprintf(digits, sizeof(digits), "%llu",
		value < 0 ? -(unsigned long long)value : (unsigned long long)value);
	len = strlen(digits);
	if (value < 0)
		out[at++] = '-';
	for (i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

char *number_scaled(double value, char *out)
{
	static const char units[] = " kMGTPE";
	size_t unit = 0;

	/* 999.5 rounds to four digits, so it already belongs to the next unit */
	while (value >= 999.5 && units[unit + 1] != '\0') {
		value /= 1000;
		unit++;
	}
	if (unit == 0) {
		snprintf(out, NUMBER_BYTES, value > 0 && value < 9.95 ? "%.2g" : "%.0f", value);
		return out;
	}
	snprintf(out, NUMBER_BYTES, "%.*f %c",
		value < 9.995	? 2
		: value < 99.95 ? 1
				: 0,
		value, units[unit]);
	return out;
}

char *number_json(const json_t *value, char *out)
{
	if (json_is_integer(value))
		return number_grouped(json_integer_value(value), out);
	if (json_is_real(value))
		snprintf(out, NUMBER_BYTES, "%.1f", json_real_value(value));
	else
		strcpy(out, "-");
	return out;
}

char *clock_text(time_t seconds, char *out)
{
	struct tm tm;

	strftime(out, NUMBER_BYTES, "%H:%M:%S", localtime_r(&seconds, &tm));
	return out;
}

char *time_text(json_int_t us, char *out)
{
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;
	size_t len;

	if (us == 0)
		return strcpy(out, "-");
	len = strftime(out, NUMBER_BYTES, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
	snprintf(out + len, NUMBER_BYTES - len, ".%03d", (int)(us / 1000 % 1000));
	return out;
}

const char *json_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

json_int_t json_number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

bool json_is(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);

	return len >= tail && strcmp(text + len - tail, end) == 0;
}

bool is_number(const char *text, bool fraction)
{
	size_t whole = strspn(text, "0123456789");

	if (whole == 0)
		return false;
	text += whole;
	if (!fraction || *text != '.')
		return *text == '\0';
	return text[1] != '\0' && text[1 + strspn(text + 1, "0123456789")] == '\0';
}

double clock_now(void)
{
	return (double)clock_mono_us() / 1e6;
}

#define WORD_LETTERS 31 /* longer ones are compared so far */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters to be changed, left out, put in or swapped between two words. */
static unsigned word_distance(const char *a, const char *b)
{
	unsigned d[WORD_LETTERS + 1][WORD_LETTERS + 1];
	unsigned na = (unsigned)strnlen(a, WORD_LETTERS), nb = (unsigned)strnlen(b, WORD_LETTERS);
	unsigned i, j;

	for (i = 0; i <= na; i++)
		d[i][0] = i;
	for (j = 0; j <= nb; j++)
		d[0][j] = j;
	for (i = 1; i <= na; i++)
		for (j = 1; j <= nb; j++) {
			d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1,
				d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[na][nb];
}

void word_nearest(const char *word, const char *name, const char **best)
{
	unsigned now = word_distance(word, name);

	if (now <= 1 + strlen(word) / 4 && now < strlen(name) &&
		(*best == NULL || now < word_distance(word, *best)))
		*best = name;
}

/* ---- rates as people write them ---- */

/* The digits are moved, not multiplied: 0.1G is exactly 100,000,000. */
json_t *units_number(const char *text)
{
	static const char letters[] = "kMGT";
	size_t sign = *text == '-', whole = strspn(text + sign, "0123456789"), fraction = 0;
	const char *unit = text + sign + whole, *letter;
	size_t zeros, i;
	char digits[40];
	json_int_t value;

	if (*unit == '.') {
		fraction = strspn(unit + 1, "0123456789");
		unit += 1 + fraction;
	}
	letter = *unit != '\0' ? strchr(letters, *unit == 'K' ? 'k' : *unit) : NULL;
	if (whole == 0 || unit[-1] == '.' || (*unit != '\0' && (letter == NULL || unit[1] != '\0')))
		return NULL;
	zeros = letter != NULL ? (size_t)(letter - letters + 1) * 3 : 0;
	if (fraction > zeros || whole + zeros > 19)
		return NULL;
	whole += sign;
	memcpy(digits, text, whole);
	if (fraction > 0)
		memcpy(digits + whole, text + whole + 1, fraction);
	for (i = fraction; i < zeros; i++)
		digits[whole + i] = '0';
	digits[whole + zeros] = '\0';
	errno = 0;
	value = strtoll(digits, NULL, 10);
	return errno == 0 ? json_integer(value) : NULL;
}

void units_apply(json_t *json)
{
	const char *name;
	json_t *value, *number;
	void *next;
	size_t i;

	json_array_foreach (json, i, value)
		units_apply(value);
	json_object_foreach_safe (json, next, name, value) {
		units_apply(value);
		if (!json_is_string(value) || !ends_with(name, "_bps"))
			continue;
		number = units_number(json_string_value(value));
		if (number != NULL)
			json_object_set_new(json, name, number);
	}
}

/* ---- what is said ---- */

static void say_error(const char *fmt, va_list ap)
{
	/* of a terminal: over the line of progress that may stand there */
	fputs(isatty(STDERR_FILENO) ? "\r\033[Kerror: " : "error: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_error(fmt, ap);
	va_end(ap);
	return STATUS_FAILED;
}

void leave(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		status = fail("cannot write to standard output");
	_exit(status); /* what is held goes with the process */
}

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_error(fmt, ap);
	va_end(ap);
	leave_failed();
}

void leave_failed(void)
{
	bool trouble = invocation.command != NULL && invocation.command->failed != 0;

	leave(trouble ? invocation.command->failed : STATUS_FAILED);
}

void usage(const char *fmt, ...)
{
	const struct command *command = invocation.command;
	const char *group = command != NULL ? invocation.group->name : NULL;
	va_list ap;

	va_start(ap, fmt);
	say_error(fmt, ap);
	va_end(ap);
	if (command != NULL)
		fprintf(stderr, "usage: sluice %s%s%s %s\nmore:  sluice %s%s%s --help\n",
			group != NULL ? group : "", group != NULL ? " " : "", command->name,
			command->synopsis, group != NULL ? group : "", group != NULL ? " " : "",
			command->name);
	leave(STATUS_USAGE);
}

void tell_start(
	int err, const char *program, const char *path, const char *option, const char *variable)
{
	if (err == EACCES || err == EPERM)
		fputs("  the socket has mode 0660: run as root or as a member of its group\n",
			stderr);
	else if (err != 0)
		fprintf(stderr,
			"  start it:           sluice-%s --socket %s\n"
			"  or name its socket: sluice --%s PATH …, or %s=PATH\n",
			program, path, option, variable);
}

static void print_detail(const char *name, const json_t *value)
{
	fprintf(stderr, "  %-5s ", name);
	if (json_is_string(value))
		fputs(json_string_value(value), stderr);
	else
		json_dumpf(value, stderr, JSON_COMPACT | JSON_ENCODE_ANY);
	fputc('\n', stderr);
}

void report_details(const json_t *data)
{
	static const char *const order[] = {
		"path", "field", "want", "got", "by", "with", "limit", NULL};
	json_t *rest = json_copy((json_t *)data), *value;
	const char *name;
	int i;

	for (i = 0; order[i] != NULL; i++) {
		if ((value = json_object_get(data, order[i])) != NULL)
			print_detail(order[i], value);
		json_object_del(rest, order[i]);
	}
	json_object_foreach (rest, name, value)
		print_detail(name, value);
	json_decref(rest);
}

static void print_as(json_t *json, size_t flags)
{
	if (json_dumpf(json, stdout, flags | JSON_ENCODE_ANY) != 0)
		die("cannot write the answer as JSON");
	putchar('\n');
	json_decref(json);
}

void print_json(json_t *json)
{
	print_as(json, JSON_INDENT(2));
}

void print_json_line(json_t *json)
{
	print_as(json, JSON_COMPACT);
	fflush(stdout);
}

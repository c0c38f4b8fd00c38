/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice dp trace: the next packets that match, with the stages they went through and what each
 * decided. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "grid.h"
#include "packet.h"
#include "text.h"

enum {
	TRACE_COUNT,
	TRACE_PORT,
	TRACE_SLICE,
	TRACE_MAC,
	TRACE_IP,
	TRACE_DROPPED,
	TRACE_TIMEOUT,
	TRACE_HEX,
};

static const struct option_def trace_options[] = {
	{"count", 'n', OPTION_VALUE, "N", "how many packets (default 10)", WORD_NONE},
	{"port", 'p', OPTION_VALUE, "PORT", "only those received on this port", WORD_PORT},
	{"slice", 's', OPTION_VALUE, "SLICE", "only those of this slice", WORD_SLICE},
	{"mac", 'm', OPTION_VALUE, "MAC", "only those from or to this MAC address", WORD_NONE},
	{"ip", 'i', OPTION_VALUE, "ADDRESS", "only those from or to this IP address", WORD_NONE},
	{"dropped", 'd', OPTION_FLAG, NULL, "only those that are dropped", WORD_NONE},
	{"timeout", 't', OPTION_VALUE, "SECONDS", "stop waiting after so long (default 30)",
		WORD_NONE},
	{"hex", 'x', OPTION_FLAG, NULL, "the bytes as well", WORD_NONE},
	{.name = NULL},
};

static int trace_params(const struct args *args, json_t **out)
{
	static const struct {
		int option;
		const char *name;
	} texts[] = {
		{TRACE_PORT, "port"}, {TRACE_SLICE, "slice"}, {TRACE_MAC, "mac"}, {TRACE_IP, "ip"}};
	json_int_t count = 0, timeout = 0;
	size_t i;

	if (args->count > 0)
		return usage(args->command,
			"filters are options: --port, --slice, --mac, --ip, --dropped");
	if (args_number(args, TRACE_COUNT, 1, 1000, &count) != STATUS_OK ||
		args_number(args, TRACE_TIMEOUT, 1, 3600, &timeout) != STATUS_OK)
		return STATUS_USAGE;
	*out = json_object();
	if (count > 0)
		json_object_set_new(*out, "count", json_integer(count));
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (args->set[texts[i].option])
			json_object_set_new(
				*out, texts[i].name, json_string(args->value[texts[i].option]));
	if (args->set[TRACE_DROPPED])
		json_object_set_new(*out, "dropped", json_true());
	if (timeout > 0)
		json_object_set_new(*out, "timeout_s", json_integer(timeout));
	return STATUS_OK;
}

static void print_title(const json_t *packet, int number)
{
	const char *port = json_string_value(json_object_get(packet, "port"));
	json_int_t ns = json_integer_value(json_object_get(packet, "time_ns"));
	time_t seconds = (time_t)(ns / 1000000000);
	bool bold = isatty(STDOUT_FILENO);
	char clock[32];
	struct tm tm;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&seconds, &tm));
	printf("%s#%d  %s.%06lld  %s %s  worker %lld  %lld bytes%s\n", bold ? "\033[1m" : "",
		number, clock, (long long)(ns % 1000000000 / 1000),
		json_is_true(json_object_get(packet, "from_kernel")) ? "from the kernel for port"
								     : "port",
		port != NULL ? port : "?",
		(long long)json_integer_value(json_object_get(packet, "worker")),
		(long long)json_integer_value(json_object_get(packet, "length")),
		bold ? "\033[0m" : "");
}

static void print_hex(const uint8_t *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (i % 16 == 0)
			printf("%s    %04zx ", i ? "\n" : "", i);
		printf("%s%02x", i % 8 == 0 ? "  " : " ", bytes[i]);
	}
	if (len > 0)
		putchar('\n');
}

static void print_packet(const json_t *packet, int number, bool hex)
{
	const char *digits = json_string_value(json_object_get(packet, "bytes"));
	struct grid *grid = grid_new(4, "");
	uint8_t bytes[2048];
	char text[512];
	const json_t *step;
	size_t len, i;

	print_title(packet, number);
	len = packet_unhex(digits != NULL ? digits : "", bytes, sizeof(bytes));
	packet_text(bytes, len, text, sizeof(text));
	printf("    %s\n", text);
	if (hex)
		print_hex(bytes, len);
	grid_column(grid, "", false);
	grid_column(grid, "", false);
	json_array_foreach (json_object_get(packet, "steps"), i, step) {
		grid_cell(grid, json_string_value(json_object_get(step, "stage")));
		grid_cell(grid, json_string_value(json_object_get(step, "text")));
	}
	grid_print(grid);
	putchar('\n');
	grid_free(grid);
	fflush(stdout);
}

static void print_end(const json_t *end)
{
	const char *reason = json_string_value(json_object_get(end, "reason"));
	json_int_t packets = json_integer_value(json_object_get(end, "packets"));

	printf("%lld packet%s traced", (long long)packets, packets == 1 ? "" : "s");
	if (reason != NULL)
		printf(" (%s)", reason);
	putchar('\n');
}

static int trace_follow(struct cli *cli, const struct args *args)
{
	int number = 0;
	json_t *event;

	while (cli_event(cli, -1, &event) > 0) {
		const char *name = json_string_value(json_object_get(event, "event"));
		bool end = name != NULL && strcmp(name, "trace.end") == 0;
		bool packet = name != NULL && strcmp(name, "trace.packet") == 0;

		if (cli->json && (packet || end))
			print_json_line(event);
		else if (packet)
			print_packet(event, ++number, args->set[TRACE_HEX]);
		else if (end)
			print_end(event);
		json_decref(event);
		if (end)
			return STATUS_OK;
		if (ferror(stdout))
			break;
	}
	return STATUS_FAILED;
}

static int trace_run(struct cli *cli, const struct args *args)
{
	json_t *params = NULL, *result;
	int status = trace_params(args, &params);

	if (status != STATUS_OK)
		return status;
	result = cli_call(cli, "trace", params);
	if (result == NULL)
		return STATUS_FAILED;
	json_decref(result);
	if (!cli->json && isatty(STDERR_FILENO))
		fputs("waiting for packets that match; Ctrl-C ends\n", stderr);
	return trace_follow(cli, args);
}

const struct command command_trace = {
	.name = "trace",
	.synopsis = "[-n N] [--port P] [--slice S] [--mac M] [--ip A] [--dropped] [--timeout S] "
		    "[--hex]",
	.summary = "follow the next packets that match through the stages",
	.details = "Every filter given must match. Each packet is shown as it came in, then a line "
		   "for every stage\n"
		   "it went through: what was decided, and in the last one where it went or why it "
		   "was dropped.\n"
		   "  sluice dp trace -n 3 --slice blue\n"
		   "  sluice dp trace --dropped --port wan0 --timeout 10\n",
	.options = trace_options,
	.words = WORD_NONE,
	.run = trace_run,
};

/* SPDX-License-Identifier: BSD-3-Clause */
/* Options and file (config.h). The file is decoded by the same tables as everything else that comes
 * as JSON, so its mistakes are named the same way. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "field.h"
#include "schema.h"

#define FILE_DEFAULT "/etc/sluice/control.json"

#define PATH(member, its_help)                                                                     \
	{                                                                                          \
		AT(config, member, FIELD_TEXT, 0), NO_REF, .help = its_help                        \
	}
#define IN(structure, outer, member, its_kind, its_flags)                                          \
	.name = #member, .kind = its_kind, .flags = its_flags,                                     \
	.offset = offsetof(struct structure, outer.member) - offsetof(struct structure, outer),    \
	.size = sizeof(((struct structure *)0)->outer.member)
#define LIMIT(member, most, usual, its_help)                                                       \
	{                                                                                          \
		AT(http_limits, member, FIELD_U32, 0), .min = 1, .max = most, .preset = usual,     \
						       NO_REF, .help = its_help                    \
	}

static const struct api_field tls_fields[] = {
	{IN(config, tls, certificate, FIELD_TEXT, FIELD_REQUIRED), NO_REF,
		.help = "PEM file: the certificate, and those between it and the CA"},
	{IN(config, tls, key, FIELD_TEXT, FIELD_REQUIRED), NO_REF, .help = "PEM file: its key"},
	{IN(config, tls, client_ca, FIELD_TEXT, 0), NO_REF,
		.help = "PEM file: clients must have a certificate of this CA"},
	{.name = NULL},
};

static const struct api_field peer_fields[] = {
	{AT(config_peer, user, FIELD_NAME, 0), NO_REF, .help = "name or number; left out: any"},
	{AT(config_peer, group, FIELD_NAME, 0), NO_REF, .help = "name or number; left out: any"},
	{AT(config_peer, role, FIELD_ENUM, FIELD_REQUIRED), .names = role_names, NO_REF,
		.help = "what these may do over the unix socket"},
	{AT(config_peer, tenant, FIELD_NAME, 0), NO_REF,
		.help = "whose things, for the role tenant"},
	{.name = NULL},
};

static const struct api_field limit_fields[] = {
	LIMIT(connections, 65536, 1024, "connections at once by TCP, and by the unix socket"),
	LIMIT(connections_each, 65536, 128,
		"of them from one address or IPv6 /64, or of one user of the socket"),
	LIMIT(body_bytes, 1u << 30, 16u << 20, "of a request's body"),
	LIMIT(header_bytes, 1u << 20, 16384, "of a request's headers"),
	LIMIT(request_s, 3600, 10, "for a request to come in whole"),
	LIMIT(idle_s, 86400, 60, "between two requests of a connection"),
	LIMIT(requests_each_s, 1000000, 1000, "requests a second of one token or address"),
	{.name = NULL},
};

static const struct api_field log_fields[] = {
	{IN(config, log, file, FIELD_TEXT, 0), NO_REF, .help = "left out: stderr"},
	{IN(config, log, level, FIELD_ENUM, 0), .names = log_level_names, .preset = LOG_INFO_,
		NO_REF, .help = "the least that is written"},
	{.name = NULL},
};

static const struct api_field file_fields[] = {
	{AT(config, site, FIELD_NAME, 0), NO_REF, .help = "which site this box is"},
	PATH(socket, "unix socket of the REST API"),
	PATH(listen, "ADDR:PORT of the REST API on TCP, with TLS"),
	PATH(metrics_listen, "ADDR:PORT of the loopback for /metrics, plain and without a token"),
	PATH(dataplane, "socket of sluice-dataplane"),
	PATH(store, "folder of the store"),
	{AT(config, tls, FIELD_OBJECT, 0), .fields = tls_fields, NO_REF, .help = "for listen"},
	{AT(config, peers, FIELD_LIST, 0), .fields = peer_fields,
		.item_size = sizeof(struct config_peer), .max_items = CONFIG_LIST, NO_REF,
		.help = "roles over the unix socket"},
	{AT(config, keep, FIELD_TEXTS, 0), .max = INTENT_TEXT, .max_items = CONFIG_LIST, NO_REF,
		.help = "objects of the dataplane to leave alone: \"route\", \"slice lab-*\""},
	{AT(config, limits, FIELD_OBJECT, 0), .fields = limit_fields, NO_REF, .help = "of the API"},
	{AT(config, resync_s, FIELD_U32, 0), .min = 1, .max = 86400, .preset = 60, NO_REF,
		.help = "seconds between comparisons of the whole dataplane with the intents"},
	{AT(config, metrics_slices, FIELD_U32, 0), .max = 16383, .preset = 1000, NO_REF,
		.help = "with more slices /metrics has sums by tenant, /metrics/slices each"},
	{AT(config, mirror, FIELD_BOOL, 0), .preset = 1, NO_REF,
		.help = "what the kernel says (ip addr, neigh, route; FRR) is done by the "
			"dataplane; false: not"},
	{AT(config, rescan_s, FIELD_U32, 0), .min = 1, .max = 86400, .preset = 300, NO_REF,
		.help = "seconds between comparisons of all that the kernel has with what is "
			"known of it"},
	{AT(config, log, FIELD_OBJECT, 0), .fields = log_fields,
		.has = offsetof(struct config, has_log), NO_REF, .help = "the JSON log"},
	{.name = NULL},
};

static const struct api_type file_type = {.name = "config",
	.size = sizeof(struct config),
	.fields = file_fields,
	.lists = true,
	.help = "sluice-control's file"};

/* ---- options ---- */

#define PLACE(member)                                                                              \
	.offset = offsetof(struct config, member), .size = sizeof(((struct config *)0)->member)

/* Those before OPT_CONFIG have a place in struct config, where the file may have put something. */
enum { OPT_CONFIG = 6, OPT_DISCARD, OPT_CHECK, OPTIONS };
static const struct {
	const char *name, *argument, *help;
	const char *usual; /* NULL: the host's name */
	size_t offset, size;
} options[OPTIONS] = {
	{"site", "NAME", "which of the sites this box is (default: the host's name)", PLACE(site)},
	{"socket", "PATH", "where the REST API is (default /run/sluice/control.sock)",
		"/run/sluice/control.sock", PLACE(socket)},
	{"listen", "ADDR:PORT", "and on TCP; wants \"tls\" in the file", "", PLACE(listen)},
	{"metrics-listen", "ADDR:PORT",
		"/metrics of this box alone (127.0.0.1, [::1]): plain, without a token", "",
		PLACE(metrics_listen)},
	{"dataplane", "PATH",
		"socket of sluice-dataplane (default /run/sluice-dataplane/dataplane.sock)",
		"/run/sluice-dataplane/dataplane.sock", PLACE(dataplane)},
	{"store", "DIR", "what must not be lost (default /var/lib/sluice)", "/var/lib/sluice",
		PLACE(store)},
	[OPT_CONFIG] = {"config", "FILE", "JSON (default " FILE_DEFAULT " where there is one)"},
	[OPT_DISCARD] = {.name = "discard-unread",
		.help = "deletes intents of the store that this version cannot read (they stay in\n"
			"                      its history), and what they have in the dataplane; "
			"without it it does not start"},
	[OPT_CHECK] = {.name = "check",
		.help = "says what the start would refuse of options and file; makes nothing"},
};

static void usage(void)
{
	fputs("Usage: sluice-control [options]\n"
	      "Keeps a Sluice box as its intents want it, and shows what it does: REST on a unix "
	      "socket,\nand on TCP with TLS.\n\n",
		stdout);
	for (int i = 0; i < OPTIONS; i++) {
		const char *argument = options[i].argument;
		int len = printf("  --%s%s%s", options[i].name, argument ? " " : "",
			argument ? argument : "");

		printf("%s%*s%s\n", len < 22 ? "" : "\n", len < 22 ? 22 - len : 22, "",
			options[i].help);
	}
	fputs("  --version, --help\n\nFields of the file, options go first:\n", stdout);
	for (const struct api_field *f = file_fields; f->name; f++) {
		printf("  %-15s %s\n", f->name, f->help);
		for (const struct api_field *in = f->fields; in && in->name; in++)
			printf("    .%-16s %s\n", in->name, in->help);
	}
}

static int fail(const char *fmt, const char *what)
{
	fputs("sluice-control: ", stderr);
	fprintf(stderr, fmt, what);
	fputc('\n', stderr);
	return -1;
}

/* ---- the file ---- */

/* A number, or a name that the machine knows: found, with its id. 0 or -1. */
static int id_of(const char *text, bool found, uint32_t id, uint32_t *out)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (!found && (*end || end == text || number > UINT32_MAX))
		return -1;
	*out = found ? id : number;
	return 0;
}

static int take_peer(const struct config_peer *in, struct http_peer *out)
{
	const struct passwd *user = in->user[0] ? getpwnam(in->user) : NULL;
	const struct group *group = in->group[0] ? getgrnam(in->group) : NULL;

	out->any_uid = !in->user[0];
	out->any_gid = !in->group[0];
	out->role = in->role;
	strcpy(out->tenant, in->tenant);
	if (in->user[0] && id_of(in->user, user, user ? user->pw_uid : 0, &out->uid))
		return fail("peers: this machine knows no user \"%s\"", in->user);
	if (in->group[0] && id_of(in->group, group, group ? group->gr_gid : 0, &out->gid))
		return fail("peers: this machine knows no group \"%s\"", in->group);
	if (in->role == ROLE_TENANT && !in->tenant[0])
		return fail("peers: %s", "the role tenant wants a \"tenant\"");
	return 0;
}

/* "TYPE" or "TYPE KEY": with a type that there is not it would keep nothing. */
static int take_keep(const char *text, const char **out)
{
	char type[32];

	snprintf(type, sizeof(type), "%.*s", (int)strcspn(text, " "), text);
	if (!api_type_find(type))
		return fail("keep: \"%s\" names no type of the dataplane's objects: see sluice dp "
			    "schema",
			text);
	*out = xstrdup(text);
	return 0;
}

/* What the lists of the file say. */
static int take_lists(struct config *config)
{
	for (uint32_t i = 0; i < config->keep.count; i++)
		if (take_keep(config->keep.item[i].text, &config->keeps[i]))
			return -1;
	for (uint32_t i = 0; i < config->peers.count; i++)
		if (take_peer(&config->peers.item[i], &config->http_peers[i]))
			return -1;
	return 0;
}

/* path NULL: an empty file, for the defaults. */
static int read_file(const char *path, struct config *config)
{
	struct rpc_error err = {0};
	json_error_t where;
	json_t *json = path ? json_load_file(path, JSON_REJECT_DUPLICATES, &where) : json_object();
	int rc = -1;

	if (!json) {
		if (where.line < 0) /* the text has the name and why */
			fprintf(stderr, "sluice-control: %s\n", where.text);
		else
			fprintf(stderr, "sluice-control: %s:%d: %s\n", path, where.line,
				where.text);
		return -1;
	}
	if (api_decode(&file_type, json, "", (union api_object *)config, &err) && err.want[0])
		fprintf(stderr, "sluice-control: %s: %s: want %s, got %s\n", path, err.path,
			err.want, err.got);
	else if (err.code)
		fprintf(stderr, "sluice-control: %s: %s\n", path, err.message);
	else
		rc = take_lists(config);
	if (!config->has_log)
		config->log.level = LOG_INFO_;
	json_decref(json);
	return rc;
}

/* An option, else the file, else what is usual. */
static int take(const char *given, const char *usual, char *place, size_t size)
{
	const char *value = given ? given : place[0] ? place : usual;

	if (strlen(value) >= size)
		return fail("\"%s\" is too long", value);
	memmove(place, value, strlen(value) + 1);
	return 0;
}

static int take_options(const char *const *given, struct config *config)
{
	char host[sizeof(config->site)] = "";

	gethostname(host, sizeof(host) - 1);
	host[strcspn(host, ".")] = '\0';
	for (int i = 0; i < OPT_CONFIG; i++)
		if (take(given[i], options[i].usual ? options[i].usual : host,
			    (char *)config + options[i].offset, options[i].size))
			return -1;
	if (!api_name_valid(config->site, strlen(config->site)))
		return fail("\"%s\" cannot be a site's name: letters, digits and . _ - : @",
			config->site);
	if (config->listen[0] && !config->tls.certificate[0])
		return fail("--listen %s wants \"tls\": {\"certificate\": …, \"key\": …} in the "
			    "file of --config",
			config->listen);
	return 0;
}

int config_read(int argc, char **argv, struct config *config)
{
	struct option long_options[OPTIONS + 3] = {
		{"version", no_argument, NULL, 'V'}, {"help", no_argument, NULL, 'h'}};
	const char *given[OPTIONS] = {0}, *file;
	int c;

	for (int i = 0; i < OPTIONS; i++)
		long_options[2 + i] = (struct option){options[i].name,
			options[i].argument ? required_argument : no_argument, NULL, i};
	while ((c = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
		switch (c) {
		case 'h':
			usage();
			return 1;
		case 'V':
			printf("sluice-control %s\n", SLUICE_VERSION);
			return 1;
		case '?':
			return fail("%s", "--help tells all options");
		default:
			given[c] = optarg ? optarg : "";
		}
	}
	if (optind < argc)
		return fail("\"%s\" is not an option; --help tells all of them", argv[optind]);
	file = given[OPT_CONFIG];
	if (!file && access(FILE_DEFAULT, R_OK) == 0)
		file = FILE_DEFAULT;
	if (read_file(file, config) || take_options(given, config))
		return -1;
	config->discard_unread = given[OPT_DISCARD] != NULL;
	config->check = given[OPT_CHECK] != NULL;
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of `sluice` share, a section a file: from the line and its commands down to text.
 * The commands are in cmd_*.c. Knows the words of the socket and of the API only through
 * dataplane/objects and control/intent. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "alloc.h"
#include "schema.h"

#define SOCKET_DEFAULT	"/run/sluice-dataplane/dataplane.sock"
#define CONTROL_DEFAULT "/run/sluice/control.sock"

enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_WELL = 3,
	STATUS_UNREACHED = 4
};

/* How the servers are reached; main.c fills it in, and closes what the first calls opened. */
struct cli {
	const char *socket;
	const char *control, *token_file, *cacert, *cert, *key;
	bool json;
	int patience_ms; /* not 0: calls may last so long, and nobody is told why one failed */
	struct client *client;
	struct http *http;
};

struct pages;

/* ---- commands.c: what there is, and help ---- */

/* What a word can be: help and completion read it, the commands do not. */
enum word_kind {
	WORD_NONE,
	/* of the dataplane */
	WORD_TYPE,   /* an object type, and nothing after it */
	WORD_PUT,    /* TYPE field=value… */
	WORD_MATCH,  /* TYPE field=value…, fields of answers too */
	WORD_KEY,    /* TYPE KEY */
	WORD_KEYS,   /* TYPE KEY… */
	WORD_STATS,  /* TYPE KEY…, with the types only stats has */
	WORD_SLICE,  /* the name of a slice */
	WORD_PORT,   /* the name of a port */
	WORD_TABLE,  /* the name of a match table */
	WORD_EVENTS, /* event names */
	WORD_FILE,
	/* of sluice-control */
	WORD_INTENT_CREATE, /* NAME field=value… */
	WORD_INTENT_SET,    /* the same, of an intent that is there */
	WORD_INTENT_MATCH,  /* field=value… */
	WORD_INTENT_NAME,
	WORD_INTENT_NAMES,
	WORD_INTENT_TYPE,
	WORD_INTENT_KEY,     /* [TYPE [NAME]] */
	WORD_CONTROL_EVENTS, /* event names, its own too */
	WORD_CHOICE,	     /* one of the command's choices */
	WORD_TOKEN,	     /* the id of a token */
	WORD_TOKEN_NEW,	     /* NAME field=value… */
};

enum option_kind {
	OPTION_FLAG,
	OPTION_VALUE,
	OPTION_NUMBER, /* a whole number, min to max */
	OPTION_MAYBE,  /* a number may follow */
	OPTION_MANY,   /* a value, again and again: args.many */
};

struct option_def {
	const char *name; /* without the dashes */
	char letter;	  /* or 0 */
	enum option_kind kind;
	const char *value; /* how help calls the value */
	const char *help;
	enum word_kind word; /* what completes the value */
	json_int_t min, max, preset;
	size_t place; /* of a global option's value in struct cli */
};

#define OPTIONS_MAX 12
#define ANY_NUMBER  (1 << 30) /* of words; of what --limit and the like take */

struct args {
	char **words; /* without options and the command's own words */
	int count;
	/* by the option's place in the command's list */
	bool set[OPTIONS_MAX];
	const char *value[OPTIONS_MAX];
	json_int_t number[OPTIONS_MAX]; /* the option's preset when it is not set */
	const char **many;		/* values of the command's OPTION_MANY */
	int many_count;
};

struct command {
	const char *name;
	const char *synopsis;		  /* after "sluice [dp] NAME" */
	const char *summary;		  /* one line */
	const char *details;		  /* for its help page; may be NULL */
	const struct option_def *options; /* ends with a NULL name; may be NULL */
	enum word_kind words;
	int least, most;   /* words that it takes; most 0: as many as there are, if any kind */
	const char *wrong; /* what is told when there are fewer or more; NULL: it takes none */
	int failed;	   /* what it leaves with when it cannot go on; 0: STATUS_FAILED */
	int (*run)(struct cli *cli, const struct args *args);
	const char *const *choices; /* of WORD_CHOICE; ends with NULL */
};

/* The words before a command's name. */
struct group {
	const char *name; /* "slice", "dp", "token"; NULL: the commands that stand alone */
	const char *summary;
	const struct command *const *commands; /* ends with NULL */
	int intent;			       /* enum intent_type; -1: not of intents */
};
extern const struct group groups[]; /* those of intents first, by type; ends with NULL commands */

extern const struct command *const dp_commands[];

extern const struct command command_put, command_apply, command_delete, command_get, command_list,
	command_schema, command_hello;				       /* cmd_object.c */
extern const struct command command_stats, command_drops, command_top; /* cmd_stats.c */
extern const struct command command_table;			       /* cmd_table.c */
extern const struct command command_trace;			       /* cmd_trace.c */
extern const struct command command_create, command_set, command_intents_delete, command_intents,
	command_show;								 /* cmd_intent.c */
extern const struct command command_apply_intents, command_diff, command_export; /* cmd_apply.c */
extern const struct command command_events, command_watch;			 /* cmd_events.c */
extern const struct command command_status, command_topology;			 /* cmd_status.c */
extern const struct command command_token_create, command_token_list, command_token_delete,
	command_intent_history, command_history, command_audit; /* cmd_record.c */

/* The one that this process was started for, as far as it is known: what help and usage errors are
 * about. */
extern struct invocation {
	const struct group *group;
	const struct command *command;
} invocation;
/* The type of intents it is about. */
static inline int intent_type(void)
{
	return invocation.group->intent;
}
/* Is it about a type of intents, or about the dataplane? */
static inline bool is_intent(void)
{
	return invocation.group != NULL && invocation.group->intent >= 0;
}
static inline bool is_dp(void)
{
	return invocation.group != NULL && invocation.group->commands == dp_commands;
}

/* By a type's name, a kind ("virtual-dedicated-network") or a path ("slices"): its number, or -1.
 */
int intent_find(const char *word);
/* The words' first as one: */
int intent_word(const struct args *args);
const struct command *command_find(const struct group *group, const char *word);
const struct group *group_find(const char *word);
/* As the only one, the name of an intent. */
const char *name_word(const struct args *args);
/* As a type of objects. */
const struct api_type *type_word(const struct args *args);

/* Pages on stdout; the first two also stand behind usage errors. */
void help_top(FILE *out);
void help_group(FILE *out);
/* On what the invocation is about; words: behind its command. */
void help_invocation(const struct args *args);

/* ---- args.c: the words of a line ---- */

/* The options that every command has; ends with a NULL name. */
extern const struct option_def global_options[];
const struct option_def *option_find(const struct option_def *options, const char *word);

enum line { LINE_RUN, LINE_HELP, LINE_VERSION };

/* Splits a line into the invocation, the options of every command (into cli) and args. What it asks
 * for. */
enum line args_parse(struct cli *cli, char **words, int count, struct args *args);
/* The same of a line that is not finished: nothing is refused or run. The option whose value the
 * word behind the last one would be; NULL: it is not one. */
const struct option_def *args_parse_part(
	struct cli *cli, char **words, int count, struct args *args);
void args_free(struct args *args);

/* ---- complete.c ---- */

/* `sluice __complete WORDS…` */
void complete_run(struct cli *cli, char **words, int count);

/* ---- fields.c: words and JSON, by the descriptions of types ---- */

enum words_mode {
	WORDS_PUT,
	WORDS_PATCH, /* "field=" is null */
	WORDS_MATCH, /* the same, and fields that only answers have */
};

/* The words from the index-th on, field=value, into an object. */
void words_object(const struct args *args, int index, const struct api_type *type,
	enum words_mode mode, json_t *object);
/* The words after the first one as keys of the type (NULL: keys of one word), however they were
 * quoted: a new array of strings. */
json_t *words_keys(const struct args *args, const struct api_type *type);
/* How many words a key of the type has, and how help calls them: "slice mac". */
int key_words(const struct api_type *type, char *shape, size_t size);

/* "endpoint" and "endpoints" name the same list; len is the name's length. NULL: no such field. */
const struct api_field *field_find(const struct api_field *fields, const char *name, size_t len);
/* What a field takes, for people: "1 to 16777215", "l2 | l3". New. */
char *field_want(const struct api_field *field);
/* With fields in the order of their description, unknown ones behind; "kind" first. New. */
json_t *fields_ordered(const struct api_field *fields, const json_t *json);

/* A JSON file ("-": standard input): a new value. */
json_t *file_json(const char *path);

/* ---- doc.c: documents of intents in files ---- */

struct doc_file {
	char *name; /* as messages call it */
	char *text;
	size_t len;
	size_t documents;
};

struct document {
	const struct doc_file *file;
	json_t *json;	 /* borrowed from documents.json */
	size_t number;	 /* within its file, from 1 */
	size_t root;	 /* which of the file's YAML documents */
	char prefix[48]; /* its place in there: "", "[3]", "items[3]" */
};

struct documents {
	struct doc_file **files;
	uint32_t file_count, file_room;
	struct document *item;
	uint32_t count, room;
	json_t *json;	/* all of them in order: what POST /v1/apply takes */
	json_t *places; /* {"KIND NAME": index} */
	void (*progress)(const struct documents *all); /* after each file; may be NULL */
};

/* Adds what is in a file, in the files *.yaml, *.yml and *.json of a directory (in order of names),
 * or, for "-", on standard input. */
void documents_read(struct documents *all, const char *path);
void documents_free(struct documents *all);
/* The one of an intent's kind and name; all may be NULL. NULL: there is none. */
const struct document *documents_find(const struct documents *all, const json_t *intent);
/* "site.yaml:12: document 3, slice blue: ", for a field of a document, which may be "". New; one
 * may be NULL: "". */
char *document_where(const struct document *one, const char *field);

/* ---- difference.c: what a change would do, lines of YAML with - and + before them ---- */

/* A change {kind, name, before, after}; before and after may be null. from, to: what stands behind
 * "---" and "+++". Fields that only answers have are passed over. */
void difference_print(const json_t *change, const char *from, const char *to);

/* ---- control.c: calls to sluice-control ---- */

struct http_request {
	const char *method, *path; /* "/v1/slices?limit=1" */
	const json_t *body;	   /* NULL: none */
	const char *type;	   /* of the body; NULL: application/json */
	const char *if_match;	   /* a revision; NULL: none */
	double timeout_s;	   /* 0: 30 */
	void (*tick)(void);	   /* called five times a second while it lasts; may be NULL */
	/* of a stream of server-sent events: each is called with their data and ids, "" where there
	 * is none; false: enough */
	bool (*each)(const char *event, const char *id, const char *data, void *arg);
	void *arg;
	const char *last_id; /* NULL: from now on */
	double quiet_s;	     /* ends after so long without an event; 0: never */
};

#define HTTP_WHY 512

struct http_answer {
	int status;   /* 0: none came */
	json_t *json; /* owned by the caller; NULL: there was no body, or none of JSON */
	char why[HTTP_WHY];
	int os_error; /* errno of the connection, 0: something else */
};

/* http.c: by libcurl, on a unix socket or by TLS with a token. cli->http is opened by the first
 * call. STATUS_OK: an answer came, whatever its status, or a stream was ended by us;
 * STATUS_UNREACHED with answer->why: none came, or a stream broke. Says nothing itself. */
int http_call(struct cli *cli, const struct http_request *request, struct http_answer *answer);
void http_close(struct http *http);
/* Percent-encoded, for a segment of a path or a value of a query. New. */
char *http_escape(const char *text);

/* Says that nothing answered. */
void control_unreachable(const struct cli *cli, const struct http_answer *answer);
/* The same, and ends the command. */
void control_lost(const struct cli *cli, const struct http_answer *answer)
	__attribute__((noreturn));
/* Says what an answer of 400 and more says, behind `where`. all: what was asked for, or NULL. */
void control_refused(const struct cli *cli, const struct http_answer *answer, const char *where,
	const struct documents *all);
/* An answer that is no refusal of it: its JSON (owned by the caller; NULL after 204). */
json_t *control_call(struct cli *cli, const struct http_request *request);
/* GET of a path, which is freed. */
json_t *control_get(struct cli *cli, char *path);
/* The same for commands that show one answer: with --json it is printed, and NULL. */
json_t *control_show(struct cli *cli, char *path);
/* What a GET answers, when it does with 200; else NULL, and nothing is said. */
json_t *control_peek(struct cli *cli, const char *path);
/* Calls each with every page of a list; path has a "?" already and is freed. */
typedef void (*control_each)(const json_t *items, void *arg);
void control_pages(struct cli *cli, char *path, control_each each, void *arg);
/* "/v1/slices/blue": new. */
char *intent_url(int type, const char *name);
/* As apply takes it: with its kind, without status and meta, its fields in order. New. */
json_t *intent_document(int type, const json_t *intent);

/* The options of what changes intents; first: where they begin in a command's list. */
enum { CHANGE_DRY_RUN, CHANGE_WAIT, CHANGE_NO_WAIT, CHANGE_NO_CHECK, CHANGE_OPTIONS };
#define CHANGE_OPTION_DEFS                                                                         \
	{"dry-run", 'n', .help = "say what would change, and change nothing"},                     \
		{"wait", 'w', OPTION_NUMBER, "SECONDS",                                            \
			.help = "wait so long for the dataplane to take it (5), and fail when it " \
				"did not",                                                         \
			.max = 60, .preset = 5},                                                   \
		{"no-wait", .help = "do not wait for the dataplane"},                              \
	{                                                                                          \
		"no-check", .help = "change it though the dataplane would refuse it: it is tried " \
				    "again when what it needs changes"                             \
	}
/* What they say of the request: a query, new. */
char *change_query(const struct args *args, int first);
/* Do they let it wait? */
bool change_waits(const struct args *args, int first);
/* "the dataplane VERB slice x: …" of each in the answer's `refused`, behind where it stands in
 * `all` (or NULL). STATUS_FAILED when there are any. */
int tell_refused(const json_t *answer, const struct documents *all, const char *verb);
/* What a dry run's answer, which is stolen, says would change; diff: as `sluice diff` tells it. */
int tell_dry_run(const struct cli *cli, json_t *answer, const struct documents *all, bool diff);

/* ---- client.c: calls to the dataplane ---- */

void client_close(struct client *client);
/* The answer's result, which the caller owns. params is stolen. */
json_t *cli_call(struct cli *cli, const char *method, json_t *params);
/* The same, but an error answer goes into *error (owned by the caller) unreported; with patience_ms
 * both may be NULL. */
json_t *cli_try(struct cli *cli, const char *method, json_t *params, json_t **error);
/* Prints all pages of a method whose answers have a cursor. params is stolen. */
void cli_pages(struct cli *cli, const char *method, json_t *params, struct pages *p);
/* The next notification's params into *out (owned by the caller): false when timeout_s passed
 * (negative: wait for ever). */
bool cli_event(struct cli *cli, double timeout_s, json_t **out);

/* ---- table.c: values and tables ---- */

/* An aligned table of text, printed to stdout a page at a time. */
struct grid;

/* columns: so many without titles to begin with; indent: spaces before every line; empty: what a
 * cell without text shows. */
struct grid *grid_new(int columns, int indent, const char *empty);
void grid_free(struct grid *grid);
/* A list of columns, which ends with NULL, all of them at the right or none. */
void grid_columns(struct grid *grid, const char *const *titles, bool right);
/* All columns are added before the first cell. An empty title everywhere leaves out the header
 * line. */
void grid_column(struct grid *grid, const char *title, bool right);
/* Cells fill rows from left to right; text is copied, NULL is as "". */
void grid_cell(struct grid *grid, const char *text);
void grid_cellf(struct grid *grid, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The next cell as a stream, to be ended before anything else is done with the grid. */
FILE *grid_cell_open(struct grid *grid);
void grid_cell_end(struct grid *grid);
/* Prints the rows there are (and, the first time, the header) and forgets them; widths never
 * shrink, so that pages line up. */
void grid_print(struct grid *grid);
/* The same, for the last time. */
void grid_end(struct grid *grid);

enum column_kind {
	COLUMN_TEXT,
	COLUMN_NUMBER, /* these two stand at the right */
	COLUMN_GROUPED,
	COLUMN_TIME, /* microseconds since 1970 */
};
struct column {
	const char *title, *field;
	enum column_kind kind;
	/* writes what no field says as it is; may be NULL */
	void (*write)(FILE *out, const json_t *item);
};
/* The items as a table of these columns, which end with a NULL title. */
void table_print(const struct column *columns, const json_t *items, const char *empty);

/* A list that comes in pages: a table whose columns are the fields that are there, or with --json
 * one {NAME: […]}. */
struct pages {
	struct cli *cli;
	const char *name;	     /* of the items, with --json */
	const struct api_type *type; /* of the items; NULL: columns in the order they come */
	json_int_t limit, count;     /* limit negative: none */
	bool (*wanted)(const json_t *item, void *arg); /* NULL: all are */
	json_t *(*row)(const json_t *item);	       /* new, for the table; NULL: as it is */
	void *arg;
	struct listing *listing;
	bool opened;
};
void pages_print(struct pages *p, const json_t *items);
/* What is told when there were none. */
void pages_end(struct pages *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A table of one page. */
void listing_print(const json_t *objects);

/* One object, a field a line; type may be NULL. */
void show_object(const struct api_type *type, const json_t *object);

/* A field's value: vias as they are written in put, volumes and rates grouped. */
void value_write(FILE *out, const char *field, const json_t *value);
/* {"slice":"blue","vlan":10} → "slice=blue vlan=10", as values are written. */
void pairs_write(FILE *out, const json_t *object);
/* "100 M" or "100 M/200 M": committed and peak. New. */
json_t *bandwidth_brief(const json_t *bandwidth);

/* ---- text.c: numbers as people read and write them, and what is said ---- */

#define NUMBER_BYTES 40

/* 1234567 → "1,234,567"; out has NUMBER_BYTES. All of these return out. */
char *number_grouped(json_int_t value, char *out);
/* 1234567 → "1.23 M", 999 → "999", 0.25 → "0.25" */
char *number_scaled(double value, char *out);
/* A counter: grouped when whole, else with one decimal. Not a number: "-". */
char *number_json(const json_t *value, char *out);
/* Seconds since 1970 as a time of day, of here: "13:05:59". */
char *clock_text(time_t seconds, char *out);
/* Microseconds since 1970 as a time of here; 0: "-". */
char *time_text(json_int_t us, char *out);

/* An object's field: text, "" when it has none; a number, 0 when it has none. */
const char *json_text(const json_t *object, const char *name);
json_int_t json_number(const json_t *object, const char *name);
bool json_is(const json_t *object, const char *name); /* true */

bool ends_with(const char *text, const char *end);
/* The whole of text is digits, with a fraction where allowed. */
bool is_number(const char *text, bool fraction);

/* Keeps in *best the name nearest to word of those it is called with, if it is near at all; *best
 * is NULL at first. */
void word_nearest(const char *word, const char *name, const char **best);

/* Seconds on a clock that does not jump. */
double clock_now(void);

/* "100M" → 100000000, "-5"; k, M, G and T are powers of 1000. NULL: it is no whole number. New. */
json_t *units_number(const char *text);
/* Texts like "100M" in fields whose names end with _bps become numbers, at any depth. */
void units_apply(json_t *json);

/* Says it on stderr. Returns STATUS_FAILED. */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A command that cannot go on ends the process, and what it holds with it. These two say why;
 * usage() says, too, how the invocation's command is called. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void usage(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void leave_failed(void) __attribute__((noreturn));
void leave(int status) __attribute__((noreturn));
/* What to do when the socket of a program could not be connected to, for an errno; 0: nothing. */
void tell_start(
	int err, const char *program, const char *path, const char *option, const char *variable);
/* What an error's data says, one a line, indented, on stderr. */
void report_details(const json_t *data);

/* The raw JSON on stdout: indented, or one line for streams of them. json is stolen. */
void print_json(json_t *json);
void print_json_line(json_t *json);

#endif

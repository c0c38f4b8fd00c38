/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands of `sluice` share: the invocation, the description of a command, and how things
 * are reported. main.c fills it in; every cmd_*.c adds its commands. Knows the socket's words only
 * through dataplane/objects. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "client.h"
#include "schema.h"

#define SOCKET_DEFAULT "/run/sluice-dataplane/dataplane.sock"

enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_WELL = 3,
	STATUS_UNREACHED = 4
};

struct cli {
	const char *socket;
	bool json;
	struct client *client; /* opened by the first call */
	/* of sluice-control */
	const char *control, *token_file, *cacert, *cert, *key;
	struct http *http;	 /* opened by the first call */
	const struct noun *noun; /* of the intent commands; NULL: another command */
};

/* How the command line calls a type of intents. */
struct noun {
	const char *name;
	int type; /* enum intent_type */
};

/* What a word can be: help and completion read it, the commands do not. */
enum word_kind {
	WORD_NONE,
	WORD_TYPE,   /* an object type, and nothing after it */
	WORD_PUT,    /* TYPE field=value… */
	WORD_MATCH,  /* TYPE field=value…, fields of answers too */
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
	WORD_INTENT_KEY, /* [TYPE [NAME]] */
	WORD_CHOICE,	 /* one of the command's choices */
	WORD_TOKEN,	 /* the id of a token */
	WORD_TOKEN_NEW,	 /* NAME field=value… */
};

enum option_kind {
	OPTION_FLAG,
	OPTION_VALUE,
	OPTION_MAYBE, /* a number may follow */
	OPTION_MANY,  /* a value, again and again: args.many */
};

struct option_def {
	const char *name; /* without the dashes */
	char letter;	  /* or 0 */
	enum option_kind kind;
	const char *value; /* how help calls the value */
	const char *help;
	enum word_kind word; /* what completes the value */
};

#define OPTIONS_MAX 12

struct args {
	const struct command *command;
	char **words; /* what is left when the options are taken out */
	int count;
	bool set[OPTIONS_MAX]; /* by the option's place in the command's list */
	const char *value[OPTIONS_MAX];
	const char **many; /* values of the command's OPTION_MANY */
	int many_count;
};

struct command {
	const char *name;
	const char *synopsis;		  /* after "sluice [dp] NAME" */
	const char *summary;		  /* one line */
	const char *details;		  /* for its help page; may be NULL */
	const struct option_def *options; /* ends with a NULL name; may be NULL */
	enum word_kind words;
	int (*run)(struct cli *cli, const struct args *args);
	const char *const *choices; /* of WORD_CHOICE; ends with NULL */
};

extern const struct command command_put, command_apply, command_delete;	  /* cmd_object.c */
extern const struct command command_get, command_list;			  /* cmd_object.c */
extern const struct command command_stats;				  /* cmd_stats.c */
extern const struct command command_drops;				  /* cmd_stats.c */
extern const struct command command_table;				  /* cmd_table.c */
extern const struct command command_trace;				  /* cmd_trace.c */
extern const struct command command_watch, command_schema, command_hello; /* cmd_info.c */

/* What sluice-control is asked for. */
extern const struct command command_create, command_set, command_intents_delete; /* cmd_intent.c */
extern const struct command command_intents, command_show;			 /* cmd_intent.c */
extern const struct command command_apply_intents, command_diff;		 /* cmd_apply.c */
extern const struct command command_export;					 /* cmd_apply.c */
extern const struct command command_events;					 /* cmd_events.c */
extern const struct command command_top;					 /* cmd_status.c */
extern const struct command command_status;					 /* cmd_status.c */
extern const struct command command_topology;					 /* cmd_status.c */
extern const struct command command_token_create, command_token_list,
	command_token_delete; /* cmd_token.c */
extern const struct command command_intent_history, command_history,
	command_audit; /* cmd_record.c */

/* help.c: the words before a command's name. */
struct group {
	const char *name; /* "dp", "token", a noun; NULL: the commands that stand alone */
	const char *summary;
	const struct command *const *commands; /* ends with NULL */
	const struct noun *noun;	       /* of intents; else NULL */
};
extern const struct group groups[]; /* ends with a NULL commands */
extern const struct noun nouns[];   /* by enum intent_type */
/* By a noun, a kind ("virtual-dedicated-network") or a path ("slices"); NULL: there is none. */
const struct noun *noun_find(const char *word);
/* The command that the first words mean, and its group; *used: how many words that took. NULL when
 * there is none: then *group says how far they were understood (NULL: not at all). */
const struct command *groups_find(char **words, int count, const struct group **group, int *used);

/* The types stats knows besides objects; ends with NULL. */
extern const char *const stats_types[];

const struct option_def *option_find(const struct command *command, const char *word);

/* args.c: splits words into options and the rest. STATUS_OK, or STATUS_USAGE after saying why. */
int args_parse(const struct command *command, char **words, int count, struct args *args);
void args_free(struct args *args);
/* An option's value as a whole number: STATUS_OK, or STATUS_USAGE after saying why. Not set: *out
 * stays. */
int args_number(
	const struct args *args, int option, json_int_t min, json_int_t max, json_int_t *out);
/* args->words[0] as an object type; NULL after saying why. */
const struct api_type *args_type(const struct args *args);
/* "port, address, …" into text. */
void type_names(char *text, size_t size);

/* help.c: pages on stdout; the first two also stand behind usage errors. */
void help_top(FILE *out);
void help_group(FILE *out, const struct group *group);
void help_command(const struct command *command);
/* A noun's page, and a command's with the noun's fields. */
void help_noun(const struct group *group);
void help_intent_command(const struct noun *noun, const struct command *command);
void help_type(const struct command *command, const struct api_type *type);

/* complete.c: `sluice __complete WORDS…`. */
int complete_run(const struct cli *cli, int count, char **words);

/* report.c: what stands before the command's name in "usage: sluice …": "dp ", "slice ", "". */
extern const char *invocation_under;

/* report.c: all of these say their message on stderr and return the status to leave with. */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int usage(const struct command *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* What an error's data says, one a line, indented, on stderr. */
void report_details(const json_t *data);

/* report.c: the answer's result, which the caller owns; NULL after an error was reported. params is
 * stolen. */
json_t *cli_call(struct cli *cli, const char *method, json_t *params);
/* The same, but an error answer goes into *error (owned by the caller) unreported. */
json_t *cli_try(struct cli *cli, const char *method, json_t *params, json_t **error);
/* The next notification's params into *out (owned by the caller): 1, 0 when timeout_s passed
 * (negative: wait for ever), -1 after reporting that the connection is gone. */
int cli_event(struct cli *cli, double timeout_s, json_t **out);
/* The raw JSON on stdout: indented, or one line for streams of them. json is stolen. */
int print_json(json_t *json);
int print_json_line(const json_t *json);

#endif

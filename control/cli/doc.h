/* SPDX-License-Identifier: BSD-3-Clause */
/* Documents of intents in files: JSON or YAML, several in one file (a list, or with ---
 * between), many files in a directory, standard input. Remembers where each stood, for error
 * messages. Owns the texts and the documents. */
#ifndef CLI_DOC_H
#define CLI_DOC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define DOC_FILE_MAX (64u << 20)

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
	size_t file_count;
	struct document *item;
	size_t count, room;
	json_t *json; /* all of them in order: what POST /v1/apply takes */
	void (*progress)(const struct documents *all); /* after each file; may be NULL */
};

/* Adds what is in a file, in the files *.yaml, *.yml and *.json of a directory (in order of names),
 * or, for "-", on standard input. STATUS_OK, or STATUS_FAILED after saying why. */
int documents_read(struct documents *all, const char *path);
void documents_free(struct documents *all);

/* "site.yaml:12: document 3, slice blue" (new), for a field of a document; field may be "". */
char *document_where(const struct document *one, const char *field);

#endif

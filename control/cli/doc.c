/* SPDX-License-Identifier: BSD-3-Clause */
/* See doc.h. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "doc.h"
#include "text.h"
#include "yaml_json.h"

void documents_free(struct documents *all)
{
	size_t i;

	for (i = 0; i < all->file_count; i++) {
		free(all->files[i]->name);
		free(all->files[i]->text);
		free(all->files[i]);
	}
	free(all->files);
	free(all->item);
	json_decref(all->json);
}

char *document_where(const struct document *one, const char *field)
{
	const char *kind = json_string_value(json_object_get(one->json, "kind"));
	const char *name = json_string_value(json_object_get(one->json, "name"));
	char *path = xprintf("%s%s%s", one->prefix,
		one->prefix[0] != '\0' && field[0] != '\0' ? "." : "", field);
	size_t line = yaml_line(one->file->text, one->file->len, one->root, path);
	char *place =
		line > 0 ? xprintf("%s:%zu", one->file->name, line) : xstrdup(one->file->name);
	char *text = xprintf("%s: document %zu%s%s%s%s", place, one->number,
		kind != NULL || name != NULL ? ", " : "", kind != NULL ? kind : "",
		kind != NULL && name != NULL ? " " : "", name != NULL ? name : "");

	free(path);
	free(place);
	return text;
}

static int add_document(
	struct documents *all, struct doc_file *file, size_t root, const char *prefix, json_t *json)
{
	struct document one = {.file = file, .json = json, .root = root};
	char got[160], *where;

	snprintf(one.prefix, sizeof(one.prefix), "%s", prefix);
	one.number = ++file->documents;
	if (!json_is_object(json)) {
		where = document_where(&one, "");
		fail("%s: want an intent, {kind: …, name: …}, got %s", where,
			api_show(json, got, sizeof(got)));
		free(where);
		return STATUS_FAILED;
	}
	units_apply(json);
	if (all->count == all->room) {
		all->room = all->room ? all->room * 2 : 256;
		all->item = xrealloc(all->item, all->room * sizeof(*all->item));
	}
	all->item[all->count++] = one;
	if (all->json == NULL)
		all->json = json_array();
	json_array_append(all->json, json);
	return STATUS_OK;
}

/* A root is one document, a list of them, or a list as `list --json` prints it. */
static int add_root(struct documents *all, struct doc_file *file, size_t root, json_t *json)
{
	static const char *const lists[] = {"documents", "items"};
	json_t *list = json_is_array(json) ? json : NULL, *item;
	const char *name = "";
	int status = STATUS_OK;
	char prefix[48];
	size_t i;

	if (json_is_null(json)) /* nothing between two --- */
		return STATUS_OK;
	for (i = 0; i < 2 && json_object_get(json, "kind") == NULL; i++) {
		if (json_is_array(json_object_get(json, lists[i]))) {
			list = json_object_get(json, lists[i]);
			name = lists[i];
		}
	}
	if (list == NULL)
		return add_document(all, file, root, "", json);
	json_array_foreach (list, i, item) {
		snprintf(prefix, sizeof(prefix), "%s[%zu]", name, i);
		if (status == STATUS_OK)
			status = add_document(all, file, root, prefix, item);
	}
	return status;
}

/* JSON is read as such: its escapes and numbers are a little different from YAML's. */
static int parse(const struct doc_file *file, json_t **roots)
{
	size_t mark = strncmp(file->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* a byte order mark */
	const char *text = file->text + mark;
	size_t len = file->len - mark, start = strspn(text, " \t\r\n");
	struct yaml_error error;
	json_error_t json_error;
	json_t *json = NULL;

	if (text[start] == '{' || text[start] == '[')
		json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &json_error);
	if (json != NULL) {
		*roots = json_pack("[o]", json);
		return STATUS_OK;
	}
	if (ends_with(file->name, ".json") && text[start] != '\0')
		return text[start] == '{' || text[start] == '['
			       ? fail("%s:%d:%d: %s", file->name, json_error.line,
					 json_error.column, json_error.text)
			       : fail("%s: want JSON, an intent or a list of them", file->name);
	if (yaml_read(text, len, roots, &error) == 0)
		return STATUS_OK;
	return fail("%s:%zu:%zu: %s", file->name, error.line, error.column, error.text);
}

static int read_all(FILE *stream, struct doc_file *file)
{
	size_t size = 1u << 16, got;

	file->text = xrealloc(NULL, size);
	while ((got = fread(file->text + file->len, 1, size - file->len - 1, stream)) > 0) {
		file->len += got;
		if (file->len > DOC_FILE_MAX)
			return fail("%s: more than %u MiB", file->name, DOC_FILE_MAX >> 20);
		if (size - file->len < 4096) {
			size *= 2;
			file->text = xrealloc(file->text, size);
		}
	}
	file->text[file->len] = '\0';
	if (ferror(stream))
		return fail("%s: %s", file->name, strerror(errno));
	return STATUS_OK;
}

static struct doc_file *new_file(struct documents *all, const char *name)
{
	struct doc_file *file = xrealloc(NULL, sizeof(*file));

	memset(file, 0, sizeof(*file));
	file->name = xstrdup(name);
	all->files = xrealloc(all->files, (all->file_count + 1) * sizeof(*all->files));
	all->files[all->file_count++] = file;
	return file;
}

static int read_stream(struct documents *all, FILE *stream, const char *name)
{
	struct doc_file *file = new_file(all, name);
	int status = read_all(stream, file);
	json_t *roots = NULL, *root;
	size_t i;

	if (status == STATUS_OK)
		status = parse(file, &roots);
	json_array_foreach (roots, i, root)
		if (status == STATUS_OK)
			status = add_root(all, file, i, root);
	json_decref(roots);
	if (status == STATUS_OK && all->progress != NULL)
		all->progress(all);
	return status;
}

static int is_document_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       (ends_with(entry->d_name, ".yaml") || ends_with(entry->d_name, ".yml") ||
		       ends_with(entry->d_name, ".json"));
}

static int read_directory(struct documents *all, const char *path)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, is_document_file, alphasort), i, status = STATUS_OK;
	char *name;

	if (count < 0)
		return fail("%s: %s", path, strerror(errno));
	if (count == 0)
		status = fail("%s: there is no .yaml, .yml or .json in it", path);
	for (i = 0; i < count; i++) {
		name = xprintf("%s%s%s", path, ends_with(path, "/") ? "" : "/", entries[i]->d_name);
		if (status == STATUS_OK)
			status = documents_read(all, name);
		free(name);
		free(entries[i]);
	}
	free(entries);
	return status;
}

int documents_read(struct documents *all, const char *path)
{
	struct stat info;
	FILE *stream;
	int status;

	if (strcmp(path, "-") == 0)
		return read_stream(all, stdin, "standard input");
	if (stat(path, &info) != 0)
		return fail("%s: %s", path, strerror(errno));
	if (S_ISDIR(info.st_mode))
		return read_directory(all, path);
	stream = fopen(path, "re");
	if (stream == NULL)
		return fail("%s: %s", path, strerror(errno));
	status = read_stream(all, stream, path);
	fclose(stream);
	return status;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Documents of intents in files: JSON or YAML, several in one file (a list, or with --- between),
 * many files in a directory, standard input. Remembers where each stood, for error messages. Owns
 * the texts and the documents. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "yaml_json.h"

#define DOC_FILE_MAX (64u << 20)

void documents_free(struct documents *all)
{
	uint32_t i;

	for (i = 0; i < all->file_count; i++) {
		free(all->files[i]->name);
		free(all->files[i]->text);
		free(all->files[i]);
	}
	free(all->files);
	free(all->item);
	json_decref(all->json);
	json_decref(all->places);
}

/* As documents are looked for. New. */
static char *place_key(const json_t *intent)
{
	return xprintf("%s %s", json_text(intent, "kind"), json_text(intent, "name"));
}

const struct document *documents_find(const struct documents *all, const json_t *intent)
{
	char *key = place_key(intent);
	const json_t *place = json_object_get(all != NULL ? all->places : NULL, key);

	free(key);
	return place != NULL ? &all->item[json_integer_value(place)] : NULL;
}

char *document_where(const struct document *one, const char *field)
{
	const char *kind, *name;
	char *path, *text, line[24] = "";
	size_t at;

	if (one == NULL)
		return xstrdup("");
	kind = json_text(one->json, "kind");
	name = json_text(one->json, "name");
	path = xprintf("%s%s%s", one->prefix, one->prefix[0] != '\0' && field[0] != '\0' ? "." : "",
		field);
	at = yaml_line(one->file->text, one->file->len, one->root, path);
	free(path);
	if (at > 0)
		snprintf(line, sizeof(line), ":%zu", at);
	text = xprintf("%s%s: document %zu%s%s%s%s: ", one->file->name, line, one->number,
		*kind != '\0' || *name != '\0' ? ", " : "", kind,
		*kind != '\0' && *name != '\0' ? " " : "", name);
	return text;
}

static void add_document(
	struct documents *all, struct doc_file *file, size_t root, const char *prefix, json_t *json)
{
	struct document one = {.file = file, .json = json, .root = root};
	char got[160], *key;

	snprintf(one.prefix, sizeof(one.prefix), "%s", prefix);
	one.number = ++file->documents;
	if (!json_is_object(json))
		die("%swant an intent, {kind: …, name: …}, got %s", document_where(&one, ""),
			api_show(json, got, sizeof(got)));
	units_apply(json);
	if (all->json == NULL) {
		all->json = json_array();
		all->places = json_object();
	}
	key = place_key(json);
	json_object_set_new(all->places, key, json_integer(all->count));
	free(key);
	json_array_append(all->json, json);
	*(struct document *)xarray_add(&all->item, &all->room, &all->count, sizeof(one)) = one;
}

/* A root is one document, a list of them, or a list as `list --json` prints it. */
static void add_root(struct documents *all, struct doc_file *file, size_t root, json_t *json)
{
	static const char *const lists[] = {"documents", "items"};
	json_t *list = json_is_array(json) ? json : NULL, *item;
	const char *name = "";
	char prefix[48];
	size_t i;

	if (json_is_null(json)) /* nothing between two --- */
		return;
	for (i = 0; i < 2 && json_object_get(json, "kind") == NULL; i++) {
		if (json_is_array(json_object_get(json, lists[i]))) {
			list = json_object_get(json, lists[i]);
			name = lists[i];
		}
	}
	if (list == NULL)
		add_document(all, file, root, "", json);
	json_array_foreach (list, i, item) {
		snprintf(prefix, sizeof(prefix), "%s[%zu]", name, i);
		add_document(all, file, root, prefix, item);
	}
}

/* JSON is read as such: its escapes and numbers are a little different from YAML's. */
static json_t *parse(const struct doc_file *file)
{
	size_t mark = strncmp(file->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* a byte order mark */
	const char *text = file->text + mark;
	size_t len = file->len - mark, start = strspn(text, " \t\r\n");
	bool braced = text[start] == '{' || text[start] == '[';
	struct yaml_error error;
	json_error_t json_error;
	json_t *json = NULL, *roots;

	if (braced)
		json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &json_error);
	if (json != NULL)
		return json_pack("[o]", json);
	if (ends_with(file->name, ".json") && braced)
		die("%s:%d:%d: %s", file->name, json_error.line, json_error.column,
			json_error.text);
	if (ends_with(file->name, ".json") && text[start] != '\0')
		die("%s: want JSON, an intent or a list of them", file->name);
	if (yaml_read(text, len, &roots, &error) != 0)
		die("%s:%zu:%zu: %s", file->name, error.line, error.column, error.text);
	return roots;
}

static void read_all(FILE *stream, struct doc_file *file)
{
	size_t size = 1u << 16, got;

	file->text = xmalloc(size);
	while ((got = fread(file->text + file->len, 1, size - file->len - 1, stream)) > 0) {
		file->len += got;
		if (file->len > DOC_FILE_MAX)
			die("%s: more than %u MiB", file->name, DOC_FILE_MAX >> 20);
		if (size - file->len < 4096) {
			size *= 2;
			file->text = xrealloc(file->text, size);
		}
	}
	file->text[file->len] = '\0';
	if (ferror(stream))
		die("%s: %s", file->name, strerror(errno));
}

static void read_stream(struct documents *all, FILE *stream, const char *name)
{
	struct doc_file *file = xcalloc(1, sizeof(*file));
	json_t *roots, *root;
	size_t i;

	file->name = xstrdup(name);
	*(struct doc_file **)xarray_add(
		&all->files, &all->file_room, &all->file_count, sizeof(file)) = file;
	read_all(stream, file);
	roots = parse(file);
	json_array_foreach (roots, i, root)
		add_root(all, file, i, root);
	json_decref(roots);
	if (all->progress != NULL)
		all->progress(all);
}

static int is_document_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       (ends_with(entry->d_name, ".yaml") || ends_with(entry->d_name, ".yml") ||
		       ends_with(entry->d_name, ".json"));
}

static void read_directory(struct documents *all, const char *path)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, is_document_file, alphasort), i;
	char *name;

	if (count < 0)
		die("%s: %s", path, strerror(errno));
	if (count == 0)
		die("%s: there is no .yaml, .yml or .json in it", path);
	for (i = 0; i < count; i++) {
		name = xprintf("%s%s%s", path, ends_with(path, "/") ? "" : "/", entries[i]->d_name);
		documents_read(all, name);
		free(name);
		free(entries[i]);
	}
	free(entries);
}

void documents_read(struct documents *all, const char *path)
{
	struct stat info;
	FILE *stream;

	if (strcmp(path, "-") == 0) {
		read_stream(all, stdin, "standard input");
		return;
	}
	if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
		read_directory(all, path);
		return;
	}
	stream = fopen(path, "re");
	if (stream == NULL)
		die("%s: %s", path, strerror(errno));
	read_stream(all, stream, path);
	fclose(stream);
}

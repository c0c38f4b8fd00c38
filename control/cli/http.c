/* SPDX-License-Identifier: BSD-3-Clause */
/* See http.h. Calls go through a multi handle, so that something can be shown while one lasts. A
 * text/event-stream is taken apart as it comes (the HTML standard, "Server-sent events"). */
#include "http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* ---- server-sent events ---- */

#define SSE_MAX (4u << 20) /* bytes of one event */

struct sse {
	char *line, *data;
	size_t line_len, line_size, data_len, data_size;
	char id[128], event[128];
	bool enough, too_large;
	unsigned long count; /* events told */
};

static void sse_free(struct sse *sse)
{
	free(sse->line);
	free(sse->data);
}

static int grow(struct sse *sse, char **text, size_t *size, size_t need)
{
	sse->too_large = need > SSE_MAX;
	if (sse->too_large)
		return -1;
	if (need > *size) {
		*size = need * 2;
		*text = xrealloc(*text, *size);
	}
	return 0;
}

/* The blank line: what was gathered is an event, unless it had no data. */
static int dispatch(struct sse *sse, const struct http_listen *listen)
{
	struct http_event event = {sse->id, sse->event, sse->data};
	bool more = true;

	if (sse->data_len > 0) {
		sse->data[sse->data_len - 1] = '\0'; /* the last line's end */
		sse->count++;
		more = listen->each(&event, listen->arg);
		sse->enough = !more;
	}
	sse->data_len = 0;
	sse->event[0] = '\0';
	return more ? 0 : -1;
}

static int take_field(struct sse *sse, const char *name, const char *value)
{
	size_t len = strlen(value);

	if (strcmp(name, "id") == 0) {
		snprintf(sse->id, sizeof(sse->id), "%s", value);
	} else if (strcmp(name, "event") == 0) {
		snprintf(sse->event, sizeof(sse->event), "%s", value);
	} else if (strcmp(name, "data") == 0) {
		if (grow(sse, &sse->data, &sse->data_size, sse->data_len + len + 1) != 0)
			return -1;
		memcpy(sse->data + sse->data_len, value, len);
		sse->data[sse->data_len + len] = '\n';
		sse->data_len += len + 1;
	}
	return 0;
}

/* line ends with a NUL. */
static int take_line(struct sse *sse, char *line, const struct http_listen *listen)
{
	char *value = strchr(line, ':');

	if (line[0] == '\0')
		return dispatch(sse, listen);
	if (value == line)
		return 0; /* a comment */
	if (value != NULL)
		*value++ = '\0';
	if (value != NULL && *value == ' ')
		value++;
	return take_field(sse, line, value != NULL ? value : "");
}

/* 0; -1: each said that it is enough, or an event is larger than SSE_MAX. */
static int sse_feed(
	struct sse *sse, const char *bytes, size_t len, const struct http_listen *listen)
{
	size_t i;

	if (grow(sse, &sse->line, &sse->line_size, sse->line_len + len + 1) != 0)
		return -1;
	for (i = 0; i < len; i++) {
		if (bytes[i] != '\n') {
			sse->line[sse->line_len++] = bytes[i];
			continue;
		}
		if (sse->line_len > 0 && sse->line[sse->line_len - 1] == '\r')
			sse->line_len--;
		sse->line[sse->line_len] = '\0';
		sse->line_len = 0;
		if (take_line(sse, sse->line, listen) != 0)
			return -1;
	}
	return 0;
}

/* ---- calls ---- */

#define ANSWER_MAX (512u << 20)
#define CONNECT_MS 5000
#define TIMEOUT_S  30
#define TICK_MS	   200
#define SILENCE_S  60 /* a stream whose heartbeats (15 s) do not come is dead */

struct http {
	CURL *easy;
	CURLM *multi;
	char *socket; /* NULL: TCP */
	char *base;   /* "http://control" */
	char *bearer; /* "Authorization: Bearer …", or NULL */
	char *cacert, *cert, *key;
	long patience_ms;
	char error[CURL_ERROR_SIZE];
};

struct transfer {
	struct http *http;
	char *body;
	size_t len, size;
	const struct http_listen *listen; /* NULL: not a stream */
	struct sse sse;
};

static int read_token(const char *path, char **bearer, char *why)
{
	FILE *file = fopen(path, "re");
	char text[4096] = "";
	size_t len;

	if (file == NULL) {
		snprintf(why, HTTP_WHY, "cannot read the token in %s: %s", path, strerror(errno));
		return -1;
	}
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	len = strcspn(text, " \t\r\n");
	if (len == 0 || text[len + strspn(text + len, " \t\r\n")] != '\0') {
		snprintf(why, HTTP_WHY,
			"%s holds no token: want one line, as `sluice token create` "
			"printed it",
			path);
		return -1;
	}
	*bearer = xprintf("Authorization: Bearer %.*s", (int)len, text);
	return 0;
}

static int set_target(struct http *http, const char *control, char *why)
{
	if (strncmp(control, "https://", 8) == 0 && control[8] != '\0') {
		http->base = xstrdup(control);
		while (ends_with(http->base, "/"))
			http->base[strlen(http->base) - 1] = '\0';
		return 0;
	}
	if (strstr(control, "://") != NULL) {
		snprintf(why, HTTP_WHY,
			"--control wants the path of a unix socket or https://HOST:PORT, "
			"not \"%.200s\"",
			control);
		return -1;
	}
	http->socket = xstrdup(strncmp(control, "unix:", 5) == 0 ? control + 5 : control);
	http->base = xstrdup("http://control");
	return 0;
}

int http_open(const struct http_target *target, struct http **out, char *why)
{
	struct http *http = xrealloc(NULL, sizeof(*http));

	memset(http, 0, sizeof(*http));
	http->patience_ms = target->patience_ms;
	if (set_target(http, target->control, why) != 0)
		goto err_close;
	if (target->token_file != NULL && read_token(target->token_file, &http->bearer, why) != 0)
		goto err_close;
	if (target->cacert != NULL)
		http->cacert = xstrdup(target->cacert);
	if (target->cert != NULL) {
		http->cert = xstrdup(target->cert);
		http->key = xstrdup(target->key != NULL ? target->key : target->cert);
	}
	snprintf(why, HTTP_WHY, "libcurl did not start");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		goto err_close;
	http->easy = curl_easy_init();
	http->multi = curl_multi_init();
	if (http->easy == NULL || http->multi == NULL)
		goto err_close;
	*out = http;
	return 0;

err_close:
	http_close(http);
	return -1;
}

void http_close(struct http *http)
{
	if (http == NULL)
		return;
	curl_easy_cleanup(http->easy);
	curl_multi_cleanup(http->multi);
	free(http->socket);
	free(http->base);
	free(http->bearer);
	free(http->cacert);
	free(http->cert);
	free(http->key);
	free(http);
}

static size_t take_bytes(char *bytes, size_t one, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t len = one * count;
	long status = 0;

	curl_easy_getinfo(t->http->easy, CURLINFO_RESPONSE_CODE, &status);
	if (t->listen != NULL && status == 200)
		return sse_feed(&t->sse, bytes, len, t->listen) == 0 ? len : 0;
	if (t->len + len > ANSWER_MAX)
		return 0;
	if (t->len + len > t->size) {
		t->size = (t->len + len) * 2;
		t->body = xrealloc(t->body, t->size);
	}
	memcpy(t->body + t->len, bytes, len);
	t->len += len;
	return len;
}

static void prepare(
	struct http *http, struct transfer *t, const char *url, struct curl_slist *headers)
{
	CURL *easy = http->easy;

	curl_easy_reset(easy); /* the connection stays */
	http->error[0] = '\0';
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	if (http->socket != NULL)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, http->socket);
	if (http->cacert != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, http->cacert);
	if (http->cert != NULL) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, http->cert);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, http->key);
	}
	t->http = http;
}

/* Runs what is prepared to its end. quiet_s > 0: also ends after so long without an event. */
static CURLcode run(struct http *http, struct transfer *t, void (*tick)(void *), void *arg)
{
	double quiet_s = t->listen != NULL ? t->listen->quiet_s : 0, heard = clock_now();
	CURLcode result = CURLE_FAILED_INIT;
	unsigned long count = 0;
	int running = 0, left;
	CURLMsg *message;

	if (curl_multi_add_handle(http->multi, http->easy) != CURLM_OK)
		return result;
	do {
		if (curl_multi_perform(http->multi, &running) != CURLM_OK)
			break;
		if (running && curl_multi_poll(http->multi, NULL, 0, TICK_MS, NULL) != CURLM_OK)
			break;
		if (running && tick != NULL)
			tick(arg);
		if (t->sse.count != count)
			heard = clock_now();
		count = t->sse.count;
		if (running && quiet_s > 0 && clock_now() - heard > quiet_s) {
			result = CURLE_OK;
			t->sse.enough = true;
			break;
		}
	} while (running);
	while ((message = curl_multi_info_read(http->multi, &left)) != NULL)
		if (message->msg == CURLMSG_DONE)
			result = message->data.result;
	curl_multi_remove_handle(http->multi, http->easy);
	return result;
}

static void explain(struct http *http, CURLcode result, struct http_answer *answer)
{
	long os_error = 0;

	curl_easy_getinfo(http->easy, CURLINFO_OS_ERRNO, &os_error);
	answer->os_error = result == CURLE_COULDNT_CONNECT ? (int)os_error : 0;
	if (answer->os_error != 0)
		snprintf(answer->why, HTTP_WHY, "%s", strerror(answer->os_error));
	else
		snprintf(answer->why, HTTP_WHY, "%s",
			http->error[0] != '\0' ? http->error : curl_easy_strerror(result));
}

static struct curl_slist *headers_of(
	const struct http *http, const char *type, const char *match, const char *last_id)
{
	struct curl_slist *headers = NULL;
	char *text;

	/* no pause for "100 Continue" before a large body */
	headers = curl_slist_append(headers, "Expect:");
	if (http->bearer != NULL)
		headers = curl_slist_append(headers, http->bearer);
	if (type != NULL) {
		text = xprintf("Content-Type: %s", type);
		headers = curl_slist_append(headers, text);
		free(text);
	}
	if (match != NULL) {
		text = xprintf("If-Match: \"%s\"", match);
		headers = curl_slist_append(headers, text);
		free(text);
	}
	if (last_id != NULL) {
		text = xprintf("Last-Event-ID: %s", last_id);
		headers = curl_slist_append(headers, text);
		free(text);
	}
	return headers;
}

static void set_body(CURL *easy, const struct http_request *request, const char *body)
{
	if (strcmp(request->method, "GET") != 0)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	if (body == NULL)
		return;
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
}

static void set_time(const struct http *http, double timeout_s)
{
	long ms = (long)((timeout_s > 0 ? timeout_s : TIMEOUT_S) * 1000);

	curl_easy_setopt(
		http->easy, CURLOPT_TIMEOUT_MS, http->patience_ms > 0 ? http->patience_ms : ms);
}

/* What came, when something did. */
static void take_answer(struct http *http, const struct transfer *t, struct http_answer *answer)
{
	long status = 0;

	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
	answer->status = (int)status;
	if (t->len > 0)
		answer->json = json_loadb(t->body, t->len, JSON_DECODE_ANY, NULL);
}

int http_call(struct http *http, const struct http_request *request, struct http_answer *answer)
{
	char *url = xprintf("%s%s", http->base, request->path), *body = NULL;
	const char *type = request->type != NULL ? request->type : "application/json";
	struct curl_slist *headers =
		headers_of(http, request->body != NULL ? type : NULL, request->if_match, NULL);
	struct transfer t = {.listen = NULL};
	CURLcode result;

	memset(answer, 0, sizeof(*answer));
	if (request->body != NULL)
		body = json_dumps(request->body, JSON_COMPACT | JSON_ENCODE_ANY);
	prepare(http, &t, url, headers);
	set_body(http->easy, request, body);
	set_time(http, request->timeout_s);
	result = run(http, &t, request->tick, request->arg);
	if (result == CURLE_OK)
		take_answer(http, &t, answer);
	else
		explain(http, result, answer);
	free(t.body);
	curl_slist_free_all(headers);
	free(body);
	free(url);
	return result == CURLE_OK ? 0 : -1;
}

int http_stream(struct http *http, const struct http_listen *listen, struct http_answer *answer)
{
	char *url = xprintf("%s%s", http->base, listen->path);
	struct curl_slist *headers = headers_of(http, NULL, NULL, listen->last_id);
	struct transfer t = {.listen = listen};
	CURLcode result;
	int ended;

	memset(answer, 0, sizeof(*answer));
	prepare(http, &t, url, headers);
	curl_easy_setopt(http->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(http->easy, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S);
	result = run(http, &t, NULL, NULL);
	take_answer(http, &t, answer);
	if (t.sse.enough)
		ended = 0;
	else
		ended = answer->status == 200 ? 1 : -1;
	if (t.sse.too_large)
		snprintf(answer->why, HTTP_WHY, "an event is larger than %u MiB", SSE_MAX >> 20);
	else if (ended != 0 && result != CURLE_OK)
		explain(http, result, answer);
	else if (ended == 1)
		snprintf(answer->why, HTTP_WHY, "the server ended it");
	sse_free(&t.sse);
	free(t.body);
	curl_slist_free_all(headers);
	free(url);
	return ended;
}

char *http_escape(const char *text)
{
	static const char keep[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789-_.~";
	char *out = xrealloc(NULL, strlen(text) * 3 + 1), *at = out;

	for (; *text != '\0'; text++)
		at += strchr(keep, *text) != NULL ? sprintf(at, "%c", *text)
						  : sprintf(at, "%%%02X", (unsigned char)*text);
	*at = '\0';
	return out;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP to sluice-control, by libcurl: on its unix socket, or by TLS with a token. Calls go through
 * a multi handle, so that something can be shown while one lasts; a text/event-stream is taken
 * apart as it comes (the HTML standard, "Server-sent events"). Owns the connections. */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* ---- server-sent events ---- */

#define SSE_MAX (4u << 20) /* bytes of one event */

struct sse {
	char *line, *data;
	size_t line_len, line_size, data_len, data_size;
	char id[128], event[128];
	bool enough, too_large;
	double heard; /* when the last event came */
};

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
static int dispatch(struct sse *sse, const struct http_request *listen)
{
	if (sse->data_len > 0) {
		sse->data[sse->data_len - 1] = '\0'; /* the last line's end */
		sse->heard = clock_now();
		sse->enough = !listen->each(sse->event, sse->id, sse->data, listen->arg);
	}
	sse->data_len = 0;
	sse->event[0] = '\0';
	return sse->enough ? -1 : 0;
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
static int take_line(struct sse *sse, char *line, const struct http_request *listen)
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
	struct sse *sse, const char *bytes, size_t len, const struct http_request *listen)
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
	const char *socket; /* NULL: TCP */
	char *base;	    /* "http://control" */
	char *bearer;	    /* "Authorization: Bearer …", or NULL */
	char error[CURL_ERROR_SIZE];
};

struct transfer {
	struct http *http;
	const struct http_request *request;
	char *body;
	size_t len, size;
	struct sse sse;
};

/* NULL: why says it. */
static char *read_token(const char *path, char *why)
{
	FILE *file = fopen(path, "re");
	char text[4096] = "";
	size_t len;

	if (file == NULL) {
		snprintf(why, HTTP_WHY, "cannot read the token in %s: %s", path, strerror(errno));
		return NULL;
	}
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	len = strcspn(text, " \t\r\n");
	if (len == 0 || text[len + strspn(text + len, " \t\r\n")] != '\0') {
		snprintf(why, HTTP_WHY,
			"%s holds no token: want one line, as `sluice token create` printed it",
			path);
		return NULL;
	}
	return xprintf("Authorization: Bearer %.*s", (int)len, text);
}

/* NULL: why says how what the options name makes no sense. */
static struct http *http_open(const struct cli *cli, char *why)
{
	const char *control = cli->control;
	bool tls = strncmp(control, "https://", 8) == 0 && control[8] != '\0';
	struct http *http;
	char *bearer = NULL;

	if (!tls && strstr(control, "://") != NULL) {
		snprintf(why, HTTP_WHY,
			"--control wants the path of a unix socket or https://HOST:PORT, not "
			"\"%.200s\"",
			control);
		return NULL;
	}
	if (cli->token_file != NULL && (bearer = read_token(cli->token_file, why)) == NULL)
		return NULL;
	http = xcalloc(1, sizeof(*http));
	http->bearer = bearer;
	http->base = xstrdup(tls ? control : "http://control");
	while (ends_with(http->base, "/"))
		http->base[strlen(http->base) - 1] = '\0';
	if (!tls)
		http->socket = strncmp(control, "unix:", 5) == 0 ? control + 5 : control;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	http->easy = curl_easy_init();
	http->multi = curl_multi_init();
	return http;
}

void http_close(struct http *http)
{
	if (http == NULL)
		return;
	curl_easy_cleanup(http->easy);
	curl_multi_cleanup(http->multi);
	free(http->base);
	free(http->bearer);
	free(http);
}

static size_t take_bytes(char *bytes, size_t one, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t len = one * count;
	long status = 0;

	curl_easy_getinfo(t->http->easy, CURLINFO_RESPONSE_CODE, &status);
	if (t->request->each != NULL && status == 200)
		return sse_feed(&t->sse, bytes, len, t->request) == 0 ? len : 0;
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

/* value NULL: no such header */
static void add_header(struct curl_slist **headers, const char *name, const char *value)
{
	char *text;

	if (value == NULL)
		return;
	text = xprintf("%s%s", name, value);
	*headers = curl_slist_append(*headers, text);
	free(text);
}

static struct curl_slist *headers_of(const struct http *http, const struct http_request *request)
{
	struct curl_slist *headers = NULL;
	char *match = request->if_match != NULL ? xprintf("\"%s\"", request->if_match) : NULL;

	/* no pause for "100 Continue" before a large body */
	headers = curl_slist_append(headers, "Expect:");
	add_header(&headers, "", http->bearer);
	if (request->body != NULL)
		add_header(&headers, "Content-Type: ",
			request->type != NULL ? request->type : "application/json");
	add_header(&headers, "If-Match: ", match);
	add_header(&headers, "Last-Event-ID: ", request->last_id);
	free(match);
	return headers;
}

/* How long it may last. */
static void set_time(CURL *easy, const struct cli *cli, const struct http_request *request)
{
	long ms = (long)((request->timeout_s > 0 ? request->timeout_s : TIMEOUT_S) * 1000);

	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	if (request->each == NULL) {
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
			cli->patience_ms > 0 ? (long)cli->patience_ms : ms);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S);
}

static void prepare(const struct cli *cli, struct transfer *t, const char *url, const char *body,
	struct curl_slist *headers)
{
	struct http *http = t->http;
	CURL *easy = http->easy;

	curl_easy_reset(easy); /* the connection stays */
	http->error[0] = '\0';
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	/* NULL: none */
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, http->socket);
	if (cli->cacert != NULL) /* else the system's authorities */
		curl_easy_setopt(easy, CURLOPT_CAINFO, cli->cacert);
	curl_easy_setopt(easy, CURLOPT_SSLCERT, cli->cert);
	curl_easy_setopt(easy, CURLOPT_SSLKEY, cli->key != NULL ? cli->key : cli->cert);
	if (strcmp(t->request->method, "GET") != 0)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, t->request->method);
	if (body != NULL) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	}
	set_time(easy, cli, t->request);
}

/* Runs what is prepared to its end; a stream also to the end of its events' quiet. */
static CURLcode run(struct http *http, struct transfer *t)
{
	const struct http_request *request = t->request;
	CURLcode result = CURLE_FAILED_INIT;
	int running = 0, left;
	CURLMsg *message;

	if (curl_multi_add_handle(http->multi, http->easy) != CURLM_OK)
		return result;
	t->sse.heard = clock_now();
	do {
		if (curl_multi_perform(http->multi, &running) != CURLM_OK)
			break;
		if (running && curl_multi_poll(http->multi, NULL, 0, TICK_MS, NULL) != CURLM_OK)
			break;
		if (running && request->tick != NULL)
			request->tick();
		if (running && request->quiet_s > 0 &&
			clock_now() - t->sse.heard > request->quiet_s)
			t->sse.enough = true;
	} while (running && !t->sse.enough);
	while ((message = curl_multi_info_read(http->multi, &left)) != NULL)
		if (message->msg == CURLMSG_DONE)
			result = message->data.result;
	curl_multi_remove_handle(http->multi, http->easy);
	return result;
}

/* What came, and why no more did. */
static void take_answer(const struct transfer *t, CURLcode result, struct http_answer *answer)
{
	long status = 0, os_error = 0;
	const char *why = "the server ended it";

	curl_easy_getinfo(t->http->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->http->easy, CURLINFO_OS_ERRNO, &os_error);
	answer->status = (int)status;
	if (t->len > 0)
		answer->json = json_loadb(t->body, t->len, JSON_DECODE_ANY, NULL);
	if (result == CURLE_COULDNT_CONNECT)
		answer->os_error = (int)os_error;
	if (t->sse.too_large)
		snprintf(answer->why, HTTP_WHY, "an event is larger than %u MiB", SSE_MAX >> 20);
	else if (answer->os_error != 0)
		why = strerror(answer->os_error);
	else if (result != CURLE_OK)
		why = t->http->error[0] != '\0' ? t->http->error : curl_easy_strerror(result);
	if (!t->sse.too_large)
		snprintf(answer->why, HTTP_WHY, "%s", why);
}

int http_call(struct cli *cli, const struct http_request *request, struct http_answer *answer)
{
	char *url, *body;
	struct curl_slist *headers;
	struct transfer t = {.request = request};
	CURLcode result;

	memset(answer, 0, sizeof(*answer));
	if (cli->http == NULL && (cli->http = http_open(cli, answer->why)) == NULL) {
		if (cli->patience_ms == 0)
			die("%s", answer->why);
		return STATUS_UNREACHED;
	}
	t.http = cli->http;
	url = xprintf("%s%s", cli->http->base, request->path);
	body = json_dumps(request->body, JSON_COMPACT | JSON_ENCODE_ANY);
	headers = headers_of(cli->http, request);
	prepare(cli, &t, url, body, headers);
	result = run(cli->http, &t);
	take_answer(&t, result, answer);
	free(t.sse.line);
	free(t.sse.data);
	free(t.body);
	curl_slist_free_all(headers);
	free(body);
	free(url);
	return t.sse.enough || (request->each == NULL && result == CURLE_OK) ? STATUS_OK
									     : STATUS_UNREACHED;
}

char *http_escape(const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, 0), *copy = xstrdup(escaped);

	curl_free(escaped);
	return copy;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The web app of a world: see app.h. */
#include "app.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/mem.h"
#include "contract.h"

enum { REQUEST_MAX = 64 * 1024 * 1024 };

struct app_conn {
	TAILQ_ENTRY(app_conn) entry;
	int fd;
	struct ac_buf in;
	struct player player;
	bool is_playing; /* the player has something left */
	bool is_ahead;   /* of the request that it answers */
	char *ordinary;  /* owned: the ordinary answer that is played */
};

/* The site's ordinary answers, as chunks. */
struct ordinary {
	const char *headers; /* more than the usual ones */
	const char *body;
};

static const struct ordinary session = {
    "Content-Type: application/json\r\n"
    "Set-Cookie: session_token=0af3; Path=/; Max-Age=600; Secure\r\n",
    "{\"success\":true}",
};

static const struct ordinary models = {
    "Content-Type: application/json\r\n",
    "[{\"id\":\"m\",\"name\":\"M\",\"temperature\":0.6,\"top_p\":0.9},"
    "{\"id\":\"n\",\"available\":false}]",
};

static const struct ordinary data_stream = {
    "Content-Type: text/plain; charset=utf-8\r\n"
    "x-vercel-ai-data-stream: v1\r\n",
    "f:{\"messageId\":\"msg-12\"}\n0:\"Hello\"\n0:\" there\"\n"
    "d:{\"finishReason\":\"stop\","
    "\"usage\":{\"promptTokens\":1,\"completionTokens\":2}}\n",
};

static const struct ordinary ui_stream = {
    "Content-Type: text/event-stream\r\n"
    "x-vercel-ai-ui-message-stream: v1\r\n",
    "data: {\"type\":\"text-start\",\"id\":\"0\"}\n\n"
    "data: {\"type\":\"text-delta\",\"id\":\"0\","
    "\"delta\":\"Hello there\"}\n\n"
    "data: {\"type\":\"finish\"}\n\ndata: [DONE]\n\n",
};

static const struct ordinary drawing = {
    "Content-Type: text/plain; charset=utf-8\r\n"
    "x-vercel-ai-data-stream: v1\r\n",
    "0:\"<image_generation> jobId='j-1' prompt='a cat' "
    "negative=''</image_generation>\"\n"
    "d:{\"finishReason\":\"stop\"}\n",
};

static const struct ordinary status = {
    "Content-Type: text/plain;charset=UTF-8\r\n",
    "[{\"job_id\":\"j-1\",\"status\":\"succeeded\","
    "\"result\":\"/api/image/cat.png\"}]",
};

static const struct ordinary picture = {
    "Content-Type: image/png\r\n",
    "\x89PNG\r\n\x1a\n01234567",
};

void
app_init(struct app *app)
{
	*app = (struct app){.is_early = false};
	TAILQ_INIT(&app->conns);
}

static void
free_conn(struct app_conn *conn)
{
	close(conn->fd);
	ac_buf_clear(&conn->in);
	free(conn->ordinary);
	free(conn);
}

void
app_clear(struct app *app)
{
	struct app_conn *conn, *next;

	for (conn = TAILQ_FIRST(&app->conns); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, entry);
		free_conn(conn);
	}
}

static void
play(struct app_conn *conn, struct script script, bool in_one)
{
	conn->player = (struct player){.script = script, .in_one = in_one};
	conn->is_playing = true;
}

/* Gives the connection the next section; false: the ordinary answer. */
static bool
play_section(struct app *app, struct app_conn *conn)
{
	struct script section;

	if (app->script.len == 0)
		return false;
	section = script_next_section(&app->script);
	if (section.len == 1 && *section.at == '@')
		return false;
	play(conn, section, app->in_one);
	return true;
}

bool
app_connect(struct app *app, int fd)
{
	struct app_conn *conn;

	if (app->script.len > 0 && *app->script.at == '!') {
		script_next_section(&app->script);
		return false;
	}
	conn = ac_calloc(1, sizeof(*conn));
	conn->fd = fd;
	ac_buf_init(&conn->in, REQUEST_MAX);
	TAILQ_INSERT_TAIL(&app->conns, conn, entry);
	if (app->is_early)
		conn->is_ahead = play_section(app, conn);
	return true;
}

/* What is read of a request: the lines of its head are those of http_conn. */
struct request {
	const char *path;
	size_t path_len;
	const char *body;
	size_t body_len;
	size_t len; /* of all of it */
	bool is_post;
};

static void
check_line(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		FUZZ_CHECK(line[i] >= ' ' && line[i] <= '~');
}

/* Checks a head and finds the length of the body. */
static void
read_head(struct request *request, const char *data, size_t head_len)
{
	const char *line = data;
	size_t hosts = 0;

	request->is_post = memcmp(data, "POST ", 5) == 0;
	FUZZ_CHECK(request->is_post || memcmp(data, "GET ", 4) == 0);
	request->path = data + (request->is_post ? 5 : 4);
	request->path_len = strcspn(request->path, " \r");
	FUZZ_CHECK(memcmp(request->path + request->path_len, " HTTP/1.1\r\n",
		       11) == 0);
	while (line < data + head_len - 2) {
		const char *end = strstr(line, "\r\n");

		check_line(line, (size_t)(end - line));
		hosts += strncasecmp(line, "Host:", 5) == 0;
		FUZZ_CHECK(strncasecmp(line, "Transfer-Encoding", 17) != 0);
		if (strncasecmp(line, "Content-Length: ", 16) == 0) {
			FUZZ_CHECK(request->body_len == 0);
			request->body_len = strtoul(line + 16, NULL, 10);
		}
		line = end + 2;
	}
	FUZZ_CHECK(hosts == 1);
}

/* False: the next request is not whole. */
static bool
read_request(struct request *request, struct ac_buf *in)
{
	const char *data = ac_buf_string(in);
	const char *end = memmem(data, in->len, "\r\n\r\n", 4);
	size_t head_len;

	*request = (struct request){.path = NULL};
	if (end == NULL)
		return false;
	head_len = (size_t)(end - data) + 4;
	read_head(request, data, head_len);
	request->body = data + head_len;
	request->len = head_len + request->body_len;
	return request->len <= in->len;
}

static bool
begins(const struct request *request, const char *path)
{
	return strncmp(request->path, path, strlen(path)) == 0;
}

static bool
is_drawn(const struct request *request)
{
	static const char model[] = "\"model\":\"AkashGen\"";

	return memmem(request->body, request->body_len, model,
		   sizeof(model) - 1) != NULL;
}

static const struct ordinary *
find_ordinary(const struct app *app, const struct request *request)
{
	if (begins(request, "/api/auth/session/ "))
		return &session;
	if (begins(request, "/api/models/ "))
		return &models;
	if (begins(request, "/api/chat/ ") && is_drawn(request))
		return &drawing;
	if (begins(request, "/api/chat/ "))
		return app->speaks_ui_stream ? &ui_stream : &data_stream;
	if (begins(request, "/api/image-status/?ids="))
		return &status;
	FUZZ_CHECK(begins(request, "/api/image/"));
	return &picture;
}

static void
play_ordinary(
    struct app *app, struct app_conn *conn, const struct request *request)
{
	const struct ordinary *ordinary = find_ordinary(app, request);

	free(conn->ordinary);
	conn->ordinary = ac_asprintf(
	    "HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\n\r\n"
	    "%zx\r\n%s\r\n0\r\n\r\n",
	    ordinary->headers, strlen(ordinary->body), ordinary->body);
	play(conn, (struct script){conn->ordinary, strlen(conn->ordinary)},
	    app->in_one);
}

static bool
is_help(const struct request *request)
{
	return begins(request, "/api/auth/session/ ") ||
	       begins(request, "/api/models/ ");
}

static void
answer_request(
    struct app *app, struct app_conn *conn, const struct request *request)
{
	FUZZ_CHECK(request->is_post == begins(request, "/api/chat/ "));
	if (request->is_post) {
		app->chat_count++;
		contract_check_chat(request->body, request->body_len);
	}
	if (conn->is_ahead) {
		conn->is_ahead = false;
		return;
	}
	/* Nothing is asked before the answer before is over, unless a script
	 * went on behind it. */
	if ((app->is_helpful && is_help(request)) || !play_section(app, conn))
		play_ordinary(app, conn, request);
}

/* Reads what is there; false where the connection is over. *moved: something
 * was. */
static bool
read_some(struct app *app, struct app_conn *conn, bool *moved)
{
	static char piece[64 * 1024];
	ssize_t len = recv(conn->fd, piece, sizeof(piece), 0);
	struct request request;

	if (len < 0 && errno == EAGAIN)
		return true;
	*moved = true;
	if (len <= 0)
		return false;
	FUZZ_CHECK(ac_buf_add(&conn->in, piece, (size_t)len));
	while (read_request(&request, &conn->in)) {
		answer_request(app, conn, &request);
		memmove(conn->in.data, conn->in.data + request.len,
		    conn->in.len - request.len);
		conn->in.len -= request.len;
	}
	return true;
}

/* False where the connection is over. */
static bool
write_some(struct app_conn *conn, bool *moved)
{
	if (!conn->is_playing)
		return true;
	switch (player_move(&conn->player, conn->fd)) {
	case PLAYER_MOVED:
		break;
	case PLAYER_WAITS:
		return true;
	case PLAYER_CLOSES:
		*moved = true;
		return false;
	case PLAYER_HALF_CLOSES:
		shutdown(conn->fd, SHUT_WR);
		break;
	case PLAYER_OVER:
		conn->is_playing = false;
		break;
	}
	*moved = true;
	return true;
}

bool
app_move(struct app *app)
{
	struct app_conn *conn, *next;
	bool moved = false;

	for (conn = TAILQ_FIRST(&app->conns); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, entry);
		if (read_some(app, conn, &moved) && write_some(conn, &moved))
			continue;
		TAILQ_REMOVE(&app->conns, conn, entry);
		free_conn(conn);
	}
	return moved;
}

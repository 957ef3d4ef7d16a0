/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What the upstream says, raw, from its connections to the client's answer:
 * the client gets one whole answer, whatever comes, within the server's own
 * deadlines; the bytes' cuts change nothing in it; and some time later the
 * next request, which the site answers as it should, succeeds.
 *
 * The first byte says what is asked for, the second how the site behaves
 * (enum manners), the rest is its script (app.h, script.h).
 */
#include <string.h>

#include "base/attr.h"
#include "fuzz.h"
#include "rig.h"

enum manners {
	SCRIPTS_ALL = 1,   /* sessions and models are of the script too */
	IS_EARLY = 2,      /* it answers before it is asked */
	SERVER_LEAVES = 4, /* the server is freed once the client has asked */
	CLIENT_LEAVES = 8, /* likewise the client */
	HANDS_OUT = 16,    /* IMAGE_URLS=proxy */
	WITH_TAGS = 32,    /* REASONING=tags */
};

enum { REST_MS = 400 * 1000, INPUT_MAX = 32 * 1024 };

enum asked_kind {
	ASKED_TEXT,
	ASKED_OTHER,
	ASKED_SEVERAL, /* the site gets several requests at once */
	ASKED_FILE,
};

static const struct {
	enum asked_kind kind;
	const char *path;
	const char *body; /* NULL: GET */
} asked[] = {
    {ASKED_TEXT, "/v1/chat/completions",
	"{\"model\":\"m\",\"stream\":true,\"messages\":["
	"{\"role\":\"user\",\"content\":\"hi\"}]}"},
    {ASKED_TEXT, "/v1/chat/completions",
	"{\"model\":\"m\",\"messages\":["
	"{\"role\":\"user\",\"content\":\"hi\"}]}"},
    {ASKED_TEXT, "/v1/chat/completions",
	"{\"model\":\"m\",\"stream\":true,\"stop\":[\"ab\",\"</\"],"
	"\"max_tokens\":9,\"messages\":["
	"{\"role\":\"user\",\"content\":\"hi\"}]}"},
    {ASKED_TEXT, "/v1/completions",
	"{\"model\":\"m\",\"stream\":true,\"prompt\":\"a\"}"},
    {ASKED_OTHER, "/v1/models", NULL},
    {ASKED_OTHER, "/v1/images/generations",
	"{\"prompt\":\"a cat\",\"response_format\":\"b64_json\"}"},
    {ASKED_SEVERAL, "/v1/images/generations", "{\"prompt\":\"a cat\",\"n\":2}"},
    {ASKED_OTHER, "/v1/chat/completions",
	"{\"model\":\"AkashGen\",\"stream\":true,\"messages\":["
	"{\"role\":\"user\",\"content\":\"hi\"}]}"},
    {ASKED_FILE, "/images/cat.png", NULL},
    {ASKED_OTHER, "/v1/models/m", NULL},
};

static void
serve(struct rig *rig, uint8_t manners, struct script script)
{
	const char *const options[] = {"IMAGE_URLS",
	    manners & HANDS_OUT ? "proxy" : "upstream", "REASONING",
	    manners & WITH_TAGS ? "tags" : "field", NULL};

	rig_init(rig);
	rig->app.script = script;
	rig->app.is_helpful = !(manners & SCRIPTS_ALL);
	rig->app.is_early = manners & IS_EARLY;
	rig_serve(rig, options);
}

static void
ask(struct rig *rig, size_t which)
{
	static char text[1024];
	const char *path = asked[which].path, *body = asked[which].body;

	if (body == NULL)
		snprintf(text, sizeof(text),
		    "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	else
		snprintf(text, sizeof(text),
		    "POST %s HTTP/1.1\r\nHost: localhost\r\n"
		    "Content-Length: %zu\r\n\r\n%s",
		    path, strlen(body), body);
	rig_ask(rig, (struct script){text, strlen(text)}, true);
}

/* The site has nothing left but its ordinary answers. */
static void
expect_success(struct rig *rig)
{
	struct answer answer;

	rig->app.script.len = 0;
	rig->app.is_early = false;
	rig_rest(rig, REST_MS);
	ask(rig, 1);
	FUZZ_CHECK(rig_play_answer(rig, &answer));
	FUZZ_CHECK(answer.status == 200 && answer.is_whole);
	FUZZ_CHECK(memmem(answer.body.data, answer.body.len, "Hello there",
		       11) != NULL);
	answer_clear(&answer);
}

/* Somebody leaves as soon as the request is out. */
static void
leave(struct rig *rig, uint8_t manners)
{
	rig_play_script(rig);
	if (!(manners & SERVER_LEAVES))
		expect_success(rig);
	rig_close(rig);
}

static void
play(struct answer *answer, size_t which, uint8_t manners, struct script script,
    bool in_one)
{
	struct rig rig;

	serve(&rig, manners, script);
	rig.app.in_one = in_one;
	ask(&rig, which);
	*answer = (struct answer){.status = 0};
	/* A file that breaks off has no other way to say so. */
	if (!rig_play_answer(&rig, answer) || !answer->is_whole)
		FUZZ_CHECK(asked[which].kind == ASKED_FILE);
	else
		answer_check(answer);
	expect_success(&rig);
	rig_close(&rig);
}

static void
expect_same(
    const struct answer *a, const struct answer *b, enum asked_kind kind)
{
	struct ac_buf one, other;

	/* A file that breaks off at once may take its head with it. */
	if (kind == ASKED_FILE && !(a->is_whole && b->is_whole))
		return;
	FUZZ_CHECK(a->status == b->status);
	FUZZ_CHECK(a->is_whole == b->is_whole);
	if (kind != ASKED_TEXT)
		return;
	one = answer_text(a);
	other = answer_text(b);
	FUZZ_CHECK(
	    one.len == other.len &&
	    (one.len == 0 || memcmp(one.data, other.data, one.len) == 0));
	ac_buf_clear(&one);
	ac_buf_clear(&other);
}

/* Whether it is the same script without its cuts. */
static bool
can_be_in_one(struct script script)
{
	return script_has(script, SCRIPT_CUT) &&
	       !script_has(script, SCRIPT_SLEEP) &&
	       !script_has(script, SCRIPT_FLOOD);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = {(const char *)data + 2, size - 2};
	struct answer cut, in_one;
	size_t which;
	uint8_t manners;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	which = data[0] % AC_LENGTH(asked);
	manners = data[1];
	if (manners & (SERVER_LEAVES | CLIENT_LEAVES)) {
		struct rig rig;

		serve(&rig, manners, script);
		ask(&rig, which);
		leave(&rig, manners);
		return 0;
	}
	play(&cut, which, manners, script, false);
	/* Whoever of several is first gets the next section. */
	if (can_be_in_one(script) && asked[which].kind != ASKED_SEVERAL) {
		play(&in_one, which, manners, script, true);
		expect_same(&cut, &in_one, asked[which].kind);
		answer_clear(&in_one);
	}
	answer_clear(&cut);
	return 0;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What a client says, raw, through the server: it gets nothing but whole HTTP
 * answers with the bodies that belong to them, and the connection's end within
 * the server's deadlines; what reaches the site is what the site takes
 * (contract.h); and the bytes' cuts change none of this.
 *
 * The first byte says how the server is set up (enum setting), the rest is
 * the client's script (script.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "rig.h"

enum setting {
	WANTS_KEY = 1,
	SPEAKS_UI_STREAM = 2,
	SERVER_LEAVES = 4, /* is freed once the client has spoken */
	IS_SMALL = 8,      /* few bytes of a body, few requests at once */
	HANDS_OUT = 16,    /* IMAGE_URLS=proxy */
	LOGS_JSON = 32,
	TRUSTS_PROXIES = 64,
	HAS_DEFAULTS = 128, /* another model, system prompt and so on */
};

enum { INPUT_MAX = 32 * 1024 };

struct outcome {
	size_t answers;
	size_t asked;       /* chats that reached the site */
	struct ac_buf seen; /* the answers' statuses, a byte for ten */
};

static const char **
choose_options(uint8_t settings)
{
	const char **options = ac_calloc(32, sizeof(*options));
	size_t n = 0;

#define OPTION(name, value) (options[n++] = (name), options[n++] = (value))
	if (settings & WANTS_KEY)
		OPTION("BEARER_TOKEN", "sesame");
	if (settings & IS_SMALL) {
		OPTION("MAX_BODY_SIZE", "1024");
		OPTION("MAX_CONCURRENT_REQUESTS", "1");
	}
	if (settings & HANDS_OUT)
		OPTION("IMAGE_URLS", "proxy");
	if (settings & LOGS_JSON)
		OPTION("LOG_FORMAT", "json");
	if (settings & TRUSTS_PROXIES)
		OPTION("TRUSTED_PROXIES", "unix, 10.0.0.0/8");
	if (settings & HAS_DEFAULTS) {
		OPTION("DEFAULT_MODEL", "m*");
		OPTION("UNKNOWN_MODELS", "reject");
		OPTION("MODEL_ALIASES", "gpt-4o=m, a=AkashGen");
		OPTION("SYSTEM_PROMPT", "Be kind.");
		OPTION("CORS_ALLOW_ORIGINS", "https://a.example");
		OPTION("REASONING", "tags");
	}
#undef OPTION
	return options;
}

/* Reads everything that the client got. */
static void
read_answers(struct outcome *outcome, struct rig *rig)
{
	const char *data = ac_buf_string(&rig->got);
	size_t left = rig->got.len, len;
	struct answer answer;
	bool is_over = false;

	ac_buf_init(&outcome->seen, INPUT_MAX);
	while ((len = answer_read(
		    &answer, data, left, rig->ended, ANSWER_TO_ANY)) > 0) {
		FUZZ_CHECK(!is_over);
		is_over = answer.closes || !answer.ends_itself;
		FUZZ_CHECK(answer.is_whole || rig->left);
		if (answer.is_whole)
			answer_check(&answer);
		FUZZ_CHECK(ac_buf_add(
		    &outcome->seen, &(char){(char)(answer.status / 4)}, 1));
		outcome->answers++;
		answer_clear(&answer);
		data += len;
		left -= len;
	}
	/* Of whoever was told to go on, and did not, there may be that. */
	FUZZ_CHECK(left == 0 || rig->left ||
		   strncmp(data, "HTTP/1.1 100 Continue\r\n\r\n", left) == 0);
}

static bool
has_word(struct script script, const char *word)
{
	return memmem(script.at, script.len, word, strlen(word)) != NULL;
}

static void
play(struct outcome *outcome, uint8_t settings, struct script script,
    bool in_one)
{
	const char **options = choose_options(settings);
	struct rig rig;

	*outcome = (struct outcome){.answers = 0};
	rig_init(&rig);
	rig.app.speaks_ui_stream = settings & SPEAKS_UI_STREAM;
	rig.app.in_one = true;
	rig_serve(&rig, options);
	rig_ask(&rig, script, in_one);
	if (settings & SERVER_LEAVES) {
		rig_play_script(&rig);
	} else {
		rig_play_out(&rig);
		/* An answer to HEAD has no body, whatever its length says. */
		if (!has_word(script, "HEAD"))
			read_answers(outcome, &rig);
	}
	outcome->asked = rig.app.chat_count;
	rig_close(&rig);
	free(options);
}

static void
expect_same(const struct outcome *a, const struct outcome *b)
{
	FUZZ_CHECK(a->answers == b->answers);
	FUZZ_CHECK(a->asked == b->asked);
	FUZZ_CHECK(a->answers == 0 ||
		   memcmp(a->seen.data, b->seen.data, a->seen.len) == 0);
}

/* Whether it is the same script without its cuts. */
static bool
can_be_in_one(struct script script)
{
	return script_has(script, SCRIPT_CUT) &&
	       !script_has(script, SCRIPT_SLEEP) &&
	       !script_has(script, SCRIPT_CLOSE) &&
	       !script_has(script, SCRIPT_HALF_CLOSE) &&
	       !script_has(script, SCRIPT_FLOOD);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = {(const char *)data + 1, size - 1};
	struct outcome cut, in_one;

	if (size < 1 || size > INPUT_MAX)
		return 0;
	play(&cut, data[0], script, false);
	/* Whether the server is ready depends on when it is asked. */
	if (can_be_in_one(script) && !(data[0] & SERVER_LEAVES) &&
	    !has_word(script, "ready")) {
		play(&in_one, data[0], script, true);
		expect_same(&cut, &in_one);
		ac_buf_clear(&in_one.seen);
	}
	ac_buf_clear(&cut.seen);
	return 0;
}

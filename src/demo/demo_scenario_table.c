/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The table of scenarios: see demo_scenario_table.h. Where the real app was
 * seen to fail so, it has that app's words.
 */
#include "demo/demo_scenario_table.h"

#include "base/attr.h"
#include "demo/demo_job.h"
#include "demo/demo_prompt.h"
#include "demo/demo_script.h"
#include "demo/demo_writer.h"

/* The operations of a script, so that it reads as one. */
#define SCRIPT(...) \
	((const struct ac_demo_op[]){__VA_ARGS__, {AC_DEMO_OP_END, NULL}})
#define OP(op, text)                  \
	{                             \
		AC_DEMO_OP_##op, text \
	}
#define START                  OP(START, NULL)
#define ANSWER                 OP(ANSWER, NULL)
#define TEXT(text)             OP(TEXT, text)
#define LITERAL(literal)       OP(LITERAL, literal)
#define REASONING(text)        OP(REASONING, text)
#define WORDS                  OP(WORDS, NULL)
#define BIG_LINE               OP(BIG_LINE, NULL)
#define ERROR(text)            OP(ERROR, text)
#define LOSE                   OP(LOSE, NULL)
#define ABORT                  OP(ABORT, NULL)
#define CHUNK(bytes)           OP(CHUNK, bytes)
#define SILENCE                OP(SILENCE, NULL)
#define BURST                  OP(BURST, NULL)
#define PAUSE                  OP(PAUSE, NULL)
#define STEP_END(reason)       OP(STEP_END, reason)
#define FINISH(reason)         OP(FINISH, reason)
#define FINISH_COUNTED(reason) OP(FINISH_COUNTED, reason)

/* What becomes of a job, likewise. */
#define COURSE(...)   (&(const struct ac_demo_course){__VA_ARGS__})
#define STATUS(word)  COURSE(.status = AC_DEMO_JOB_STATUS_##word)
#define JOB_END(word) COURSE(.end = AC_DEMO_JOB_END_##word)
#define RESULT(word)  COURSE(.result = AC_DEMO_JOB_RESULT_##word)
#define FILE_IS(word) COURSE(.file = AC_DEMO_JOB_FILE_##word)

#define BEGINNING "Here is the beginning of an answer, "
#define STALE \
	"{\"success\":false,\"message\":\"Unauthorized: Invalid session\"}"
#define ELSEWHERE "https://elsewhere.example/api/chat/"

static const char json_type[] = "application/json";
static const char html_type[] = "text/html; charset=UTF-8";
static const char plain_type[] = "text/plain;charset=UTF-8";

static const char markdown[] =
    "# A heading\n\n"
    "A paragraph with **bold**, *italic*, `code` and a "
    "[link](https://example.org/).\n\n"
    "1. First\n2. Second\n   - nested\n\n"
    "| Word | Letters |\n| --- | ---: |\n| one | 3 |\n| three | 5 |\n\n"
    "> A quotation.\n\n"
    "A formula: $a^2 + b^2 = c^2$\n";

static const char code[] = "A program in C:\n\n"
			   "```c\n"
			   "#include <stdio.h>\n\n"
			   "int\nmain(void)\n{\n"
			   "\tprintf(\"%s\\n\", \"<b>&amp;</b>\");\n"
			   "\treturn 0;\n}\n"
			   "```\n\n"
			   "And a line for a shell:\n\n"
			   "```sh\n"
			   "echo \"$HOME\" | sed 's/\\//\\\\/g'\n"
			   "```\n";

/* Where a chunk of HTTP ends within a literal. */
#define CUT "\n"

/* All that JSON escapes and what it does not. */
#define ESCAPES                                                             \
	"q:\\\" bs:\\\\ nl:\\n tab:\\t cr:\\r sl:/ ctl:\\u0000\\u0001"      \
	"\\u0007\\b\\f\\u001b\\u001f del:\x7f c1:\xc2\x85 ls:\xe2\x80\xa8 " \
	"ps:\xe2\x80\xa9 bom:\xef\xbb\xbf e-acute:é cjk:漢字 rtl:ش "    \
	"emoji:😀👩‍💻 lone:\\ud83d html:<b>&amp;</b> </script> "   \
	"0:\\\"fake\\\" data: [DONE]"

const struct ac_demo_scenario ac_demo_scenarios[] = {
    {
	.name = "help",
	.help = "This list.",
	.script = SCRIPT(BURST, START, ANSWER, FINISH("stop")),
    },
    {
	.name = AC_DEMO_PROTOCOL,
	.number = "VERSION",
	.preset = AC_DEMO_FIRST_UI_STREAM,
	.min = AC_DEMO_DATA_STREAM,
	.max = AC_DEMO_LAST_UI_STREAM,
	.help = "The protocol of the site after a move to that version of the "
		"`ai` package; stands beside another marker, or alone.",
	.script = SCRIPT(START, ANSWER, FINISH("stop")),
    },
    /* time and size */
    {
	.name = "slow",
	.number = "SECONDS",
	.preset = 10,
	.max = 3600,
	.help = "Nothing at all for so long, then an answer.",
	.script = SCRIPT(SILENCE, START, ANSWER, FINISH("stop")),
    },
    {
	.name = "pause",
	.number = "SECONDS",
	.preset = 10,
	.max = 3600,
	.help = "Silence in the middle of an answer.",
	.script = SCRIPT(START, TEXT(BEGINNING "then silence,"), SILENCE,
	    TEXT(" and here is the rest of it."), FINISH("stop")),
    },
    {
	.name = "long",
	.number = "WORDS",
	.preset = 1000,
	.max = 100000,
	.help = "An answer that counts from 1 to that number.",
	.script = SCRIPT(START, WORDS, FINISH("stop")),
    },
    {
	.name = "burst",
	.number = "WORDS",
	.preset = 1000,
	.max = 100000,
	.help = "The same, all at once.",
	.script = SCRIPT(BURST, START, WORDS, FINISH("stop")),
    },
    {
	.name = "fast",
	.help = "The usual answer, all at once.",
	.script = SCRIPT(BURST, START, ANSWER, FINISH("stop")),
    },
    {
	.name = "bigline",
	.number = "KIB",
	.preset = 256,
	.max = 8192,
	.help = "An answer in one line of that size.",
	.script = SCRIPT(START, BIG_LINE, FINISH("stop")),
    },
    /* errors before any text, with status 200 */
    {
	.name = "error",
	.help = "An error instead of an answer.",
	.script = SCRIPT(ERROR("Internal boom")),
    },
    {
	.name = "ratelimit",
	.help = "The model's rate limit is reached.",
	.script = SCRIPT(ERROR("Failed after 3 attempts. Last error: Rate "
			       "limit reached for requests")),
    },
    {
	.name = "contextlength",
	.help = "The conversation is too long for the model.",
	.script = SCRIPT(ERROR("This model's maximum context length is "
			       "128000 tokens. However, you requested 131072 "
			       "tokens.")),
    },
    {
	.name = "apikey",
	.help = "The site's own key for the model is refused.",
	.script = SCRIPT(ERROR("Invalid API key provided")),
    },
    {
	.name = "nomodel",
	.help = "The site does not know the model.",
	.script = SCRIPT(ERROR("The model `none` does not exist")),
    },
    /* within an answer */
    {
	.name = "miderror",
	.help = "The model fails in the middle.",
	.script = SCRIPT(START, TEXT(BEGINNING "then an error."),
	    ERROR("[object Object]"), FINISH("error")),
    },
    {
	.name = "midcut",
	.help = "The site loses the model in the middle, and says so.",
	.script = SCRIPT(START, TEXT(BEGINNING "then a cut."), LOSE),
    },
    {
	.name = "abort",
	.help = "The site gives up in the middle.",
	.script = SCRIPT(START, TEXT(BEGINNING "then it is given up."), ABORT),
    },
    {
	.name = "junk",
	.help = "An error in the middle, and then more text.",
	.script = SCRIPT(START, TEXT(BEGINNING "then junk,"),
	    ERROR("JSON parsing failed: Text: {not json.\nError message: "
		  "Expected property name or '}' in JSON at position 1"),
	    TEXT(" and then more."), FINISH("stop")),
    },
    {
	.name = "cut",
	.help = "The connection ends in the middle.",
	.script = SCRIPT(START, TEXT(BEGINNING "then nothing"), PAUSE),
	.end = AC_DEMO_END_CUT,
    },
    {
	.name = "reset",
	.help = "The connection is reset in the middle.",
	.script = SCRIPT(START, TEXT(BEGINNING "then a reset"), PAUSE),
	.end = AC_DEMO_END_RESET,
    },
    {
	.name = "stall",
	.help = "Silence in the middle, for ever.",
	.script = SCRIPT(START, TEXT(BEGINNING "then silence")),
	.end = AC_DEMO_END_NEVER,
    },
    {
	.name = "noend",
	.help = "The body ends properly, the message does not.",
	.script = SCRIPT(START, TEXT(BEGINNING "then no end")),
    },
    /* the finish */
    {
	.name = "empty",
	.help = "An answer without text.",
	.script = SCRIPT(START, FINISH("stop")),
    },
    {
	.name = "length",
	.help = "The answer ends at the model's limit of length.",
	.script = SCRIPT(START, TEXT(BEGINNING "cut sho"), FINISH("length")),
    },
    {
	.name = "contentfilter",
	.help = "A content filter ends the answer.",
	.script = SCRIPT(START, TEXT(BEGINNING "then the censor."),
	    FINISH("content-filter")),
    },
    {
	.name = "nofinish",
	.help = "The model does not say why it ends.",
	.script =
	    SCRIPT(START, TEXT(BEGINNING "then no reason."), FINISH("unknown")),
    },
    {
	.name = "finisherror",
	.help = "The answer ends with an error that nobody explains.",
	.script =
	    SCRIPT(START, TEXT(BEGINNING "then an error."), FINISH("error")),
    },
    {
	.name = "laststep",
	.help = "The last step ends, the message does not say so.",
	.script =
	    SCRIPT(START, TEXT(BEGINNING "and all of it."), STEP_END("stop")),
    },
    {
	.name = "usage",
	.help = "The site counts tokens: 11 and 7.",
	.script = SCRIPT(START, ANSWER, FINISH_COUNTED("stop")),
    },
    /* other statuses */
    {
	.name = "http500",
	.help = "Status 500, no body.",
	.status = 500,
	.script = SCRIPT(PAUSE),
    },
    {
	.name = "http400",
	.help = "Status 400, the message is too long.",
	.status = 400,
	.headers = AC_DEMO_HEADERS({"content-type", plain_type}),
	.script = SCRIPT(CHUNK("[Message too long: the system prompt leaves no "
			       "room for it]")),
    },
    {
	.name = "http403",
	.help = "Status 403, the page on which a CDN checks browsers.",
	.status = 403,
	.headers = AC_DEMO_HEADERS({"content-type", html_type}),
	.script =
	    SCRIPT(CHUNK("<!DOCTYPE html><html lang=\"en-US\"><head>"
			 "<title>Just a moment...</title></head><body>"
			 "<h1>Checking your browser</h1></body></html>\n")),
    },
    {
	.name = "http503",
	.help = "Status 503, the page of a CDN that cannot reach the site.",
	.status = 503,
	.headers = AC_DEMO_HEADERS({"content-type", html_type}),
	.script =
	    SCRIPT(CHUNK("<html><head><title>503 Service Temporarily "
			 "Unavailable</title></head><body><h1>503 Service "
			 "Temporarily Unavailable</h1></body></html>\n")),
    },
    {
	.name = "redirect",
	.help = "Status 308, to another host.",
	.status = 308,
	.headers = AC_DEMO_HEADERS({"location", ELSEWHERE}),
	.script = SCRIPT(CHUNK(ELSEWHERE)),
    },
    {
	.name = "stale",
	.help = "The session is refused, the next one is not.",
	.status = 403,
	.headers = AC_DEMO_HEADERS({"content-type", json_type}),
	.is_once = true,
	.script = SCRIPT(CHUNK(STALE)),
    },
    {
	.name = "stalealways",
	.help = "Every session is refused.",
	.status = 403,
	.headers = AC_DEMO_HEADERS({"content-type", json_type}),
	.script = SCRIPT(CHUNK(STALE)),
    },
    /* awkward text */
    {
	.name = "unicode",
	.help = "Awkward characters, and characters cut in two.",
	.script = SCRIPT(START, LITERAL(ESCAPES), LITERAL(" pair:\\ud83d"),
	    LITERAL("\\ude00"), LITERAL(" cut:\xe6\xbc" CUT "\xa2\xe5\xad\x97"),
	    LITERAL(" escape:\\u00" CUT "e9"), FINISH("stop")),
    },
    {
	.name = "think",
	.help = "Reasoning in <think>, the tags cut anywhere.",
	.script = SCRIPT(START, LITERAL("<th"), LITERAL("ink>Six times "),
	    LITERAL("seven.</"), LITERAL("think"), LITERAL(">The answer"),
	    LITERAL(" is 42."), FINISH("stop")),
    },
    {
	.name = "reasoning",
	.help = "Reasoning in lines of its own.",
	.script = SCRIPT(START, REASONING("Six times seven."),
	    TEXT("The answer is 42."), FINISH("stop")),
    },
    {
	.name = "markdown",
	.help = "Headings, lists, a table, a formula.",
	.script = SCRIPT(START, TEXT(markdown), FINISH("stop")),
    },
    {
	.name = "code",
	.help = "Blocks of code.",
	.script = SCRIPT(START, TEXT(code), FINISH("stop")),
    },
    /* pictures */
    {
	.name = "notimage",
	.help = "The painter's words instead of a picture.",
	.script = SCRIPT(START, ANSWER, FINISH("stop")),
    },
    {
	.name = "jobslow",
	.number = "POLLS",
	.preset = 5,
	.min = 1,
	.max = 1000,
	.help = "Each stage of the job lasts for so many polls.",
	.course = COURSE(.end = AC_DEMO_JOB_END_SUCCEEDED),
    },
    {
	.name = "jobfailed",
	.help = "The job fails.",
	.course = JOB_END(FAILED),
    },
    {
	.name = "jobforever",
	.help = "The job runs for ever.",
	.course = JOB_END(NEVER),
    },
    {
	.name = "jobunknown",
	.help = "The site does not know the job.",
	.course = STATUS(UNKNOWN),
    },
    {
	.name = "jobcompleted",
	.help = "The job is `completed` instead of `succeeded`.",
	.course = JOB_END(COMPLETED),
    },
    {
	.name = "jobodd",
	.help = "The job has a status that nobody knows on its way.",
	.course = COURSE(.pending = "loading-model"),
    },
    {
	.name = "status404",
	.help = "The jobs cannot be asked for: status 404.",
	.course = STATUS(404),
    },
    {
	.name = "status500",
	.help = "The same, status 500.",
	.course = STATUS(500),
    },
    {
	.name = "statusflaky",
	.help = "The same twice, then all is well.",
	.course = STATUS(500_TWICE),
    },
    {
	.name = "statusjunk",
	.help = "The same, a page that is no JSON.",
	.course = STATUS(JUNK),
    },
    {
	.name = "statusobject",
	.help = "The same, an object instead of an array.",
	.course = STATUS(OBJECT),
    },
    {
	.name = "statusstring",
	.help = "The same, a string.",
	.course = STATUS(STRING),
    },
    {
	.name = "statusempty",
	.help = "The same, an empty array.",
	.course = STATUS(EMPTY),
    },
    {
	.name = "resulturl",
	.help = "The picture as an absolute URL.",
	.course = RESULT(URL),
    },
    {
	.name = "resultdata",
	.help = "The picture in a data URL.",
	.course = RESULT(DATA),
    },
    {
	.name = "resultnull",
	.help = "The job succeeds, without a picture.",
	.course = RESULT(NONE),
    },
    {
	.name = "filemissing",
	.help = "The picture's file is missing.",
	.course = FILE_IS(MISSING),
    },
    {
	.name = "file500",
	.help = "The file cannot be fetched.",
	.course = FILE_IS(500),
    },
    {
	.name = "filebig",
	.help = "A file of more than 20 MB.",
	.course = FILE_IS(BIG),
    },
    {
	.name = "filetype",
	.help = "A page instead of the file.",
	.course = FILE_IS(PAGE),
    },
    {
	.name = "filecut",
	.help = "The connection ends in the middle of the file.",
	.course = FILE_IS(CUT),
    },
};

const size_t ac_demo_scenarios_count = AC_LENGTH(ac_demo_scenarios);

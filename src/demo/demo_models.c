/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The models: see demo_models.h. The elements have the form of the real
 * list, with what a client has to cope with: a slash and dots in ids, a model
 * that is not available, one that does not say, one without a token limit.
 */
#include "demo/demo_models.h"

#include <jansson.h>

#include "base/attr.h"
#include "base/mem.h"

enum availability {
	AVAILABLE,
	NOT_AVAILABLE,
	SAYS_NOTHING,
};

struct model {
	const char *id;
	const char *name;
	const char *description;
	double temperature;
	double top_p;
	int token_limit; /* 0: says nothing */
	enum availability availability;
	const char *parameters; /* or NULL, as the rest */
	const char *architecture;
	const char *hf_repo;
};

static const struct model models[] = {
    {"openai/gpt-oss-120b", "GPT-OSS 120B",
	"OpenAI's open model for reasoning and tools", 0.7, 0.95, 128000,
	AVAILABLE, "117B", "Mixture of Experts", "openai/gpt-oss-120b"},
    {"DeepSeek-V3-1", "DeepSeek V3.1", "Strong at code and long answers", 0.6,
	0.95, 64000, AVAILABLE, "671B", "Mixture of Experts",
	"deepseek-ai/DeepSeek-V3.1"},
    {"DeepSeek-R1-0528", "DeepSeek R1 0528", "Thinks before it answers", 0.6,
	0.95, 128000, AVAILABLE, "671B", "Mixture of Experts",
	"deepseek-ai/DeepSeek-R1-0528"},
    {"Qwen3-235B-A22B-Instruct-2507-FP8", "Qwen3 235B A22B",
	"Many languages and long contexts", 0.7, 0.8, 262144, AVAILABLE, "235B",
	"Mixture of Experts", "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8"},
    {"Qwen3-Next-80B-A3B-Instruct", "Qwen3 Next 80B", "Quick and thrifty", 0.7,
	0.8, 262144, AVAILABLE, "80B", "Mixture of Experts",
	"Qwen/Qwen3-Next-80B-A3B-Instruct"},
    {"Meta-Llama-4-Maverick-17B-128E-Instruct-FP8", "Llama 4 Maverick 17B 128E",
	"Meta's model with 128 experts", 0.6, 0.9, 128000, AVAILABLE, "400B",
	"Mixture of Experts",
	"meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8"},
    {AC_DEMO_DEFAULT_MODEL, "Llama 3.3 70B",
	"Well-rounded model with strong reasoning", 0.6, 0.9, 128000, AVAILABLE,
	"70B", "Transformer", "meta-llama/Llama-3.3-70B-Instruct"},
    {"Meta-Llama-3-1-8B-Instruct-FP8", "Llama 3.1 8B", "Small and fast", 0.6,
	0.9, 128000, SAYS_NOTHING, "8B", "Transformer",
	"meta-llama/Llama-3.1-8B-Instruct"},
    {"DeepSeek-R1-Distill-Llama-70B", "DeepSeek R1 Distill Llama 70B",
	"Reasoning distilled into Llama", 0.6, 0.95, 128000, AVAILABLE, "70B",
	"Transformer", "deepseek-ai/DeepSeek-R1-Distill-Llama-70B"},
    {"Qwen-QwQ-32B", "Qwen QwQ 32B", "Reasoning, currently offline", 0.6, 0.95,
	128000, NOT_AVAILABLE, "32B", "Transformer", "Qwen/QwQ-32B"},
    {"nvidia/Llama-3.3-Nemotron-Super-49B-v1.5", "Nemotron Super 49B v1.5",
	"NVIDIA's compact take on Llama", 0.6, 0.95, 0, AVAILABLE, "49B",
	"Transformer", "nvidia/Llama-3_3-Nemotron-Super-49B-v1_5"},
    {AC_DEMO_IMAGE_MODEL, "AkashGen", "Makes pictures from a description", 0.85,
	1, 12000, AVAILABLE, NULL, "Image generation", NULL},
};

/* Steals value. */
static void
set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		ac_out_of_memory();
}

static void
set_text(json_t *object, const char *key, const char *text)
{
	if (text != NULL)
		set(object, key, json_string(text));
}

static json_t *
make_element(const struct model *model)
{
	json_t *element = json_object();

	set_text(element, "id", model->id);
	set_text(element, "name", model->name);
	set_text(element, "description", model->description);
	set(element, "temperature", json_real(model->temperature));
	set(element, "top_p", json_real(model->top_p));
	if (model->token_limit != 0)
		set(element, "tokenLimit", json_integer(model->token_limit));
	if (model->availability != SAYS_NOTHING)
		set(element, "available",
		    json_boolean(model->availability == AVAILABLE));
	set_text(element, "parameters", model->parameters);
	set_text(element, "architecture", model->architecture);
	set_text(element, "hf_repo", model->hf_repo);
	return element;
}

char *
ac_demo_models_json(void)
{
	json_t *list = json_array();
	char *json;

	for (size_t i = 0; i < AC_LENGTH(models); i++) {
		if (json_array_append_new(list, make_element(&models[i])) != 0)
			ac_out_of_memory();
	}
	/* three digits: 0.6 is to read as 0.6 */
	json = json_dumps(list, JSON_COMPACT | JSON_REAL_PRECISION(3));
	json_decref(list);
	if (json == NULL)
		ac_out_of_memory();
	return json;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The registry: see metrics.h. Owned by whoever names the metrics. Series are
 * found by a hash of their metric and labels, which one turn of a request's
 * end needs; a histogram's buckets are counted apart and added up when they
 * are written.
 */
#include "base/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"

enum {
	SLOTS = 512,      /* of the hash table */
	NUMBER_SIZE = 32, /* "-1.7976931348623157e+308" and some */
};

/* The greatest whole number up to which a double has them all. */
static const double whole_max = 9007199254740992.0;

struct ac_series {
	TAILQ_ENTRY(ac_series) entry;       /* of its family */
	LIST_ENTRY(ac_series) slot_entry;   /* of its slot */
	const struct ac_metric *metric;     /* borrowed */
	char *values[AC_METRIC_LABELS_MAX]; /* owned; of the metric's labels */
	double value;                       /* of a histogram: the sum */
	uint64_t buckets[]; /* of a histogram: bound_count and +Inf's */
};
TAILQ_HEAD(series_list, ac_series);
LIST_HEAD(slot, ac_series);

struct family {
	const struct ac_metric *metric; /* borrowed */
	struct series_list series;      /* owned */
};

struct ac_metrics {
	struct family *families; /* owned */
	size_t count;
	struct slot slots[SLOTS];
};

static const char *const type_names[] = {
    [AC_METRIC_COUNTER] = "counter",
    [AC_METRIC_GAUGE] = "gauge",
    [AC_METRIC_HISTOGRAM] = "histogram",
};
static_assert(AC_LENGTH(type_names) == AC_METRIC_TYPES, "a name for each type");

struct ac_metrics *
ac_metrics_new(const struct ac_metric *list, size_t count)
{
	struct ac_metrics *metrics = ac_calloc(1, sizeof(*metrics));

	metrics->families = ac_calloc(count, sizeof(*metrics->families));
	metrics->count = count;
	for (size_t i = 0; i < SLOTS; i++)
		LIST_INIT(&metrics->slots[i]);
	for (size_t i = 0; i < count; i++) {
		metrics->families[i].metric = &list[i];
		TAILQ_INIT(&metrics->families[i].series);
		if (list[i].labels[0] == NULL)
			(void)ac_metrics_series(metrics, i, NULL);
	}
	return metrics;
}

static void
free_series(struct ac_series *series)
{
	for (size_t i = 0; i < AC_METRIC_LABELS_MAX; i++)
		free(series->values[i]);
	free(series);
}

void
ac_metrics_free(struct ac_metrics *metrics)
{
	struct ac_series *series;

	if (metrics == NULL)
		return;
	for (size_t i = 0; i < metrics->count; i++) {
		struct series_list *list = &metrics->families[i].series;

		while ((series = TAILQ_FIRST(list)) != NULL) {
			TAILQ_REMOVE(list, series, entry);
			free_series(series);
		}
	}
	free(metrics->families);
	free(metrics);
}

/* FNV-1a over the values with their NULs. */
static struct slot *
find_slot(struct ac_metrics *metrics, size_t metric, const char *const values[])
{
	const char *const *labels = metrics->families[metric].metric->labels;
	uint32_t hash = 2166136261u ^ (uint32_t)metric;

	for (size_t i = 0; labels[i] != NULL; i++) {
		/* NULL belongs to families without labels. */
		/* cppcheck-suppress nullPointer */
		const char *p = values[i];

		do {
			hash = (hash ^ (unsigned char)*p) * 16777619u;
		} while (*p++ != '\0');
	}
	return &metrics->slots[hash % SLOTS];
}

static bool
has_values(const struct ac_series *series, const char *const values[])
{
	for (size_t i = 0; series->metric->labels[i] != NULL; i++) {
		/* cppcheck-suppress nullPointer ; as in find_slot() */
		if (strcmp(series->values[i], values[i]) != 0)
			return false;
	}
	return true;
}

struct ac_series *
ac_metrics_series(
    struct ac_metrics *metrics, size_t metric, const char *const values[])
{
	struct family *family = &metrics->families[metric];
	struct slot *slot = find_slot(metrics, metric, values);
	struct ac_series *series;

	LIST_FOREACH(series, slot, slot_entry)
	{
		if (series->metric == family->metric &&
		    has_values(series, values))
			return series;
	}
	series =
	    ac_calloc(1, sizeof(*series) + (family->metric->bound_count + 1) *
					       sizeof(series->buckets[0]));
	series->metric = family->metric;
	for (size_t i = 0; family->metric->labels[i] != NULL; i++)
		series->values[i] = ac_strdup(values[i]);
	TAILQ_INSERT_TAIL(&family->series, series, entry);
	LIST_INSERT_HEAD(slot, series, slot_entry);
	return series;
}

void
ac_series_add(struct ac_series *series, double n)
{
	series->value += n;
}

void
ac_series_set(struct ac_series *series, double value)
{
	series->value = value;
}

void
ac_series_observe(struct ac_series *series, double value)
{
	const struct ac_metric *metric = series->metric;
	size_t i = 0;

	while (i < metric->bound_count && value > metric->bounds[i])
		i++;
	series->buckets[i]++;
	series->value += value;
}

/* The shortest form that is read back as the same number, as most readers
 * show it. */
static const char *
format_number(char text[NUMBER_SIZE], double value)
{
	char *comma;

	if (isnan(value))
		return "NaN";
	if (isinf(value))
		return value > 0 ? "+Inf" : "-Inf";
	if (fabs(value) <= whole_max && floor(value) >= value) {
		snprintf(text, NUMBER_SIZE, "%.0f", value);
		return text;
	}
	for (int digits = 15; digits <= 17; digits++) {
		double back;

		snprintf(text, NUMBER_SIZE, "%.*g", digits, value);
		back = strtod(text, NULL);
		if (back >= value && back <= value)
			break;
	}
	/* A host may have chosen a locale whose decimal point is a comma. */
	comma = strchr(text, ',');
	if (comma != NULL)
		*comma = '.';
	return text;
}

/* In a label's value quotes are escaped too. */
static void
write_escaped(struct evbuffer *out, const char *s, const char *special)
{
	while (*s != '\0') {
		size_t len = strcspn(s, special);

		ac_text_add(out, s, len);
		s += len;
		if (*s == '\0')
			return;
		ac_text_add(out, "\\", 1);
		ac_text_add(out, *s == '\n' ? "n" : s, 1);
		s++;
	}
}

static void
write_label(struct evbuffer *out, const char **before, const char *name,
    const char *value)
{
	ac_text_add_string(out, *before);
	ac_text_add_string(out, name);
	ac_text_add_string(out, "=\"");
	write_escaped(out, value, "\\\"\n");
	ac_text_add_string(out, "\"");
	*before = ",";
}

/* One line; le is the bucket's, NULL for any other. */
static void
write_sample(struct evbuffer *out, const struct ac_series *series,
    const char *suffix, const char *le, double value)
{
	const struct ac_metric *metric = series->metric;
	const char *before = "{";
	char number[NUMBER_SIZE];

	ac_text_add_string(out, metric->name);
	ac_text_add_string(out, suffix);
	for (size_t i = 0; metric->labels[i] != NULL; i++)
		write_label(out, &before, metric->labels[i], series->values[i]);
	if (le != NULL)
		write_label(out, &before, "le", le);
	if (*before == ',')
		ac_text_add_string(out, "}");
	ac_text_add_string(out, " ");
	ac_text_add_string(out, format_number(number, value));
	ac_text_add_string(out, "\n");
}

static void
write_histogram(struct evbuffer *out, const struct ac_series *series)
{
	const struct ac_metric *metric = series->metric;
	uint64_t count = 0;
	char le[NUMBER_SIZE];

	for (size_t i = 0; i < metric->bound_count; i++) {
		count += series->buckets[i];
		write_sample(out, series, "_bucket",
		    format_number(le, metric->bounds[i]), (double)count);
	}
	count += series->buckets[metric->bound_count];
	write_sample(out, series, "_bucket", "+Inf", (double)count);
	write_sample(out, series, "_sum", NULL, series->value);
	write_sample(out, series, "_count", NULL, (double)count);
}

static void
write_family(struct evbuffer *out, const struct family *family)
{
	const struct ac_metric *metric = family->metric;
	const struct ac_series *series;

	ac_text_add_string(out, "# HELP ");
	ac_text_add_string(out, metric->name);
	ac_text_add_string(out, " ");
	write_escaped(out, metric->help, "\\\n");
	ac_text_add_string(out, "\n# TYPE ");
	ac_text_add_string(out, metric->name);
	ac_text_add_string(out, " ");
	ac_text_add_string(out, type_names[metric->type]);
	ac_text_add_string(out, "\n");
	TAILQ_FOREACH(series, &family->series, entry)
	{
		if (metric->type == AC_METRIC_HISTOGRAM)
			write_histogram(out, series);
		else
			write_sample(out, series, "", NULL, series->value);
	}
}

void
ac_metrics_write(const struct ac_metrics *metrics, struct evbuffer *out)
{
	for (size_t i = 0; i < metrics->count; i++)
		write_family(out, &metrics->families[i]);
}

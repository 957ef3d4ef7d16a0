/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A registry of metrics: counters, gauges and histograms with fixed buckets,
 * written in Prometheus' text format 0.0.4. A metric has one series for each
 * combination of its labels' values; these are to be of closed sets, since a
 * series stays for as long as its registry. Whoever counts often keeps the
 * series at hand: counting neither allocates nor searches.
 */
#ifndef AC_BASE_METRICS_H
#define AC_BASE_METRICS_H

#include <stddef.h>

struct ac_metrics;
struct ac_series;
struct evbuffer;

enum { AC_METRIC_LABELS_MAX = 4 };

enum ac_metric_type {
	AC_METRIC_COUNTER,
	AC_METRIC_GAUGE,
	AC_METRIC_HISTOGRAM,
	AC_METRIC_TYPES
};

/* One metric, named by Prometheus' conventions: base units, _total behind a
 * counter's name. */
struct ac_metric {
	const char *name;
	const char *help; /* one sentence */
	enum ac_metric_type type;
	const char *labels[AC_METRIC_LABELS_MAX + 1]; /* ends with NULL */
	const double *bounds; /* of a histogram: the buckets' upper ends,
				 rising, without +Inf */
	size_t bound_count;
};

/* A registry of count metrics, which are borrowed and known by their place
 * in the array. One without labels has its series from the start. */
struct ac_metrics *ac_metrics_new(const struct ac_metric *list, size_t count);

/* Frees it and its series; NULL is fine. */
void ac_metrics_free(struct ac_metrics *metrics);

/* The series of a metric with these values of its labels, in their order
 * (copied, UTF-8; NULL where it has none), made and 0 if it is new. Owned by
 * the registry, whose life it shares. */
struct ac_series *ac_metrics_series(
    struct ac_metrics *metrics, size_t metric, const char *const values[]);

/* Counts up, or moves a gauge by n. */
void ac_series_add(struct ac_series *series, double n);

/* Sets a gauge, or a counter that is kept elsewhere. */
void ac_series_set(struct ac_series *series, double value);

/* Puts a value into its bucket: the first whose end is not below it. */
void ac_series_observe(struct ac_series *series, double value);

/* Appends every metric with its series, in the order of their making. */
void ac_metrics_write(const struct ac_metrics *metrics, struct evbuffer *out);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The registry of metrics: what is written of counters, gauges and
 * histograms, which bucket a value falls into, which labels make a series. */
#include "base/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/text.h"
#include "support/unit.h"

enum { PLAIN, LABELLED, GAUGE, HISTOGRAM, BY_ROUTE, METRICS };

static const double bounds[] = {0.1, 1, 2.5};

static const struct ac_metric table[] = {
    [PLAIN] = {.name = "a_total", .help = "A.", .type = AC_METRIC_COUNTER},
    [LABELLED] = {.name = "b_total",
	.help = "B \\ with a\nline.",
	.type = AC_METRIC_COUNTER,
	.labels = {"x", "y"}},
    [GAUGE] = {.name = "c", .help = "\"C\".", .type = AC_METRIC_GAUGE},
    [HISTOGRAM] = {.name = "d_seconds",
	.help = "D.",
	.type = AC_METRIC_HISTOGRAM,
	.bounds = bounds,
	.bound_count = AC_LENGTH(bounds)},
    [BY_ROUTE] = {.name = "e_bytes",
	.help = "E.",
	.type = AC_METRIC_HISTOGRAM,
	.labels = {"route"},
	.bounds = bounds,
	.bound_count = AC_LENGTH(bounds)},
};

static int
set_up(void **state)
{
	*state = ac_metrics_new(table, METRICS);
	return 0;
}

static int
tear_down(void **state)
{
	ac_metrics_free(*state);
	return 0;
}

static char *
write_all(const struct ac_metrics *metrics)
{
	struct evbuffer *out = ac_text_new();

	ac_metrics_write(metrics, out);
	return ac_text_take(out);
}

static void
check_has(const struct ac_metrics *metrics, const char *part)
{
	char *text = write_all(metrics);

	if (strstr(text, part) == NULL)
		fail_msg("there is no %s in %s", part, text);
	free(text);
}

static void
a_fresh_registry_has_every_metric(void **state)
{
	char *text = write_all(*state);

	assert_string_equal(text,
	    "# HELP a_total A.\n# TYPE a_total counter\na_total 0\n"
	    "# HELP b_total B \\\\ with a\\nline.\n# TYPE b_total counter\n"
	    "# HELP c \"C\".\n# TYPE c gauge\nc 0\n"
	    "# HELP d_seconds D.\n# TYPE d_seconds histogram\n"
	    "d_seconds_bucket{le=\"0.1\"} 0\nd_seconds_bucket{le=\"1\"} 0\n"
	    "d_seconds_bucket{le=\"2.5\"} 0\nd_seconds_bucket{le=\"+Inf\"} 0\n"
	    "d_seconds_sum 0\nd_seconds_count 0\n"
	    "# HELP e_bytes E.\n# TYPE e_bytes histogram\n");
	free(text);
}

static struct ac_series *
labelled(struct ac_metrics *metrics, const char *x, const char *y)
{
	const char *const values[] = {x, y};

	return ac_metrics_series(metrics, LABELLED, values);
}

static void
the_same_labels_are_the_same_series(void **state)
{
	struct ac_series *series = labelled(*state, "1", "2");
	char x[] = "1";

	assert_ptr_equal(labelled(*state, x, "2"), series);
	/* Values run together are not the same values. */
	assert_ptr_not_equal(labelled(*state, "", "12"), series);
	assert_ptr_not_equal(labelled(*state, "12", ""), series);
	assert_ptr_not_equal(labelled(*state, "2", "1"), series);
	ac_series_add(series, 1);
	ac_series_add(series, 2);
	check_has(*state, "\nb_total{x=\"1\",y=\"2\"} 3\n"
			  "b_total{x=\"\",y=\"12\"} 0\n"
			  "b_total{x=\"12\",y=\"\"} 0\n"
			  "b_total{x=\"2\",y=\"1\"} 0\n");
}

static void
series_of_other_metrics_are_apart(void **state)
{
	const char *const values[] = {"x"};

	ac_series_add(ac_metrics_series(*state, PLAIN, NULL), 5);
	ac_series_observe(ac_metrics_series(*state, BY_ROUTE, values), 7);
	check_has(*state, "\na_total 5\n");
	check_has(*state, "\nc 0\n");
	check_has(*state, "\nd_seconds_count 0\n");
	check_has(*state, "\ne_bytes_bucket{route=\"x\",le=\"2.5\"} 0\n"
			  "e_bytes_bucket{route=\"x\",le=\"+Inf\"} 1\n"
			  "e_bytes_sum{route=\"x\"} 7\n"
			  "e_bytes_count{route=\"x\"} 1\n");
}

static void
label_values_are_escaped(void **state)
{
	labelled(*state, "a\"b\\c\nd", "caf\xc3\xa9 {}=,#\t'");
	check_has(*state, "\nb_total{x=\"a\\\"b\\\\c\\nd\","
			  "y=\"caf\xc3\xa9 {}=,#\t'\"} 0\n");
	labelled(*state, "\n", "\\");
	check_has(*state, "\nb_total{x=\"\\n\",y=\"\\\\\"} 0\n");
}

static void
many_series_are_all_found_again(void **state)
{
	enum { MANY = 3000 };
	static struct ac_series *series[MANY];
	char x[16];

	for (int i = 0; i < MANY; i++) {
		snprintf(x, sizeof(x), "%d", i);
		series[i] = labelled(*state, x, "y");
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(x, sizeof(x), "%d", i);
		assert_ptr_equal(labelled(*state, x, "y"), series[i]);
	}
}

static const struct number_case {
	double value;
	const char *written;
} number_cases[] = {
    {0, "0"},
    {-0.0, "-0"},
    {1, "1"},
    {-3, "-3"},
    {0.1, "0.1"},
    {0.00001, "1e-05"},
    {1.0 / 3, "0.3333333333333333"},
    {0.1 + 0.2, "0.30000000000000004"},
    {1795422815.469, "1795422815.469"},
    {9007199254740991, "9007199254740991"},
    {1e300, "1e+300"},
    {-2.5e-7, "-2.5e-07"},
    {INFINITY, "+Inf"},
    {-INFINITY, "-Inf"},
    {NAN, "NaN"},
};

static void
numbers_are_written_so_that_they_read_back(void **state)
{
	struct ac_series *gauge = ac_metrics_series(*state, GAUGE, NULL);

	for (size_t i = 0; i < AC_LENGTH(number_cases); i++) {
		char line[64];

		ac_series_set(gauge, number_cases[i].value);
		snprintf(
		    line, sizeof(line), "\nc %s\n", number_cases[i].written);
		check_has(*state, line);
	}
}

static void
a_gauge_goes_up_and_down(void **state)
{
	struct ac_series *gauge = ac_metrics_series(*state, GAUGE, NULL);

	ac_series_add(gauge, 3);
	ac_series_add(gauge, -5);
	check_has(*state, "\nc -2\n");
	ac_series_set(gauge, 4);
	check_has(*state, "\nc 4\n");
}

static const struct bucket_case {
	double value;
	int counts[AC_LENGTH(bounds) + 1]; /* that buckets show of it */
} bucket_cases[] = {
    {-1, {1, 1, 1, 1}},
    {0, {1, 1, 1, 1}},
    {0.1, {1, 1, 1, 1}},
    {0.1000001, {0, 1, 1, 1}},
    {1, {0, 1, 1, 1}},
    {2.5, {0, 0, 1, 1}},
    {2.6, {0, 0, 0, 1}},
    {1e300, {0, 0, 0, 1}},
};

static void
a_value_counts_in_every_bucket_whose_end_it_does_not_pass(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(bucket_cases); i++) {
		const struct bucket_case *c = &bucket_cases[i];
		struct ac_metrics *metrics = ac_metrics_new(table, METRICS);
		char part[256];

		ac_series_observe(
		    ac_metrics_series(metrics, HISTOGRAM, NULL), c->value);
		snprintf(part, sizeof(part),
		    "d_seconds_bucket{le=\"0.1\"} %d\n"
		    "d_seconds_bucket{le=\"1\"} %d\n"
		    "d_seconds_bucket{le=\"2.5\"} %d\n"
		    "d_seconds_bucket{le=\"+Inf\"} %d\n",
		    c->counts[0], c->counts[1], c->counts[2], c->counts[3]);
		check_has(metrics, part);
		check_has(metrics, "\nd_seconds_count 1\n");
		ac_metrics_free(metrics);
	}
}

static void
a_histogram_adds_up(void **state)
{
	struct ac_series *series = ac_metrics_series(*state, HISTOGRAM, NULL);
	static const double values[] = {0.05, 0.5, 0.5, 2, 100};

	for (size_t i = 0; i < AC_LENGTH(values); i++)
		ac_series_observe(series, values[i]);
	check_has(*state, "d_seconds_bucket{le=\"0.1\"} 1\n"
			  "d_seconds_bucket{le=\"1\"} 3\n"
			  "d_seconds_bucket{le=\"2.5\"} 4\n"
			  "d_seconds_bucket{le=\"+Inf\"} 5\n"
			  "d_seconds_sum 103.05\nd_seconds_count 5\n");
}

#define METRICS_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    METRICS_TEST(a_fresh_registry_has_every_metric),
	    METRICS_TEST(the_same_labels_are_the_same_series),
	    METRICS_TEST(series_of_other_metrics_are_apart),
	    METRICS_TEST(label_values_are_escaped),
	    METRICS_TEST(many_series_are_all_found_again),
	    METRICS_TEST(numbers_are_written_so_that_they_read_back),
	    METRICS_TEST(a_gauge_goes_up_and_down),
	    cmocka_unit_test(
		a_value_counts_in_every_bucket_whose_end_it_does_not_pass),
	    METRICS_TEST(a_histogram_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

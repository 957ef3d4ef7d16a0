#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# run.sh BUILD SECONDS [TARGET ...]: runs the fuzzers of a build with the
# preset "fuzz" one after the other, SECONDS each, and prints a table. Inputs
# that were new are kept in BUILD/fuzz/NAME/corpus, from where the next run
# goes on; an input that broke a rule is BUILD/fuzz/NAME/crash-*, and the
# status is 1. $FUZZ_WRAPPER stands before each fuzzer.
set -eu

if [ $# -lt 2 ]; then
	echo "usage: run.sh BUILD SECONDS [TARGET ...]" >&2
	exit 2
fi
build=$(cd "$1" && pwd)
seconds=$2
shift 2
source=$(cd "$(dirname "$0")" && pwd)

# Prints the targets' names.
targets()
{
	for file in "$source"/fuzz_*.c; do
		name=${file##*/fuzz_}
		printf '%s\n' "${name%.c}"
	done
}

# Runs one fuzzer; what it says is in its log.
run_fuzzer()
{
	dir=$build/fuzz/$1
	mkdir -p "$dir/corpus"
	# shellcheck disable=SC2086 # a list of words
	${FUZZ_WRAPPER:-} "$build/test/fuzz/fuzz_$1" \
	    -dict="$source/$1.dict" -max_total_time="$seconds" -timeout=60 \
	    -print_final_stats=1 -artifact_prefix="$dir/" \
	    "$dir/corpus" "$source/corpus/$1" >"$dir/log" 2>&1
}

# Prints what the last line that has it says behind a word of libFuzzer's.
last_of()
{
	sed -n "s/^#.* $2: *\([^ ]*\).*/\1/p" "$build/fuzz/$1/log" | tail -n 1
}

# Prints a fuzzer's line of the table.
print_line()
{
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' \
	    "$build/fuzz/$1/log")
	printf '%-14s %12s %16s %10s %10s  %s\n' "$1" "${executions:-?}" \
	    "$(last_of "$1" corp)" "$(last_of "$1" cov)" \
	    "$(last_of "$1" ft)" "$2"
}

[ $# -gt 0 ] || {
	# shellcheck disable=SC2046 # a list of words
	set -- $(targets)
}
table=
broken=
for name in "$@"; do
	echo "fuzz_$name: $seconds s"
	result=ok
	if ! run_fuzzer "$name"; then
		result=BROKEN
		broken="$broken $name"
		grep -E '^[^ ]+\.[ch]:[0-9]+|ERROR|SUMMARY|Test unit written' \
		    "$build/fuzz/$name/log" || tail -n 5 "$build/fuzz/$name/log"
	fi
	table="$table$(print_line "$name" "$result")
"
done
printf '\n%-14s %12s %16s %10s %10s\n%s' target executions corpus \
    coverage features "$table"
[ -z "$broken" ] || {
	printf '\nbroken:%s; the inputs: %s/fuzz/NAME/\n' "$broken" "$build"
	exit 1
}

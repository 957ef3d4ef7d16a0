#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# run.sh BUILD: every analyzer over a build with the preset "analysis". Each
# has one line of the summary, what it said is in BUILD/analysis/NAME.log, and
# the status is 1 if one of them found anything (docs/internals/analysis.md).
set -eu

if [ $# -ne 1 ]; then
	echo "usage: run.sh BUILD" >&2
	exit 2
fi
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
logs=$build/analysis
mkdir -p "$logs"
jobs=$(getconf _NPROCESSORS_ONLN)

# Where the compiler has a header of the system's.
header()
{
	printf '#include <%s>\n' "$1" | gcc -E - |
	    sed -n "s|^# 1 \"\\(.*/$1\\)\".*|\\1|p" | head -n 1
}

# cppcheck with what follows; a finding is a failure.
check_cpp()
{
	# It knows lists by the macros that make them.
	cppcheck --quiet --error-exitcode=1 --inline-suppr --template=gcc \
	    --suppressions-list="$here/cppcheck.txt" --std=c11 \
	    --include="$(header sys/queue.h)" --library=posix,gnu,openssl \
	    -D_GNU_SOURCE -D__GNUC__ '-DAC_VERSION=""' -I include -I src \
	    "$@"
}

# The program's own code; and what no file uses, of the tests' neither.
cpp()
{
	check_cpp -j "$jobs" --enable=warning,performance,portability,style \
	    src include &&
		check_cpp --enable=unusedFunction src include test/docs \
		    test/fuzz test/loop test/unit
}

# The build asks the analyzer about each file of src/.
gcc_analyzer()
{
	cmake --build "$build" --target akashchat-api -- -k 0
}

# What the test lint.tidy says.
tidy()
{
	cmake --build "$build" && cmake/check_tidy.sh "$build"
}

# The unit and loop tests.
memcheck()
{
	cmake --build "$build" && "$here/memcheck.py" "$build"
}

broken=
summary=

# Runs one analyzer: what it is called, its function.
analyze()
{
	echo "$1"
	began=$(date +%s)
	result=ok
	log=$logs/$2.log
	if ! "$2" >"$log" 2>&1; then
		result=FINDINGS
		broken="$broken $2"
		grep -E 'warning:|error:|ERROR|: check_|memcheck/' "$log" ||
			tail -n 20 "$log"
	fi
	line=$(printf '%-16s %-9s %5s s  %s' "$1" "$result" \
	    "$(($(date +%s) - began))" "$log")
	summary="$summary
$line"
}

analyze "cppcheck" cpp
analyze "gcc -fanalyzer" gcc_analyzer
analyze "clang-tidy" tidy
analyze "valgrind" memcheck
echo "$summary"
[ -z "$broken" ]

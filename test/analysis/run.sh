#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# run.sh BUILD [ANALYZER ...]: every analyzer, or those that are named, over a
# build with the preset "analysis". Each has one line of the summary, what it
# said is in BUILD/analysis/ANALYZER.log, and the status is 1 if one of them
# found anything (docs/internals/analysis.md).
set -eu

usage()
{
	echo "usage: run.sh BUILD [cppcheck | gcc | tidy | valgrind ...]" >&2
	exit 2
}

[ $# -ge 1 ] || usage
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
shift
for analyzer in "$@"; do
	case $analyzer in
	cppcheck | gcc | tidy | valgrind) ;;
	*) usage ;;
	esac
done
[ $# -gt 0 ] || set -- cppcheck gcc tidy valgrind
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
cppcheck_of()
{
	# It knows lists by the macros that make them.
	cppcheck --quiet --error-exitcode=1 --inline-suppr --template=gcc \
	    --suppressions-list="$here/cppcheck.txt" --std=c11 \
	    --include="$(header sys/queue.h)" --library=posix,gnu,openssl \
	    -D_GNU_SOURCE -D__GNUC__ '-DAC_VERSION=""' -I include -I src \
	    "$@"
}

# The program's own code; and what no file uses, of the tests' neither.
check_cppcheck()
{
	cppcheck_of -j "$jobs" --enable=warning,performance,portability,style \
	    src include &&
		cppcheck_of --enable=unusedFunction src include test/docs \
		    test/fuzz test/loop test/unit
}

# The build asks the analyzer about each file of src/.
check_gcc()
{
	cmake --build "$build" --target akashchat-api -- -k 0
}

# What the test lint.tidy says.
check_tidy()
{
	# clang does not know gcc's analyzer.
	mkdir -p "$build/tidy"
	sed 's/ -fanalyzer / /' "$build/compile_commands.json" \
	    >"$build/tidy/compile_commands.json"
	cmake/check_tidy.sh "$build/tidy"
}

# The unit and loop tests.
check_valgrind()
{
	cmake --build "$build" && "$here/memcheck.py" "$build"
}

broken=
summary=

# Runs one analyzer.
analyze()
{
	echo "$1"
	began=$(date +%s)
	result=ok
	log=$logs/$1.log
	if ! "check_$1" >"$log" 2>&1; then
		result=FINDINGS
		broken="$broken $1"
		grep -E 'warning:|error:|: check_|memcheck/' "$log" ||
			tail -n 20 "$log"
	fi
	summary="$summary$(printf '%-10s %-9s %5s s  %s' "$1" "$result" \
	    "$(($(date +%s) - began))" "$log")
"
}

for analyzer in "$@"; do
	analyze "$analyzer"
done
printf '\n%s' "$summary"
[ -z "$broken" ]

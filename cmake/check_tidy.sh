#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Runs clang-tidy over the project's files that BUILD_DIR compiles, each by
# itself (the va_list check of clang-tidy 14 errs from the second file on)
# and two at a time. As what takes longest it is begun early, beside tests that
# watch the time: they go first.
set -eu

if [ $# -ne 1 ]; then
	echo "usage: check_tidy.sh BUILD_DIR" >&2
	exit 2
fi
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
root=$(pwd)

# Prints the project's files; what the build made is not looked at.
project_files()
{
	sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' \
	    "$build/compile_commands.json" | sort -u |
	    while read -r file; do
		case $file in
		"$root"/src/* | "$root"/include/* | "$root"/test/*)
			printf '%s\n' "$file"
			;;
		esac
	done
}

files=$(project_files)
if [ -z "$files" ]; then
	echo "check_tidy.sh: no files in $build/compile_commands.json" >&2
	exit 1
fi
# On standard error clang-tidy counts what it does not show.
# shellcheck disable=SC2016 # the inner shell expands its own arguments
printf '%s\n' "$files" | tr '\n' '\0' |
    xargs -0 -n 1 -P 2 sh -c '
	nice clang-tidy -p "$0" --quiet "$1" 2>/dev/null && exit
	echo "check_tidy.sh: clang-tidy failed on $1"
	exit 1' "$build"

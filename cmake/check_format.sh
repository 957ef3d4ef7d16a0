#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Checks that every C file is formatted as .clang-format says.
set -eu

cd "$(dirname "$0")/.."
find src include test -name '*.[ch]' -exec \
    clang-format --dry-run -Werror {} +

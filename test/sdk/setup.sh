#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Installs the official clients that the tests of test/sdk use, in the
# versions of requirements.txt and package.json: openai for Python in
# build/sdk/venv, openai for Node in build/sdk/node. The outcomes are in
# build/sdk/python.txt and node.txt, see test/registries.sh.
set -eu

cd "$(dirname "$0")"
here=$PWD
suite=sdk
. "$here/../registries.sh"
mkdir -p "$here/../../build/sdk"
cd "$here/../../build/sdk"

install_python "$here/requirements.txt" "openai for Python"
install_node "$here/package.json" "openai for Node"
exit "$status"

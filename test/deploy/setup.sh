#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Installs what the tests of test/deploy hold the files of docker/ against:
# schemas of Kubernetes and compose and the linter of Dockerfiles in
# build/deploy/venv, the validator of Akash's SDL in build/deploy/node. The
# outcomes are in build/deploy/python.txt and node.txt, see test/registries.sh.
set -eu

cd "$(dirname "$0")"
here=$PWD
suite=deploy
. "$here/../registries.sh"
mkdir -p "$here/../../build/deploy"
cd "$here/../../build/deploy"

install_python "$here/requirements.txt" \
    "what knows Kubernetes, compose and Dockerfiles"
install_node "$here/package.json" "what knows Akash's SDL"
exit "$status"

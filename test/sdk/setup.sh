#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Installs the official clients that the tests of test/sdk use, in the
# versions of requirements.txt and package.json: openai for Python in
# build/sdk/venv, openai for Node in build/sdk/node. What is there already is
# left alone and needs no network.
#
# The outcome is a line in build/sdk/python.txt and node.txt:
#	installed KEY    of these versions
#	skipped REASON   a registry cannot be reached: tests are skipped
#	failed REASON    anything else: tests fail, and the status is 1
set -eu

cd "$(dirname "$0")"
here=$PWD
sdk=$here/../../build/sdk
mkdir -p "$sdk"
cd "$sdk"

status=0

# Notes an outcome: note CLIENT WORD REASON.
note()
{
	printf '%s\n' "$2 $3" >"$1.txt"
	case $2 in
	skipped)
		printf '%s\n' "sdk: skipping the tests with $1: $3"
		;;
	failed)
		printf '%s\n' "sdk: $1: $3" >&2
		[ ! -f "$1.log" ] || cut -c 1-300 "$1.log" | sed 's/^/    /' >&2
		status=1
		;;
	esac
}

# Whether a client was installed with a key: is_noted CLIENT KEY.
is_noted()
{
	[ -f "$1.txt" ] && [ "$(cat "$1.txt")" = "installed $2" ]
}

# Whether pip's words in a log say that it had no registry to ask; of a
# refusal it says no more than that there is no version of openai at all.
is_pip_cut_off()
{
	grep -qE -e 'requirement openai==.*\(from versions: none\)' \
	    -e 'Retrying \(|Could not fetch URL|HTTP error' \
	    -e '(Client|Server) Error|timed out|TimeoutError' \
	    -e 'Connection reset' "$1"
}

# The same for npm's.
is_npm_cut_off()
{
	grep -qE -e 'code E(CONN|NOTFOUND|AI_AGAIN|TIMEDOUT|NETUNREACH)' \
	    -e 'code E(HOSTUNREACH|PIPE|PROTO|403|407|429|5)' \
	    -e 'code (ERR_SOCKET|ERR_SSL|ERR_TLS|CERT_)' \
	    -e 'code [A-Z_]*(SELF_SIGNED|UNABLE_TO)' "$1"
}

install_python()
{
	minor=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
	key="$minor $(cksum <"$here/requirements.txt")"
	if is_noted python "$key" && venv/bin/python -c ''; then
		return
	fi
	rm -rf venv python.txt
	printf '%s\n' "sdk: installing openai for Python"
	if ! python3 -m venv venv >python.log 2>&1; then
		note python failed "python3 -m venv failed"
	elif venv/bin/python -m pip install --no-input \
	    --disable-pip-version-check --only-binary :all: --timeout 20 \
	    --retries 1 -r "$here/requirements.txt" >python.log 2>&1; then
		note python installed "$key"
	elif is_pip_cut_off python.log; then
		note python skipped "openai for Python is not installed: PyPI \
cannot be reached"
	else
		note python failed "openai for Python could not be installed"
	fi
}

install_node()
{
	if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
		note node skipped "openai for Node is not installed: there is \
no node or npm"
		return
	fi
	version=$(node --version)
	major=${version#v}
	if [ "${major%%.*}" -lt 18 ]; then
		note node skipped "openai for Node is not installed: it needs \
Node 18, this is $version"
		return
	fi
	key=$(cksum <"$here/package.json")
	if is_noted node "$key" && [ -d node/node_modules/openai ]; then
		return
	fi
	rm -rf node node.txt
	mkdir node
	cp "$here/package.json" node
	printf '%s\n' "sdk: installing openai for Node"
	if npm --prefix node install --no-audit --no-fund --no-package-lock \
	    --ignore-scripts --no-update-notifier --fetch-retries=1 \
	    --fetch-retry-mintimeout=1000 --fetch-timeout=30000 \
	    >node.log 2>&1; then
		note node installed "$key"
	elif is_npm_cut_off node.log; then
		note node skipped "openai for Node is not installed: npm's \
registry cannot be reached"
	else
		note node failed "openai for Node could not be installed"
	fi
}

install_python
install_node
exit "$status"

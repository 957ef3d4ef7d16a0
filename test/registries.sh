# SPDX-License-Identifier: AGPL-3.0-or-later
# shellcheck shell=sh
#
# For setup.sh of a folder of tests, which is in the folder where things go:
# installs what comes from PyPI and npm. What is there already in the wanted
# versions is left alone and needs no network.
#
# The outcome is a line in NAME.txt:
#	installed KEY    of these versions
#	skipped REASON   a registry cannot be reached: tests are skipped
#	failed REASON    anything else: tests fail, and $status is 1
#
# The caller sets $suite, a word for its messages.

status=0

# Notes an outcome: note NAME WORD REASON.
note()
{
	printf '%s\n' "$2 $3" >"$1.txt"
	case $2 in
	skipped)
		printf '%s\n' "$suite: skipping the tests with $1: $3"
		;;
	failed)
		printf '%s\n' "$suite: $1: $3" >&2
		[ ! -f "$1.log" ] || cut -c 1-300 "$1.log" | sed 's/^/    /' >&2
		status=1
		;;
	esac
}

# Whether a thing was installed with a key: is_noted NAME KEY.
is_noted()
{
	[ -f "$1.txt" ] && [ "$(cat "$1.txt")" = "installed $2" ]
}

# Whether pip's words in a log say that it had no registry to ask; of a
# refusal it says no more than that there is no version at all.
is_pip_cut_off()
{
	grep -qE -e 'requirement [^ ]+==.*\(from versions: none\)' \
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

# Installs what a requirements.txt names in the folder venv:
# install_python REQUIREMENTS WHAT, where WHAT is for people.
install_python()
{
	minor=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
	key="$minor $(cksum <"$1")"
	if is_noted python "$key" && venv/bin/python -c ''; then
		return
	fi
	rm -rf venv python.txt
	printf '%s\n' "$suite: installing $2"
	if ! python3 -m venv venv >python.log 2>&1; then
		note python failed "python3 -m venv failed"
	elif venv/bin/python -m pip install --no-input \
	    --disable-pip-version-check --only-binary :all: --timeout 20 \
	    --retries 1 -r "$1" >python.log 2>&1; then
		note python installed "$key"
	elif is_pip_cut_off python.log; then
		note python skipped "$2 is not installed: PyPI cannot be \
reached"
	else
		note python failed "$2 could not be installed"
	fi
}

# Installs what a package.json names in the folder node:
# install_node PACKAGE_JSON WHAT.
install_node()
{
	if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
		note node skipped "$2 is not installed: there is no node or npm"
		return
	fi
	version=$(node --version)
	major=${version#v}
	if [ "${major%%.*}" -lt 18 ]; then
		note node skipped "$2 is not installed: it needs Node 18, \
this is $version"
		return
	fi
	key=$(cksum <"$1")
	if is_noted node "$key" && [ -d node/node_modules ]; then
		return
	fi
	rm -rf node node.txt
	mkdir node
	cp "$1" node
	printf '%s\n' "$suite: installing $2"
	if npm --prefix node install --no-audit --no-fund --no-package-lock \
	    --ignore-scripts --no-update-notifier --fetch-retries=1 \
	    --fetch-retry-mintimeout=1000 --fetch-timeout=30000 \
	    >node.log 2>&1; then
		note node installed "$key"
	elif is_npm_cut_off node.log; then
		note node skipped "$2 is not installed: npm's registry cannot \
be reached"
	else
		note node failed "$2 could not be installed"
	fi
}

#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Installs, runs, upgrades, removes and purges the package in a bare Debian
# tree of this system's release, where no systemd runs.
#
#	try_deb.sh PACKAGES_DIR CACHE.tar
#
# The tree is made once, by debootstrap, and kept in CACHE.tar. Status 77 and a
# line say that there cannot be one: it takes root, debootstrap and a mirror.
set -eu

if [ $# -ne 2 ]; then
	echo "usage: try_deb.sh PACKAGES_DIR CACHE.tar" >&2
	exit 2
fi
cache=$2

# Ends with the status that ctest takes for "skipped".
skip()
{
	printf '%s\n' "try_deb.sh: skipped: $*"
	exit 77
}

# Ends with a reason.
fail()
{
	printf '%s\n' "try_deb.sh: FAILED: $*" >&2
	exit 1
}

[ "$(id -u)" -eq 0 ] || skip "this is not root"
command -v debootstrap >/dev/null || skip "there is no debootstrap"
command -v unshare >/dev/null || skip "there is no unshare"
# A namespace of its own: its mounts go with its last process.
if [ "${TRY_DEB_INSIDE:-}" != yes ]; then
	unshare --mount --pid --fork true 2>/dev/null ||
		skip "no mount namespace can be had here (in a chroot?)"
	exec env TRY_DEB_INSIDE=yes \
	    unshare --mount --pid --fork --kill-child sh "$0" "$@"
fi
mount --make-rprivate /

# The newest, since a folder may hold those of other versions too.
# shellcheck disable=SC2012 # the names are plain
deb=$(ls -t "$1"/akashchat-api_*.deb | head -n 1)
[ -f "$deb" ] || fail "no akashchat-api_*.deb in $1"
work=$(mktemp -d)
tree=$work/tree
# The mounts below are not to be entered.
trap 'umount -l "$tree/proc" "$tree/dev" 2>/dev/null || true
rm -rf --one-file-system "$work"' EXIT

# ---- the tree -------------------------------------------------------------

# The mirror that this system's own release comes from.
find_mirror()
{
	# shellcheck disable=SC1091 # of the system
	suite=$(. /etc/os-release && printf %s "${VERSION_CODENAME:-}")
	# shellcheck disable=SC2016 # apt-get's own variables
	mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' \
	    'Created-By: Packages' | sed -n "s/^$suite //p" | head -n 1)
	[ -n "$mirror" ] || skip "apt knows no mirror of '$suite'"
}

# Makes the tree that is kept.
make_cache()
{
	find_mirror
	echo "making a tree of $suite from $mirror"
	if ! debootstrap --variant=minbase "$suite" "$work/new" "$mirror" \
	    >"$work/log" 2>&1; then
		skip "debootstrap: $(tail -n 1 "$work/log")"
	fi
	tar -C "$work/new" -cf "$cache.new" .
	mv "$cache.new" "$cache"
	rm -rf --one-file-system "$work/new"
}

[ -f "$cache" ] || make_cache
mkdir "$tree"
tar -C "$tree" -xf "$cache"
mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"
cp /etc/resolv.conf "$tree/etc/resolv.conf"
# How this system reaches its mirrors.
apt-config dump | grep '^Acquire::' >"$tree/etc/apt/apt.conf.d/90host" || true

# Runs a command in the tree, in a plain environment.
in_tree()
{
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \
	    HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
	    chroot "$tree" "$@"
}

# What stands in the tree under the package's name, the group apart.
leftovers()
{
	find "$tree" -xdev -path "$tree/proc" -prune -o \
	    -path "$tree/dev" -prune -o -path "$tree/tmp" -prune -o \
	    -path "$tree/var/log" -prune -o -name '*akashchat*' -print
}

# ---- the steps ------------------------------------------------------------

config=/etc/akashchat/akashchat.conf
wanted=/etc/systemd/system/multi-user.target.wants/akashchat-api.service
sockets=/etc/systemd/system/sockets.target.wants/akashchat-api.socket

# An older version of the package, with another configuration.
make_older()
{
	dpkg-deb -R "$deb" "$work/older"
	sed -i 's/^Version: .*/&~older/' "$work/older/DEBIAN/control"
	echo '# older' >>"$work/older$config"
	(cd "$work/older" && find etc usr -type f -exec md5sum {} + \
	    >DEBIAN/md5sums)
	dpkg-deb -b "$work/older" "$tree/tmp/older.deb" >/dev/null
}

# The owner and the mode of a path in the tree, by the tree's own names.
check_mode()
{
	is=$(in_tree stat -c '%U:%G %a' "$2")
	[ "$is" = "$1" ] || fail "$2 is $is, not $1"
}

# Checks what belongs to every installed state.
check_installed()
{
	! in_tree dpkg --audit | grep . || fail "dpkg --audit complains"
	! in_tree dpkg --verify akashchat-api | grep . || fail "files differ"
	in_tree getent group akashchat >/dev/null || fail "there is no group"
	check_mode root:akashchat\ 750 /etc/akashchat
	check_mode root:akashchat\ 640 "$config"
	[ ! -e "$tree$sockets" ] || fail "the socket is enabled"
}

# Runs the program as the service does: nobody, with the group.
as_service()
{
	in_tree setpriv --reuid=65534 --regid=65534 --groups="$(in_tree \
	    getent group akashchat | cut -d: -f3)" --no-new-privs "$@"
}

# The demo answers, and ends well.
check_runs()
{
	as_service akashchat-api --config "$config" --check-config |
	    grep -qx 'SERVER_ADDRESS=localhost:16571' ||
		fail "the configuration is not read"
	# shellcheck disable=SC2016 # bash's, in the tree
	as_service bash -euc '
	exec 4< <(exec akashchat-api --config "$0" --demo --demo-delay 0 \
	    --server-address 127.0.0.1:0 2>&1)
	pid=$!
	read -r -t 30 line <&4
	port=${line#*port=}
	port=${port%% *}
	ask() {
		exec 3<>"/dev/tcp/127.0.0.1/$port"
		printf "%s\r\nHost: localhost\r\nConnection: close\r\n" "$1" >&3
		printf "Content-Length: %d\r\n\r\n%s" "${#2}" "$2" >&3
		cat <&3
	}
	ask "GET /health HTTP/1.1" "" | grep -q "{\"status\":\"ok\""
	ask "POST /v1/chat/completions HTTP/1.1" "{\"model\":
	    \"DeepSeek-V3-1\",\"messages\":[{\"role\":\"user\",
	    \"content\":\"What is 12*7?\"}]}" | grep -q 84
	kill -TERM "$pid"
	wait "$pid"' "$config" || fail "the demo does not answer"
}

echo "installing"
make_older
in_tree apt-get -q update >"$work/log" 2>&1 || {
	cat "$work/log"
	skip "apt-get update failed in the tree"
}
in_tree apt-get -q install -y --no-install-recommends /tmp/older.deb \
    >"$work/log" 2>&1 || {
	cat "$work/log"
	fail "apt-get install"
}
check_installed
[ -h "$tree$wanted" ] || fail "the service is not enabled"
check_runs

echo "upgrading"
# As "systemctl disable" does it.
rm "$tree$wanted"
cp "$deb" "$tree/tmp/newer.deb"
in_tree dpkg -i /tmp/newer.deb >/dev/null
check_installed
# shellcheck disable=SC2016 # dpkg-query's own variable
[ "$(in_tree dpkg-query -W -f '${Version}' akashchat-api)" = \
    "$(dpkg-deb -f "$deb" Version)" ] || fail "it is still the older version"
! in_tree grep -qx '# older' "$config" || fail "the configuration is older"
[ ! -e "$tree$wanted" ] || fail "the upgrade enabled a disabled service"
check_runs

echo "upgrading with a configuration of one's own"
in_tree sed -i 's/^#LOG_FORMAT=.*/LOG_FORMAT=json/' "$config"
in_tree dpkg -i /tmp/newer.deb >/dev/null
in_tree grep -qx LOG_FORMAT=json "$config" || fail "the change is lost"
check_mode root:akashchat\ 640 "$config"

echo "removing"
in_tree dpkg -r akashchat-api >/dev/null
[ ! -e "$tree/usr/bin/akashchat-api" ] || fail "the program is still there"
in_tree grep -qx LOG_FORMAT=json "$config" || fail "the configuration is gone"

echo "installing again"
in_tree dpkg -i /tmp/newer.deb >/dev/null
in_tree grep -qx LOG_FORMAT=json "$config" || fail "the configuration is lost"
[ ! -e "$tree$wanted" ] || fail "the service is enabled again"

echo "purging"
in_tree dpkg -P akashchat-api >/dev/null
left=$(leftovers)
[ -z "$left" ] || fail "left behind: $left"
echo "all is well"

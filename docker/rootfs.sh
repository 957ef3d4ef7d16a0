#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# usage: docker/rootfs.sh BINARY DIRECTORY
#
# Gathers the whole file system of the image in a new directory: the program,
# the shared libraries that it is linked with, the certificate authorities, and
# what names its user. No shell, no package manager. Nothing beside a POSIX
# system with ldd is needed; on Debian the libraries' packages are noted too,
# where scanners of images look for them.
set -eu
umask 022

[ $# -eq 2 ] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
binary=$1
root=$2
here=$(dirname "$0")

if [ -e "$root" ]; then
	printf '%s\n' "$0: $root is there already" >&2
	exit 1
fi

# Prints the paths of the shared libraries of a program and its loader.
libraries_of()
{
	ldd "$1" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }
	    $1 ~ /^\// { print $1 }'
}

# Prints the Debian package of a library, which may be known by its name from
# before /lib became /usr/lib.
package_of()
{
	dpkg-query -S "$1" "/usr$1" 2>/dev/null | sed -n '1s/: .*//p'
}

# Notes a package: its status, as dpkg keeps it, and its licences.
note_package()
{
	name=${1%%:*}
	mkdir -p "$root/var/lib/dpkg/status.d" "$root/usr/share/doc/$name"
	dpkg-query -s "$1" >"$root/var/lib/dpkg/status.d/$name"
	cp -L "/usr/share/doc/$name/copyright" "$root/usr/share/doc/$name"
}

mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/usr/lib/ssl" \
    "$root/usr/share/doc/akashchat-api"
install -m 755 "$binary" "$root/usr/bin/akashchat-api"
strip "$root/usr/bin/akashchat-api"
cp "$here/../LICENSE" "$root/usr/share/doc/akashchat-api/copyright"

for library in $(libraries_of "$binary"); do
	mkdir -p "$root$(dirname "$library")"
	cp -L "$library" "$root$library"
	if command -v dpkg-query >/dev/null; then
		package=$(package_of "$library")
		[ -z "$package" ] || note_package "$package"
	fi
done

# The program looks an authority up by the hash of its name, and reads no more
# of them than it needs.
cp -L /etc/ssl/certs/*.[0-9] "$root/etc/ssl/certs"
[ ! -f /etc/ssl/openssl.cnf ] || cp /etc/ssl/openssl.cnf "$root/etc/ssl"
ln -s /etc/ssl/certs /etc/ssl/openssl.cnf "$root/usr/lib/ssl"

printf '%s\n' 'root:x:0:0:root:/:/nonexistent' \
    'akashchat:x:65532:65532:akashchat:/:/nonexistent' >"$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'akashchat:x:65532:' >"$root/etc/group"
printf '%s\n' 'hosts: files dns' >"$root/etc/nsswitch.conf"
[ ! -f /etc/os-release ] || cp -L /etc/os-release "$root/etc"

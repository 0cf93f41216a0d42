#!/bin/sh
# Installs what is named as arguments (mariadb, redis, compiler, chromium) if it is not there, through the system's package manager.
# The race detector needs the C compiler; talkbridge itself does not.
# The tests and the demonstration start private servers of their own; a service that a package starts is never used.
set -eu

have() {
	for dir in /usr/sbin /usr/local/sbin /usr/libexec; do
		[ -x "$dir/$1" ] && return 0
	done
	command -v "$1" >/dev/null 2>&1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null 2>&1; then sudo "$@"; else
		echo "this needs root: run as root, or install by hand: $wanted" >&2
		exit 1
	fi
}

missing=""
for server in "$@"; do
	case $server in
	mariadb) { have mariadbd && have mariadb-install-db && have my_print_defaults; } || missing="$missing mariadb" ;;
	redis) have redis-server || missing="$missing redis" ;;
	chromium) have chromium || missing="$missing chromium" ;;
	compiler) have gcc && [ -e /usr/include/stdlib.h ] || missing="$missing compiler" ;;
	*) echo "$0: unknown server $server" >&2; exit 2 ;;
	esac
done
[ -z "$missing" ] && exit 0

if command -v apt-get >/dev/null 2>&1; then
	wanted=$(echo "$missing" | sed 's/mariadb/mariadb-server-core mariadb-client-core/; s/redis/redis-server/; s/compiler/gcc libc6-dev/; s/chromium/chromium fonts-noto-cjk/')
	echo "installing:$wanted" >&2
	as_root apt-get update -qq
	# shellcheck disable=SC2086 # a list of packages
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted >/dev/null
elif command -v dnf >/dev/null 2>&1; then
	wanted=$(echo "$missing" | sed 's/mariadb/mariadb-server/; s/compiler/gcc glibc-devel/')
	echo "installing:$wanted" >&2
	# shellcheck disable=SC2086
	as_root dnf install -y -q $wanted
else
	echo "install these by hand, then run make again:$missing" >&2
	exit 1
fi

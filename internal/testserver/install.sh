#!/bin/sh
# Installs what is named as arguments (mariadb, redis, compiler, chromium, promtool) if it is not there, through the system's package manager.
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
		echo "this needs root: run as root, or install by hand: ${wanted:-prometheus}" >&2
		exit 1
	fi
}

# Debian's package of promtool brings the whole of Prometheus along, with a service that starts; so the one program is unpacked where the
# tests look for it, and nothing is installed. Where there is no apt, it is left to a person, and the tests say what they did not test.
promtool_dir=${XDG_CACHE_HOME:-$HOME/.cache}/talkbridge/promtool
unpack_promtool() {
	if ! command -v apt-get >/dev/null 2>&1; then
		echo "promtool is not installed (https://prometheus.io/download): the alert rules are not tested" >&2
		return 0
	fi
	echo "unpacking promtool into $promtool_dir" >&2
	mkdir -p "$promtool_dir"
	(
		cd "$promtool_dir"
		rm -rf package.* && fresh=$(mktemp -d package.XXXXXX) && cd "$fresh"
		apt-get download -qq prometheus 2>/dev/null || { as_root apt-get update -qq && apt-get download -qq prometheus; }
		dpkg-deb -x prometheus_*.deb .
		mv usr/bin/promtool ..
		cd .. && rm -rf "$fresh"
	)
}

missing=""
for server in "$@"; do
	case $server in
	mariadb) { have mariadbd && have mariadb-install-db && have my_print_defaults; } || missing="$missing mariadb" ;;
	redis) have redis-server || missing="$missing redis" ;;
	chromium) have chromium || missing="$missing chromium" ;;
	promtool) { have promtool || [ -x "$promtool_dir/promtool" ]; } || unpack_promtool ;;
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

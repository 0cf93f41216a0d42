#!/bin/sh
# Installs what is named as arguments (mariadb, redis, compiler, chromium, promtool, ed25519) if it is not there, through the system's package manager.
# The race detector needs the C compiler; talkbridge itself does not.
# The tests and the demonstration start private servers of their own; a service that a package starts is never used.
set -eu

# The functions here are not named as the programs are: command -v finds functions too.
have() {
	for dir in /usr/sbin /usr/local/sbin /usr/libexec; do
		[ -x "$dir/$1" ] && return 0
	done
	command -v "$1" >/dev/null 2>&1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null 2>&1; then sudo "$@"; else
		echo "this needs root: run as root, or install by hand: ${wanted:-what is named above}" >&2
		exit 1
	fi
}

# unpack takes one file out of a package of Debian's without installing the package: unpack PACKAGE FILE FOLDER.
unpack() {
	if ! command -v apt-get >/dev/null 2>&1; then
		echo "$(basename "$2") is not here, and there is no apt to fetch it: the tests say what they did not test" >&2
		return 0
	fi
	echo "unpacking $(basename "$2") into $3" >&2
	mkdir -p "$3"
	(
		cd "$3"
		rm -rf package.* && fresh=$(mktemp -d package.XXXXXX) && cd "$fresh"
		apt-get download -qq "$1" 2>/dev/null || { as_root apt-get update -qq && apt-get download -qq "$1"; }
		dpkg-deb -x ./*.deb .
		mv "$2" ..
		cd .. && rm -rf "$fresh"
	)
}

cache=${XDG_CACHE_HOME:-$HOME/.cache}/talkbridge

# Debian's package of promtool brings the whole of Prometheus along, with a service that starts.
fetch_promtool() {
	have promtool || [ -x "$cache/promtool/promtool" ] || unpack prometheus usr/bin/promtool "$cache/promtool"
}

# MariaDB's plugin for ed25519 passwords is in the package that starts a service. It has to be of the server's own version.
fetch_ed25519() {
	[ -e /usr/lib/mysql/plugin/auth_ed25519.so ] && return 0
	version=$(dpkg-query -W -f '${Version}' mariadb-server-core 2>/dev/null) || {
		echo "auth_ed25519.so is not here: ed25519 passwords are not tested" >&2
		return 0
	}
	plain=${version#*:}
	folder=$cache/mariadb-plugins/${plain%%-*}
	[ -e "$folder/auth_ed25519.so" ] || unpack "mariadb-server=$version" usr/lib/mysql/plugin/auth_ed25519.so "$folder"
}

missing="" later=""
for server in "$@"; do
	case $server in
	mariadb) { have mariadbd && have mariadb-install-db && have my_print_defaults; } || missing="$missing mariadb" ;;
	redis) have redis-server || missing="$missing redis" ;;
	chromium) have chromium || missing="$missing chromium" ;;
	promtool) fetch_promtool ;;
	ed25519) later=fetch_ed25519 ;; # once the server is there
	compiler) have gcc && [ -e /usr/include/stdlib.h ] || missing="$missing compiler" ;;
	*) echo "$0: unknown server $server" >&2; exit 2 ;;
	esac
done
if [ -z "$missing" ]; then
	$later
	exit 0
fi

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
$later

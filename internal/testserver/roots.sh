#!/bin/sh
# Makes roots of another Debian release with servers that this machine's release does not have, one folder for each server
# named as an argument (mysql, mariadb, redis, valkey), under the folder named first; a root that is there is left alone. Prints the roots, joined
# by colons: the value of TALKBRIDGE_TEST_ROOTS. Needs root and debootstrap, which it installs. Nothing in a root is ever started as a
# service: the tests run the server's program alone, with the root's own loader and libraries.
set -eu

cache=$1
shift
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
roots=""

# mirror is where this machine gets its own packages.
mirror() {
	apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -v security | head -n 1
}

for server in "$@"; do
	case $server in
	mysql) program=mysqld packages=mysql-server-core ;;
	mariadb) program=mariadbd packages=mariadb-server-core,mariadb-client-core ;;
	redis) program=redis-server packages=redis-server ;;
	valkey) program=valkey-server packages=valkey-server ;;
	*) echo "$0: unknown server $server" >&2; exit 2 ;;
	esac
	root=$cache/$server
	roots=$roots${roots:+:}$root
	{ [ -x "$root/usr/sbin/$program" ] || [ -x "$root/usr/bin/$program" ]; } && continue
	if [ "$(id -u)" != 0 ]; then
		echo "this needs root: run make test-matrix as root once, or put roots with the servers under $cache by hand" >&2
		exit 1
	fi
	if ! command -v debootstrap >/dev/null 2>&1; then
		apt-get update -qq >&2
		DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends debootstrap >&2
	fi
	echo "fetching $server into $root" >&2
	rm -rf "$root.part"
	debootstrap --variant=minbase --include="$packages" sid "$root.part" "$(mirror)" >"$root.log" 2>&1 || {
		tail -n 20 "$root.log" >&2
		exit 1
	}
	if [ "$server" = mariadb ]; then # the plugin is in the package that starts a service; only the file is wanted
		chroot "$root.part" sh -c 'cd /tmp && apt-get download -qq mariadb-server && dpkg-deb -x mariadb-server_*.deb x && mkdir -p /usr/lib/mysql/plugin &&
			mv x/usr/lib/mysql/plugin/auth_ed25519.so /usr/lib/mysql/plugin/ && rm -rf x mariadb-server_*.deb' >>"$root.log" 2>&1 ||
			echo "auth_ed25519.so could not be had: ed25519 passwords are not tested on this server" >&2
	fi
	rm -rf "$root"
	mv "$root.part" "$root"
done
echo "$roots"

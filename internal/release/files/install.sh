#!/bin/sh
# Installs talkbridge on a machine without internet, from the unpacked bundle that this script lies in.
#
#   ./install.sh                 install, or upgrade what is installed; the configuration is never overwritten
#   ./install.sh rollback        go back to the version before the last upgrade
#   ./install.sh status          which versions are there
#   ./install.sh uninstall       remove the program; configuration and data stay
#   --root DIR                   under DIR instead of /, without starting or stopping anything (images, tests)
#
# Layout: /opt/talkbridge/releases/VERSION, with the symbolic links current and previous beside; /usr/local/bin/talkbridge;
# /etc/talkbridge (talkbridge.yaml and talkbridge.env, mode 0600); /var/lib/talkbridge, the state; a systemd unit.
set -eu
umask 022

fail() { echo "install.sh: $*" >&2; exit 1; }
say() { echo "$*"; }

here=$(cd "$(dirname "$0")" && pwd)
root=""
action=install
while [ $# -gt 0 ]; do
	case $1 in
	--root) [ $# -ge 2 ] || fail "--root needs a folder"; root=$(cd "$2" && pwd) || exit 1; [ "$root" = / ] && root=""; shift ;;
	install|upgrade) action=install ;;
	rollback|status|uninstall) action=$1 ;;
	-h|--help) sed -n '2,11p' "$0"; exit 0 ;;
	*) fail "unknown argument $1; see --help" ;;
	esac
	shift
done

base=$root/opt/talkbridge
etc=$root/etc/talkbridge
data=$root/var/lib/talkbridge
unit=$root/etc/systemd/system/talkbridge.service
user=talkbridge

[ "$action" = status ] || [ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "run as root"

# own gives files to somebody, where we may: under --root anybody may try the installation.
own() { [ "$(id -u)" = 0 ] || return 0; chown "$@"; }

# live tells whether we work on the machine that runs, under systemd.
live() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

version_of() { [ -L "$base/$1" ] && basename "$(readlink "$base/$1")" || echo "-"; }

# point makes a link point elsewhere in one step.
point() {
	ln -s "$1" "$2.new"
	mv -T "$2.new" "$2"
}

make_user() {
	if [ -n "$root" ]; then
		mkdir -p "$root/etc"
		touch "$root/etc/passwd" "$root/etc/group"
		grep -q "^$user:" "$root/etc/group" || echo "$user:x:987:" >>"$root/etc/group"
		grep -q "^$user:" "$root/etc/passwd" || echo "$user:x:987:987:talkbridge:/var/lib/talkbridge:/usr/sbin/nologin" >>"$root/etc/passwd"
		return
	fi
	id "$user" >/dev/null 2>&1 && return
	if command -v useradd >/dev/null 2>&1; then
		useradd --system --user-group --home-dir /var/lib/talkbridge --no-create-home --shell /usr/sbin/nologin "$user"
	else
		fail "there is no useradd: make the system user $user by hand and run this again"
	fi
}

# owner gives the user's number, which chown knows in any root.
owner() { awk -F: -v u="$user" '$1 == u {print $3 ":" $4}' "$root/etc/passwd"; }

verify() {
	(cd "$here" && sha256sum --quiet -c SHA256SUMS) || fail "the bundle is damaged: SHA-256 differs. Fetch it again"
}

install_release() {
	verify
	version=$(cat "$here/VERSION")
	before=$(version_of current)
	target=$base/releases/$version
	make_user
	mkdir -p "$base/releases" "$root/usr/local/bin" "$root/usr/local/sbin" "$(dirname "$unit")"
	if [ "$before" = "$version" ]; then
		say "talkbridge $version is installed already; its files are written again"
	fi
	rm -rf "$target.new"
	mkdir "$target.new"
	cp -R "$here/." "$target.new/"
	chmod -R u=rwX,go=rX "$target.new"
	chmod 0755 "$target.new"/bin/*
	own -R 0:0 "$target.new"
	"$target.new/bin/talkbridge" version >/dev/null || fail "this bundle's program does not run here: wrong architecture? ($(uname -m))"
	install_config
	save_state
	stop_service
	rm -rf "$target.old"
	[ -d "$target" ] && mv "$target" "$target.old"
	mv "$target.new" "$target"
	rm -rf "$target.old"
	[ "$before" != "-" ] && [ "$before" != "$version" ] && point "releases/$before" "$base/previous"
	point "releases/$version" "$base/current"
	point /opt/talkbridge/current/bin/talkbridge "$root/usr/local/bin/talkbridge"
	point /opt/talkbridge/current/bin/talkbridge-admin "$root/usr/local/sbin/talkbridge-admin"
	cp "$target/configs/systemd/talkbridge.service" "$unit"
	chmod 0644 "$unit"
	start_service "$before"
	say "installed talkbridge $version (before: $before)"
}

# install_config writes the configuration where there is none, and never touches one that is there.
install_config() {
	mkdir -p "$etc" "$data/backups"
	chmod 0750 "$etc"
	chmod 0700 "$data" "$data/backups"
	if [ ! -e "$etc/talkbridge.yaml" ]; then
		cp -R "$here/configs/contracts" "$etc/contracts"
		sed -e 's|^  url: redis://.*|  url: file:/var/lib/talkbridge/talkbridge.db|' -e 's|^  audit_log: audit.log |  audit_log: /var/lib/talkbridge/audit.log |' \
			"$here/configs/talkbridge.yaml" >"$etc/talkbridge.yaml"
	fi
	if [ ! -e "$etc/talkbridge.env" ]; then
		(umask 077; cat >"$etc/talkbridge.env" <<-END
			# Passwords and keys of talkbridge. Only root and the user talkbridge may read this file.
			TALKBRIDGE_MYSQL_PASSWORD=
			TALKBRIDGE_CLIENT_ID=
			TALKBRIDGE_CLIENT_SECRET=
			TALKBRIDGE_STATE_KEY=$(head -c 16 /dev/urandom | base64)
		END
		)
	fi
	chmod 0600 "$etc/talkbridge.yaml" "$etc/talkbridge.env"
	own -R "$(owner)" "$etc" "$data"
}

# save_state takes a backup before an upgrade, where the installed program can.
save_state() {
	live && [ -x /usr/local/bin/talkbridge ] && [ -e "$data/talkbridge.db" ] || return 0
	file=$data/backups/before-$version-$(date +%Y%m%dT%H%M%S).backup
	if "$target.new/bin/talkbridge-admin" backup "$file" >/dev/null; then
		say "backup: $file"
	else
		fail "the backup before the upgrade did not work; nothing was changed. Mend that first (talkbridge check)"
	fi
}

stop_service() {
	live || return 0
	was_active=no
	if systemctl is-active --quiet talkbridge; then
		was_active=yes
		systemctl stop talkbridge
	fi
}

# start_service starts what ran before. A first installation is started by hand, after its configuration is filled in.
start_service() {
	live || return 0
	systemctl daemon-reload
	if [ "$was_active" = yes ]; then
		systemctl start talkbridge
	else
		say "next: fill in $etc/talkbridge.yaml and $etc/talkbridge.env, run talkbridge check, then: systemctl enable --now talkbridge"
	fi
}

rollback() {
	now=$(version_of current)
	then=$(version_of previous)
	[ "$then" != "-" ] || fail "there is no version to go back to"
	[ -x "$base/releases/$then/bin/talkbridge" ] || fail "the files of $then are not there any more"
	stop_service
	point "releases/$then" "$base/current"
	point "releases/$now" "$base/previous"
	cp "$base/current/configs/systemd/talkbridge.service" "$unit"
	start_service "$now"
	say "back at talkbridge $then (before: $now). The configuration is as it was; if $then does not know one of its keys, it says which"
}

uninstall() {
	live && { systemctl disable --now talkbridge >/dev/null 2>&1 || true; }
	rm -f "$unit" "$root/usr/local/bin/talkbridge" "$root/usr/local/sbin/talkbridge-admin"
	rm -rf "$base"
	live && { systemctl daemon-reload || true; }
	say "removed. Configuration and data are still in /etc/talkbridge and /var/lib/talkbridge; to delete those too:"
	say "  rm -rf $etc $data && userdel $user"
}

case $action in
install) install_release ;;
rollback) rollback ;;
uninstall) uninstall ;;
status) say "current: $(version_of current)"; say "previous: $(version_of previous)"; ls "$base/releases" 2>/dev/null || true ;;
esac

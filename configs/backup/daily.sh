#!/bin/sh
# The daily backup: make, verify, keep the newest 14. Any step that fails ends with an exit code that is not 0, and removes nothing.
set -eu
dir=/var/lib/talkbridge/backups
keep=14
file=$dir/daily-$(date +%Y%m%dT%H%M%S).backup
/usr/local/sbin/talkbridge-admin backup "$file" >/dev/null
/usr/local/sbin/talkbridge-admin verify "$file" >/dev/null
# Only files of our own name, the newest first by their name.
ls -1 "$dir" | grep '^daily-[0-9]\{8\}T[0-9]\{6\}\.backup$' | sort -r | tail -n +$((keep + 1)) | while read -r old; do
	rm -f "$dir/$old"
done

#!/usr/bin/env bash
# benchstat.sh BASE COUNT: the go benchmarks of the hot functions as they are now, beside those of the commit BASE. Both are built first
# and then run in turn, A B A B, COUNT times each, so that a machine that is busy for a while is busy for both.
set -eu -o pipefail
base=$1 count=$2
packages="mapper state pusher"
root=$(git rev-parse --show-toplevel)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/base"
git -C "$root" archive "$base" | tar -x -C "$dir/base"
for package in $packages; do
	(cd "$root" && go test -c -o "$dir/$package.now" "./$package")
	(cd "$dir/base" && go test -c -o "$dir/$package.base" "./$package")
done
for round in $(seq "$count"); do
	for package in $packages; do
		for side in base now; do
			echo "round $round: $package, $side" >&2
			tree=$root
			[ "$side" = now ] || tree=$dir/base
			(cd "$tree/$package" && "$dir/$package.$side" -test.run '^$' -test.bench . -test.benchtime 0.5s -test.benchmem) | sed "s|^pkg: .*|pkg: talkbridge/$package|" >>"$dir/$side.txt"
		done
	done
done
cd "$root" && go tool -modfile=tools/go.mod benchstat "$base=$dir/base.txt" "now=$dir/now.txt"

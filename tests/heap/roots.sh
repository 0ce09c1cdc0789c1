#!/bin/sh
# tests/heap/roots.sh DIR [SUITE...] -- make roots with other glibcs below DIR, and run the heap's tests in each.
#
# Each root is a Debian: bullseye (glibc 2.31), trixie (2.41) and sid (2.43 or later), with a compiler, about 450 MB
# each. They are made once, by debootstrap, from the mirror that this machine's own package source names (or
# $BRKWATER_MIRROR); later runs use what is there.  The tests compile their targets in the bullseye root, so that one
# program meets every later glibc (static ones in the root itself), run them there by chroot, and read them from here.
#
# Only root can do that, and the first time it needs the network.  Without, the script says what is missing and
# exits with 3; ./tests/run --all takes that for a failure.
set -eu
dir=${1:?usage: tests/heap/roots.sh DIR [SUITE...]}
shift
[ $# -gt 0 ] || set -- bullseye trixie sid
cd "$(dirname "$0")/../.."

skip() {
    echo "tests/heap/roots.sh: nothing tested: $1" >&2
    exit 3
}
[ "$(id -u)" = 0 ] || skip "only root can make and enter roots"
command -v debootstrap >/dev/null || skip "debootstrap is missing (apt-get install debootstrap)"

# The first Debian archive in the machine's package sources: "URIs: X" or "deb [options] X suite ...".
mirror_of_the_machine() {
    cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null |
        sed -n -e 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p' \
            -e 's/^deb[[:space:]]\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p' |
        grep -m 1 '/debian/*$'
}

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
made=
for suite in bullseye "$@"; do
    case " $made " in *" $suite "*) continue ;; esac
    root=$dir/$suite
    if [ ! -x "$root/usr/bin/gcc" ]; then
        mirror=${BRKWATER_MIRROR:-$(mirror_of_the_machine)} || skip "no Debian archive in /etc/apt; set BRKWATER_MIRROR"
        echo "tests/heap/roots.sh: making $root from $mirror"
        rm -rf "$root.unfinished"
        debootstrap --variant=minbase --include=gcc,libc6-dev "$suite" "$root.unfinished" "$mirror" \
            >"$dir/$suite.log" 2>&1 || {
            tail -n 3 "$dir/$suite.log" >&2
            skip "debootstrap of $suite failed; $dir/$suite.log tells why"
        }
        rm -rf "$root.unfinished"/var/cache/apt/archives/*.deb "$root.unfinished"/var/lib/apt/lists/*
        mv "$root.unfinished" "$root"
    fi
    made="$made $suite"
done

for suite in "$@"; do
    echo "tests/heap/roots.sh: $suite"
    BRKWATER_ROOT=$dir/$suite BRKWATER_COMPILE_ROOT=$dir/bullseye \
        cargo test --quiet --test heap -- --test-threads="$(nproc)"
done

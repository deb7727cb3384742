# TAP for shell tests: source this, call ok/is/skip as often as needed, and finish at the end.
#
#   . "${SME_TEST_SRCDIR:-.}/tests/tap/tap.sh"
#   is "$(echo a)" a "echo prints its argument"
#   finish
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
set -u -o pipefail

srcdir=${SME_TEST_SRCDIR:-.}
builddir=${SME_TEST_BUILDDIR:-$srcdir}
tap_count=0
tap_failed=0

# pass NAME, fail NAME [EXPLANATION]
pass() {
    tap_count=$((tap_count + 1))
    printf 'ok %d - %s\n' $tap_count "$1"
}
fail() {
    tap_count=$((tap_count + 1))
    tap_failed=$((tap_failed + 1))
    printf 'not ok %d - %s\n' $tap_count "$1"
    [ -z "${2-}" ] || printf '%s\n' "$2" | sed 's/^/# /'
}

# ok NAME COMMAND...: the command succeeds; what it printed explains a failure.
ok() {
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then pass "$name"; else fail "$name" "$out"; fi
}

# is GOT WANTED NAME
is() {
    if [ "$1" = "$2" ]; then pass "$3"; else fail "$3" "got:    $1"$'\n'"wanted: $2"; fi
}

# empty TEXT NAME: the findings of a lint, one a line; none is good.
empty() {
    if [ -z "$1" ]; then pass "$2"; else fail "$2" "$1"; fi
}

# skip NAME REASON
skip() {
    tap_count=$((tap_count + 1))
    printf 'ok %d - %s # SKIP %s\n' $tap_count "$1" "$2"
}

# skip_all REASON: instead of any test.
skip_all() {
    printf '1..0 # SKIP %s\n' "$1"
    exit 0
}

finish() {
    printf '1..%d\n' $tap_count
    [ $tap_failed -eq 0 ]
    exit
}

# c_files [FOLDER...]: C sources and headers of the project, relative to the source root.
c_files() {
    [ $# -gt 0 ] || set -- bench core include plugins sinks tests
    (cd "$srcdir" && find "$@" -type f \( -name '*.c' -o -name '*.h' \) 2>/dev/null | LC_ALL=C sort)
}

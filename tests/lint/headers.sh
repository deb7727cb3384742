#!/usr/bin/env bash
# Each header compiles alone.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
. "${SME_TEST_SRCDIR:-.}/tests/tap/tap.sh"
cd "$srcdir" || exit 1
cc=${CC:-cc}

# alone "COMPILER AND FLAGS" HEADER...: what it says about each header that fails.
alone() {
    local compiler=$1 header
    shift
    for header; do
        # shellcheck disable=SC2086
        printf '#include "%s"\n' "$PWD/$header" | $compiler -Iinclude -fsyntax-only - 2>&1
    done
}

mapfile -t public < <(c_files include)
mapfile -t private < <(c_files core plugins sinks tests | grep '\.h$')
is "$(((${#public[@]} > 0)))" 1 "there are public headers"

strict='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Werror'
for std in c99 c11 gnu17; do
    empty "$(alone "$cc -x c -std=$std $strict -Wstrict-prototypes" "${public[@]}")" \
        "public headers compile alone as $std"
done
if echo 'int x;' | c++ -x c++ -fsyntax-only - 2>/dev/null; then
    for std in c++11 c++17; do
        empty "$(alone "c++ -x c++ -std=$std -Wall -Wextra -Wpedantic -Wshadow -Werror" "${public[@]}")" \
            "public headers compile alone as $std"
    done
else
    skip "public headers compile alone as C++" "no C++ compiler"
fi
flags=$(pkg-config --cflags libcrypto libzstd inih jansson libpq gexiv2)
empty "$(alone "$cc -x c -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Wall -Wextra -Werror $flags" "${private[@]}")" \
    "each of the ${#private[@]} private headers compiles alone"
finish

#!/usr/bin/env bash
# What the texts say exists.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
. "${SME_TEST_SRCDIR:-.}/tests/tap/tap.sh"
cd "$srcdir" || exit 1
texts=(README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md docs/*.md)

# Scripts that a text tells to start.  The build makes ./run, autogen.sh makes configure.
started=$(grep -hoE '(^|[[:space:]`(])\./[a-z][a-z.-]*' "${texts[@]}" | grep -oE '\./.*' | sort -u)
missing=$(for script in $started; do
    case $script in
    ./run | ./build | ./quickstart.d) ;;
    *) [ -x "$script" ] || echo "$script" ;;
    esac
done)
empty "$missing" "scripts that the texts start exist"

# Relative links.
broken=$(for text in "${texts[@]}"; do
    grep -oE '\]\([^)#: ]+\)' "$text" | sed 's/^](//; s/)$//' | while read -r link; do
        [ -e "$(dirname "$text")/$link" ] || echo "$text: $link"
    done
done)
empty "$broken" "links lead somewhere"

named=$(grep -hoE '`(core|plugins|sinks|include|docs|tests|contrib|conf\.d|m4)/[A-Za-z0-9_./-]*`' "${texts[@]}" | tr -d '`' |
    grep -vE 'NAME|MODULE' | sort -u)
missing=$(for path in $named; do [ -e "$path" ] || [ -e "$path.h" ] || echo "$path"; done)
empty "$missing" "files that the texts name exist"

program=$builddir/sme-backup
if [ -x "$program" ]; then
    known=$("$program" help 2>&1)
    told=$(awk '/^```sh/ { on = 1; next } /^```/ { on = 0 } on && /^sme-backup / { print $2 }' "${texts[@]}" | sort -u)
    missing=$(for command in $told; do
        grep -qE "^[[:space:]]*(sme-backup )?$command( |\$)" <<<"$known" || echo "$command"
    done)
    empty "$missing" "commands that the texts use are known to 'sme-backup help'"
    targets=$(grep -hoE 'check-[a-z]+|make coverage' CONTRIBUTING.md docs/testing.md | sed 's/make //' | sort -u)
    missing=$(for target in $targets; do grep -q "^$target:" "$builddir/Makefile" || echo "$target"; done)
    empty "$missing" "make targets that the texts name exist"
else
    skip "commands that the texts use are known" "the program is not built"
    skip "make targets that the texts name exist" "the program is not built"
fi

finish

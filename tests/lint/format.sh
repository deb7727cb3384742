#!/usr/bin/env bash
# .clang-format decides how C looks.  To repair: clang-format -i FILE
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
. "${SME_TEST_SRCDIR:-.}/tests/tap/tap.sh"
cd "$srcdir" || exit 1

# Versions of clang-format differ in details; one decides.
version=$(clang-format --version 2>/dev/null | grep -oE 'version [0-9]+' | cut -d' ' -f2)
[ "$version" = 14 ] || skip_all "clang-format 14 is not installed (found: ${version:-none})"

c_files | xargs -P 2 -n 20 clang-format --dry-run >"$TMPDIR/out" 2>&1
empty "$(grep -E 'warning:|error:' "$TMPDIR/out" | cut -d: -f1 | sort | uniq -c | awk '{ print $2 ": " $1 " places; clang-format -i " $2 }')" \
    "C files are formatted"
empty "$(c_files | xargs grep -nE '	|[[:space:]]+$' | head -n 20)" "no tabs or trailing blanks in C files"
finish

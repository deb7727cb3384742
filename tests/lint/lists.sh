#!/usr/bin/env bash
# Every source and test is in a list of the makefile, so that it is built, run and shipped.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
. "${SME_TEST_SRCDIR:-.}/tests/tap/tap.sh"
cd "$srcdir" || exit 1

listed=$(cat Makefile.am ./*/local.mk | grep -v '^[[:space:]]*#' | tr -s ' \t\\=' '\n' | LC_ALL=C sort -u)
there() {
    LC_ALL=C sort -u | LC_ALL=C comm -23 - <(printf '%s\n' "$listed")
}

empty "$(c_files core include plugins sinks | there)" "C files of core, include, plugins and sinks are in a list"
empty "$(c_files tests | grep -vE '^tests/(unit/test_[^/]*|plugins/[^/]*|abi/[^/]*)\.c$' | there)" "C files that tests share are in a list"
empty "$(find tests/unit -name 'test_*.c' | sed 's/\.c$//' | there)" "unit tests are in a list"
empty "$(find tests/plugins tests/abi -name '*.c' -not -name offsets.c | sed 's/\.c$/.so/' | there)" "test plugins are in a list"
empty "$(find tests -name "*.bats" -o -name "*.sh" -o -name "*.bash" | there)" "bats files and scripts are in a list"
empty "$(find tests/data -type f | there)" "data of tests is in a list"
empty "$(find docs plugins sinks -name '*.pod' | there)" "manual pages are in a list"
empty "$(find docs -name '*.md' | there)" "texts are in a list"

gone=$(grep -E '^(core|include|plugins|sinks|tests|docs|contrib|conf\.d)/[A-Za-z0-9_./-]+\.(c|h|pod|md|sh|bats|map|ini)$' <<<"$listed" |
    while read -r file; do [ -e "$file" ] || echo "$file"; done)
empty "$gone" "every file in a list exists"
finish

#!/usr/bin/env bats
# "plugin test": a sink that does what it should passes, and each lie of another is found.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers
setup() {
    common_setup
    rm "$CONF/20-docs.ini"
    LIAR=$SME_TEST_BUILDDIR/tests/plugins/liar.so
}

liar_section() { printf '%s\n' '[sink liar]' 'plugin = liar' "lie = $1" >"$CONF/15-liar.ini"; }

# caught LIE WHAT TEXT LOOK: the check WHAT fails with TEXT, and says where to LOOK.
caught() {
    liar_section "$1"
    exits 1 plugin test liar
    local found
    found=$(grep -A1 -F "FAILED   $2: " <<<"$output") || fail "$1: '$2' did not fail: $output"
    [[ $found == *"$3"* ]] || fail "$1: not '$3': $found"
    [[ $found == *"look at $4"* ]] || fail "$1: not 'look at $4': $found"
}

@test "the directory sink passes, and its place is as it was" {
    mkdir -p "$REPO"
    exits 0 plugin test directory
    [[ $output != *FAILED* ]]
    prints "ok       a create-only put leaves an existing object alone"
    prints "ok       everything that was put can be removed again"
    prints "checks passed, 0 failed"
    [ -z "$(find "$REPO" -type f)" ]
    exits 0 plugin test directory --quiet
    silent
}

@test "a repository beside it is left alone" {
    docs_section
    backed_up
    find "$REPO" -type f -exec sha256sum {} + | sort >"$T/before"
    exits 0 plugin test directory --sink main --quiet
    find "$REPO" -type f -exec sha256sum {} + | sort >"$T/after"
    cmp "$T/before" "$T/after"
    restores
}

@test "as JSON" {
    mkdir -p "$REPO"
    exits 0 plugin test directory --json
    json '.plugin == "directory" and .exit == 0 and .failed == 0 and .left_behind == 0'
    json '.passed == ([.checks[] | select(.result == "ok")] | length) and .passed > 15'
    [ -e "$LIAR" ] || skip "tests/plugins/liar.so is not built"
    liar_section overwrite
    exits 1 plugin test liar --json
    json '.exit == 1 and .failed > 0'
    json '[.checks[] | select(.result == "failed" and (.what | startswith("a create-only")))][0] | (.text | contains("expected exists")) and .look != ""'
}

@test "without a place to work in, or with several, nothing is done" {
    exits 2 plugin test
    says "plugin test NAME"
    exits 2 plugin test nonesuch
    says "there is no plugin 'nonesuch'"
    printf '%s\n' '[sink other]' 'plugin = directory' "path = $T/other" >"$CONF/16-other.ini"
    exits 2 plugin test directory
    says "more than one sink of plugin 'directory' is configured"
    says "--sink NAME"
    exits 7 plugin test directory --sink other
    says "/other' does not exist"
    [ ! -e "$T/other" ]
    mkdir "$T/other"
    exits 0 plugin test directory --sink other
    [ -e "$LIAR" ] || skip "tests/plugins/liar.so is not built"
    exits 2 plugin test liar
    says "no sink of plugin 'liar' is configured"
    exits 2 plugin test liar --sink main
    says "sink 'main' is one of plugin 'directory', not 'liar'"
    liar_section gone
    exits 7 plugin test liar
    says "the place 'nowhere' does not answer"
    says "sme-backup setup liar"
}

@test "a plugin that is a file is tested as one" {
    [ -e "$LIAR" ] || skip "tests/plugins/liar.so is not built"
    liar_section none
    exits 1 plugin test "$LIAR"
    prints "FAILED   options explain themselves: expected whole sentences"
    prints "1 failed"
}

@test "a source has descriptor and calls tested" {
    needs_gen
    exits 0 plugin test gen
    prints "ok       options explain themselves"
    prints "ok       items are ones that can be kept"
    exits 2 plugin test gen --sink main
    says "is a source"
}

@test "each lie is found, and the author is told where to look" {
    [ -e "$LIAR" ] || skip "tests/plugins/liar.so is not built"
    trip="an object comes back as it was put, at any size"
    caught truncate "$trip" "expected 65537 bytes from get() of 'trip/65537', got 65536" "put()"
    caught forget "$trip" "expected success from get()" "put()"
    caught flip "$trip" "expected the bytes that were put" "put()"
    caught overwrite "a create-only put leaves an existing object alone" "expected exists" "put() with SME_PUT"
    caught length "a put of another length than announced is refused" "expected invalid" "put(): compare"
    lists="listings are complete and exact"
    caught short "$lists" "got it 0 times" "list(): every object"
    caught twice "$lists" "got it 2 times" "list(): every object"
    caught loose "$lists" "got in addition" "list(): every object"
    caught deaf "a listing ends when it is told to" "3 more objects" "list(): what the callback"
    caught case "every key comes back as it is" "expected success from put()" "how keys become names"
    caught slice "slices are joined in order" "expected 18 bytes" "put(): every slice"
    caught offset "ranges are exact, and nothing lies behind the end" "from offset 1 from get(), got others" "get(): offset"
    missing="what is missing is told as missing, and nothing else is touched"
    caught empty "$missing" "expected not-found from stat()" "stat() and get()"
    caught deny "$missing" "expected not-found from stat()" "stat() and get()"
    caught smear "$missing" "expected an untouched object" "stat() and get()"
    caught keep "removing is final, and harmless when repeated" "expected not-found from stat()" "remove()"
    caught strict "removing is final, and harmless when repeated" "expected success from remove()" "remove()"
    caught race "one of many create-only puts wins" "expected 1 success of 4" "put() with SME_PUT"
    caught clock "the sink's clock is one" "expected nanoseconds since 1970" "server_time()"
}

@test "what a busy or a strict place does is no fault" {
    [ -e "$LIAR" ] || skip "tests/plugins/liar.so is not built"
    liar_section tired
    exits 1 plugin test liar
    prints "1 failed" # the sentence without a full stop
    liar_section worm
    exits 1 plugin test liar
    prints "1 failed"
    prints "skipped  an ordinary put replaces: the place does not let objects be replaced"
}

@test "objects that cannot be removed are told" {
    [ -e "$LIAR" ] || skip "tests/plugins/liar.so is not built"
    liar_section no-delete
    exits 1 plugin test liar
    prints "FAILED   everything that was put can be removed again: expected success from remove()"
    says "could not be removed"
    says "conformance-"
}

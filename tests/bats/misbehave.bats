#!/usr/bin/env bats
# Plugins that do what no plugin should: the runner and the other sources go on, nothing of the bad
# one is committed, the log names it and what it did, and mended it works.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers

setup() {
    common_setup
    [ -e "$SME_TEST_BUILDDIR/tests/plugins/rogue.so" ] || skip "tests/plugins/rogue.so is not built"
    # A child that is left behind has no time for a leak check.
    export ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0"
    make_tree
    init_repository
    core_section 'parallel_sources = 16'
}

teardown() {
    local note
    for note in "$T"/*.pid; do
        [ ! -e "$note" ] || kill -9 "$(cat "$note")" 2>/dev/null || true
    done
}

# rogue NAME CALL DEED [LINE...]: a source of the plugin of that name.
rogue() {
    local name=$1 at=$2 deed=$3
    shift 3
    {
        printf '%s\n' "[source $name]" 'plugin = rogue' 'sink = main' "at = $at" "deed = $deed"
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >"$CONF/30-$name.ini"
}

# A repository "bad", in the sink that is mended, and a source that goes there.
vandal_place() {
    printf '%s\n' '[sink bad]' 'plugin = vandal' "path = $T/bad" "key_file = $T/keys/bad.key" >"$CONF/11-bad.ini"
    docs_section 'sink = main'
    sme init bad --kit "$T/kit2" --quiet
}

# vandal NAME CALL DEED [LINE...]: a sink, and a source of the same name that goes there.
vandal() {
    local name=$1 at=$2 deed=$3
    shift 3
    {
        printf '%s\n' "[sink $name]" 'plugin = vandal' "path = $T/bad" "at = $at" "deed = $deed" \
            "key_file = $T/keys/bad.key"
        printf '%s\n' "[source $name]" 'plugin = filesystem' "path = $SRC" "sink = $name"
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >"$CONF/40-$name.ini"
}

# table MAKER: rows "CALL;DEED;EXPECTED[;LINE]" from standard input; each becomes the source
# MAKER-CALL-DEED.  All of them run beside docs, and each must fail for the reason that is told.
table() {
    local maker=$1 at deed expected line
    while IFS=';' read -r at deed expected line; do
        [ -n "$at" ] || continue
        "$maker" "$maker-$at-$deed" "$at" "$deed" ${line:+"$line"}
        printf '%s\t%s\n' "$maker-$at-$deed" "$expected" >>"$T/rows"
    done
}

# What must be true after the run of a table.
row_fails() {
    grep -qE -e "ERROR $1: failed exit=[0-9]+ .*$2" "$LOG" ||
        fail "$1: the log lacks '$2': $(grep -e " $1: " "$LOG")"
    [ "$(snapshot_count "$1")" -eq 0 ] || fail "$1 has a snapshot"
}

# No worker is left, and nobody holds its lock.
row_is_clean() {
    local lock=$STATE/locks/$1.lock worker
    flock -n "$lock" true || fail "$1: its lock is held"
    worker=$(cut -d' ' -f2 "$lock")
    gone "$worker"
}

rows() { while IFS=$'\t' read -r name expected; do "$1" "$name" "$expected"; done <"$T/rows"; }

mend() {
    local file
    for file in "$CONF"/[34]0-*.ini; do
        sed -i '/^deed = /d; /^timeout = /d' "$file"
    done
}

# The run of a table: docs is complete whatever the others do.
table_holds() {
    exits 1 run --json
    json '[.sources[] | select(.source == "docs") | .status] == ["complete"]'
    json '[.sources[] | select(.status == "complete" or .status == "incomplete") | .source] == ["docs"]'
    mend
    rows row_fails
    rows row_is_clean
    restores docs
}

mended_row_works() { [ "$(snapshot_count "$1")" -eq 1 ] || fail "$1: no snapshot when mended"; }

# mends: without their deeds all of them work.
mends() {
    mend
    exits 0 run
    rows mended_row_works
}

# What a worker's end is called; under a sanitizer it may be an exit where there was a signal.
died="worker of plugin 'rogue' (crashed \(signal|ended with status)"
# exit() while other threads are at work: what they fall over first is not decided.
left="(ended with status [0-9]+ and no result|crashed \(signal [0-9]+, [A-Za-z ]+\))"

@test "a source that ends its process, in any call" {
    table rogue <<ROWS
create;crash;crashed \(signal 11, Segmentation fault\) during create\(\) of source plugin 'rogue'
check;crash;crashed \(signal 11, Segmentation fault\) during check\(\) of source plugin 'rogue'
begin;crash;crashed \(signal 11, Segmentation fault\) during begin\(\) of source plugin 'rogue'
next;crash;crashed \(signal 11, Segmentation fault\) during next\(\) of source plugin 'rogue'
read;crash;crashed \(signal 11, Segmentation fault\) during read\(\) of source plugin 'rogue'
next;wild-pointer;$died
next;recurse;$died
read;recurse;$died
create;abort;crashed \(signal 6, Aborted\) during create\(\) of source plugin 'rogue'
next;abort;crashed \(signal 6, Aborted\) during next\(\) of source plugin 'rogue'
create;exit;$left during create\(\) of source plugin 'rogue'
begin;exit;$left during begin\(\) of source plugin 'rogue'
next;exit;$left during next\(\) of source plugin 'rogue'
read;exit;$left during read\(\) of source plugin 'rogue'
check;quick-exit;ended with status 0 and no result during check\(\) of source plugin 'rogue'
next;quick-exit;ended with status 0 and no result during next\(\) of source plugin 'rogue'
read;quick-exit;ended with status 0 and no result during read\(\) of source plugin 'rogue'
begin;exit-in-thread;$left
read;exit-in-thread;$left
next;kill;was killed \(signal 9\) during next\(\) of source plugin 'rogue'
ROWS
    table_holds
    mends
}

@test "a source that hangs is ended by its timeout" {
    table rogue <<ROWS
create;block;timeout of 3.0s and was ended during create\(\);timeout = 3s
next;block;timeout of 3.0s and was ended during next\(\);timeout = 3s
read;block;timeout of 3.0s and was ended during read\(\);timeout = 3s
next;spin;timeout of 3.0s and was ended during next\(\);timeout = 3s
next;deaf;timeout of 3.0s and was ended during next\(\);timeout = 3s
next;end-thread;timeout of 3.0s and was ended;timeout = 3s
begin;exit-hangs;timeout of 3.0s and was ended during begin\(\);timeout = 3s
next;stop;timeout of 3.0s and was ended;timeout = 3s
ROWS
    table_holds
    mends
}

@test "a source with wrong sizes, statuses and items" {
    table rogue <<'ROWS'
read;read-more;the source plugin returned more than was asked
read;read-wild;the source plugin returned the unknown status -9223372036854775808
read;read-class;the source plugin returned the unknown status -18
next;next-class;the source plugin returned the unknown status -9999
begin;next-class;the source plugin returned the unknown status -9999
create;next-class;returned the unknown status -9999
create;no-handle;plugin of source 'rogue-create-no-handle' reported success without a handle
create;silent;source 'rogue-create-silent' cannot be opened \(io\)
check;silent;the source plugin failed without a word of why
next;silent;the source plugin failed without a word of why
read;silent;the source plugin failed without a word of why
create;cancelled;somebody wants me to stop
next;cancelled;somebody wants me to stop
read;cancelled;somebody wants me to stop
next;path-len;the source plugin yielded the path
next;path-nul;the source plugin yielded the path
next;extras;the source plugin yielded 'file-1' without a fact it counts
next;extras-wild;the source plugin yielded 'file-1' without a fact it counts
next;type;the source plugin yielded 'file-1' without a valid type
next;fail;next\(\) fails as it was told to
ROWS
    table_holds
    mends
}

@test "a failure of the source is told, even if it dies at its abort" {
    rogue late abort crash
    {
        printf '[source both]\nplugin = gen\nsink = main\nfail_at = 5\nfail_kind = next\n'
    } >"$CONF/30-both.ini"
    exits 1 run
    logs 'ERROR both: failed exit=1 .*next\(\) failed because the test wants it'
    logs ' late: complete '
}

@test "sizes of structs that a source overwrites are not believed" {
    rogue sizes next struct-size
    exits 0 run
    exits 0 restore sizes --to "$T/out" --verify
    [ "$(find "$T/out" -type f -size 40000c | wc -l)" -eq 3 ]
}

# After the commit the snapshot is there, whatever the plugin does: this is told as what it is.
after_commit() {
    exits 3 run --json
    json "[.sources[] | select(.source != \"docs\") | .status] | unique == [\"complete\"]"
    json '[.sources[] | .snapshot] | all(. != null)'
    while IFS=$'\t' read -r name expected; do
        logs " $name: complete .*$expected"
        [ "$(snapshot_count "$name")" -eq 1 ] || fail "$name: no snapshot"
        row_is_clean "$name"
    done <"$T/rows"
    restores docs
}

@test "a source that fails after the commit keeps its snapshot, with a warning" {
    table rogue <<ROWS
commit;crash;$died
commit;abort;$died
commit;exit;$left during end\(\) of source plugin 'rogue'
commit;quick-exit;ended with status 0 and no result during end\(\) of source plugin 'rogue'
commit;exit-in-thread;$left
commit;kill;was killed \(signal 9\) during end\(\) of source plugin 'rogue'
commit;block;took longer than its timeout of 5.0s and was ended during end\(\) of source plugin 'rogue';timeout = 5s
destroy;crash;$died
destroy;exit;$left during destroy\(\) of source plugin 'rogue'
ROWS
    after_commit
    exits 0 restore rogue-commit-crash --to "$T/kept" --verify
    mend
    exits 0 run
    [ "$(snapshot_count rogue-commit-crash)" -eq 2 ]
}

@test "a source that goes wrong while it is loaded" {
    rogue load create none
    for deed in crash exit abort; do
        export SME_TEST_ROGUE_LOAD=$deed
        exits 1 run --json
        json '[.sources[].status] == ["complete", "failed"]'
        logs "ERROR load: failed exit=1 .*worker of plugin 'rogue' .* during loading of source plugin 'rogue'"
        : >"$LOG"
    done
    unset SME_TEST_ROGUE_LOAD
    exits 0 run
    [ "$(snapshot_count load)" -eq 1 ]
}

@test "a source for another ABI" {
    mkdir "$T/abi"
    cp "$SME_TEST_BUILDDIR/tests/abi/bad-abi.so" "$T/abi/"
    sed -i "s|^plugin_dir = .*|&, $T/abi|" "$CONF/00-core.ini"
    printf '[source abi]\nplugin = bad-abi\nsink = main\n' >"$CONF/30-abi.ini"
    run --separate-stderr sme run
    [ "$status" -ne 0 ] || fail "exit $status: $stderr"
    logs 'ERROR abi: failed exit=[1-9].*bad-abi.so.* ABI '
    restores docs
}

@test "memory without end has an end" {
    [ -z "${SME_TEST_SANITIZER-}${SME_RUN_TOOL-}" ] || skip "needs a worker's own ceiling"
    rogue spend next spend
    exits 1 run
    logs 'WARN spend: no more memory after a while'
    logs "ERROR spend: failed exit=1 .*crashed \(signal 6, Aborted\) during next\(\)"
    restores docs
    mend
    exits 0 run
}

@test "descriptors that leak fail the source, not the run" {
    rogue leak begin leak-fds
    ulimit -n 256
    exits 1 run
    logs 'ERROR leak: failed exit=1 .*Too many open files'
    restores docs
    row_is_clean leak
    mend
    exits 0 run
}

@test "a source that closes descriptors of the worker commits nothing" {
    for at in create begin next read; do
        rogue "std-$at" "$at" close-std
        rogue "all-$at" "$at" close-all
    done
    exits 1 run --json
    json '[.sources[] | select(.source != "docs") | .status] | unique == ["failed"]'
    for at in create begin next read; do
        logs "ERROR std-$at: failed exit=1 .*a plugin has closed descriptor [0-2], which is not its own"
        [ "$(snapshot_count "std-$at")" -eq 0 ]
        [ "$(snapshot_count "all-$at")" -eq 0 ]
        row_is_clean "all-$at"
    done
    restores docs
    exits 0 check --read-data
    mend
    exits 0 run
}

@test "what a source prints is in the log, not in the output" {
    rogue print next print
    exits 0 run --json
    [ -z "$stderr" ]
    json '.exit == 0 and (.sources | length) == 2'
    logs 'WARN print: printed by a plugin: \{"exit": 0\} from the standard output'
    logs 'WARN print: printed by a plugin: from the standard error'
    rogue print next print-much
    : >"$LOG"
    exits 0 run
    silent
    logs 'WARN print: printed by a plugin: \(and [0-9]+ more lines\)'
    [ "$(grep -c 'printed by a plugin' "$LOG")" -le 250 ]
    # What it said last before it died is there too.
    rogue print begin abort
    exits 1 run --json
    json '.exit == 1'
}

@test "a source that changes folder, environment or umask disturbs nobody" {
    rogue move create move
    rogue open create umask
    rogue shut create umask "note = $T/none"
    exits 0 run
    [ -z "$(find "$REPO" "$STATE" "$CACHE" -perm /022 ! -type l)" ] ||
        fail "others may write: $(find "$REPO" "$STATE" "$CACHE" -perm /022 ! -type l)"
    exits 0 run
    for name in move open shut; do
        [ "$(snapshot_count "$name")" -eq 2 ]
        exits 0 restore "$name" --to "$T/$name" --verify
    done
    exits 0 check --read-data
}

@test "a child that a source leaves behind holds neither the run nor the lock" {
    rogue child begin child "note = $T/child.pid"
    rogue daemon begin daemon "note = $T/daemon.pid"
    rogue twin begin twin
    exits 0 run
    gone "$(cat "$T/child.pid")"
    kill -0 "$(cat "$T/daemon.pid")"
    for name in child daemon twin; do
        [ "$(snapshot_count "$name")" -eq 1 ] || fail "$name"
        flock -n "$STATE/locks/$name.lock" true || fail "$name: its lock is held"
    done
    kill -9 "$(cat "$T/daemon.pid")"
    exits 0 check --read-data
    exits 0 run
}


# started: a run in the background whose source "hang" has come to its deed.
started() {
    mkfifo "$T/hangs"
    rogue hang next "$1" "note = $T/hangs"
    "$SME_BACKUP" --config "$CONF" run 2>"$T/err" 3>&- &
    job=$!
    read -r _ <"$T/hangs"
    runner=$(cut -d' ' -f1 "$STATE/locks/hang.lock")
}

@test "a second signal ends a run whose source does not hear the first" {
    mkfifo "$T/told"
    printf '#!/bin/sh\necho yes >"%s"\n' "$T/told" >"$T/tell"
    chmod +x "$T/tell"
    gen_section 'sink = main' 'fail_kind = wait' "on_failure = $T/tell"
    started block
    kill -INT "$runner"
    read -r _ <"$T/told"
    kill -INT "$runner"
    status=0
    wait "$job" || status=$?
    [ "$status" -eq 130 ] || fail "exit $status"
    flock "$STATE/locks/hang.lock" true
    rm "$CONF/30-gen.ini"
    mend
    exits 0 run
    [ "$(snapshot_count hang)" -eq 1 ]
}

@test "a worker that hears nothing does not outlive a runner that was killed" {
    started deaf
    worker=$(cut -d' ' -f2 "$STATE/locks/hang.lock")
    kill -9 "$runner"
    wait "$job" || true
    flock "$STATE/locks/hang.lock" true
    gone "$worker"
    mend
    exits 0 run
    [ "$(snapshot_count hang)" -eq 1 ]
}

# ---- sinks -----------------------------------------------------------------------------------

@test "a sink that ends the process or hangs, in any call" {
    vandal_place
    table vandal <<ROWS
create;crash;crashed \(signal 11, Segmentation fault\) during create\(\) of sink plugin 'vandal'
limits;crash;crashed \(signal 11, Segmentation fault\) during limits\(\) of sink plugin 'vandal'
put;crash;crashed \(signal 11, Segmentation fault\) during put\(\) of sink plugin 'vandal'
get;crash;crashed \(signal 11, Segmentation fault\) during get\(\) of sink plugin 'vandal'
list;crash;crashed \(signal 11, Segmentation fault\) during list\(\) of sink plugin 'vandal'
put;abort;crashed \(signal 6, Aborted\) during put\(\) of sink plugin 'vandal'
put;exit;$left during put\(\) of sink plugin 'vandal'
list;quick-exit;ended with status 0 and no result during list\(\) of sink plugin 'vandal'
get;exit-in-thread;$left
put;kill;was killed \(signal 9\) during put\(\) of sink plugin 'vandal'
put;recurse;(crashed \(signal|ended with status)
put;block;timeout of 3.0s and was ended during put\(\) of sink plugin 'vandal';timeout = 3s
get;deaf;timeout of 3.0s and was ended during get\(\) of sink plugin 'vandal';timeout = 3s
list;stop;timeout of 3.0s and was ended;timeout = 3s
list;end-thread;timeout of 3.0s and was ended;timeout = 3s
put;close-std;a plugin has closed descriptor [0-2]
put;close-all;.
ROWS
    table_holds
    mends
}

@test "a sink that lies" {
    vandal_place
    table vandal <<'ROWS'
put;forget;.
put;class;plugin of sink 'vandal-put-class' returned the unknown status -9999
put;silent;sink 'vandal-put-silent': cannot store
create;no-handle;plugin of sink 'vandal-create-no-handle' reported success without a handle
get;flip;.
get;more;plugin of sink 'vandal-get-more' returned more of '.*' than was asked
get;less;.
get;wild;plugin of sink 'vandal-get-wild' returned the unknown status -9223372036854775808
get;silent;sink 'vandal-get-silent': cannot read
list;class;plugin of sink 'vandal-list-class' returned the unknown status -9999
list;silent;sink 'vandal-list-silent'
list;nameless;plugin of sink 'vandal-list-nameless' lists an object without a name
list;long;plugin of sink 'vandal-list-long' lists an object
limits;silent;sink 'vandal-limits-silent'
limits;class;plugin of sink 'vandal-limits-class' returned the unknown status -9999
ROWS
    exits 4 run --json
    json '[.sources[] | select(.source == "docs") | .status] == ["complete"]'
    json '[.sources[] | select(.status == "complete" or .status == "incomplete") | .source] == ["docs"]'
    mend
    rows row_fails
    rows row_is_clean
    restores docs
    mends
    exits 0 check --read-data
}

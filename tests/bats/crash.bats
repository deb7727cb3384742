#!/usr/bin/env bats
# Workers that are killed, crash, hang or meet failures at every put of a run: what was committed
# before restores, and the next run succeeds without repair.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
#
# The sink is tests/plugins/gate.c, which stops at a chosen put and says so through a FIFO.
load helpers
setup() {
    common_setup
    [ -e "$SME_TEST_BUILDDIR/tests/plugins/gate.so" ] || skip "tests/plugins/gate.so is not built"
    make_tree
    mkfifo "$T/fifo"
    # Open for both directions all the time: no writer waits, no reader meets an end of file while
    # a process that was killed still holds its side, and no line is lost.
    exec 9<>"$T/fifo"
    gate
    init_repository
    sme run
    first=$(snapshots)
    mkdir "$T/first"
    cp -a "$SRC/." "$T/first"
    head -c 300000 /dev/urandom >"$SRC/second"
}

teardown() { wait; }

# gate [LINE...]: the sink, with more options.
gate() {
    {
        printf '%s\n' '[sink main]' 'plugin = gate' "path = $REPO"
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >"$CONF/10-main.ini"
}

first_restores() {
    rm -rf "$T/out1"
    sme restore "docs@$first" --to "$T/out1" -q || return
    same "$T/first" "$T/out1"
}

# start_run: in the background, until it is at the gate (the key of the put is in $key, the processes
# in $runner and $worker), or over, which is a failure of this function.
start_run() {
    {
        status=0
        "$SME_BACKUP" --config "$CONF" run >"$T/stdout" 2>"$T/stderr" || status=$?
        echo "end $status" >"$T/fifo"
    } 3>&- 9>&- &
    read -r key code <&9
    [ "$key" != end ] || return 1
    read -r runner worker <"$STATE/locks/docs.lock"
}

# end_run: its exit code in $code.
end_run() {
    read -r _ code <&9
    wait
}

# recovers COMMITTED: the first snapshot and, if COMMITTED, the second are there; the next ordinary
# run succeeds, and nothing is damaged.
recovers() {
    gate
    first_restores
    [ "$(snapshot_count)" -eq $((1 + $1)) ]
    [ "$1" -eq 0 ] || restores
    exits 0 check
    exits 0 run
    restores
    exits 0 check --read-data
    first_restores
}

@test "kill -9 at each put, before and after it" {
    committed=0
    for when in before after; do
        for at in 1 2 3 4 5 6 7 8; do
            gate "fifo = $T/fifo" "at = $at" "when = $when" 'act = hang'
            head -c 100000 /dev/urandom >"$SRC/more"
            # One with fewer puts is over without having been stopped.
            start_run || break
            kill -KILL "$worker"
            end_run
        case $key in
            backups/*) [ "$when" = before ] || committed=1 ;;
            esac
            [ "$code" -eq 1 ] || fail "exit $code instead of 1 at $when put $at ($key): $(cat "$T/stderr")"
            grep -q "was killed (signal 9)" "$T/stderr" || fail "$(cat "$T/stderr")"
            first_restores || fail "the first snapshot is lost at $when put $at ($key)"
            echo "$when $at $key" >>"$T/points"
        done
        wait
        [ "$code" -eq 0 ] && [ "$at" -gt 4 ]
    done
    cat "$T/points"
    grep -q '/data/' "$T/points"
    grep -q '/meta/' "$T/points"
    grep -q '/index/' "$T/points"
    grep -q 'backups/' "$T/points"
    [ "$committed" -eq 1 ]
    gate
    exits 0 check
    exits 0 run
    restores
    exits 0 check --read-data
    first_restores
}

@test "a worker that crashes fails its source, names the plugin, and touches no other" {
    gate 'at = 2' 'act = crash'
    mkdir "$T/other"
    printf '[source other]\nplugin = filesystem\npath = %s\n' "$T/other" >"$CONF/30-other.ini"
    exits 1 run docs
    says "worker of plugin 'filesystem' crashed (signal 11, Segmentation fault) during put() of sink plugin 'gate'"
    logs "ERROR docs: failed exit=1 class=io .*crashed \(signal 11, "
    recovers 0
    exits 0 list other --json
    json '.snapshots | length == 1'
}

@test "a worker that leaves without a result fails its source" {
    gate 'at = 2' 'act = leave'
    exits 1 run
    says "ended with status 0 and no result"
    recovers 0
}

@test "SIGTERM ends a run in good order, without a snapshot" {
    gate "fifo = $T/fifo" 'at = 2'
    start_run
    kill -TERM "$runner"
    end_run
    [ "$code" -eq 130 ]
    logs 'WARN docs: cancelled exit=130 class=cancelled'
    recovers 0
}

@test "kill -9 of the runner ends its worker, too" {
    gate "fifo = $T/fifo" 'at = 2'
    start_run
    kill -KILL "$runner"
    end_run
    [ "$code" -eq 137 ]
    # The worker gets SIGTERM, and with it ends what holds the lock.
    flock "$STATE/locks/docs.lock" true
    gone "$worker"
    recovers 0
}

@test "a worker that outlives its runner still holds the lock" {
    gate "fifo = $T/fifo" 'at = 2' 'act = hang'
    start_run
    kill -STOP "$worker"
    kill -KILL "$runner"
    end_run
    exits 5 run
    says "source 'docs' is already running (process $worker)"
    kill -KILL "$worker"
    flock "$STATE/locks/docs.lock" true
    recovers 0
}

@test "a job that takes longer than its timeout is ended" {
    gate 'at = 2'
    docs_section 'timeout = 200ms'
    exits 1 run
    says "took longer than its timeout of"
    docs_section
    recovers 0
}

@test "a full disk is told as such, and more room is all that is needed" {
    gate 'at = 2' 'act = full'
    exits 1 run --json
    json '.sources[0].error.status == "no-space" and .sources[0].status == "failed"'
    recovers 0
}

@test "a put that fails at any point commits nothing" {
    for at in 1 2 3 4 5; do
        gate "at = $at" 'act = fail'
        # New data each time: what was stored before a failure is not stored again.
        head -c 50000 /dev/urandom >"$SRC/more"
        exits 1 run
        says "the gate refuses"
        [ "$(snapshot_count)" -eq 1 ]
    done
    recovers 0
}

@test "a put that fails once is repeated" {
    gate 'at = 2' 'act = transient'
    exits 0 run --json
    json '.sources[0].requests.retries == 1'
    recovers 1
}

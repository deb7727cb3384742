#!/usr/bin/env bats
# kill -9 at random moments of a run: what is listed restores, what is left is garbage at most, and
# the next run succeeds.  crash.bats kills at chosen points; this one finds those nobody chose.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers

setup() {
    common_setup
    # The leak check at the end of a program starts a child; one that is killed is waited for for ever.
    export ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0"
    make_tree
    init_repository
    for n in $(seq 40); do
        mkdir "$SRC/many$n"
        for m in $(seq 25); do echo "$n $m" >"$SRC/many$n/$m"; done
    done
}

@test "kill -9 at 50 random moments" {
    RANDOM=${SME_TEST_SEED:-$$}
    echo "SME_TEST_SEED=$RANDOM"
    mkdir "$T/was"
    for round in $(seq 50); do
        head -c $((RANDOM * 200)) /dev/urandom >"$SRC/new$((round % 5))"
        "$SME_BACKUP" --config "$CONF" run >/dev/null 2>&1 3>&- &
        parent=$!
        # Until a random moment; the run may be over by then.
        perl -e 'select undef, undef, undef, $ARGV[0] / 32768 * 0.2' "$RANDOM"
        if [ $((round % 2)) -eq 0 ]; then
            pkill -KILL -P "$parent" || true
        else
            kill -KILL "$parent" 2>/dev/null || true
        fi
        wait "$parent" || true
    done
    # A worker whose parent was killed is told to stop by the kernel, and may take a moment.
    flock "$STATE/locks/docs.lock" true
    exits 0 check --read-data
    exits 0 run
    restores
    for name in $(snapshots); do
        exits 0 restore "docs@$name" --to "$T/each/$name" --verify -q
    done
    exits 0 check --read-data
}

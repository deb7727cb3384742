#!/usr/bin/env bats
# Source plugins that misbehave: what becomes of their job, and of the others.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers
setup() {
    common_setup
    needs_gen
    rm "$CONF/20-docs.ini"
    init_repository
    gen_section
    sme run
    first=$(snapshots gen)
    sme restore gen --to "$T/first" -q
}

# The first snapshot is as it was, and an ordinary run succeeds.
recovers() {
    sme restore "gen@$first" --to "$T/again" -q
    diff -r "$T/first" "$T/again"
    [ "$(snapshot_count gen)" -eq 1 ]
    gen_section 'items = 12'
    exits 0 run
    [ "$(snapshot_count gen)" -eq 2 ]
}

@test "what a stream source yields comes back" {
    [ "$(find "$T/first" -type f | wc -l)" -eq 10 ]
    gen_section 'items = 300' 'per_folder = 20' 'size = 200KiB' 'vary = yes' 'seed = 7'
    exits 0 run
    exits 0 restore gen --to "$T/out" --verify
    [ "$(find "$T/out" -type f | wc -l)" -eq 300 ]
    exits 0 run --json
    json '.sources[0].bytes_new == 0'
    exits 0 check --read-data
}

@test "a plugin that crashes fails its job, and the other job is done" {
    docs_section
    for kind in crash kill; do
        gen_section 'fail_at = 5' "fail_kind = $kind"
        exits 1 run
        says "gen: failed: worker of plugin 'gen' "
        [ -z "$output" ]
        logs "ERROR gen: failed exit=1 .*worker of plugin 'gen' (crashed \(signal|was killed)"
    done
    [ "$(snapshot_count docs)" -eq 2 ]
    rm "$CONF/20-docs.ini"
    recovers
}

@test "a plugin that ends the process with success has not succeeded" {
    gen_section 'fail_at = 5' 'fail_kind = exit'
    exits 1 run
    says "no result"
    recovers
}

@test "a plugin that hangs is ended by the timeout" {
    gen_section 'fail_at = 5' 'fail_kind = wait' 'timeout = 200ms'
    exits 1 run
    says "gen: failed: took longer than its timeout of "
    recovers
}

@test "a failure of the source commits nothing" {
    for kind in next read create check begin; do
        gen_section 'fail_at = 5' "fail_kind = $kind"
        run --separate-stderr sme run
        [ "$status" -ne 0 ] && [ "$status" -ne 3 ] || fail "$kind: exit $status: $stderr"
        says "gen: failed"
        [ "$(snapshot_count gen)" -eq 1 ]
    done
    recovers
}

@test "items that fail or change are reported, and the rest is committed" {
    for kind in item changed; do
        gen_section 'fail_at = 5' "fail_kind = $kind" "seed = $((++seed + 10))"
        exits 3 run --json
        json '.sources[0].status == "incomplete" and .sources[0].problem_count == 1'
        json '.sources[0].problems[0].path | test("gen-0*[456]$")'
    done
    [ "$(snapshot_count gen)" -eq 3 ]
}

@test "items that are out of order, or lead outside, fail the job" {
    for kind in order path; do
        gen_section 'fail_at = 5' "fail_kind = $kind"
        run --separate-stderr sme run
        [ "$status" -eq 1 ] || fail "$kind: exit $status: $stderr"
        says "gen: failed: the source plugin yielded "
        [ "$(snapshot_count gen)" -eq 1 ]
    done
    recovers
}

@test "a secret option is shown nowhere" {
    gen_section 'secret = hunter2-hunter2'
    chmod 0600 "$CONF/30-gen.ini"
    exits 0 config show
    [[ $output$stderr != *hunter2* ]]
    prints "secret is set (hidden)"
    exits 0 config show --json
    [[ $output != *hunter2* ]]
    exits 0 run --verbose --verbose
    [[ $output$stderr != *hunter2* ]]
    ! grep -rq hunter2 "$REPO" "$STATE" "$CACHE" "$LOG" || false
    chmod 0644 "$CONF/30-gen.ini"
    exits 2 config check
    says "30-gen.ini:3"
}

@test "a plugin whose file others can write is refused" {
    mkdir "$T/plugins"
    cp "$SME_TEST_BUILDDIR/tests/plugins/gen.so" "$T/plugins/gen.so"
    sed -i "s|^plugin_dir = .*|plugin_dir = $T/plugins|" "$CONF/00-core.ini"
    exits 0 run
    chmod 0666 "$T/plugins/gen.so"
    run --separate-stderr sme run
    [ "$status" -ne 0 ]
    says "$T/plugins/gen.so"
    printf 'not an object\n' >"$T/plugins/gen.so"
    chmod 0644 "$T/plugins/gen.so"
    exits 2 run
    says "$T/plugins/gen.so"
    exits 2 plugin list
    says "$T/plugins/gen.so"
}

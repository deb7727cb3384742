#!/usr/bin/env bats
# Locks, hooks, limits of time, users: what the runner does around a job.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers
setup() {
    common_setup
    make_tree
    init_repository
}

teardown() {
    # Only what a test itself has started in the background.
    [ -z "${held-}" ] || kill "$held" 2>/dev/null || true
    wait
}

# hold LOCK: keep a lock in the background, until the test ends.
hold() {
    mkdir -p "$STATE/locks"
    mkfifo "$T/held"
    flock "$1" sh -c 'echo yes >"$1"; exec sleep 600' sh "$T/held" 3>&- &
    held=$!
    read -r _ <"$T/held"
}

# hook NAME LINE...: an executable script.
hook() {
    local file=$T/$1
    shift
    printf '%s\n' '#!/bin/sh' "$@" >"$file"
    chmod +x "$file"
}

@test "a source that is running already is busy; the others go on" {
    mkdir "$T/other"
    printf '[source other]\nplugin = filesystem\npath = %s\n' "$T/other" >"$CONF/30-other.ini"
    hold "$STATE/locks/docs.lock"
    exits 5 run --json
    json '[.sources[] | .status] == ["busy", "complete"] and [.sources[] | .exit] == [5, 0]'
    logs 'WARN docs: busy exit=5 .*already running'
    exits 5 run docs
    says "source 'docs' is already running"
    [ "$(snapshot_count docs)" -eq 0 ]
}

@test "the holder of the lock is named" {
    mkfifo "$T/go" "$T/there"
    hook wait 'echo yes >"$1"; read -r _ <"$2"'
    docs_section "before = $T/wait $T/there $T/go"
    sme run 3>&- &
    read -r _ <"$T/there"
    exits 5 run
    says "source 'docs' is already running (process $(cut -d' ' -f1 "$STATE/locks/docs.lock"))"
    echo go >"$T/go"
    wait
    exits 0 list docs --json
    json '.snapshots | length == 1'
}

@test "hooks run without a shell, with their environment" {
    hook note 'printf "%s\n" "$1|$SME_BACKUP_SOURCE|$SME_BACKUP_SINK|${SME_BACKUP_STATUS-unset}|${SME_BACKUP_SNAPSHOT-unset}|${SME_BACKUP_MESSAGE-unset}" >>"'"$T"'/notes"'
    docs_section "before = $T/note 'be fore', $T/note \$HOME" "after = $T/note after" "on_failure = $T/note failure"
    exits 0 run
    silent
    [ "$(sed -n 1p "$T/notes")" = "be fore|docs|main|unset|unset|unset" ]
    [ "$(sed -n 2p "$T/notes")" = '$HOME|docs|main|unset|unset|unset' ]
    [ "$(sed -n 3p "$T/notes")" = "after|docs|main|complete|$(snapshots)|" ]
    [ "$(wc -l <"$T/notes")" -eq 3 ]
    rm -r "$REPO" "$T/notes"
    exits 7 run
    grep -q '^after|docs|main|failed||.' "$T/notes"
    grep -q '^failure|docs|main|failed||.' "$T/notes"
}

@test "a before hook that fails stops the job, and what it said is told" {
    hook bad 'echo all well; echo no disk >&2; exit 7'
    hook note 'echo "$SME_BACKUP_STATUS $SME_BACKUP_MESSAGE" >>"'"$T"'/notes"'
    docs_section "before = $T/bad, $T/note" "after = $T/note" "on_failure = $T/note"
    exits 1 run
    says "docs: failed: before hook '$T/bad' ended with status 7: no disk"
    logs 'INFO docs: before: all well'
    logs 'WARN docs: before: no disk'
    logs 'ERROR docs: failed exit=1 .*ended with status 7'
    [ "$(wc -l <"$T/notes")" -eq 2 ]
    [ "$(snapshot_count)" -eq 0 ]
    docs_section "before = $T/none-such"
    exits 1 run
    says "cannot start '$T/none-such': No such file"
    docs_section "before = 'unclosed"
    exits 2 run
    says "a quote that is not closed"
}

@test "an after hook that fails does not undo the snapshot, but shows" {
    hook bad 'exit 1'
    docs_section "after = $T/bad"
    exits 3 run
    says "committed, but after hook '$T/bad' ended with status 1"
    [ "$(snapshot_count)" -eq 1 ]
    docs_section "on_failure = $T/bad"
    exits 0 run
}

@test "hooks do not run in a dry run" {
    hook note 'echo here >>"'"$T"'/notes"'
    docs_section "before = $T/note" "after = $T/note"
    exits 0 run --dry-run
    [ ! -e "$T/notes" ]
}

@test "a hook that hangs is ended, with all that it started" {
    hook hang 'sleep 600 & echo $! >"'"$T"'/child"; wait'
    docs_section "before = $T/hang" 'timeout = 3s'
    exits 1 run
    says "took longer than"
    gone "$(cat "$T/child")"
    exits 0 list --json
}

@test "output of a hook without end is cut" {
    hook chatty 'yes line | head -n 1000; printf "last without newline"'
    docs_section "before = $T/chatty"
    exits 0 run
    logs 'more lines of output were not logged'
    [ "$(grep -c 'docs: before: line' "$LOG")" -le 250 ]
}

@test "what a hook leaves behind does not hold the job or its lock" {
    hook daemon 'sleep 600 & echo $! >"'"$T"'/child"'
    docs_section "before = $T/daemon"
    exits 0 run
    held=$(cat "$T/child")
    exits 0 run
    kill "$held" "$(cat "$T/child")"
}

@test "SIGTERM ends a run in good order with 130" {
    mkfifo "$T/there"
    hook wait 'echo yes >"$1"; exec sleep 600'
    hook note 'echo "$SME_BACKUP_STATUS" >>"'"$T"'/notes"'
    docs_section "before = $T/wait $T/there" "after = $T/note"
    mkdir "$T/other"
    printf '[source other]\nplugin = filesystem\npath = %s\n' "$T/other" >"$CONF/30-other.ini"
    "$SME_BACKUP" --config "$CONF" run 2>"$T/err" 3>&- &
    job=$!
    read -r _ <"$T/there"
    kill -TERM "$(cut -d' ' -f1 "$STATE/locks/docs.lock")"
    status=0
    wait "$job" || status=$?
    [ "$status" -eq 130 ]
    logs 'WARN docs: cancelled exit=130'
    logs 'WARN other: cancelled exit=130 .*before it began'
    [ "$(cat "$T/notes")" = cancelled ]
    docs_section
    exits 0 run
}

@test "sources run side by side where the configuration says so" {
    core_section 'parallel_sources = 2'
    mkdir "$T/other"
    mkfifo "$T/one" "$T/two"
    # Each waits for the other: only together they end.
    hook meet 'echo yes >"$1" & read -r _ <"$2"; wait'
    docs_section "before = $T/meet $T/one $T/two" 'timeout = 60s'
    printf '[source other]\nplugin = filesystem\npath = %s\nbefore = %s\ntimeout = 60s\n' "$T/other" \
        "$T/meet $T/two $T/one" >"$CONF/30-other.ini"
    exits 0 run --json
    json '[.sources[].status] == ["complete", "complete"]'
}

@test "a log that cannot be written is told, and the backup is made" {
    sed -i "s|^log_file = .*|log_file = $T/no/such/folder/log|" "$CONF/00-core.ini"
    exits 0 run
    says "no log is written"
    [ "$(snapshot_count)" -eq 1 ]
}

@test "a state folder that cannot be made fails the run, with a remedy" {
    sed -i "s|^state_dir = .*|state_dir = $SRC/none/state|" "$CONF/00-core.ini"
    exits 1 run
    says "state_dir"
    [ -z "$output" ]
}

@test "losing state and cache costs time only" {
    sme run
    rm -r "$STATE" "$CACHE"
    printf 'x' >>"$SRC/a/one.txt"
    exits 0 run --json
    json '.sources[0].data_packs <= 1'
    restores
    rm -r "$CACHE"
    mkdir "$CACHE"
    find "$SRC" -type f -newer "$LOG" -delete
    exits 0 run
    for file in $(find "$CACHE" -type f); do
        head -c 100 /dev/urandom >"$file"
    done
    exits 0 run
    restores
}

@test "a source of another user is read as that user" {
    as_root
    getent passwd nobody >/dev/null || skip "there is no user nobody"
    docs_section 'user = nobody'
    chmod 0700 "$SRC/a"
    open_way
    find "$REPO" -type d -exec chmod 0777 {} +
    run --separate-stderr sme run
    [ "$status" -eq 3 ] || fail "exit $status instead of 3: $stderr"
    logs 'failed .a.: .*ermission denied'
    docs_section 'user = no-such-user-here'
    exits 2 run
    says "user 'no-such-user-here' does not exist"
}

@test "without root another user is refused" {
    as_root
    docs_section 'user = root'
    as_nobody
    exits 6 run
    says "only root can run a source as user 'root'"
}

@test "an unprivileged run keeps to the user's own folders" {
    as_root
    printf '[core]\n' >"$CONF/00-core.ini"
    as_nobody
    exits 0 run
    silent
    LOG=$HOME/.local/state/sme-backup/sme-backup.log
    logs ' docs: complete '
    [ -d "$HOME/.cache/sme-backup" ]
    restores
}

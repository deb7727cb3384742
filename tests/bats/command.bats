#!/usr/bin/env bats
# The command source: a program's output comes back, and a program that fails leaves no snapshot.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers

setup() {
    [ -e "$SME_TEST_BUILDDIR/plugins/command.so" ] || skip "this build leaves the command source out"
    common_setup
    rm "$CONF/20-docs.ini"
    DUMP=$T/dump
    printf '#!/bin/sh\nexec cat %s\n' "$T/data" >"$DUMP"
    chmod 0755 "$DUMP"
    printf 'row 1\nrow 2\nrow 3\nrow 4\n' >"$T/data"
    dump_section "command = $DUMP --all 'two words'" 'name = shop.sql'
    sme init --kit "$T/kit" --quiet
}

# dump_section LINE...: write [source dump] anew.
dump_section() {
    printf '%s\n' '[source dump]' 'plugin = command' "$@" >"$CONF/40-dump.ini"
}

# dump_script TEXT: what the program shall do.
dump_script() {
    printf '#!/bin/sh\n%s\n' "$1" >"$DUMP"
}

comes_back() {
    rm -rf "$T/out"
    sme restore dump --to "$T/out" --quiet
    cmp "$T/data" "$T/out/shop.sql"
}

@test "the output comes back as a private file under its name" {
    exits 0 run
    silent
    comes_back
    [ "$(stat -c %a "$T/out/shop.sql")" = 600 ]
    [ "$(ls -A "$T/out")" = shop.sql ]
    no_leftovers
}

@test "a large output comes back, and what did not change is stored once" {
    seq 1 3000000 >"$T/data"
    exits 0 run --json
    json '.sources[0].status == "complete" and .sources[0].bytes_read > 20000000'
    printf 'one more\n' >>"$T/data"
    exits 0 run --json
    json '.sources[0].bytes_new < 5000000'
    comes_back
}

@test "a name may have folders, and without one it is the program's" {
    dump_section "command = $DUMP" 'name = mysql/daily/shop.sql'
    sme run
    sme restore dump --to "$T/out" --quiet
    cmp "$T/data" "$T/out/mysql/daily/shop.sql"
    dump_section "command = $DUMP"
    sme run
    sme restore dump --to "$T/out2" --quiet
    cmp "$T/data" "$T/out2/dump"
}

@test "a program that fails after much output leaves no snapshot and says why" {
    sme run
    dump_script "cat $T/data; echo 'table shop.orders is marked as crashed' >&2; exit 2"
    exits 1 run
    says "'dump' ended with exit status 2: table shop.orders is marked as crashed"
    logs 'dump: table shop.orders is marked as crashed'
    [ "$(snapshot_count dump)" -eq 1 ]
    comes_back
    dump_script "cat $T/data; kill -KILL \$\$"
    exits 1 run
    says "'dump' was ended by signal 9"
    [ "$(snapshot_count dump)" -eq 1 ]
    no_leftovers
}

@test "errors of a good run go to the log only" {
    dump_script "cat $T/data; echo 'warning: 2 views left out' >&2"
    exits 0 run
    silent
    logs 'warning: 2 views left out'
    comes_back
}

@test "no output at all is a failure, unless it is asked for" {
    dump_script 'exit 0'
    exits 1 run
    says "'dump' wrote 0 bytes, but min_size is 1"
    [ "$(snapshot_count dump)" -eq 0 ]
    dump_section "command = $DUMP" 'name = shop.sql' 'min_size = 0'
    exits 0 run
    : >"$T/data"
    comes_back
}

@test "much less output than the last good run is a failure until the size is forgotten" {
    dump_section "command = $DUMP" 'name = shop.sql' 'max_shrink = 50%'
    sme run
    printf 'row 1\n' >"$T/data"
    for again in 1 2; do
        exits 1 run
        says "'dump' wrote 6 bytes, 24 at the last good run"
        says "$STATE/sources/dump/last-size"
    done
    [ "$(snapshot_count dump)" -eq 1 ]
    rm "$STATE/sources/dump/last-size"
    exits 0 run
    comes_back
    no_leftovers
}

@test "a dry run neither stores anything nor remembers the size" {
    dump_section "command = $DUMP" 'name = shop.sql' 'max_shrink = 50%'
    exits 0 run --dry-run
    [ "$(snapshot_count dump)" -eq 0 ]
    [ ! -e "$STATE/sources/dump/last-size" ]
}

@test "a program that is missing and what needs a shell are found at once" {
    dump_section 'command = /nowhere/dump --all'
    exits 1 run
    says "program '/nowhere/dump' cannot be run: No such file or directory"
    dump_section "command = $DUMP | gzip"
    exits 2 run
    says "no shell runs it, so '|' must be quoted"
    [ "$(snapshot_count dump)" -eq 0 ]
}

@test "a time limit ends the program and all that it started" {
    # Time enough to get that far on a machine that is busy.
    dump_section "command = $DUMP" 'name = shop.sql' 'timeout = 3s'
    dump_script "sleep 1000 & echo \$! >$T/pid; cat $T/data; wait"
    exits 1 run
    says "took longer than its timeout"
    [ "$(snapshot_count dump)" -eq 0 ]
    gone "$(cat "$T/pid")"
}

@test "the program gets neither our variables nor our descriptors" {
    dump_section "command = $DUMP" 'name = shop.sql' 'environment = GREETING=hello world, B=2'
    # No pipe for the output: the shell would hold its ends while it starts the other program.
    dump_script "{ env | sort; for fd in /proc/\$\$/fd/*; do [ ! -e \$fd ] || echo \${fd##*/}; done; } >$T/data
        cat $T/data"
    SECRET_OF_MINE=x exits 0 run
    grep -qx 'GREETING=hello world' "$T/data"
    grep -qx 'B=2' "$T/data"
    grep -q '^PATH=' "$T/data"
    ! grep -q SECRET_OF_MINE "$T/data" || false
    ! grep -qxE '[3-9]|[0-9]{3}' "$T/data" || false
    comes_back
}

@test "the recipe for SQLite makes a copy while the database is written to, and refuses a damaged one" {
    command -v sqlite3 >/dev/null || skip "needs sqlite3"
    awk '/^# Write a consistent copy of a SQLite/ { print "#!/bin/sh"; on = 1 } /^```/ { on = 0 } on' \
        "$SME_TEST_SRCDIR/docs/recipes.md" >"$DUMP"
    dump_section "command = $DUMP $T/notes.db" 'name = notes.db'
    sqlite3 "$T/notes.db" 'PRAGMA journal_mode = wal' 'CREATE TABLE note (text)' \
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO note SELECT 'note ' || i FROM n"
    # Another program has the database open, and a change that it has not finished.
    mkfifo "$T/writer"
    sqlite3 "$T/notes.db" <"$T/writer" 3>&- >"$T/said" &
    exec 4>"$T/writer"
    echo "BEGIN IMMEDIATE; DELETE FROM note; SELECT 'deleted';" >&4
    until grep -q deleted "$T/said"; do :; done
    run sme run
    exec 4>&-
    wait
    [ "$status" -eq 0 ]
    sme restore dump --to "$T/out" --quiet
    [ "$(sqlite3 "$T/out/notes.db" 'SELECT count(*) FROM note')" = 5000 ]
    sqlite3 "$T/notes.db" 'PRAGMA journal_mode = delete' 'VACUUM'
    printf '\377\377\377\377' | dd of="$T/notes.db" bs=1 seek=$((10 * 4096)) conv=notrunc status=none
    exits 1 run
    says "'dump' ended with exit status 1"
    [ "$(snapshot_count dump)" -eq 1 ]
}

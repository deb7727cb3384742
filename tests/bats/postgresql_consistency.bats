#!/usr/bin/env bats
# PostgreSQL: backups of a server that is busy are consistent, and what comes back is what was there.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0

setup_file() {
    load postgres.bash
    pg_setup_file
}

teardown_file() {
    load postgres.bash
    pg_teardown_file
}

setup() {
    load helpers.bash
    load postgres.bash
    common_setup
    drop_databases
    chmod 755 "$T"
}

teardown() { servers_end; }

bank() { "$SME_TEST_SRCDIR/tests/postgres/load" init "$@"; }

# restored_dump: the latest dump of "bank" is consistent, and has the rows that its facts tell.
restored_dump() {
    exits 0 restore databases --database bank --into 'dbname=copy' "$@"
    load_check 'dbname=copy'
    sme cat databases databases/bank.json >"$T/facts.json"
    [ "$(jq -r .row_counts "$T/facts.json")" = exact ]
    facts_match "$T/facts.json" 'dbname=copy'
    [ "$(sql copy 'select count(*) from pgbench_history')" -gt 0 ]
    dropdb copy
}

@test "dumps of a busy database keep its invariant, and their facts are true" {
    bank bank
    databases_section 'databases = bank' 'row_counts = exact'
    init_repository
    load_begin bank
    exits 0 run
    silent
    restored_dump
    exits 0 run
    load_end
    restored_dump --no-owner
    nothing_left
}

@test "a busy database that is dumped in parts is one database again" {
    bank bank 6
    sql bank 'create table more as select * from pgbench_accounts'
    databases_section 'databases = bank' 'row_counts = exact' 'split_above = 1MiB' 'jobs = 3'
    init_repository
    load_begin bank
    exits 0 run
    load_end
    exits 0 ls databases
    prints 'databases/bank/3-tables/public.pgbench_accounts.dump'
    prints 'databases/bank/3-tables/public.more.dump'
    restored_dump
    nothing_left
}

@test "a physical backup of a busy server starts, keeps the invariant, and passes amcheck" {
    bank bank
    cluster_section
    init_repository
    load_begin bank
    exits 0 run
    load_end
    local out=$PG_DIR/out
    mkdir -m 777 "$out"
    exits 0 restore cluster --to "$out"
    as_owner "$PGBIN/pg_verifybackup" --quiet "$out/data"
    server_begin "$out"
    load_check "host=$out dbname=bank"
    [ "$(PGHOST=$out sql bank 'select count(*) from pgbench_history')" -gt 0 ]
    PGHOST=$out "$PGBIN/pg_amcheck" --database=bank --install-missing --heapallindexed
    server_end "$out"
    nothing_left
}

@test "a database with something of everything comes back the same" {
    zoo
    databases_section
    init_repository
    exits 0 run
    local name
    for name in zoo 'zoo latin1'; do
        exits 0 restore databases --database "$name" --into "dbname='copy of $name'"
        zoo_same --contents "dbname='$name'" "dbname='copy of $name'"
    done
}

@test "the same in parts, by several workers" {
    zoo --set=field_mib=2
    databases_section 'split_above = 1MiB' 'jobs = 3' 'databases = zoo*'
    init_repository
    exits 0 run
    mkdir -m 777 "$PG_DIR/new"
    exits 0 restore databases --database zoo --into 'dbname=copy' --jobs 3 --scratch "$PG_DIR/new"
    zoo_same --contents 'dbname=zoo' 'dbname=copy'
}

@test "the same after the loss of the server, with its roles" {
    zoo --set=field_mib=1
    databases_section
    init_repository
    exits 0 run
    local new=$PG_DIR/new name
    "$SME_TEST_SRCDIR/tests/postgres/start" "$new" >/dev/null 3>&- 4>&-
    SERVERS=" $new"
    exits 0 restore databases --into "host=$new user=postgres"
    for name in zoo 'zoo latin1' "$ODD"; do
        zoo_same --contents "$(conninfo "$name")" "$(conninfo "$name" "$new")"
    done
    diff <(pg_dumpall --globals-only | grep -vE '^(--|\\(un)?restrict)') \
        <(PGHOST=$new pg_dumpall --globals-only | grep -vE '^(--|\\(un)?restrict)')
    server_end "$new"
}

@test "the same in a physical backup, where unlogged tables are empty" {
    zoo --set=field_mib=2
    cluster_section
    init_repository
    exits 0 run
    local out=$PG_DIR/out name
    mkdir -m 777 "$out"
    exits 0 restore cluster --to "$out"
    as_owner "$PGBIN/pg_verifybackup" --quiet "$out/data"
    server_begin "$out"
    for name in zoo 'zoo latin1' "$ODD"; do
        zoo_same --physical "$(conninfo "$name")" "$(conninfo "$name" "$out")"
    done
    [ "$(PGHOST=$out sql zoo 'select count(*) from passing')" = 0 ]
    server_end "$out"
}

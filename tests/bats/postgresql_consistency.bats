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

# What is restored side by side must not lock the same tables: pg_restore learns that from the archive.
@test "tables whose keys go round in circles come back side by side, and by hand" {
    createdb net
    psql -Xq --set=ON_ERROR_STOP=1 --dbname=net <<'SQL'
select format('create table %s%s (id int primary key, other int)', t, n)
from generate_series(1, 100) n, (values ('a'), ('b')) as v (t) \gexec
select format('alter table a%s add constraint k%s_a foreign key (other) references b%s', n, n, n)
from generate_series(1, 100) n \gexec
select format('alter table b%s add constraint k%s_b foreign key (other) references a%s', n, n, n)
from generate_series(1, 100) n \gexec
SQL
    databases_section 'split_above = 1MiB' 'databases = net'
    init_repository
    exits 0 run
    mkdir -m 777 "$PG_DIR/new"
    for _ in 1 2 3; do
        exits 0 restore databases --into 'dbname=copy' --database net --jobs 3 --scratch "$PG_DIR/new"
        [ "$(sql copy "select count(*) from pg_constraint where contype = 'f'")" -eq 200 ]
        dropdb copy
    done
    exits 0 restore databases --to "$T/out"
    createdb copy
    (cd "$T/out/databases/net" && pg_restore --dbname=copy 1-pre-data.dump && pg_restore --dbname=copy 2-data.dump &&
        pg_restore --dbname=copy --section=post-data --jobs=3 4-post-data.dump) || fail "not by hand"
    same_database 'dbname=net' 'dbname=copy'
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

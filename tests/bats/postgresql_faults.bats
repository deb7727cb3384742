#!/usr/bin/env bats
# PostgreSQL: what goes wrong on the way is told, commits nothing, and leaves nothing behind on the server.
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
    "$PGBIN/pg_isready" --quiet || server_again
    drop_databases
    chmod 755 "$T"
    createdb shop
    sql shop "create table goods as select i, md5(i::text) as name from generate_series(1, 1000) i"
    sql shop "create table parts (i int) partition by list (i)"
}

teardown() {
    local pid
    for pid in ${STOPPED-}; do kill -CONT "$pid" || true; done
    release
}

server_again() { as_owner "$PGBIN/pg_ctl" -D "$PGDATA" -l "$PG_DIR/server.log" -w -t 60 start >/dev/null; }
server_dies() { as_owner "$PGBIN/pg_ctl" -D "$PGDATA" -m immediate -w stop >/dev/null; }

# hold: from now on a dump of "shop" waits: somebody has locked a table that is partitioned, for which
# pg_dump waits, but not the session beside it.
hold() {
    local table=parts
    mkfifo "$T/hold"
    psql -Xq --dbname=shop <"$T/hold" >"$T/held" 2>&1 3>&- 4>&- &
    HOLDER=$!
    exec 8>"$T/hold"
    printf '%s\n' "set application_name = 'holder'; begin; lock table only $table in access exclusive mode;" >&8
    eventually "select count(*) > 0 from pg_locks where mode = 'AccessExclusiveLock' and granted and relation::regclass::text = '$table'" shop
}
release() {
    [ -n "${HOLDER-}" ] || return 0
    exec 8>&-
    wait "$HOLDER" || true
    HOLDER=
}

# eventually QUERY [DATABASE]: it says "t" at one of many looks.
eventually() {
    local try
    for try in {1..2000}; do
        [ "$(sql "${2-postgres}" "$1")" != t ] || return 0
    done
    fail "not after $try looks: $1; but $(sql postgres "select application_name, state, wait_event, query from pg_stat_activity where datname is not null")"
}
dump_waits() { eventually "select count(*) > 0 from pg_stat_activity where query like 'LOCK TABLE%' and wait_event_type = 'Lock'"; }

# Start a run aside; ends CODE: it ends with this one.
start() {
    "$SME_BACKUP" --config "$CONF" run >"$T/out.run" 2>"$T/err.run" 3>&- 4>&- 8>&- &
    RUN=$!
}
ends() {
    status=0
    wait "$RUN" || status=$?
    output=$(cat "$T/out.run") stderr=$(cat "$T/err.run")
    [ "$status" -eq "$1" ] || fail "the run: exit $status instead of $1: $output$stderr"
}
# told SOURCE CODE: what to do next, and in the log that it failed.
told() {
    says "hint:"
    logs "ERROR $1: failed exit=$2"
}
nothing_committed() { # nothing_committed [SOURCE]
    [ "$(snapshot_count "${1-databases}")" -eq 0 ] || fail "there is a snapshot"
}

@test "a backend that is ended while its dump is taken fails the run" {
    databases_section 'databases = shop'
    init_repository
    hold
    start
    dump_waits
    sql postgres "select pg_terminate_backend(pid) from pg_stat_activity where query like 'LOCK TABLE%'" >/dev/null
    ends 1
    says "databases: failed"
    says "shop"
    told databases 1
    nothing_committed
    release
    nothing_left
    exits 0 run
}

@test "pg_dump that is killed fails the run, and is named with the signal" {
    databases_section 'databases = shop'
    init_repository
    hold
    start
    dump_waits
    kill -KILL "$(pgrep -P "$(pgrep -d, -P "$RUN")" pg_dump)"
    ends 1
    says "shop"
    says "signal 9"
    told databases 1
    nothing_committed
    release
    nothing_left
}

@test "a server that stops during a dump fails the run, and the next one works" {
    databases_section 'databases = shop'
    init_repository
    hold
    start
    dump_waits
    server_dies
    ends 1
    says "databases: failed"
    told databases 1
    release
    server_again
    nothing_committed
    nothing_left
    exits 0 run
    exits 0 restore databases --database shop --into 'dbname=again'
    same_database shop again
}

# A physical backup that waits for its checkpoint, which would take most of an hour.
physical_waits() {
    sql postgres "alter system set checkpoint_completion_target = 0.9"
    sql postgres "alter system set checkpoint_timeout = '1h'"
    sql postgres "select pg_reload_conf()" >/dev/null
    sql shop "create table much as select i, repeat(md5(i::text), 20) as t from generate_series(1, 20000) i"
    start
    eventually "select count(*) > 0 from pg_stat_progress_basebackup where phase = 'waiting for checkpoint to finish'"
}
checkpoints_as_ever() { sql postgres "alter system reset all" && sql postgres "select pg_reload_conf()" >/dev/null; }
no_backup_mode() { eventually "select count(*) = 0 from pg_stat_activity where backend_type = 'walsender'"; }

@test "a server that stops while it sends a physical backup fails the run, and no backup mode is left" {
    cluster_section 'checkpoint = spread'
    init_repository
    physical_waits
    # Who asks for the files does not read them now: the server is stuck in the middle.
    local pid
    STOPPED=$(pgrep -P "$RUN")
    for pid in $STOPPED; do kill -STOP "$pid"; done
    sql postgres checkpoint
    eventually "select count(*) > 0 from pg_stat_progress_basebackup b join pg_stat_activity using (pid)
        where phase = 'streaming database files' and wait_event = 'ClientWrite'"
    server_dies
    for pid in $STOPPED; do kill -CONT "$pid"; done
    STOPPED=
    ends 1
    says "cluster: failed"
    told cluster 1
    nothing_committed cluster
    server_again
    checkpoints_as_ever
    nothing_left
    no_backup_mode
    exits 0 run
}

@test "a physical backup that is interrupted while it waits for the server leaves no backup mode" {
    cluster_section 'checkpoint = spread'
    init_repository
    physical_waits
    kill -INT "$RUN"
    ends 130
    nothing_committed cluster
    nothing_left
    no_backup_mode
    checkpoints_as_ever
    sql postgres checkpoint
}

@test "a connection that is cut after the last row of the dump fails the run" {
    databases_section 'databases = shop' 'row_counts = exact'
    init_repository
    hold
    start
    dump_waits
    # Comes behind the lock of pg_dump, and before the count of the session that holds the snapshot.
    mkfifo "$T/second"
    psql -Xq --dbname=shop <"$T/second" >/dev/null 2>&1 3>&- 4>&- 8>&- &
    local second=$!
    exec 9>"$T/second"
    printf '%s\n' 'begin; lock table goods in access exclusive mode;' >&9
    eventually "select count(*) > 0 from pg_locks where mode = 'AccessExclusiveLock' and not granted and relation = 'goods'::regclass" shop
    release
    eventually "select count(*) > 0 from pg_stat_activity where query ilike '%count(%' and application_name = 'sme-backup' and wait_event_type = 'Lock'"
    sql postgres "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sme-backup'" >/dev/null
    ends 1
    exec 9>&-
    wait "$second" || true
    says "rows of table 'public.goods' in database 'shop'"
    told databases 1
    nothing_committed
    nothing_left
    exits 0 run
}

@test "timeouts that are set for a role or a database do not end a dump" {
    databases_section 'databases = shop'
    init_repository
    sql postgres "alter database shop set statement_timeout = '1ms'"
    sql postgres "alter role postgres in database shop set lock_timeout = '1ms'"
    sql postgres "alter database shop set idle_in_transaction_session_timeout = '1ms'"
    exits 0 run
    silent
    exits 0 restore databases --database shop --into 'dbname=again'
    [ "$(sql again 'select count(*) from goods')" = 1000 ]
    sql postgres "alter role postgres in database shop reset all"
}

@test "a table that stays locked fails the run when lock_wait is over, and is named" {
    databases_section 'databases = shop' 'lock_wait = 200ms'
    init_repository
    hold
    exits 1 run
    says "shop"
    says "lock"
    told databases 1
    nothing_committed
    release
    nothing_left
}

@test "a run that is interrupted leaves no session, no child and no snapshot" {
    databases_section 'databases = shop'
    init_repository
    local signal
    for signal in INT TERM; do
        hold
        start
        dump_waits
        kill "-$signal" "$RUN"
        ends 130
        nothing_committed
        release
        nothing_left
        rm "$T/hold"
        [ -z "$(pgrep -f "^$PGBIN/pg_dump .*$PGSOCKET")" ] || fail "pg_dump is left"
    done
}

@test "a run that takes longer than its timeout is ended, and its children with it" {
    databases_section 'databases = shop' 'timeout = 2s'
    init_repository
    hold
    exits 1 run
    says "timeout"
    told databases 1
    nothing_committed
    release
    nothing_left
}

@test "a role that may not read a table fails the run and is told what it needs" {
    sql postgres 'create role clerk login' && sql shop 'grant connect on database shop to clerk'
    databases_section 'databases = shop'
    sed -i "s|^data_directory.*|connection = host=$PGHOST user=clerk|" "$CONF/30-databases.ini"
    init_repository
    exits 6 run
    says "goods"
    told databases 6
    nothing_committed
    cluster_section
    sed -i "s|^data_directory.*|connection = host=$PGHOST user=clerk|" "$CONF/31-cluster.ini"
    exits 6 run cluster
    says "REPLICATION"
    told cluster 6
    nothing_committed cluster
    nothing_left
}

@test "what is not there is told before anything is read" {
    databases_section 'databases = shop'
    init_repository
    # No database is like that.
    databases_section 'databases = shops'
    exits 1 run
    says "shops"
    # Not running.
    databases_section
    server_dies
    exits 1 run
    says "$PGDATA"
    says "hint:"
    exits 1 run --dry-run
    server_again
    # Tools of another age.
    mkdir "$T/old"
    printf '%s\n' '#!/bin/sh' 'echo "pg_dump (PostgreSQL) 11.22"' >"$PG_DIR/pg_dump"
    chmod 755 "$PG_DIR/pg_dump"
    databases_section "bin_dir = $PG_DIR"
    exits 1 run
    says "version 11"
    says "too old"
    # The data directory of no server, and of another one.
    databases_section
    sed -i "s|^data_directory.*|data_directory = $T/old|" "$CONF/30-databases.ini"
    exits 1 run
    says "$T/old"
    databases_section "connection = host=$PGHOST"
    as_owner mkdir -m 700 "$PG_DIR/other"
    as_owner cp "$PGDATA/PG_VERSION" "$PGDATA/postmaster.pid" "$PG_DIR/other/"
    sed -i "s|^data_directory.*|data_directory = $PG_DIR/other|" "$CONF/30-databases.ini"
    exits 2 run
    says "$PG_DIR/other"
    says "$PGDATA"
    says "hint:"
    rm -r "$PG_DIR/other" "$PG_DIR/pg_dump"
    nothing_committed
    nothing_left
}

@test "a split database with foreign keys is replaced whole or left as it was" {
    # Tables are dropped in reverse order of their names: here the one that is pointed at comes first.
    sql shop "create table z (id int primary key); create table a (z int references z); insert into z values (1); insert into a values (1)"
    sql shop "create table much as select i, repeat(md5(i::text), 8) as t from generate_series(1, 20000) i"
    databases_section 'databases = shop' 'split_above = 1MiB'
    init_repository
    exits 0 run
    sql shop "insert into goods values (1001, 'new')"
    exits 1 restore databases --database shop --into 'dbname=shop'
    says "not empty"
    exits 1 restore databases --database shop --into 'dbname=shop' --overwrite always
    says "nothing in database 'shop' was changed"
    [ "$(sql shop 'select count(*) from goods')" = 1001 ]
    [ "$(sql shop 'select count(*) from a join z on z.id = a.z')" = 1 ]
    exits 0 restore databases --database shop --into 'dbname=again'
    [ "$(sql again 'select count(*) from goods')" = 1000 ]
    nothing_left
}

@test "a scratch folder that is full fails the restore, which says so and cleans up" {
    [ "$(id -u)" -eq 0 ] || skip "mounts a small file system"
    sql shop "create table much as select i, repeat(md5(i::text), 8) as t from generate_series(1, 20000) i"
    databases_section 'databases = shop'
    init_repository
    exits 0 run
    mkdir "$PG_DIR/small"
    mount -t tmpfs -o size=1m,mode=777 tmpfs "$PG_DIR/small" || skip "may not mount"
    run --separate-stderr sme restore databases --database shop --into 'dbname=again' --jobs 2 --scratch "$PG_DIR/small"
    local code=$status said=$stderr left
    left=$(ls -A "$PG_DIR/small")
    umount "$PG_DIR/small"
    stderr=$said
    [ "$code" -ne 0 ] || fail "exit 0"
    says "No space left"
    says "$PG_DIR/small"
    [ -z "$left" ] || fail "left in the scratch folder: $left"
    nothing_left
}

@test "a server that stops during a restore fails it" {
    databases_section 'databases = shop'
    sql shop "create table much as select i, repeat(md5(i::text), 8) as t from generate_series(1, 20000) i"
    init_repository
    exits 0 run
    createdb again
    # The restore waits at its first table: somebody has locked the catalogue.
    mkfifo "$T/hold"
    psql -Xq --dbname=again <"$T/hold" >/dev/null 2>&1 3>&- 4>&- &
    HOLDER=$!
    exec 8>"$T/hold"
    printf '%s\n' 'begin; lock table pg_class in share mode;' >&8
    eventually "select count(*) > 0 from pg_locks where mode = 'ShareLock' and granted and relation = 'pg_class'::regclass" again
    "$SME_BACKUP" --config "$CONF" restore databases --database shop --into 'dbname=again' >"$T/out.run" 2>"$T/err.run" 3>&- 4>&- 8>&- &
    RUN=$!
    eventually "select count(*) > 0 from pg_stat_activity where query like 'CREATE TABLE%' and wait_event_type = 'Lock'"
    server_dies
    ends 1
    release
    says "databases/shop.dump"
    says "closed the connection"
    says "hint: database 'again' is incomplete"
    [[ $output != *restored* ]]
    server_again
    nothing_left
}

# A PostgreSQL cluster for the command tests: a real server on a socket of its own.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0

# Start it for all tests of the file; skips where PostgreSQL is not installed.
pg_setup_file() { # pg_setup_file [INITDB-ARGUMENT...]
    [ -e "$SME_TEST_BUILDDIR/plugins/postgresql.so" ] || skip "this build leaves the PostgreSQL source out"
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || skip "PostgreSQL is not installed"
    # A socket's name has room for 107 bytes.
    PG_DIR=$(mktemp -d /tmp/sme-pg-XXXXXX)
    export PG_DIR
    chmod 755 "$PG_DIR"
    "$SME_TEST_SRCDIR/tests/postgres/start" "$PG_DIR" "$@" >"$BATS_FILE_TMPDIR/pg.env" 3>&- 4>&- || return
    set -a
    # shellcheck disable=SC1091
    . "$BATS_FILE_TMPDIR/pg.env"
    set +a
    export PGHOST=$PGSOCKET PGUSER=postgres PATH=$PGBIN:$PATH
}

pg_teardown_file() {
    [ -n "${PG_DIR-}" ] || return 0
    "$SME_TEST_SRCDIR/tests/postgres/stop" "$PG_DIR"
    rm -rf "$PG_DIR"
}

# As the system user that the servers run as.
as_owner() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && setpriv --reuid "$PGOWNER" --regid "$(id -g "$PGOWNER")" --init-groups "$@" 3>&- 4>&-)
    else
        "$@"
    fi
}

# sql DATABASE TEXT: rows without decoration.
sql() { PGDATABASE=$1 psql -XAtq --set=ON_ERROR_STOP=1 --command="$2"; }

# databases_section [LINE...]: the source "databases" on the test's server.
databases_section() {
    rm -f "$CONF/20-docs.ini"
    {
        printf '%s\n' '[source databases]' 'plugin = postgresql' "data_directory = $PGDATA"
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >"$CONF/30-databases.ini"
}

# cluster_section [LINE...]: the source "cluster": the same server, physically.
cluster_section() {
    rm -f "$CONF/20-docs.ini"
    {
        printf '%s\n' '[source cluster]' 'plugin = postgresql' 'mode = physical' "data_directory = $PGDATA"
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >"$CONF/31-cluster.ini"
}

# A test's own databases and roles are not the next one's.
drop_databases() {
    local name
    sql postgres 'delete from pg_subscription' # one keeps its database
    while IFS= read -r -d '' name; do
        dropdb --force "$name"
    done < <(sql template1 "select datname || E'\\x01' from pg_database where not datistemplate and datname <> 'postgres'" | tr '\001' '\0' | sed -z 's/^\n//' | sed -z '/^$/d;/^\n$/d')
    psql -Xq --dbname=postgres --set=ON_ERROR_STOP=1 <<'SQL'
select format('drop role %I', rolname) from pg_roles where oid >= 16384 \gexec
SQL
}

# ---- databases with content -------------------------------------------------------------------

# zoo [PSQL-ARGUMENT...]: databases with something of everything; see tests/postgres/zoo.sql.
# shellcheck disable=SC2034 # of the tests
ODD=$'zoo "odd\'=\n/x'
zoo() {
    psql -Xq --set=ON_ERROR_STOP=1 "$@" --dbname=postgres --file="$SME_TEST_SRCDIR/tests/postgres/zoo.sql"
}
zoo_same() { "$SME_TEST_SRCDIR/tests/postgres/zoo-check" "$@" || fail "not the same: ${*: -2}"; }

# conninfo DATABASE [HOST]
conninfo() {
    local name=${1//\\/\\\\}
    printf "host='%s' user=postgres dbname='%s'" "${2:-$PGHOST}" "${name//\'/\\\'}"
}

# A database under load until load_end: a process of this test.
load_begin() { # load_begin DATABASE [CLIENTS]
    local try
    "$SME_TEST_SRCDIR/tests/postgres/load" run "$@" 3>&- 4>&- &
    LOAD=$!
    for try in {1..500}; do
        [ "$(sql "$1" 'select count(*) > 100 from pgbench_history')" = f ] || return 0
    done
    fail "no load after $try looks"
}
load_end() {
    [ -n "${LOAD-}" ] || return 0
    kill -TERM "$LOAD"
    wait "$LOAD" || true
    LOAD=
    sql postgres "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = 'load'" >/dev/null
}
load_check() { "$SME_TEST_SRCDIR/tests/postgres/load" check "$1"; }

# facts_match FILE CONNINFO: the rows of every table are those that the facts of the dump tell.  They tell
# none of a table that the load truncated after it was dumped and before it was counted.
facts_match() {
    local untold
    untold=$(jq -r '.tables[] | select(.rows == null) | .name' "$1")
    case $untold in '' | renewed) ;; *) fail "no number of rows of $untold" ;; esac
    diff <(jq -r '.tables[] | select(.rows != null) | [.schema, .name, .rows] | @tsv' "$1" | LC_ALL=C sort) \
        <(counts "$2" | awk -F '\t' -v untold="$untold" '$2 != untold' | LC_ALL=C sort) ||
        fail "other numbers of rows than in $1"
}
counts() {
    psql -XAtq -F $'\t' --set=ON_ERROR_STOP=1 --dbname="$1" <<'SQL'
select format('select %L, %L, count(*) from only %I.%I', nspname, relname, nspname, relname)
from pg_class c join pg_namespace n on n.oid = relnamespace
where relkind = 'r' and nspname !~ '^pg_' and nspname <> 'information_schema' \gexec
SQL
}

# A server of its own on a restored data directory: DIR/data, socket in DIR.
server_begin() { # server_begin DIR
    as_owner "$PGBIN/pg_ctl" -D "$1/data" -o "-k '$1'" -l "$1/data/log" -w -t 60 start >/dev/null ||
        fail "does not start: $(cat "$1/data/log")"
    SERVERS="${SERVERS-} $1"
}
server_end() { # server_end DIR
    as_owner "$PGBIN/pg_ctl" -D "$1/data" -m immediate -w stop >/dev/null
    SERVERS=${SERVERS/ $1/}
}
# For teardown(): what a failed test left running.
servers_end() {
    local dir
    load_end
    for dir in ${SERVERS-}; do server_end "$dir"; done
    rm -rf "$PG_DIR"/out* "$PG_DIR"/new*
}

# same_database A B: text of the dump, and the rows of every table.
same_database() {
    diff <(dump_text "$1") <(dump_text "$2") || fail "database '$2' is not '$1'"
}

# Without what differs by itself: the random key of \restrict, comments.
dump_text() { pg_dump --dbname="$@" | grep -avE '^(--|\\(un)?restrict)'; }

# Nothing of ours is left on the server: no session, no slot, no backup under way.
nothing_left() {
    local left try
    for try in {1..200}; do
        left=$(sql postgres "select count(*) from pg_stat_activity where application_name in ('sme-backup', 'pg_dump', 'pg_restore')
            and pid <> pg_backend_pid()")
        [ "$left" = 0 ] && break
        : "$try"
    done
    [ "$left" = 0 ] || fail "sessions are left: $(sql postgres 'select application_name, state, query from pg_stat_activity')"
    [ "$(sql postgres 'select count(*) from pg_replication_slots')" = 0 ] || fail "a slot is left"
}

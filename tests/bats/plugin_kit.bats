#!/usr/bin/env bats
# The plugin kit: "plugin new" writes what builds and passes, "plugin test" finds what a source does
# wrong, and the commands of docs/plugins.md do what the page says.  On a staged install.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers

# A staged install, moved to where it is used: program, plugins, headers, .pc, manual pages.
setup_file() {
    command -v pkg-config >/dev/null || skip "needs pkg-config"
    local stage=$BATS_FILE_TMPDIR/stage prefix
    : "${SME_TEST_BUILDDIR:=$(dirname "$SME_BACKUP")}"
    prefix=$(sed -n 's/^prefix=//p' "$SME_TEST_BUILDDIR/sme-backup.pc")
    (umask 022 && unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES &&
        make -s -C "$SME_TEST_BUILDDIR" install DESTDIR="$BATS_FILE_TMPDIR/root" >"$BATS_FILE_TMPDIR/install" 2>&1) || {
        cat "$BATS_FILE_TMPDIR/install"
        return 1
    }
    mv "$BATS_FILE_TMPDIR/root$prefix" "$stage"
    sed -i "s|$prefix|$stage|" "$stage/lib/pkgconfig/sme-backup.pc"
    # The program looks for plugins where it was configured to: tell it where they went.
    mv "$stage/bin/sme-backup" "$stage/bin/sme-backup.real"
    printf '%s\n' '#!/bin/sh' "SME_BACKUP_PLUGIN_PATH=$stage/lib/sme-backup exec $stage/bin/sme-backup.real \"\$@\"" \
        >"$stage/bin/sme-backup"
    chmod 755 "$stage/bin/sme-backup"
}

source_dir() { printf '%s\n' "${SME_TEST_SRCDIR:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}"; }

setup() {
    STAGE=$BATS_FILE_TMPDIR/stage
    SRCDIR=$(source_dir)
    export PKG_CONFIG_PATH=$STAGE/lib/pkgconfig PATH=$STAGE/bin:$PATH
    export SME_BACKUP=$STAGE/bin/sme-backup
    : "${CC:=cc}"
    export CC
    # A sanitizer build is preloaded nowhere else; plugins here are built without it.
    unset MAKEFLAGS MAKELEVEL MFLAGS CFLAGS CPPFLAGS LDFLAGS
    common_setup
    rm "$CONF/20-docs.ini"
    core_section
}

compilers() { for one in gcc clang; do ! command -v $one >/dev/null || echo $one; done; }

# ---- plugin new ------------------------------------------------------------------------------

@test "a new source builds against installed headers, passes, and comes back" {
    exits 0 plugin new hello --dir "$T/hello"
    prints "source 'hello' is in $T/hello"
    for CC in $(compilers); do
        make -C "$T/hello" clean check CC="$CC" >"$T/said" 2>&1 || fail "$CC: $(cat "$T/said")"
        grep -q 'ok       a run can be stored' "$T/said"
        grep -q ' 0 failed' "$T/said"
        grep -q 'restored: as it was' "$T/said"
    done
}

@test "a new sink builds against installed headers, passes, and what it keeps comes back" {
    exits 0 plugin new keep-it --kind sink --dir "$T/keep"
    for CC in $(compilers); do
        make -C "$T/keep" clean check CC="$CC" >"$T/said" 2>&1 || fail "$CC: $(cat "$T/said")"
        grep -q 'ok       one of many create-only puts wins' "$T/said"
        grep -q ' 0 failed' "$T/said"
        grep -q 'restored: as it was' "$T/said"
    done
}

@test "make install puts it where sme-backup looks" {
    command -v pod2man >/dev/null || skip "needs pod2man"
    exits 0 plugin new hello --dir "$T/hello"
    make -C "$T/hello" install DESTDIR="$T/root" >/dev/null
    [ -e "$T/root$STAGE/lib/sme-backup/plugins/hello.so" ]
    grep -q greeting "$T/root$STAGE/share/man/man5/sme-backup-hello.5"
    exits 0 plugin new box --kind sink --dir "$T/box"
    make -C "$T/box" install DESTDIR="$T/root" >/dev/null
    [ -e "$T/root$STAGE/lib/sme-backup/sinks/box.so" ]
}

@test "under the address sanitizer, too" {
    echo 'int x;' | gcc -x c -shared -fPIC -fsanitize=address -o "$T/x.so" - 2>/dev/null || skip "needs gcc with its sanitizers"
    ! grep -q 'fsanitize' "$SME_TEST_BUILDDIR/config.status" || skip "the program has a sanitizer of its own"
    exits 0 plugin new hello --dir "$T/hello"
    make -C "$T/hello" sanitize CC=gcc >"$T/said" 2>&1 || fail "$(cat "$T/said")"
    # A leak and an overflow are named.
    sed -i 's|state->at = 0;|state->at = 0; state->done = (size_t)(uintptr_t)malloc(77);|' "$T/hello/hello.c"
    run make -C "$T/hello" sanitize CC=gcc
    [ "$status" -ne 0 ]
    printf "%s\n" "$output" >"$T/said"
    grep -q 'FAILED .*: expected all memory given back after destroy(), got' "$T/said" || fail "$(cat "$T/said")"
    sed -i 's|state->done = (size_t)(uintptr_t)malloc(77);|((volatile char *)state)[sizeof *state] = 1;|' "$T/hello/hello.c"
    run make -C "$T/hello" sanitize CC=gcc
    [ "$status" -ne 0 ]
    printf "%s\n" "$output" >"$T/said"
    grep -q 'in it: .*heap-buffer-overflow' "$T/said" || fail "$(cat "$T/said")"
}

@test "what is there is left alone, and names are those of plugins" {
    mkdir "$T/full"
    : >"$T/full/mine"
    exits 1 plugin new hello --dir "$T/full"
    says "is not empty"
    [ "$(ls "$T/full")" = mine ]
    mkdir "$T/empty"
    exits 0 plugin new hello --dir "$T/empty" --quiet
    silent
    for name in Hello ../x a_b -x core source; do
        exits 2 plugin new --dir "$T/none" -- "$name"
        says "cannot be the name of a plugin"
        [ ! -e "$T/none" ]
    done
    exits 2 plugin new hello --kind sauce --dir "$T/none"
    says "--kind source or --kind sink"
    exits 0 plugin new two --dir "$T/two" --json
    json '.plugin == "two" and .kind == "source"'
}

# ---- plugin test -----------------------------------------------------------------------------

# build_wrong DEFINE: a source with that fault.
build_wrong() {
    mkdir -p "$T/wrong"
    $CC -D_GNU_SOURCE -I"$STAGE/include" -Wall -Wextra -Werror -fPIC -shared -O1 -DFAULT="$1" -o "$T/wrong/wrong.so" \
        "$SRCDIR/tests/data/plugins/wrong.c" -lpthread
}

# wrong DEFINE WHAT TEXT [OPTION...]: a source with that fault fails in WHAT with TEXT.
wrong() {
    local define=$1 what=$2 text=$3 found
    shift 3
    build_wrong "$define"
    exits 1 plugin test "$T/wrong/wrong.so" "$@"
    found=$(grep -A1 -F "FAILED   $what: " <<<"$output") || fail "$define: '$what' did not fail: $output"
    [[ $found == *"$text"* ]] || fail "$define: not '$text': $found"
    [[ $found == *"look at "* ]] || fail "$define: not told where to look: $found"
}

@test "a source without a fault passes" {
    wrong DESCRIPTOR "the descriptor has name, version and summary" "expected a version"
    [[ $output == *"1 failed"* ]] || fail "$output"
    prints "ok       streams are read side by side"
    prints "skipped  a run can be stored"
    exits 1 plugin test "$T/wrong/wrong.so" --commit
    prints "ok       a run can be stored"
    [ -z "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'sme-backup-test-*' -newer "$T/wrong/wrong.so")" ]
}

@test "programs that are waited for may leave others behind, if those are ended" {
    build_wrong ORPHAN
    exits 0 plugin test "$T/wrong/wrong.so"
    prints "ok       nothing is left behind"
}

@test "items that cannot be kept are found" {
    items="items are ones that can be kept"
    wrong ORDER "$items" "ascending paths from next(), got 'a' behind"
    wrong TWICE "$items" "'b' twice"
    wrong DOTS "$items" "got '../up'"
    wrong TYPE "$items" "as type from next() for 'b', got 99"
    wrong FLAGS "$items" "only flags of this ABI"
    wrong MODE "$items" "permission bits alone in mode from next() for 'b', got 0100644"
    wrong NO_TEXT "$items" "the cause in failure_text"
    wrong BOTH "$items" "either SME_ITEM_LOCATED or SME_ITEM_STREAM"
    wrong KEEP "$items" "SME_ITEM_LOCATED with SME_ITEM_KEEP_OLDER"
    wrong PLACE "$items" "an open directory in dir_fd"
    wrong LINK "$items" "a link_target"
}

@test "calls that break their rules are found" {
    wrong NULL_HANDLE "handles are made and destroyed" "crash in it: signal "
    wrong GLOBAL "handles are made and destroyed" "another handle from a second create()"
    wrong ONCE "a run can follow a run, and be ended at once" "expected success"
    wrong LONG_READ "content is read in any portions" "at most 1 bytes from read()"
    wrong SMEAR "content is read in any portions" "behind its end"
    wrong DEAF "a run that is cancelled ends soon" "expected cancelled"
    wrong TOUCH "a run that is cancelled ends soon" "an untouched item from a failed next()"
    wrong SILENT "a run that is cancelled ends soon" "a message about the failure"
    wrong CLASS "a run that is cancelled ends soon" "expected cancelled (the host's cancelled() was true) from next(), got io"
    wrong DRY "a dry run leaves the state alone" "a change in it"
    wrong STREAM "streams are read side by side" "from read_stream()"
    wrong COMMIT "a run can be stored" "expected success from end(SME_COMMIT), got io" --commit
}

@test "what a plugin does to the process is found" {
    process="the process is left as it was"
    wrong CHDIR "$process" "the working directory"
    wrong UMASK "$process" "the umask"
    wrong SETENV "$process" "the environment"
    wrong SIGNAL "$process" "signal handlers"
    wrong LOCALE "$process" "the locale"
    wrong INHERIT "$process" "close-on-exec"
    left="nothing is left behind"
    wrong FD "$left" "descriptors closed after destroy()"
    wrong THREAD "$left" "threads after destroy()"
    wrong CHILD "$left" "no child process after destroy(), got one that still runs"
    wrong ZOMBIE "$left" "no child process after destroy(), got one that was not waited for"
    wrong MEMORY "$left" "memory given back"
    wrong PRINT "items are ones that can be kept" "nothing on standard output and error, got 'here I am'"
}

@test "a plugin that crashes, ends the process or asks for stack without end is a finding" {
    wrong CRASH "items are ones that can be kept" "expected next() to return, got a crash in it: signal "
    wrong EXIT "items are ones that can be kept" "expected next() to return, got the end of the process in it: exit status 0"
    wrong ABORT "items are ones that can be kept" "signal 6"
    wrong STACK "items are ones that can be kept" "signal "
    wrong FIRST "the source is there" "expected create() to return, got a crash in it"
}

@test "a source is tested with its section, or says what it lacks" {
    wrong DESCRIPTOR "the descriptor has name, version and summary" "expected a version"
    printf '%s\n' '[source one]' 'plugin = wrong' 'size = 0' '[source two]' 'plugin = wrong' >"$CONF/30-wrong.ini"
    exits 2 plugin test "$T/wrong/wrong.so"
    says "--source NAME"
    exits 1 plugin test "$T/wrong/wrong.so" --source one
    prints "1 failed"
    exits 2 plugin test "$T/wrong/wrong.so" --source three
    exits 2 plugin test "$T/wrong/wrong.so" --sink main
    says "is a source"
    exits 2 plugin test filesystem
    says "needs the option 'path', and no source of it is configured"
    printf '%s\n' '[source docs]' 'plugin = filesystem' "path = $SRC/gone" >"$CONF/20-docs.ini"
    run --separate-stderr sme plugin test filesystem
    [ "$status" -ne 0 ]
    says "$SRC/gone"
    printf '%s\n' '[source docs]' 'plugin = filesystem' "path = $SRC" >"$CONF/20-docs.ini"
    make_tree
    exits 0 plugin test filesystem --json
    json '.failed == 0 and .passed > 10'
}

# passes NAME SOURCE: the plugin of ours does what is asked of others, with nothing left out but streams.
passes() {
    [ -e "$STAGE/lib/sme-backup/plugins/$1.so" ] || skip "this build leaves $1 out"
    exits 0 plugin test "$1" --source "$2" --commit --json
    json '.failed == 0 and .passed > 10'
    json '[.checks[] | select(.result == "skipped") | .what] - ["streams are read side by side"] == []'
}

@test "our own sources pass: filesystem" {
    make_tree
    docs_section
    passes filesystem docs
    [ -p "$SRC/fifo" ]
    [ "$(cat "$SRC/a/one.txt")" = hello ]
}

@test "our own sources pass: command" {
    printf '%s\n' '[source dump]' 'plugin = command' "command = /bin/sh -c 'seq 1 50000'" 'name = numbers.txt' \
        >"$CONF/40-dump.ini"
    passes command dump
}

@test "our own sources pass: photos" {
    mkdir "$SRC/2024"
    cp "$SRCDIR/docs/gallery-phone.png" "$SRC/2024/one.png"
    head -c 3000 "$SRCDIR/docs/gallery-phone.png" >"$SRC/2024/cut-off.png"
    printf '<x/>' >"$SRC/2024/one.xmp"
    printf 'no photo\n' >"$SRC/2024/notes.txt"
    printf '%s\n' '[source pictures]' 'plugin = photos' "path = $SRC" >"$CONF/40-pictures.ini"
    passes photos pictures
}

# ---- docs/plugins.md -------------------------------------------------------------------------

# page_script FILE: the blocks of FILE that are marked, as one script: "```sh test" are commands,
# "```LANGUAGE file=NAME" a file, "```LANGUAGE add=NAME" more of it.
page_script() {
    awk '
        /^```/ && inside { print inside == "file" ? "@END-OF-FILE@" : ""; inside = ""; next }
        /^```sh test/ { inside = "sh"; next }
        /^```[a-z]* (file|add)=/ {
            split($2, part, "=")
            print "cat " (part[1] == "file" ? ">" : ">>") part[2] " <<\\@END-OF-FILE@"
            inside = "file"
            next
        }
        /^```/ { inside = "other"; next }
        inside == "sh" || inside == "file" { print }
    ' "$1"
}

@test "the commands of docs/plugins.md make a working plugin" {
    pkg-config --exists sqlite3 || skip "needs libsqlite3-dev"
    command -v sqlite3 >/dev/null || skip "needs sqlite3"
    page_script "$SRCDIR/docs/plugins.md" >"$T/script"
    [ "$(grep -c . "$T/script")" -gt 100 ]
    mkdir "$T/work"
    (cd "$T/work" && bash -euo pipefail "$T/script") >"$T/said" 2>&1 || fail "$(tail -n 40 "$T/said")"
    grep -q ' 0 failed' "$T/said"
}

@test "the reference has every call, flag and structure of the headers" {
    local missing='' name
    for name in $(grep -ohE '\(\*[a-z_]+\)\(' "$SRCDIR"/include/sme-backup/*.h | tr -d '(*)' | sort -u); do
        grep -q "\`$name()\`" "$SRCDIR/docs/plugins.md" || missing+=" $name()"
    done
    for name in $(grep -ohE '^#define SME_[A-Z0-9_]+' "$SRCDIR"/include/sme-backup/*.h | sed 's/#define //' | sort -u) \
        $(grep -ohE '^struct sme_[a-z_]+ \{' "$SRCDIR"/include/sme-backup/*.h | awk '{ print $2 }'); do
        case $name in SME_BACKUP_*_H | SME_FIELD) continue ;; esac
        grep -qE "\`(struct )?$name[\`(]" "$SRCDIR/docs/plugins.md" || missing+=" $name"
    done
    [ -z "$missing" ] || fail "docs/plugins.md lacks:$missing"
    for kind in source sink; do
        for name in $(grep -oE '\(\*[a-z_]+\)\(' "$SRCDIR/include/sme-backup/$kind.h" | tr -d '(*)' | sort -u); do
            grep -q "B<$name>" "$SRCDIR/docs/man/sme-backup-$kind.pod" || missing+=" $kind:$name"
        done
        # Members that are data, too.
        for name in $(sed -n "/^struct sme_${kind}_ops {/,/^};/p" "$SRCDIR/include/sme-backup/$kind.h" |
            sed -nE 's/^    [a-z][a-z0-9_ ]*[ *]([a-z_]+);.*/\1/p' | grep -vxE "struct_size|reserved"); do
            grep -q "B<$name>" "$SRCDIR/docs/man/sme-backup-$kind.pod" || missing+=" $kind:$name"
        done
    done
    [ -z "$missing" ] || fail "manual pages lack:$missing"
}

# ---- contrib/plugins/sqlite ------------------------------------------------------------------

sqlite_built() {
    pkg-config --exists sqlite3 || skip "needs libsqlite3-dev"
    command -v sqlite3 >/dev/null || skip "needs sqlite3"
    cp -R "$SRCDIR/contrib/plugins/sqlite" "$T/sqlite"
    chmod -R u+w "$T/sqlite"
    make -C "$T/sqlite" clean sqlite.so >"$T/said" 2>&1 || fail "$(cat "$T/said")"
    mkdir -p "$T/sqlite-plugins" "$T/db"
    cp "$T/sqlite/sqlite.so" "$T/sqlite-plugins/"
    sed -i "s|^plugin_dir = .*|plugin_dir = $T/sqlite-plugins|" "$CONF/00-core.ini"
    sqlite_section
}

sqlite_section() {
    printf '%s\n' '[source dbs]' 'plugin = sqlite' "database = $T/db/*.db" "$@" >"$CONF/40-dbs.ini"
}

db_count() { sqlite3 "$1" 'select count(*) from t'; }

@test "contrib/plugins/sqlite builds with each compiler, and its own test passes" {
    sqlite_built
    for CC in $(compilers); do
        make -C "$T/sqlite" clean check CC="$CC" >"$T/said" 2>&1 || fail "$CC: $(cat "$T/said")"
        grep -q ' 0 failed' "$T/said"
    done
}

@test "sqlite: databases come back whole, in every journal mode" {
    sqlite_built
    sqlite3 "$T/db/a.db" 'create table t (x); insert into t values (1),(2),(3);'
    sqlite3 "$T/db/wal.db" 'pragma journal_mode=wal; create table t (x); insert into t values (1);' >/dev/null
    : >"$T/db/empty.db"
    chmod 640 "$T/db/a.db"
    init_repository
    exits 0 run
    exits 0 restore dbs --to "$T/out"
    [ "$(db_count "$T/out$T/db/a.db")" -eq 3 ]
    [ "$(db_count "$T/out$T/db/wal.db")" -eq 1 ]
    [ "$(stat -c %a "$T/out$T/db/a.db")" = 640 ]
    [ "$(sqlite3 "$T/out$T/db/a.db" 'pragma integrity_check')" = ok ]
    [ -f "$T/out$T/db/empty.db" ]
    [ -z "$(find "$STATE" -name '*.sqlite-copy*')" ]
    exits 0 run --json
    json '.sources[0].bytes_new == 0'
}

@test "sqlite: what is not committed, or only in the log, is as it should be" {
    sqlite_built
    # A writer with a transaction that is open, and rows that only the write-ahead log has.
    mkfifo "$T/in"
    sqlite3 "$T/db/wal.db" 'pragma journal_mode=wal; create table t (x); insert into t values (1);' >/dev/null
    sqlite3 "$T/db/wal.db" <"$T/in" >"$T/answers" &
    local writer=$!
    exec 7>"$T/in"
    printf '%s\n' 'pragma wal_autocheckpoint=0;' 'insert into t values (2);' 'begin;' 'insert into t values (3);' \
        "select 'ready';" >&7
    until grep -q ready "$T/answers"; do kill -0 "$writer"; done
    init_repository
    exits 0 run
    printf '%s\n' 'commit;' >&7
    exec 7>&-
    wait "$writer"
    exits 0 restore dbs --to "$T/out"
    [ "$(db_count "$T/out$T/db/wal.db")" -eq 2 ]
    [ "$(db_count "$T/db/wal.db")" -eq 3 ]
}

@test "sqlite: consistent while a writer is at work" {
    sqlite_built
    # Two tables that are equal after each transaction; the copy must find them equal.
    sqlite3 "$T/db/w.db" 'pragma journal_mode=wal; create table t (x); create table u (x);' >/dev/null
    sqlite3 "$T/db/w.db" "with recursive n(i) as (select 1 union all select i+1 from n where i < 20000)
        insert into t select hex(randomblob(50)) from n; insert into u select x from t;"
    (while [ ! -e "$T/stop" ]; do
        sqlite3 "$T/db/w.db" 'pragma busy_timeout=20000; begin immediate; insert into t values (1); insert into u values (1); commit;' \
            >/dev/null || exit 1
    done) &
    local writer=$!
    init_repository
    for _ in 1 2 3; do exits 0 run; done
    : >"$T/stop"
    wait "$writer"
    for one in $(snapshots dbs); do
        exits 0 restore "dbs@$one" --to "$T/out"
        [ "$(sqlite3 "$T/out$T/db/w.db" 'pragma integrity_check')" = ok ]
        [ "$(sqlite3 "$T/out$T/db/w.db" 'select (select count(*) from t) = (select count(*) from u)')" = 1 ]
        rm -rf "$T/out"
    done
}

@test "sqlite: what is no database, gone or damaged is told, and the others are kept" {
    sqlite_built
    sqlite3 "$T/db/good.db" 'create table t (x); insert into t values (1);'
    head -c 5000 /dev/zero | tr '\0' 'x' >"$T/db/text.db"
    sqlite_section "  $T/db/missing-one"
    init_repository
    exits 3 run
    [ "$(snapshot_count dbs)" -eq 1 ]
    logs 'text.db.*not a database'
    logs 'missing-one'
    exits 0 restore dbs "${T#/}/db/good.db" --to "$T/out"
    [ "$(db_count "$T/out$T/db/good.db")" -eq 1 ]
    # Nothing to be found at all is a mistake in the configuration, not a backup of nothing.
    printf '%s\n' '[source dbs]' 'plugin = sqlite' "database = $T/nowhere/*.db" >"$CONF/40-dbs.ini"
    exits 1 run
    says "no database"
}

@test "sqlite: under the address sanitizer, too" {
    echo 'int x;' | gcc -x c -shared -fPIC -fsanitize=address -o "$T/x.so" - 2>/dev/null || skip "needs gcc with its sanitizers"
    ! grep -q 'fsanitize' "$SME_TEST_BUILDDIR/config.status" || skip "the program has a sanitizer of its own"
    sqlite_built
    make -C "$T/sqlite" sanitize CC=gcc >"$T/said" 2>&1 || fail "$(cat "$T/said")"
    grep -q ' 0 failed' "$T/said"
    grep -q 'restored: as it was' "$T/said"
}

@test "sqlite: a database that stays locked is told, and the next run has it" {
    sqlite_built
    sqlite_section 'busy_timeout = 200ms'
    sqlite3 "$T/db/held.db" 'create table t (x); insert into t values (1);'
    sqlite3 "$T/db/good.db" 'create table t (x); insert into t values (1);'
    mkfifo "$T/in"
    sqlite3 "$T/db/held.db" <"$T/in" >"$T/answers" &
    local holder=$!
    exec 7>"$T/in"
    printf '%s\n' 'begin exclusive;' 'insert into t values (2);' "select 'ready';" >&7
    until grep -q ready "$T/answers"; do kill -0 "$holder"; done
    init_repository
    exits 3 run
    logs "held.db.*locked"
    exits 0 restore dbs "${T#/}/db/good.db" --to "$T/out"
    [ "$(db_count "$T/out$T/db/good.db")" -eq 1 ]
    printf '%s\n' 'commit;' >&7
    exec 7>&-
    wait "$holder"
    exits 0 run
    exits 0 restore dbs "${T#/}/db/held.db" --to "$T/again"
    [ "$(db_count "$T/again$T/db/held.db")" -eq 2 ]
}

@test "sqlite: a database with damaged pages is reported, and kept as it is" {
    sqlite_built
    # Its header is whole, so that it can be copied; a page of its table is not.
    sqlite3 "$T/db/hurt.db" "pragma page_size=4096; create table t (x);
        with recursive n(i) as (select 1 union all select i+1 from n where i < 2000)
        insert into t select hex(randomblob(50)) from n;"
    sqlite3 "$T/db/good.db" 'create table t (x); insert into t values (1);'
    head -c 4096 /dev/zero | tr '\0' 'x' | dd of="$T/db/hurt.db" bs=4096 seek=5 conv=notrunc status=none
    [ "$(sqlite3 "$T/db/hurt.db" 'pragma integrity_check' 2>&1 | head -n 1)" != ok ]
    init_repository
    exits 3 run
    logs 'hurt.db'
    [ "$(snapshot_count dbs)" -eq 1 ]
    exits 0 restore dbs --to "$T/out"
    # SQLite counts the copy as a change, in the first page.
    cmp --ignore-initial=4096 "$T/db/hurt.db" "$T/out$T/db/hurt.db"
    [ "$(sqlite3 "$T/out$T/db/good.db" 'pragma integrity_check')" = ok ]
    # Who knows that it is damaged can have it without the check.
    sqlite_section 'verify = no'
    exits 0 run
}

@test "sqlite: odd names are names" {
    sqlite_built
    local name names=('two words.db' "it's.db" '100%d.db' '-dash.db' 'ünïcode.db' 'a?mode=memory.db' '#hash.db' '[x].db')
    names+=($'new\nline.db' $'raw\xff.db')
    for name in "${names[@]}"; do
        # (sqlite3 would take some of these names for something else.)
        sqlite3 "$T/plain" "create table t (x); insert into t values (1); pragma user_version=${#name};"
        mv "$T/plain" "$T/db/$name"
    done
    init_repository
    exits 0 run
    exits 0 restore dbs --to "$T/out"
    for name in "${names[@]}"; do
        mv "$T/out$T/db/$name" "$T/plain" || fail "lost: $name"
        [ "$(sqlite3 "$T/plain" 'pragma integrity_check; pragma user_version;')" = ok$'\n'"${#name}" ] || fail "not the same: $name"
        rm "$T/plain"
    done
    [ -z "$(find "$T/out" -type f)" ]
    [ "$(find "$T/db" -type f | wc -l)" -ge "${#names[@]}" ]
}

@test "sqlite: many databases by pattern, each once" {
    sqlite_built
    local i
    for i in 1 2 3 4 5 6 7 8 9; do sqlite3 "$T/db/n$i.db" "create table t (x); insert into t values ($i);"; done
    sqlite_section "  $T/db/n1.db" "  $T/db/n*.db"
    init_repository
    exits 0 run
    run sme ls dbs
    [ "$(grep -c '\.db$' <<<"$output")" -eq 9 ]
    exits 0 plugin test "$T/sqlite-plugins/sqlite.so" --source dbs --commit
    prints " 0 failed"
}

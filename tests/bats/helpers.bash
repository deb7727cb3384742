# What the command tests share: a scratch configuration with a directory sink "main" and a
# filesystem source "docs", and words for what they expect.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0

: "${SME_BACKUP:?is the run wrapper of a build folder; make check sets it}"
: "${SME_TEST_BUILDDIR:=$(dirname "$SME_BACKUP")}"
bats_require_minimum_version 1.5.0

# ---- set-up ----------------------------------------------------------------------------------

common_setup() {
    T=$BATS_TEST_TMPDIR
    unset SME_BACKUP_CONFIG XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME
    export HOME=$T/home LC_ALL=C.UTF-8 TZ=UTC
    umask 022
    mkdir -p "$T/home" "$T/conf.d" "$T/src"
    CONF=$T/conf.d SRC=$T/src REPO=$T/repo KEY=$T/keys/main.key
    STATE=$T/state CACHE=$T/cache LOG=$T/log
    core_section
    cat >"$CONF/10-main.ini" <<INI
[sink main]
plugin = directory
path = $REPO
INI
    docs_section
    cd "$T" || return
}

# core_section [LINE...]: write [core] anew, with more lines.
core_section() {
    {
        printf '%s\n' '[core]' "log_file = $LOG" "state_dir = $STATE" "cache_dir = $CACHE" \
            "plugin_dir = $SME_TEST_BUILDDIR/tests/plugins" "host = testhost"
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >"$CONF/00-core.ini"
}

# docs_section [LINE...]: write [source docs] anew, with more lines.
docs_section() {
    {
        printf '%s\n' '[source docs]' 'plugin = filesystem' "path = $SRC" 'rescan = 0%'
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >"$CONF/20-docs.ini"
}

# gen_section [LINE...]: a source "gen" of the test plugin of that name.
gen_section() {
    {
        printf '%s\n' '[source gen]' 'plugin = gen'
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >"$CONF/30-gen.ini"
}

sme() { "$SME_BACKUP" --config "$CONF" "$@"; }

# A small tree with something of everything.
make_tree() {
    mkdir -p "$SRC/a/b" "$SRC/empty"
    printf 'hello\n' >"$SRC/a/one.txt"
    printf 'second\n' >"$SRC/a/b/two.txt"
    : >"$SRC/none"
    head -c 700000 /dev/zero | tr '\0' 'x' >"$SRC/a/big"
    printf 'odd\n' >"$SRC/a/"$'new\nline'
    printf 'raw\n' >"$SRC/a/"$'\xff\xfe'
    ln -s one.txt "$SRC/a/link"
    ln -s /nowhere "$SRC/dangling"
    ln "$SRC/a/one.txt" "$SRC/a/b/hard"
    mkfifo "$SRC/fifo"
    chmod 0640 "$SRC/a/one.txt"
    chmod 2750 "$SRC/a/b"
    touch -d '2001-02-03 04:05:06.123456789' "$SRC/a/one.txt" "$SRC/empty"
}

init_repository() { sme init --kit "$T/kit" --quiet; }

# A repository with one snapshot of the tree.
backed_up() {
    make_tree
    init_repository
    sme run
}

# ---- words -----------------------------------------------------------------------------------

fail() {
    printf '%s\n' "$*" >&2
    return 1
}

# exits CODE ARGUMENT...: run the program, keep $output, $stderr and $status.
exits() {
    local expected=$1
    shift
    run --separate-stderr sme "$@"
    [ "$status" -eq "$expected" ] || fail "sme $*: exit $status instead of $expected
stdout: $output
stderr: $stderr
log: $(tail -n 5 "$LOG" 2>/dev/null)"
}

# says TEXT: standard error has it.
says() { [[ $stderr == *"$1"* ]] || fail "standard error lacks '$1': $stderr"; }
prints() { [[ $output == *"$1"* ]] || fail "standard output lacks '$1': $output"; }
silent() { [ -z "$output$stderr" ] || fail "not silent: $output$stderr"; }
logs() { grep -qE -e "$1" "$LOG" || fail "the log lacks '$1': $(cat "$LOG")"; }
json() { jq -e "$1" <<<"$output" >/dev/null || fail "not true: $1: $output"; }

# same DIR DIR: content, types, modes, times, links; as root owners and attributes too.
same() {
    local how=(--recursive --links --perms --times --hard-links --specials --checksum) found
    [ "$(id -u)" -ne 0 ] || how=(-aHAX --checksum)
    diff -r --no-dereference --exclude={fifo,null,block,socket} "$1" "$2" || return 1
    found=$(rsync "${how[@]}" --delete --dry-run --itemize-changes "$1/" "$2/") || return 1
    [ -z "$found" ] || fail "not the same: $found"
}

# restores [SOURCE@SNAPSHOT]: the restored tree is the source's.
restores() {
    rm -rf "$T/out"
    sme restore "${1:-docs}" --to "$T/out" --quiet || return
    same "$SRC" "$T/out"
}

snapshots() { sme list "${1:-docs}" --json | jq -r '.snapshots[].snapshot'; }
snapshot_count() { snapshots "$@" | wc -l; }

# flip FILE [OFFSET]: change one byte (default: in the middle).
flip() {
    local size offset byte
    size=$(stat -c %s "$1")
    offset=${2:-$((size / 2))}
    byte=$(od -An -tu1 -j "$offset" -N 1 "$1")
    chmod u+w "$1"
    printf "\\x$(printf %02x $((byte ^ 255)))" | dd of="$1" bs=1 seek="$offset" conv=notrunc status=none
}

# objects GLOB: files of the repository, under their names as objects.
objects() { (cd "$REPO" && find . -type f -path "./$1" | sort); }

no_leftovers() {
    local found
    found=$(find "$REPO" "$STATE" -name '*.tmp*' -o -name '.tmp*' 2>/dev/null)
    [ -z "$found" ] || fail "left over: $found"
}

# gone PID: it has ended, or is on its way out; a zombie is the concern of its new parent.
gone() {
    for _ in $(seq 2000); do
        grep -qs '^State:.[^ZX]' "/proc/$1/status" || return 0
    done
    fail "process $1 is left over"
}

# Let other users pass the folders above the test's own.
open_way() {
    local dir=$T
    while [ "$dir" != / ] && [ "$dir" != "/tmp" ]; do
        [ ! -O "$dir" ] || chmod o+rx "$dir"
        dir=$(dirname "$dir")
    done
    chmod 0755 "$T"
}

# From here on sme() runs as nobody, to whom everything in the test's folder belongs.
as_nobody() {
    command -v setpriv >/dev/null || skip "needs setpriv"
    open_way
    chown -R 65534:65534 "$T"
    sme() { setpriv --reuid 65534 --regid 65534 --clear-groups "$SME_BACKUP" --config "$CONF" "$@"; }
    sme version >/dev/null 2>&1 || skip "user nobody cannot reach the build folder"
}

as_root() { [ "$(id -u)" -eq 0 ] || skip "needs root"; }
needs_gen() { [ -e "$SME_TEST_BUILDDIR/tests/plugins/gen.so" ] || skip "tests/plugins/gen.so is not built"; }

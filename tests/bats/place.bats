#!/usr/bin/env bats
# The commands around a repository's place: setup, doctor, policy.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers
setup() {
    common_setup
    export SME_BACKUP_DOCTOR_ROOT=$T/root
    mkdir -p "$T/root/etc/cron.d"
    chmod 755 "$T" "$CONF"
}

schedule() { printf '0 2 * * * root sme-backup run\n' >"$T/root/etc/cron.d/backup"; }

# level SUBJECT: what doctor --json said of it.
level() { jq -r --arg s "$1" '.findings[] | select(.subject == $s) | .level' <<<"$output"; }
is() { [ "$(level "$1")" = "$2" ] || fail "'$1' is not $2: $output"; }

@test "setup makes the folder of a directory sink, once, and has nothing more to do" {
    exits 0 setup --dry-run
    prints "change"
    prints "would be made"
    prints "without --dry-run it will be"
    [ ! -e "$REPO" ]
    exits 0 setup --json
    json '.sink == "main" and .dry_run == false and .counts.change == 1 and .exit == 0'
    [ -d "$REPO" ]
    exits 0 setup main
    prints "it exists and can be used"
    prints "Nothing had to be changed."
    [ -z "$(ls "$REPO")" ]
    exits 0 setup --quiet
    silent
    exits 0 init --kit "$T/kit"
}

@test "setup names what is wrong" {
    exits 2 setup nowhere
    says "no sink 'nowhere'"
    exits 2 setup main --sink other
    says "two sinks were named"
    : >"$REPO"
    run --separate-stderr sme setup
    [ "$status" -ne 0 ]
    says "$REPO"
    run --separate-stderr sme setup --json
    json '.error.message != null and .exit != 0'
}

@test "policy: a directory has none, and a role must be named" {
    exits 2 policy --role run
    says "places of plugin 'directory' have no policies"
    exits 2 policy --role run --json
    json '.error.exit == 2'
    exits 2 policy
    says "--role is needed"
    exits 2 policy --role root
    says "there is no role 'root'"
    says "run, restore, prune and setup"
    [ ! -e "$REPO" ]
    [ ! -e "$KEY" ]
}

@test "doctor: all is well after a run" {
    schedule
    backed_up
    exits 0 doctor
    prints "this host"
    prints "sink 'main'"
    prints "pass    schedule: '/etc/cron.d/backup' starts sme-backup"
    prints "note    protections: sinks of plugin 'directory'"
    [[ ! $output == *$'\033'* ]]
    [ "$(tail -n 1 <<<"$output")" = "11 passed, 1 note" ]
    exits 0 doctor --quiet
    silent
    exits 0 doctor main --json
    json '.command == "doctor" and .exit == 0 and .counts.fail == 0 and .counts.pass == 11'
    json '[.findings[] | select(.sink == "main") | .subject] ==
        ["key file", "place", "clock", "repository", "source docs", "protections"]'
    before=$(find "$REPO" "$STATE" "$CACHE" | sort)
    exits 0 doctor
    [ "$(find "$REPO" "$STATE" "$CACHE" | sort)" = "$before" ]
}

@test "doctor: without key, repository or snapshot" {
    schedule
    exits 6 doctor --json
    is "key file" fail
    is place fail
    json '.findings[] | select(.subject == "key file") | .fix | contains("init")'
    exits 6 doctor
    prints "FAIL    key file: key file '$KEY' does not exist"
    init_repository
    exits 1 doctor --json
    is "key file" pass
    is repository pass
    is "source docs" fail
    exits 1 doctor --quiet
    prints "it has no snapshot yet"
    rm "$REPO/repository"
    exits 1 doctor --json
    is repository fail
    rm -r "$REPO"
    exits 7 doctor --json
    is place fail
    [ -z "$(level repository)" ]
}

@test "doctor: a key file that others can read, or one of another repository" {
    schedule
    backed_up
    chmod 644 "$KEY"
    exits 6 doctor
    prints "chmod go-rwx"
    chmod 600 "$KEY"
    chmod 777 "$T/keys"
    exits 6 doctor
    prints "can be written by others"
    chmod 700 "$T/keys"
    mv "$REPO" "$T/repo1"
    mv "$KEY" "$T/key1"
    sme init --kit "$T/kit2" --quiet
    rm -r "$REPO"
    mv "$T/repo1" "$REPO"
    exits 6 doctor --json
    is repository fail
}

@test "doctor: damage of descriptor and newest snapshot" {
    schedule
    backed_up
    object=$(objects 'backups/*' | head -n 1)
    flip "$REPO/$object" 60
    exits 4 doctor --json
    is "source docs" fail
    chmod u+w "$REPO/repository"
    truncate -s 10 "$REPO/repository"
    exits 4 doctor --json
    is repository fail
}

@test "doctor: the age of the newest snapshot" {
    schedule
    backed_up
    exits 0 doctor --max-age 1h --json
    is "source docs" pass
    exits 2 doctor --max-age 5
    says "is not a time"
    exits 2 doctor --max-age 0
    # A name of the past is that of a snapshot of the past, whatever else is wrong with it.
    folder=$REPO/backups/docs
    newest=$folder/$(snapshots)
    mv "$newest" "$folder/$(date -u -d '8 days ago' +%Y%m%dT%H%M%SZ)-00000000"
    run --separate-stderr sme doctor
    prints "FAIL    source docs: newest snapshot"
    prints "is 8 days old"
    mv "$folder"/* "$folder/$(date -u -d '30 hours ago' +%Y%m%dT%H%M%SZ)-00000000"
    run --separate-stderr sme doctor
    prints "warn    source docs: newest snapshot"
    prints "is 30 hours old"
    run --separate-stderr sme doctor --max-age 2d
    [[ ! $output == *"hours old"* ]]
    run --separate-stderr sme doctor --max-age 1d
    prints "FAIL    source docs: newest snapshot"
    mv "$folder"/* "$folder/$(date -u -d 'tomorrow' +%Y%m%dT%H%M%SZ)-00000000"
    run --separate-stderr sme doctor
    prints "is of the future"
}

@test "doctor: a run that was incomplete is a warning" {
    [ "$(id -u)" -ne 0 ] || as_nobody
    schedule
    make_tree
    init_repository
    chmod 000 "$SRC/none"
    [ "$(id -u)" -ne 0 ] || chown -R 65534:65534 "$T"
    exits 3 run
    exits 0 doctor --json
    is "source docs" warn
}

@test "doctor: schedules of cron and systemd" {
    backed_up
    exits 0 doctor --json
    is schedule warn
    printf '# 0 2 * * * root sme-backup run\n0 3 * * * root true\n' >"$T/root/etc/crontab"
    exits 0 doctor --json
    is schedule warn
    mkdir -p "$T/root/usr/lib/systemd/system"
    : >"$T/root/usr/lib/systemd/system/sme-backup.timer"
    exits 0 doctor
    prints "is there, but not enabled"
    prints "systemctl enable --now sme-backup.timer"
    mkdir -p "$T/root/etc/systemd/system/timers.target.wants"
    ln -s /usr/lib/systemd/system/sme-backup.timer "$T/root/etc/systemd/system/timers.target.wants/"
    exits 0 doctor --json
    is schedule pass
    rm -r "$T/root/etc/systemd"
    printf '# comment\n0 2 * * * root sme-backup run\n' >"$T/root/etc/crontab"
    exits 0 doctor --json
    is schedule pass
    rm "$T/root/etc/crontab"
    mkdir -p "$T/root/var/spool/cron/crontabs"
    printf '@daily sme-backup run' >"$T/root/var/spool/cron/crontabs/root"
    exits 0 doctor --json
    is schedule pass
}

@test "doctor: permissions of configuration and folders" {
    schedule
    backed_up
    chmod 777 "$CONF"
    run --separate-stderr sme doctor --json
    [ "$status" -ne 0 ]
    [[ $output == *"can be written by others"* ]]
    chmod 755 "$CONF"
    core_section "plugin_dir = $T/nothing"
    sed -i "/^plugin_dir = .*tests/d" "$CONF/00-core.ini"
    sed -i "s|^state_dir = .*|state_dir = $LOG/no|" "$CONF/00-core.ini"
    exits 1 doctor --json
    is "state folder" fail
    json '.findings[] | select(.subject == "state folder") | .fix | contains("state_dir")'
}

@test "doctor: every sink, or one" {
    schedule
    backed_up
    printf '[sink second]\nplugin = directory\npath = %s\n' "$T/repo2" >"$CONF/11-second.ini"
    docs_section "sink = main"
    exits 0 doctor main --json
    exits 0 doctor --sink main --json
    exits 6 doctor --json
    json '[.findings[].sink] | unique == [null, "main", "second"]'
    exits 6 doctor second --json
    json '[.findings[].sink] | unique == [null, "second"]'
    exits 2 doctor third
}

@test "restore: --thaw is harmless where nothing is archived, and knows its speeds" {
    backed_up
    exits 2 restore docs --to "$T/out" --thaw=fast
    says "bulk"
    [ ! -e "$T/out" ]
    exits 0 restore docs --to "$T/out" --thaw
    same "$SRC" "$T/out"
}

# ---- a place with protections, prices and an archive ---------------------------------------------

# archive_section [LINE...]: the sink of the test plugin of that name.
archive_section() {
    [ -e "$SME_TEST_BUILDDIR/tests/plugins/archive.so" ] || skip "tests/plugins/archive.so is not built"
    {
        printf '%s\n' '[sink main]' 'plugin = archive' "path = $REPO"
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >"$CONF/10-main.ini"
}

# Everything is in the archive now.
freeze() { : >"$REPO/.archive"; }
packs() { find "$REPO" -name 'docs%data%*' | wc -l; }
asked() { if [ -e "$REPO/.asked" ]; then wc -l <"$REPO/.asked"; else echo 0; fi; }

@test "setup shows its plan, changes what differs, and then nothing" {
    archive_section
    exits 0 setup -n
    prints "note    layout: 7 areas"
    prints "change  hardening: would be switched on"
    [ ! -e "$REPO" ]
    exits 0 setup
    prints "change  hardening: switched on"
    exits 0 setup --json
    json '.counts == {"pass": 1, "note": 1, "warn": 0, "fail": 0, "change": 0}'
    rm "$REPO/.hardened"
    rmdir "$REPO"
    : >"$REPO"
    exits 1 setup
    says "sink 'main': cannot harden"
    exits 1 setup --json
    json '.error.message == "sink '"'main'"': cannot harden: Not a directory"'
    json '.findings | length == 1'
}

@test "doctor passes on what the sink finds" {
    archive_section
    schedule
    backed_up
    exits 1 doctor --json
    is hardening fail
    is copy warn
    json '.findings[] | select(.subject == "copy") | .fix == "make another"'
    exits 1 doctor
    prints "  FAIL    hardening: is off
          run 'sme-backup setup'"
    sme setup --quiet
    exits 0 doctor --json
    is hardening pass
}

@test "policy prints what the sink says for the role" {
    archive_section
    exits 0 policy --role run
    [ "$output" = '{"role": 1, "areas": 7}' ]
    exits 0 policy --role setup main --json
    json '.policy == {"role": 4, "areas": 7} and .role == "setup" and .sink == "main"'
}

@test "the log and JSON name the cost" {
    archive_section
    backed_up
    logs ' requests=put:[0-9]+,.* cost=\$0\.0[0-9]{4} time='
    exits 0 run --json
    json '.sources[0].cost_usd >= 0.001'
}

@test "restore of what is archived writes nothing and tells what it would take" {
    archive_section
    backed_up
    freeze
    exits 8 restore docs --to "$T/out"
    says "$(packs) object"
    says "archived"
    says "--thaw asks for them"
    says "--thaw=bulk       5 to 12 hours     no charge"
    says "--thaw=standard   3 to 5 hours      about \$1.23"
    [ ! -e "$T/out" ]
    [ "$(asked)" -eq 0 ]
    exits 8 restore docs --to "$T/out" --dry-run --thaw
    [ ! -e "$T/out" ]
    [ "$(asked)" -eq 0 ]
    exits 8 restore docs --to "$T/out" --json
    json '.exit == 8 and .thaw.objects > 0 and .thaw.bytes > 0 and .thaw.speed == null'
    json '[.thaw.offers[].speed] == ["bulk", "standard"] and .error.status == "cannot-now"'
    json '.thaw.offers[0] == {"speed": "bulk", "hours_min": 5, "hours_max": 12, "cost_usd": 0.0}'
    exits 2 restore docs --to "$T/out" --thaw=expedited
    says "does not thaw these objects as 'expedited'"
    # What needs no pack is restored at once.
    exits 0 restore docs none empty --to "$T/out"
    [ -f "$T/out/none" ]
}

@test "restore --thaw asks once, waits, and restores" {
    archive_section
    make_tree
    init_repository
    sme run
    printf 'later\n' >"$SRC/later"
    sme run
    freeze
    [ "$(packs)" -eq 2 ]
    exits 8 restore docs later --to "$T/out" --thaw=bulk
    says "1 object"
    says "1 asked for now, 0 before, 0 ready"
    says "5 to 12 hours"
    [ "$(asked)" -eq 1 ]
    exits 8 restore docs --to "$T/out" --thaw --json
    json '.thaw | .objects == 2 and .started == 1 and .pending == 1 and .speed == "standard"'
    exits 8 restore docs --to "$T/out" --thaw
    says "0 asked for now, 2 before"
    [ "$(asked)" -eq 2 ]
    [ ! -e "$T/out" ]
    : >"$REPO/.ready"
    exits 0 restore docs --to "$T/out" --thaw
    same "$SRC" "$T/out"
    archive_section 'stale_listing = yes'
    restores
}

@test "objects that turn out to be archived only when they are read: exit 8" {
    archive_section 'silent = yes'
    backed_up
    freeze
    exits 8 restore docs --to "$T/out"
    says "is archived"
    exits 8 cat docs a/one.txt
}

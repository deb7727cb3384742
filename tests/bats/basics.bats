#!/usr/bin/env bats
# Back up, list, look, restore: the ordinary day.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers
setup() { common_setup; }

@test "what was backed up comes back the same, and nothing is printed" {
    make_tree
    init_repository
    exits 0 run
    silent
    exits 0 restore docs --to "$T/out" --verify
    prints "restored"
    same "$SRC" "$T/out"
    no_leftovers
}

# Files that changed within two seconds of a scan are read again by the next one, so this needs a
# folder that is older than the test: the program's own sources.
@test "a run without changes reads nothing and stores no data" {
    printf '[source docs]\nplugin = filesystem\npath = %s\nrescan = 0%%\n' "$(cd "$SME_TEST_SRCDIR/include" && pwd)" >"$CONF/20-docs.ini"
    init_repository
    sme run
    before=$(objects '*/data/*')
    exits 0 run --json
    json '.exit == 0 and .sources[0].status == "complete" and .sources[0].files > 0'
    json '.sources[0].changed == 0 and .sources[0].bytes_read == 0 and .sources[0].data_packs == 0'
    [ "$(objects '*/data/*')" = "$before" ]
    [ "$(snapshot_count)" -eq 2 ]
    SRC=$(cd "$SME_TEST_SRCDIR/include" && pwd)
    restores
    exits 0 run --read-all --json
    json '.sources[0].changed == .sources[0].files and .sources[0].bytes_read > 0 and .sources[0].data_packs == 0'
}

@test "what is known already is not stored again" {
    backed_up
    printf 'changed\n' >"$SRC/a/one.txt"
    cp "$SRC/a/big" "$SRC/copy"
    rm "$SRC/none"
    exits 0 run --json
    json '.sources[0].bytes_new < 1000 and .sources[0].bytes_stored < 20000'
    restores
}

@test "as root: owners, modes, devices, attributes, ACLs, capabilities and holes come back" {
    as_root
    make_tree
    chown 1234:4321 "$SRC/a/one.txt" "$SRC/a/b"
    chown -h 77:88 "$SRC/a/link" "$SRC/fifo"
    chmod 4711 "$SRC/none"
    chmod 1777 "$SRC/empty"
    mknod "$SRC/null" c 1 3 || skip "cannot make devices here"
    mknod "$SRC/block" b 7 42
    perl -MSocket -e 'socket(my $s, PF_UNIX, SOCK_STREAM, 0); bind($s, sockaddr_un($ARGV[0])) or die' "$SRC/socket"
    truncate -s 5M "$SRC/sparse"
    printf end >>"$SRC/sparse"
    printf mid | dd of="$SRC/sparse" bs=1 seek=2000000 conv=notrunc status=none
    setfattr -n user.note -v hello "$SRC/a/one.txt" || skip "no extended attributes here"
    setfattr -n trusted.note -v 0x00ff00 "$SRC/a"
    setfacl -m u:1234:rw,g:77:r "$SRC/a/one.txt"
    setfacl -d -m u:99:rx "$SRC/a/b"
    ! command -v setcap >/dev/null || setcap cap_net_raw+ep "$SRC/a/big"
    touch -h -d '1969-12-31 23:00:00.5' "$SRC/a/link"
    touch -d '2150-01-01' "$SRC/none"
    init_repository
    exits 0 run
    restores
    [ "$(stat -c %F:%t:%T "$T/out/null")" = 'character special file:1:3' ]
    [ "$(stat -c %F "$T/out/socket")" = socket ]
    [ "$(stat -c %b "$T/out/sparse")" -lt 1000 ]
    [ "$(getfattr --only-values -n user.note "$T/out/a/one.txt")" = hello ]
    [ "$(getfacl -p "$T/out/a/one.txt" | tail -n +2)" = "$(getfacl -p "$SRC/a/one.txt" | tail -n +2)" ]
}

@test "every snapshot stays as it was" {
    backed_up
    first=$(snapshots)
    cp -a "$SRC" "$T/first"
    printf 'changed\n' >"$SRC/a/one.txt"
    rm -r "$SRC/a/b"
    sme run
    sme restore "docs@$first" --to "$T/out1" --quiet
    same "$T/first" "$T/out1"
    sme restore docs@latest-1 --to "$T/out2" --quiet
    same "$T/first" "$T/out2"
    restores docs@latest
}

@test "a dry run counts and stores nothing" {
    make_tree
    init_repository
    before=$(objects '*')
    exits 0 run --dry-run --json
    json '.sources[0].dry_run and .sources[0].snapshot == null and .sources[0].files >= 6'
    [ "$(objects '*')" = "$before" ]
    exits 0 list --json
    json '.snapshots == []'
}

@test "the log has one line per result, of the documented form" {
    backed_up
    [ "$(grep -c ' docs: complete ' "$LOG")" -eq 1 ]
    logs '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z INFO docs: complete snapshot=[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8} items=[0-9]+ changed=[0-9]+ read=[0-9.]+ ?[KMG]?i?B stored=[0-9.]+ ?[KMG]?i?B requests=put:[0-9]+(,[a-z]+:[0-9]+)* time=[0-9.]+(s|ms)$'
    [ "$(stat -c %a "$LOG")" -le 640 ]
}

@test "the status file tells the last run and the last commit" {
    backed_up
    file=$STATE/status/docs.json
    jq -e '.schema == 1 and .sinks.main.status == "complete" and .sinks.main.exit == 0' "$file"
    snapshot=$(jq -r .sinks.main.last_committed.snapshot "$file")
    [ "$snapshot" = "$(snapshots)" ]
    rm -r "$REPO"
    exits 7 run
    jq -e '.sinks.main.status == "failed" and .sinks.main.exit == 7' "$file"
    [ "$(jq -r .sinks.main.last_committed.snapshot "$file")" = "$snapshot" ]
}

@test "without a terminal a result is shown with --verbose, and never with --quiet" {
    backed_up
    exits 0 run --verbose
    prints "docs: complete"
    exits 0 run --verbose --quiet
    [ -z "$output" ]
}

@test "run with a name runs that source only" {
    make_tree
    mkdir "$T/other"
    printf '[source other]\nplugin = filesystem\npath = %s\n' "$T/other" >"$CONF/30-other.ini"
    init_repository
    exits 0 run other
    [ "$(snapshot_count docs 2>/dev/null)" -eq 0 ]
    [ "$(snapshot_count other)" -eq 1 ]
    exits 2 run othre
    says "othre"
    says "other"
    exits 0 run docs other docs --json
    json '[.sources[].source] == ["docs", "other"]'
}

@test "list shows snapshots, oldest first" {
    make_tree
    init_repository
    exits 0 list
    says "no snapshot yet"
    sme run
    sme run
    exits 0 list
    [ "$(grep -c complete <<<"$output")" -eq 2 ]
    prints testhost
    exits 0 list docs --json
    json '.schema == 1 and (.snapshots | length) == 2'
    json '.snapshots[0].time <= .snapshots[1].time and .snapshots[1].sequence == 2'
    json '.snapshots[0].host == "testhost" and .snapshots[0].plugin == "filesystem"'
    exits 2 list nobody
    says "'nobody' is neither configured nor in the repository"
}

@test "ls lists, selects and escapes nothing where no terminal is" {
    backed_up
    exits 0 ls docs a/b
    [ "$output" = $'a/b\na/b/hard\na/b/two.txt' ]
    exits 0 ls docs '**/*.txt'
    [ "$output" = $'a/b/two.txt\na/one.txt' ] || [ "$output" = $'a/one.txt\na/b/two.txt' ]
    exits 0 ls docs '*/one.txt'
    [ "$output" = a/one.txt ]
    exits 1 ls docs no/such
    says "'no/such'"
    (cd "$SRC" && find . -mindepth 1 -printf '%P\0' | LC_ALL=C sort -z) >"$T/expected"
    sme ls docs --null | LC_ALL=C sort -z | grep -azvx '\.' >"$T/found"
    cmp "$T/expected" "$T/found"
    exits 0 ls docs -l a/one.txt
    [[ $output == "-rw-r-----"*" 6 2001-02-03 04:05 a/one.txt" ]]
}

@test "ls --json is one document, with names that are not UTF-8 in hex too" {
    backed_up
    exits 0 ls docs --json
    json '.schema == 1 and .snapshot != null and (.items | length) >= 14'
    json '.items[] | select(.path == "a/one.txt") | .size == 6 and .mode == "0640" and .type == "file"'
    json '.items[] | select(.path == "a/link") | .target == "one.txt"'
    json '.items[] | select(.path_hex != null) | .path_hex == "612ffffe"'
    json '[.items[] | select(.path == "a/new\nline")] | length == 1'
}

@test "cat writes a file, holes included" {
    make_tree
    truncate -s 3M "$SRC/sparse"
    printf 'tail' >>"$SRC/sparse"
    printf 'mid' | dd of="$SRC/sparse" bs=1 seek=1000000 conv=notrunc status=none
    init_repository
    sme run
    for file in a/one.txt a/big sparse none a/b/hard; do
        sme cat docs "$file" | cmp - "$SRC/$file"
    done
    exits 1 cat docs a/none-such
    says "has no 'a/none-such'"
    exits 2 cat docs a
    says "'a' is not a file"
    exits 1 cat docs@20010101 a/one.txt
}

@test "restore selects by path and pattern" {
    backed_up
    sme restore docs a/b --to "$T/out" -q
    [ "$(cd "$T/out" && find . -type f | sort | tr '\n' ' ')" = "./a/b/hard ./a/b/two.txt " ]
    sme restore docs '**/two*' --to "$T/out2" -q
    cmp "$SRC/a/b/two.txt" "$T/out2/a/b/two.txt"
    exits 1 restore docs nothing --to "$T/out3"
    says "nothing"
    [ ! -e "$T/out3" ]
}

@test "restore leaves alone what exists, unless told otherwise" {
    backed_up
    sme restore docs --to "$T/out" -q
    printf 'mine\n' >"$T/out/a/one.txt"
    exits 3 restore docs a/one.txt --to "$T/out" --json
    json '.existing == 1 and .problems[0].path == "a/one.txt" and .problems[0].status == "exists"'
    exits 3 restore docs a/one.txt --to "$T/out"
    says "--overwrite"
    [ "$(cat "$T/out/a/one.txt")" = mine ]
    exits 0 restore docs --to "$T/out" --overwrite if-changed
    same "$SRC" "$T/out"
    printf 'mine\n' >"$T/out/a/one.txt"
    exits 0 restore docs --to "$T/out" --overwrite=always
    same "$SRC" "$T/out"
    exits 2 restore docs --to "$T/out" --overwrite=maybe
}

@test "restore --dry-run writes nothing" {
    backed_up
    exits 0 restore docs --to "$T/out" --dry-run
    prints "would restore"
    [ ! -e "$T/out" ]
}

@test "restore --in-place brings back what was deleted" {
    backed_up
    cp -a "$SRC" "$T/copy"
    rm -r "$SRC/a/b" "$SRC/a/one.txt"
    exits 0 restore docs --in-place --overwrite if-changed
    same "$T/copy" "$SRC"
}

@test "restore --in-place is refused for a source with several paths" {
    backed_up
    mkdir "$T/two"
    printf '[source docs]\nplugin = filesystem\npath = %s, %s\n' "$SRC" "$T/two" >"$CONF/20-docs.ini"
    exits 2 restore docs --in-place
    says "several paths"
}

@test "restore refuses a link or a file as its folder" {
    backed_up
    ln -s "$T/elsewhere" "$T/link"
    mkdir "$T/elsewhere"
    exits 2 restore docs --to "$T/link"
    says "is not a folder"
    exits 2 restore docs --to "$SRC/a/one.txt"
    [ -z "$(ls -A "$T/elsewhere")" ]
    exits 2 restore docs
    says "--to DIR"
}

@test "restore --json tells what was done" {
    backed_up
    exits 0 restore docs --to "$T/out" --verify --json
    json '.schema == 1 and .exit == 0 and .failed == 0 and .verified >= 6 and .bytes >= 700000'
    json '.problems == [] and .seconds >= 0'
}

@test "a source that is no longer configured can be read" {
    backed_up
    rm "$CONF/20-docs.ini"
    exits 0 list docs
    prints complete
    rm -rf "$T/out"
    sme restore docs --to "$T/out" -q
    same "$SRC" "$T/out"
    exits 2 ls dosc
    says "did you mean 'docs'?"
}

@test "two sinks: each gets its own snapshot, and --sink chooses" {
    make_tree
    printf '[sink second]\nplugin = directory\npath = %s\n' "$T/repo2" >"$CONF/11-second.ini"
    docs_section 'sink = main, second'
    sme init main --kit "$T/kit1" -q
    sme init second --kit "$T/kit2" -q
    exits 0 run --json
    json '[.sources[].sink] == ["main", "second"] and ([.sources[].exit] == [0, 0])'
    logs 'docs: complete .* sink=second time='
    exits 0 list docs --json
    json '[.snapshots[].sink] == ["main", "second"]'
    sme restore docs --sink second --to "$T/out" -q
    same "$SRC" "$T/out"
    rm -r "$REPO"
    exits 7 run --json
    json '[.sources[].exit] == [7, 0]'
}

@test "files that cannot be read are named, and the rest is committed" {
    make_tree
    chmod 000 "$SRC/a/b/two.txt"
    [ "$(id -u)" -ne 0 ] || as_nobody
    init_repository
    exits 3 run
    says "committed, but 1 item failed or changed"
    says "a/b/two.txt"
    logs 'WARN docs: failed .a/b/two.txt.: .*ermission denied'
    logs 'WARN docs: incomplete snapshot=.* failed=1 '
    exits 3 run --json
    json '.exit == 3 and .sources[0].status == "incomplete" and .sources[0].problems[0].path == "a/b/two.txt"'
    sme cat docs a/one.txt | cmp - "$SRC/a/one.txt"
    exits 0 list docs --json
    json '.snapshots[0].status == "incomplete" and .snapshots[0].problems == 1'
    exits 1 cat docs a/b/two.txt
    says "could not be read when it was backed up"
}

@test "check finds nothing wrong in a good repository" {
    backed_up
    exits 0 check
    prints "nothing is damaged"
    exits 0 check --read-data --json
    json '.exit == 0 and .sinks[0].damage == 0 and .sinks[0].bytes_read > 0 and .sinks[0].snapshots == 1'
    exits 0 check docs --read-data=1/3
    exits 0 check --read-data=10%
    exits 2 check --read-data=4/3
    exits 1 check nobody
}

@test "a source that has vanished fails, and its snapshots stay" {
    backed_up
    mv "$SRC" "$T/moved"
    exits 1 run
    says "$SRC"
    logs 'ERROR docs: failed exit='
    mv "$T/moved" "$SRC"
    restores
    exits 0 run
}

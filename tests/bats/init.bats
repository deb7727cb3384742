#!/usr/bin/env bats
# Keys, recovery kit, write-only hosts.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers
setup() { common_setup; }

@test "init makes a private key file, a repository and a kit that is a key file" {
    exits 0 init --kit "$T/kit"
    prints "is ready in sink 'main'"
    [ "$(stat -c %a "$KEY")" = 600 ]
    [ "$(stat -c %a "$T/keys")" = 700 ]
    [ "$(stat -c %a "$T/kit")" = 600 ]
    [ -f "$REPO/repository" ]
    [ "$(grep -v '^#' "$T/kit")" = "$(grep -v '^#' "$KEY")" ]
    grep -q "path = $REPO" "$T/kit"
    make_tree
    sme run
    rm -r "$T/keys"
    mkdir -m 700 "$T/keys"
    cp "$T/kit" "$KEY"
    chmod 600 "$KEY"
    restores
}

@test "without --kit the kit is all of standard output" {
    exits 0 init
    [ -z "$stderr" ]
    [ "$(grep -v '^#' <<<"$output")" = "$(grep -v '^#' "$KEY")" ]
}

@test "init again changes nothing" {
    make_tree
    init_repository
    sme run
    before=$(find "$REPO" "$T/keys" -type f -exec sha256sum {} +)
    exits 1 init
    says "holds a repository already"
    exits 1 init --use-key
    mv "$KEY" "$T/saved"
    exits 1 init
    says "holds a repository already"
    [ ! -e "$KEY" ]
    mv "$T/saved" "$KEY"
    [ "$(find "$REPO" "$T/keys" -type f -exec sha256sum {} +)" = "$before" ]
    restores
}

@test "a key file is never overwritten; --use-key takes it" {
    init_repository
    mv "$REPO" "$T/old"
    before=$(sha256sum "$KEY")
    exits 1 init
    says "exists already"
    says "--use-key"
    [ ! -e "$REPO/repository" ]
    exits 0 init --use-key --kit "$T/kit2"
    [ "$(sha256sum "$KEY")" = "$before" ]
    make_tree
    sme run
    restores
    rm -r "$REPO" "$KEY"
    exits 6 init --use-key
    says "$KEY"
}

@test "a place with other things in it is refused, and no key stays" {
    mkdir "$REPO"
    printf 'mine\n' >"$REPO/letter.txt"
    exits 1 init --kit "$T/kit"
    says "is not empty"
    [ ! -e "$KEY" ]
    [ ! -e "$T/kit" ]
    [ "$(cat "$REPO/letter.txt")" = mine ]
}

@test "a kit file is never overwritten, and then nothing is made" {
    printf 'mine\n' >"$T/kit"
    exits 1 init --kit "$T/kit"
    says "nothing was made"
    [ "$(cat "$T/kit")" = mine ]
    [ ! -e "$KEY" ]
    [ ! -e "$REPO" ]
}

@test "init --dry-run makes nothing" {
    exits 0 init --dry-run
    prints "Would make"
    [ ! -e "$KEY" ]
    [ ! -e "$REPO" ]
}

@test "init --json has no secrets" {
    exits 0 init --json --kit "$T/kit"
    json '.sink == "main" and .key_file == "'"$KEY"'" and (.repository | length) == 32'
    while read -r word groups; do
        [[ $word == *-secret ]] || continue
        [[ $output != *"$groups"* ]]
    done < <(grep -E '^(writer|reader)-secret' "$KEY")
}

@test "a write-only host backs up, and cannot read" {
    make_tree
    exits 2 init --write-only
    says "--kit"
    [ ! -e "$KEY" ]
    exits 0 init --write-only --kit "$T/kit"
    prints "write-only"
    ! grep -q '^reader-secret' "$KEY" || false
    grep -q '^reader-secret' "$T/kit"
    exits 0 run
    printf 'more\n' >"$SRC/more"
    exits 0 run
    exits 0 run --json
    json '.sources[0].bytes_new == 0 and .sources[0].data_packs == 0'
    exits 0 list docs --json
    json '.snapshots | length == 3'
    exits 0 check
    for command in "restore docs --to $T/out" "ls docs" "cat docs a/one.txt"; do
        # shellcheck disable=SC2086
        exits 6 $command
        says "write-only"
    done
    [ ! -e "$T/out" ]
    [ -z "$(grep -rl 'one.txt' "$REPO" "$STATE" "$CACHE" 2>/dev/null)" ]
    chmod 600 "$KEY"
    cp "$T/kit" "$KEY"
    restores
    exits 0 check --read-data
}

@test "keys that are missing, wrong, damaged or open to others are refused" {
    backed_up
    mv "$KEY" "$T/saved"
    exits 6 run
    says "$KEY"
    logs 'ERROR docs: failed exit=6 class=key'
    cp "$T/saved" "$KEY"
    chmod 0640 "$KEY"
    exits 6 run
    says "$KEY"
    chmod 0600 "$KEY"
    sed -i 's/^\(writer-secret *\)\(.\)/\1'"$(grep -qi '^writer-secret *a' "$KEY" && echo b || echo a)"'/' "$KEY"
    exits 6 list
    says "$KEY:"
    head -c 100 "$T/saved" >"$KEY"
    exits 6 list
    : >"$KEY"
    exits 6 list
    printf '[sink other]\nplugin = directory\npath = %s\n' "$T/other" >"$CONF/11-other.ini"
    docs_section 'sink = main'
    rm "$KEY"
    sme init other --kit "$T/kit2" -q
    cp "$T/keys/other.key" "$KEY"
    exits 6 list --sink main
    says "main"
    cp "$T/saved" "$KEY"
    restores
}

@test "secrets are nowhere but in key file and kit" {
    backed_up
    sme run --json >"$T/answer"
    while read -r word groups; do
        [[ $word == *-secret ]] || continue
        ! grep -rqF "${groups%%-*}-$(cut -d- -f2 <<<"$groups")" "$REPO" "$STATE" "$CACHE" "$LOG" "$T/answer" || false
    done < <(grep -E '^(writer|reader)-secret' "$KEY")
}

#!/usr/bin/env bats
# A repository that is damaged: what is told, with which exit code, and what still works.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers
setup() {
    common_setup
    make_tree
    init_repository
    sme run
    first=$(snapshots)
    mkdir "$T/first"
    cp -a "$SRC/." "$T/first"
    head -c 100000 /dev/urandom >"$SRC/second"
    sme run
    second=$(snapshots | tail -n 1)
    [ "$first" != "$second" ]
}

# newest GLOB: the newest object that matches.
newest() { (cd "$REPO" && find . -type f -path "./$1" -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2); }

first_restores() {
    rm -rf "$T/out1"
    sme restore "docs@$first" --to "$T/out1" -q || return
    same "$T/first" "$T/out1"
}

@test "a flipped byte in a data pack: check --read-data and restore find it, other files come back" {
    pack=$(newest 'docs/data/*')
    flip "$REPO/$pack" 5000
    exits 4 check --read-data
    says "$(basename "$pack")"
    exits 4 restore docs --to "$T/out"
    says "second"
    [ ! -e "$T/out/second" ] || ! cmp -s "$SRC/second" "$T/out/second"
    cmp "$SRC/a/big" "$T/out/a/big"
    first_restores
    rm -rf "$CACHE"
    first_restores
}

@test "a truncated data pack is found without reading data" {
    pack=$(newest 'docs/data/*')
    chmod u+w "$REPO/$pack"
    truncate -s -100 "$REPO/$pack"
    exits 4 check
    says "$(basename "$pack")"
    first_restores
}

@test "a missing data pack is found, and the next run stores again what it can" {
    pack=$(newest 'docs/data/*')
    rm -f "$REPO/$pack"
    exits 4 check
    says "$(basename "$pack")"
    exits 4 restore docs --to "$T/out"
    first_restores
    exits 4 check --json
    json '.exit == 4 and ([.findings[] | select(.severity == "damage")] | length) > 0 and .error.status == "corrupt"'
    exits 0 run
    restores
}

@test "a damaged item pack: that snapshot is lost, the other is not" {
    pack=$(newest 'docs/meta/*')
    rm -rf "$CACHE"
    flip "$REPO/$pack" 20
    exits 4 restore "docs@$second" --to "$T/out"
    exits 4 check --read-data
    says "$(basename "$pack")"
    first_restores
    # What is known to be damaged goes; then it is one that is missing.
    rm -f "$REPO/$pack"
    exits 0 run
    restores
    first_restores
}

@test "a damaged snapshot object is named; the others are listed and restore" {
    flip "$REPO/backups/docs/$second"
    exits 4 restore docs --to "$T/out"
    says "$second"
    [ ! -e "$T/out/second" ]
    exits 4 check
    says "$second"
    first_restores
}

@test "a truncated snapshot object shows in the list" {
    chmod u+w "$REPO/backups/docs/$second"
    truncate -s 40 "$REPO/backups/docs/$second"
    exits 4 list
    prints "$first"
    prints "DAMAGED"
    exits 4 list --json
    json '[.snapshots[].status] == ["complete", "damaged"] and .error.exit == 4'
    first_restores
}

@test "an empty snapshot object is not a snapshot" {
    chmod u+w "$REPO/backups/docs/$second"
    : >"$REPO/backups/docs/$second"
    exits 4 list
    says "$second"
    first_restores
}

@test "a damaged index object is named by check" {
    rm -rf "$CACHE"
    index=$(newest 'docs/index/*')
    flip "$REPO/$index"
    exits 4 check
    says "$(basename "$index")"
    exits 4 restore docs --to "$T/out"
    says "$(basename "$index")"
}

@test "a damaged, truncated or missing descriptor is named" {
    cp "$REPO/repository" "$T/descriptor"
    chmod u+w "$REPO/repository"
    sed -i 's/^created 2/created 3/' "$REPO/repository"
    exits 6 list || [ "$status" -eq 4 ]
    says "repository"
    head -c 30 "$T/descriptor" >"$REPO/repository"
    exits 4 list
    says "repository"
    : >"$REPO/repository"
    exits 4 run
    says "repository"
    sed 's/^format 1/format 2/' "$T/descriptor" >"$REPO/repository"
    exits 1 list
    says "newer"
    rm "$REPO/repository"
    exits 1 run
    says "holds no repository"
    says "init"
    cp "$T/descriptor" "$REPO/repository"
    exits 0 list
    restores
}

@test "a repository that is not there is exit 7, and nothing is made in its place" {
    mv "$REPO" "$T/away"
    for command in run list check "ls docs" "restore docs --to $T/out"; do
        # shellcheck disable=SC2086
        exits 7 $command
        says "$REPO"
    done
    [ ! -e "$REPO" ]
    [ ! -e "$T/out" ]
    mv "$T/away" "$REPO"
    exits 0 run
    restores
}

@test "objects that are not ours are left alone" {
    printf 'mine\n' >"$REPO/letter.txt"
    mkdir -p "$REPO/docs/data"
    printf 'mine\n' >"$REPO/docs/data/letter.txt"
    exits 0 check --json
    json '.sinks[0].foreign == 2 and .sinks[0].damage == 0'
    exits 0 run
    [ "$(cat "$REPO/letter.txt")" = mine ]
    restores
}

@test "objects of one repository do not pass for another's" {
    cp -a "$REPO" "$T/saved"
    printf '[sink other]\nplugin = directory\npath = %s\n' "$T/other" >"$CONF/11-other.ini"
    docs_section 'sink = main, other'
    sme init other --kit "$T/kit2" -q
    sme run
    foreign=$(basename "$T/other/backups/docs/"*)
    cp "$T/other/backups/docs/$foreign" "$REPO/backups/docs/"
    exits 4 list --sink main
    prints "$foreign"
    exits 4 restore "docs@$foreign" --sink main --to "$T/out"
    [ ! -e "$T/out" ]
    sme restore docs --sink main --to "$T/out2" -q
    same "$SRC" "$T/out2"
}

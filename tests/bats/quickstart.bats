#!/usr/bin/env bats
# The first command of the README, on a finished build: what it says is true, and it fails when the
# restored copy is not the folder.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0

setup() {
    T=$BATS_TEST_TMPDIR
    export QUICKSTART_DIR=$T/scratch QUICKSTART_BUILD=$SME_TEST_BUILDDIR
    mkdir -p "$T/folder, \"1\"/sub"
    folder="$T/folder, \"1\""
    echo one >"$folder/a file"
    head -c 100000 /dev/urandom >"$folder/sub/big"
    ln -s 'a file' "$folder/link"
    ln "$folder/a file" "$folder/sub/hard"
    quickstart=$SME_TEST_SRCDIR/quickstart
}

# A build whose program is ours, but for what the lines on standard input do behind a restore.
meddle() {
    export QUICKSTART_BUILD=$T/build
    mkdir "$T/build"
    {
        printf '#!/bin/bash\n"%s/run" "$@" || exit\n[ "$3" = restore ] || exit 0\n' "$SME_TEST_BUILDDIR"
        cat
    } >"$T/build/run"
    chmod +x "$T/build/run"
}

@test "a folder is backed up, restored and compared" {
    run "$quickstart" "$folder"
    [ "$status" -eq 0 ]
    [[ $output == *"6 items, same content"* ]]
    [[ $output == *"byte for byte"* ]]
    [ "$(cat "$QUICKSTART_DIR/restored/a file")" = one ]
    [ -s "$QUICKSTART_DIR/recovery-kit.txt" ]
}

@test "a second time begins anew, and a vanished file is gone" {
    "$quickstart" "$folder"
    rm "$folder/sub/big"
    run "$quickstart" "$folder"
    [ "$status" -eq 0 ]
    [[ $output == *"5 items, same content"* ]]
    [ ! -e "$QUICKSTART_DIR/restored/sub/big" ]
}

@test "a missing file is found, and it is a failure" {
    meddle <<<"rm '$QUICKSTART_DIR/restored/sub/big'"
    run "$quickstart" "$folder"
    [ "$status" -ne 0 ]
    [[ $output == *"not the same"* ]]
    [[ $output == *"sub/big"* ]]
    [[ $output != *"byte for byte"* ]]
}

@test "a changed byte is found although size and time are the same" {
    meddle <<<"
        cd '$QUICKSTART_DIR/restored' && touch -r 'a file' ../stamp &&
            echo two >'a file' && touch -r ../stamp 'a file'"
    run "$quickstart" "$folder"
    [ "$status" -ne 0 ]
    [[ $output == *"not the same"* ]]
    [[ $output == *"a file"* ]]
}

@test "somebody's folder is not taken as scratch" {
    mkdir "$QUICKSTART_DIR"
    echo mine >"$QUICKSTART_DIR/precious"
    run "$quickstart" "$folder"
    [ "$status" -ne 0 ]
    [[ $output == *"is not from an earlier quickstart"* ]]
    [ "$(cat "$QUICKSTART_DIR/precious")" = mine ]
}

@test "a folder that contains the scratch folder is refused" {
    run "$quickstart" "$T"
    [ "$status" -ne 0 ]
    [[ $output == *"set QUICKSTART_DIR to a place outside"* ]]
    run "$quickstart" "$T/no such folder"
    [ "$status" -ne 0 ]
    [[ $output == *"is not a folder"* ]]
}

@test "what cannot be read is named, and it is a failure" {
    if [ "$(id -u)" -eq 0 ]; then
        mkdir -m 700 "$T/other"
        chown -R nobody "$T" 2>/dev/null || skip "there is no user nobody"
        drop() { setpriv --reuid nobody --regid nogroup --clear-groups "$@"; }
        dir=$T
        while [ "$dir" != / ] && [ "$dir" != /tmp ]; do
            [ ! -O "$dir" ] || chmod o+rx "$dir"
            dir=$(dirname "$dir")
        done
        drop "$SME_BACKUP" version >/dev/null 2>&1 && drop test -r "$quickstart" ||
            skip "user nobody cannot reach the build folder"
    else
        drop() { "$@"; }
    fi
    chmod 000 "$folder/sub/big"
    run drop "$quickstart" "$folder"
    chmod 600 "$folder/sub/big"
    [ "$status" -ne 0 ]
    [[ $output == *"failed 'sub/big'"* ]]
    [[ $output == *"what could not be backed up is not there"* ]]
}

#!/usr/bin/env bats
# The S3 sink against a real store: from an empty account to a restored folder.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers
load ceph

setup_file() { ceph_setup_file STS=0; }
teardown_file() { ceph_teardown_file; }

setup() {
    common_setup
    s3_section
}

@test "init, run, list, restore and check with a bucket" {
    backed_up
    restores
    exits 0 check --read-data
    exits 0 list
    prints docs
    keys=$(s3_keys)
    grep -qx repository <<<"$keys"
    grep -qE '^backups/docs/[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$' <<<"$keys"
    grep -qE '^docs/data/[0-9a-f]{64}$' <<<"$keys"
    grep -qE '^docs/meta/[0-9a-f]{64}$' <<<"$keys"
    grep -qE '^docs/index/' <<<"$keys"
}

@test "the log tells the requests by class, and an unchanged run makes at most eight" {
    backed_up
    exits 0 run
    line=$(grep 'docs: complete' "$LOG" | tail -n 1)
    requests=$(grep -o 'requests=[^ ]*' <<<"$line")
    echo "$line"
    [[ $requests == requests=put:* ]]
    total=0
    for n in $(grep -o '[0-9]*' <<<"${requests#requests=}"); do total=$((total + n)); done
    [ "$total" -gt 0 ]
    [ "$total" -le 8 ]
}

@test "the store passes the conformance suite, and nothing of it is left" {
    init_repository
    exits 0 plugin test s3 --sink main
    prints '0 failed'
    [ "$(s3_keys)" = repository ]
}

@test "setup changes only what differs, and a second time nothing" {
    exits 0 setup --dry-run
    prints 'change  bucket'
    [[ $(s3_curl GET "/$BUCKET?list-type=2") == *NoSuchBucket* ]]
    exits 0 setup
    prints 'change  versioning'
    [[ $(s3_curl GET "/$BUCKET?versioning=") == *Enabled* ]]
    exits 0 init --kit "$T/kit"
    prints 'sme-backup setup'
    # A rule of somebody else survives.
    rules=$(s3_curl GET "/$BUCKET?lifecycle=" | sed 's|</LifecycleConfiguration>|<Rule><ID>mine</ID><Prefix>mine/</Prefix><Status>Enabled</Status><Expiration><Days>9</Days></Expiration></Rule>&|; s|<?xml[^>]*>||')
    s3_curl PUT "/$BUCKET?lifecycle=" --data-binary "$rules" --header "content-md5: $(printf '%s' "$rules" | openssl md5 -binary | base64)"
    exits 0 setup
    prints 'Nothing had to be changed'
    [[ $(s3_curl GET "/$BUCKET?lifecycle=") == *'<ID>mine</ID>'* ]]
    [[ $(s3_curl GET "/$BUCKET?lifecycle=") == *sme-backup/* ]]
}

@test "doctor examines host, bucket and snapshots, and its exit code tells" {
    exits 0 setup
    init_repository
    exits 1 doctor
    prints 'FAIL'
    make_tree
    exits 0 run
    exits 0 doctor
    prints 'pass    versioning'
    prints 'pass    public exposure'
    prints 'permission to delete'
    [ "$(s3_keys | grep -c probe)" -eq 0 ]
}

@test "a prefix keeps two repositories in one bucket apart" {
    s3_section 'prefix = hosts/%h'
    backed_up
    s3_keys | grep -q "^hosts/$(hostname)/repository$"
    [ -z "$(s3_keys | grep -v "^hosts/$(hostname)/")" ]
    restores
}

@test "objects in the bucket that are not ours are left alone" {
    backed_up
    s3_curl PUT "/$BUCKET/holiday.txt" --data-binary 'sun' >/dev/null
    s3_curl PUT "/$BUCKET/docs/data/notes" --data-binary 'mine' >/dev/null
    exits 0 run
    restores
    [ "$(s3_curl GET "/$BUCKET/docs/data/notes")" = mine ]
}

@test "a bucket that does not exist is named, with what to do" {
    make_tree
    init_repository
    s3_section "bucket = nowhere-$RANDOM" || true
    sed -i "0,/^bucket = .*/s//bucket = nowhere-to-be-found/" "$CONF/10-main.ini"
    sed -i '/^bucket = nowhere-[0-9]/d' "$CONF/10-main.ini"
    run sme run
    [ "$status" -ne 0 ]
    [[ $output == *nowhere-to-be-found* || $output == *NoSuchBucket* ]]
    [[ $output == *"sme-backup setup"* ]]
}

@test "a wrong secret and an unknown key are refused at once, and no secret is shown" {
    backed_up
    export AWS_SECRET_ACCESS_KEY=WrongSecretWrongSecretWrongSecret000000
    run sme run
    [ "$status" -eq 6 ]
    [[ $output == *SignatureDoesNotMatch* ]]
    export AWS_ACCESS_KEY_ID=nobodyknowsthiskey01
    run sme run
    [ "$status" -eq 6 ]
    [[ $output == *InvalidAccessKeyId* ]]
    ! grep -r -e WrongSecret -e "$SECRET_KEY" "$LOG" "$STATE" "$CACHE" || false
    [[ $output != *WrongSecret* ]]
}

@test "two sinks: a bucket and a folder get the same snapshot" {
    cat >"$CONF/11-near.ini" <<INI
[sink near]
plugin = directory
path = $REPO
INI
    docs_section 'sink = main, near'
    make_tree
    exits 0 init main --kit "$T/kit1"
    exits 0 init near --kit "$T/kit2"
    exits 0 run
    exits 0 restore docs --sink near --to "$T/out1"
    exits 0 restore docs --sink main --to "$T/out2"
    same "$T/out1" "$T/out2"
}

@test "a bucket that was emptied behind our back is not taken for a fresh one" {
    backed_up
    s3_curl DELETE "/$BUCKET/repository"
    run sme run
    [ "$status" -ne 0 ]
    [[ $output == *repository* ]]
    [ -z "$(s3_keys | grep -x repository)" ]
}

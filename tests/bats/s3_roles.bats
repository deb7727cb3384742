#!/usr/bin/env bats
# Temporary credentials of an instance's role, and what the printed policies allow: with roles that
# a real store enforces.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers
load ceph

setup_file() { ceph_setup_file STS=1; }
teardown_file() { ceph_teardown_file; }

setup() {
    common_setup
    s3_section
    make_tree
}

teardown() { metadata_stop; }

# iam PARAMETER=VALUE...: a call of IAM or STS as the administrator.
iam() {
    local arguments=() one
    for one; do arguments+=(--data-urlencode "$one"); done
    curl --silent --show-error --noproxy '*' --max-time 60 --user "$ACCESS_KEY:$SECRET_KEY" \
        --aws-sigv4 "aws:amz:$REGION:${IAM_SERVICE:-iam}" "${arguments[@]}" "$ENDPOINT/"
}

# element NAME: the text of the first element of that name.
element() { grep -o "<$1>[^<]*" | head -n 1 | cut -d '>' -f 2; }

# role NAME POLICY-FILE: a role with this policy alone; its keys go to the files "keys" of the double.
role() {
    local trust reply
    trust='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam:::user/main"]},"Action":["sts:AssumeRole"]}]}'
    iam Action=CreateRole "RoleName=$1" Path=/ "AssumeRolePolicyDocument=$trust" >"$T/iam.out"
    iam Action=PutRolePolicy "RoleName=$1" PolicyName=only "PolicyDocument=$(jq -c . "$2")" >>"$T/iam.out"
    reply=$(IAM_SERVICE=sts iam Action=AssumeRole "RoleArn=arn:aws:iam:::role/$1" RoleSessionName=test DurationSeconds=900)
    echo "$reply" >>"$T/iam.out"
    {
        element AccessKeyId <<<"$reply"
        element SecretAccessKey <<<"$reply"
        element SessionToken <<<"$reply"
    } >"$T/role.keys"
    [ "$(grep -c . "$T/role.keys")" -eq 3 ] || fail "no role: $(cat "$T/iam.out")"
}

# metadata_start LIFE: the sink has no keys but those of the instance's role.
metadata_start() {
    rm -f "$T/metadata.in" "$T/metadata.url"
    mkfifo "$T/metadata.in"
    "$SME_TEST_BUILDDIR/tests/tools/metadata" "$T/role.keys" "$1" "$T/metadata.counts" \
        <"$T/metadata.in" >"$T/metadata.url" 3>&- 4>&- &
    METADATA=$!
    exec 9>"$T/metadata.in"
    until [ -s "$T/metadata.url" ]; do kill -0 "$METADATA"; done
    unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_EC2_METADATA_DISABLED
    export AWS_EC2_METADATA_SERVICE_ENDPOINT
    AWS_EC2_METADATA_SERVICE_ENDPOINT=$(cat "$T/metadata.url")
}

metadata_stop() {
    [ -n "${METADATA-}" ] || return 0
    exec 9>&-
    wait "$METADATA" || true
    METADATA=''
}

# as_role METHOD PATH [CURL-ARGUMENT...]: a request with the role's keys; prints the status.
as_role() {
    local keys
    mapfile -t keys <"$T/role.keys"
    ACCESS_KEY=${keys[0]} SECRET_KEY=${keys[1]} s3_curl "$@" --header "x-amz-security-token: ${keys[2]}" \
        --output "$T/reply" --write-out '%{http_code}'
}

discreet() {
    local secret
    while read -r secret; do
        [ -n "$secret" ] || continue
        ! grep -rqF -e "$secret" "$LOG" "$STATE" "$CACHE" || fail "a secret is in a file"
        [[ $output$stderr != *"$secret"* ]] || fail "a secret was shown"
    done < <(tail -n +2 "$T/role.keys"; echo token-of-the-double-0001)
}

@test "the role of the instance is enough: backup, restore, check" {
    exits 0 setup
    exits 0 init --kit "$T/kit"
    echo '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}' >"$T/all.json"
    role all "$T/all.json"
    metadata_start 3600
    exits 0 run -vv
    discreet
    restores
    exits 0 check --read-data
    discreet
    exits 0 doctor --max-age 1h
    prints backup-role
    discreet
}

@test "keys that expire every few seconds do not disturb a run" {
    exits 0 init --kit "$T/kit"
    echo '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}' >"$T/all.json"
    role short "$T/all.json"
    s3_section 'pack_size = 4MiB' 'upload_limit = 8MiB/s'
    head -c 41943040 /dev/urandom >"$SRC/bulk"
    metadata_start 2
    exits 0 run
    metadata_stop
    [ "$(cat "$T/metadata.counts")" -gt 2 ]
    discreet
}

@test "the run role backs up, and can neither read, overwrite nor delete" {
    exits 0 setup
    exits 0 init --kit "$T/kit"
    exits 0 run
    exits 0 policy --role run
    printf '%s' "$output" >"$T/run.json"
    role run "$T/run.json"
    pack=$(s3_keys | grep '^docs/data/' | head -n 1)
    meta=$(s3_keys | grep '^docs/meta/' | head -n 1)
    metadata_start 3600
    echo more >"$SRC/new"
    exits 0 run
    rm -r "$CACHE"
    echo more still >"$SRC/newer"
    exits 0 run
    discreet
    [ "$(as_role GET "/$BUCKET/$meta")" = 200 ]
    [ "$(as_role GET "/$BUCKET/$pack")" = 403 ]
    [ "$(as_role DELETE "/$BUCKET/$pack")" = 403 ]
    [ "$(as_role DELETE "/$BUCKET/repository")" = 403 ]
    [ "$(as_role PUT "/$BUCKET/repository" --data-binary x)" = 403 ]
    [ "$(as_role PUT "/$BUCKET/elsewhere/x" --data-binary x)" = 403 ]
    [ "$(as_role GET "/$BUCKET?policy")" = 403 ]
    [ "$(as_role PUT "/$BUCKET?versioning" --data-binary x)" = 403 ]
    # So its restore fails, and says why.
    run --separate-stderr sme restore docs --to "$T/out"
    [ "$status" -ne 0 ]
    says AccessDenied
}

@test "the restore role restores, and can neither put nor delete" {
    exits 0 init --kit "$T/kit"
    exits 0 run
    exits 0 policy --role restore
    printf '%s' "$output" >"$T/restore.json"
    role restore "$T/restore.json"
    pack=$(s3_keys | grep '^docs/data/' | head -n 1)
    metadata_start 3600
    rm -r "$CACHE"
    restores
    exits 0 check --read-data
    exits 0 list
    [ "$(as_role PUT "/$BUCKET/docs/data/x" --data-binary x)" = 403 ]
    [ "$(as_role DELETE "/$BUCKET/$pack")" = 403 ]
    run --separate-stderr sme run
    [ "$status" -ne 0 ]
}

@test "without any credentials the message says what was looked at" {
    exits 0 init --kit "$T/kit"
    unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    exits 6 run
    says AWS_ACCESS_KEY_ID
    says credentials
    [ "$(snapshot_count 2>/dev/null || true)" = 0 ]
}

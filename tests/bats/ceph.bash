# A Ceph cluster of one node for the command tests: a real S3 server on loopback.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0

# Start it for all tests of the file, on free ports; skips where Ceph is not installed.
ceph_setup_file() { # ceph_setup_file [NAME=VALUE...]: environment of tests/ceph/start
    command -v radosgw >/dev/null && command -v ceph-mon >/dev/null ||
        skip "Ceph is not installed (tests/ceph/install)"
    [ "$(id -u)" -eq 0 ] || skip "Ceph's daemons are started as root"
    export CEPH_DIR=$BATS_FILE_TMPDIR/ceph
    local port try
    for try in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 120 * 100))
        # The cluster wants a range of ports; one that is taken is not ours.
        [ -z "$(ss -Hltn "sport >= :$port and sport <= :$((port + 60))")" ] || continue
        if env "$@" "$SME_TEST_SRCDIR/tests/ceph/start" "$CEPH_DIR" "$port" \
            >"$BATS_FILE_TMPDIR/ceph.env" 2>"$BATS_FILE_TMPDIR/ceph.log" 3>&- 4>&-; then
            set -a
            # shellcheck disable=SC1091
            . "$BATS_FILE_TMPDIR/ceph.env"
            set +a
            return 0
        fi
        FAST=1 "$SME_TEST_SRCDIR/tests/ceph/stop" "$CEPH_DIR"
        rm -rf "$CEPH_DIR"
    done
    cat "$BATS_FILE_TMPDIR/ceph.log" >&2
    return 1
}

ceph_teardown_file() {
    [ -z "${CEPH_DIR-}" ] || FAST=1 "$SME_TEST_SRCDIR/tests/ceph/stop" "$CEPH_DIR"
}

# s3_section [LINE...]: the sink "main" is a bucket of its own, as the cluster's first user.
s3_section() {
    BUCKET=${BUCKET:-t$BATS_TEST_NUMBER-$RANDOM}
    {
        printf '%s\n' '[sink main]' 'plugin = s3' "bucket = $BUCKET" "endpoint = $ENDPOINT" \
            'allow_http = yes' "key_file = $KEY"
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >"$CONF/10-main.ini"
    export AWS_ACCESS_KEY_ID=$ACCESS_KEY AWS_SECRET_ACCESS_KEY=$SECRET_KEY AWS_REGION=$REGION
    export AWS_EC2_METADATA_DISABLED=true
    unset AWS_SESSION_TOKEN AWS_PROFILE
}

# s3_curl METHOD PATH-AND-QUERY [CURL-ARGUMENT...]: a signed request that is not ours.
s3_curl() {
    local method=$1 path=$2
    shift 2
    curl --silent --show-error --noproxy '*' --max-time 60 --request "$method" \
        --user "$ACCESS_KEY:$SECRET_KEY" --aws-sigv4 "aws:amz:$REGION:s3" \
        --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@" "$ENDPOINT$path"
}

# Keys in the bucket, sorted, one a line.
s3_keys() {
    s3_curl GET "/$BUCKET?list-type=2&max-keys=1000" | grep -o '<Key>[^<]*' | cut -c6- | sort
}

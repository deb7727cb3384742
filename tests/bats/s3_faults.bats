#!/usr/bin/env bats
# The S3 sink behind a network and a store that fail all the time, and one that is gone.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers
load ceph

setup_file() { ceph_setup_file STS=0; }
teardown_file() { ceph_teardown_file; }

setup() {
    common_setup
    s3_section
    export SME_S3_STALL_SEC=1
    make_tree
    head -c "$((${SME_TEST_FAULT_MIB:-40} * 1048576))" /dev/urandom >"$SRC/bulk"
}

teardown() { proxy_stop; }

# proxy_start PERCENT SEED: from now on the sink talks to the store through a proxy that fails.
proxy_start() {
    mkfifo "$T/proxy.in"
    "$SME_TEST_BUILDDIR/tests/tools/faulty" "$ENDPOINT" "$1" "$2" "$T/proxy.counts" \
        <"$T/proxy.in" >"$T/proxy.url" 3>&- 4>&- &
    PROXY=$!
    exec 9>"$T/proxy.in"
    until [ -s "$T/proxy.url" ]; do kill -0 "$PROXY"; done
    s3_section "pack_size = 4MiB"
    sed -i "s|^endpoint = .*|endpoint = $(cat "$T/proxy.url")|" "$CONF/10-main.ini"
}

# The proxy ends when its standard input does.
proxy_stop() {
    [ -n "${PROXY-}" ] || return 0
    exec 9>&-
    wait "$PROXY" || true
    PROXY=''
}

@test "one request in five fails: backup, restore and check end well all the same" {
    SEED=${SME_TEST_SEED:-$((RANDOM % 1000))}
    echo "SME_TEST_SEED=$SEED"
    proxy_start 20 "$SEED"
    exits 0 init --kit "$T/kit"
    exits 0 run
    restores
    exits 0 check --read-data
    exits 0 run
    [ "$(snapshot_count)" -eq 2 ]
    logs 'retry:[1-9]'
    proxy_stop
    cat "$T/proxy.counts"
    # And there is nothing wrong without the proxy.
    s3_section
    exits 0 check --read-data
    restores
}

@test "a store that is gone is exit 7, and nothing that was there is lost" {
    init_repository
    exits 0 run
    echo more >>"$SRC/bulk"
    # A port of this host where nobody listens.
    sed -i 's|^endpoint = .*|endpoint = http://127.0.0.1:9|' "$CONF/10-main.ini"
    exits 7 run
    says 127.0.0.1:9
    says 'after 12 attempts'
    logs 'ERROR docs: '
    s3_section
    [ "$(snapshot_count)" -eq 1 ]
    exits 0 run
    restores
    exits 0 check --read-data
}

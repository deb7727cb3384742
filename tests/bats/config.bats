#!/usr/bin/env bats
# Configuration: what is wrong is named with file and line.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers
setup() { common_setup; }

@test "a right configuration is right, but for the key that is not there yet" {
    exits 0 config check
    prints "1 source, 1 sink, 1 warning"
    says "warning"
    says "$KEY"
    init_repository
    exits 0 config check
    [ -z "$stderr" ]
    exits 0 config check --json
    json '.exit == 0 and .findings == []'
}

@test "a mistake is named with file, line and the nearest key" {
    docs_section 'exclud = *.tmp'
    exits 2 config check
    says "20-docs.ini:5"
    says "exclud"
    says "exclude"
    init_repository
    exits 2 run
    says "20-docs.ini:5"
}

@test "config check reports the mistakes of all sections" {
    docs_section 'exclud = *.tmp'
    printf '[source two]\nplugin = filesystem\nexclude = x\n' >"$CONF/30-two.ini"
    printf '[sink far]\nplugin = directory\npath = %s\nmod = 1\n' "$T/far" >"$CONF/11-far.ini"
    printf 'sink = main\n' >>"$CONF/20-docs.ini"
    printf 'sink = main\n' >>"$CONF/30-two.ini"
    exits 2 config check
    says "20-docs.ini:5"
    says "30-two.ini:1"
    says "11-far.ini:4"
    exits 2 config check --json
    json '[.findings[] | select(.severity == "error")] | length == 3'
}

@test "bad files are refused: syntax, duplicates, values, permissions" {
    docs_section 'path = /again'
    exits 2 run
    says "20-docs.ini:5"
    docs_section 'timeout = 5'
    exits 2 run
    says "20-docs.ini:5"
    docs_section 'no equals sign here'
    exits 2 run
    says "20-docs.ini:5"
    docs_section
    printf '[sources x]\nplugin = filesystem\n' >"$CONF/30-x.ini"
    exits 2 run
    says "30-x.ini:1"
    rm "$CONF/30-x.ini"
    chmod 0666 "$CONF/20-docs.ini"
    exits 2 run
    says "20-docs.ini"
    chmod 0644 "$CONF/20-docs.ini"
    docs_section 'sink = mian'
    exits 2 run
    says "mian"
    says "main"
}

@test "no configuration and an empty one are told apart from mistakes" {
    run --separate-stderr "$SME_BACKUP" --config "$T/none" run
    [ "$status" -eq 2 ]
    says "$T/none"
    rm "$CONF/20-docs.ini"
    exits 2 run
    says "no source is configured"
}

@test "an unknown plugin is named, with where it was looked for" {
    printf '[source docs]\nplugin = filesytem\npath = %s\n' "$SRC" >"$CONF/20-docs.ini"
    init_repository
    exits 2 config check
    says "filesytem"
    exits 2 run
    says "filesytem"
    logs 'ERROR docs: failed exit=2'
    printf '[source docs]\nplugin = ../evil\npath = %s\n' "$SRC" >"$CONF/20-docs.ini"
    exits 2 run
    says "../evil"
}

@test "config show has the values in force, in a form that parses again" {
    docs_section 'exclude = *.tmp, "a, b"' 'timeout = 90min'
    exits 0 config show
    prints "timeout = 90min"
    prints "state_dir = $STATE"
    prints "key_file = $KEY"
    mkdir "$T/again"
    printf '%s\n' "$output" >"$T/again/all.ini"
    run -0 "$SME_BACKUP" --config "$T/again" config show
    [ "$output" = "$(cat "$T/again/all.ini")" ]
    exits 0 config show --json
    json '.sources.docs.timeout == 5400000 and .sources.docs.exclude == ["*.tmp", "a, b"]'
    json '.sinks.main.path | endswith("/repo")'
    exits 2 config shwo
}

@test "plugin list and describe" {
    exits 0 plugin list
    prints filesystem
    prints directory
    exits 0 plugin list --json
    json '[.plugins[] | select(.error == null) | .name] | contains(["filesystem", "directory"])'
    for name in filesystem directory core sink source; do
        exits 0 plugin describe "$name"
        [ -n "$output" ]
        exits 0 plugin describe "$name" --json
        json '.options | length > 0'
    done
    exits 0 plugin describe filesystem
    prints exclude
    exits 0 plugin describe filesystem --ini
    prints "[source"
    exits 0 plugin describe filesystem --pod
    prints "=item"
    exits 2 plugin describe nothing
    says "there is no plugin 'nothing'"
    exits 2 plugin lst
}

@test "the sample sections of describe --ini parse" {
    mkdir "$T/sample"
    for name in directory filesystem; do
        sme plugin describe "$name" --ini >"$T/sample/$name.ini"
    done
    chmod 0644 "$T"/sample/*
    run --separate-stderr "$SME_BACKUP" --config "$T/sample" config check
    [[ $stderr != *"unknown"* ]]
}

#!/usr/bin/env bats
# The command line itself: help, mistakes, JSON failures.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers
setup() { common_setup; }

@test "help goes to standard output and fits 80 columns" {
    exits 0 help
    [ -z "$stderr" ]
    commands=$(awk '/^Commands:/ { on = 1; next } /^[^ ]/ { on = 0 } on && NF { print $1 }' <<<"$output")
    [ "$(wc -w <<<"$commands")" -ge 11 ]
    for command in $commands; do
        exits 0 help "$command"
        [ -z "$stderr" ]
        [ -z "$(awk 'length > 80' <<<"$output")" ] || fail "too wide: $output"
        prints "Usage: sme-backup $command"
        help=$output
        exits 0 "$command" --help
        [ "$output" = "$help" ]
    done
    exits 0 --help
    [ -z "$(awk 'length > 80' <<<"$output")" ]
}

@test "version tells program, ABI and libraries" {
    exits 0 version
    [[ $output =~ ^sme-backup\ [0-9]+\.[0-9]+ ]]
    exits 0 --version
    exits 0 version --json
    json '.schema == 1 and .abi == 1 and (.version | length) > 0'
}

@test "mistakes on the command line are exit 2, on standard error, with the nearest name" {
    exits 2
    says "no command"
    exits 2 rum
    says "unknown command 'rum'"
    says "did you mean 'run'?"
    [ -z "$output" ]
    exits 2 run --dry-rum
    says "unknown option '--dry-rum'"
    says "did you mean '--dry-run'?"
    exits 2 run -x
    says "unknown option '-x'"
    exits 2 run --to "$T"
    says "command 'run' has no option '--to'"
    exits 2 restore docs --to
    says "option '--to' needs a value"
    exits 2 restore docs --to a --to b
    says "stands twice"
    exits 2 run --dry-run=yes
    says "takes no value"
    exits 2 cat docs
    says "needs more arguments"
    exits 2 version now
    says "does not take the argument 'now'"
    exits 2 help nothing
    exits 2 ls docs/x
    says "is not the name of a source"
}

@test "global options stand before or behind the command" {
    make_tree
    run -0 "$SME_BACKUP" --config "$CONF" --quiet init --kit "$T/kit"
    run -0 "$SME_BACKUP" run -qc "$CONF"
    run -0 "$SME_BACKUP" --json run --config="$CONF"
    json '.exit == 0'
    SME_BACKUP_CONFIG=$CONF run -0 "$SME_BACKUP" list docs --json
    json '.snapshots | length == 2'
}

@test "failures are JSON on standard output with --json" {
    exits 2 rum --json
    json '.schema == 1 and .error.exit == 2 and .error.status == "invalid" and (.error.hint | length) > 0'
    exits 6 list --json
    json '.error.exit == 6 and .error.status == "key"'
    init_repository
    exits 1 ls docs --json
    json '.error.status == "not-found" and (.error.message | test("docs"))'
    rm -r "$REPO"
    exits 7 list --json
    json '.error.exit == 7 and .error.status == "unreachable"'
    exits 7 check --json
    json '.error.exit == 7'
}

@test "a reader that goes away and a full disk are not overlooked" {
    backed_up
    set -o pipefail
    run bash -c "'$SME_BACKUP' --config '$CONF' ls docs >/dev/full"
    [ "$status" -eq 1 ]
    [[ $output == *"standard output"* ]]
    run bash -c "'$SME_BACKUP' --config '$CONF' cat docs a/big >/dev/full"
    [ "$status" -eq 1 ]
}

@test "control characters from outside do not reach the terminal" {
    run --separate-stderr "$SME_BACKUP" $'ru\e[31mn'
    [ "$status" -eq 2 ]
    [[ $stderr != *$'\e'* ]]
}

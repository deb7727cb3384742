#!/usr/bin/env bats
# On a terminal: progress lines, results, escaped names.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers
setup() {
    common_setup
    command -v script >/dev/null || skip "needs script(1)"
    make_tree
    init_repository
}

# on_terminal ARGUMENT...: both outputs are a terminal of 80 columns; all that it shows in $output.
on_terminal() {
    local words
    printf -v words '%q ' "$SME_BACKUP" --config "$CONF" "$@"
    run env TERM=xterm script -qec "stty cols 80; $words" /dev/null </dev/null
}

@test "a run shows a progress line, removes it, and prints a result" {
    on_terminal run
    [ "$status" -eq 0 ]
    prints "docs: starting"
    prints $'\r\e[K'
    prints "docs: complete, "
    prints ", snapshot 2"
    on_terminal run --no-progress
    [[ $output != *$'\e['* ]]
    prints "docs: complete, "
    on_terminal run --quiet
    [ -z "$output" ]
}

@test "names on a terminal are escaped" {
    sme run
    on_terminal ls docs
    [ "$status" -eq 0 ]
    prints 'a/new\x0aline'
    prints 'a/\xff\xfe'
}

@test "a dumb terminal gets no escape sequences" {
    run env TERM=dumb script -qec "'$SME_BACKUP' --config '$CONF' run" /dev/null </dev/null
    [ "$status" -eq 0 ]
    [[ $output != *$'\e['* ]]
    prints "docs: complete, "
}

@test "Ctrl-C ends the worker in good order" {
    printf '[source docs]\nplugin = filesystem\npath = %s\nbefore = %s\n' "$SRC" "$T/wait" >"$CONF/20-docs.ini"
    mkfifo "$T/there"
    printf '#!/bin/sh\necho yes >%s\nexec sleep 600\n' "$T/there" >"$T/wait"
    chmod +x "$T/wait"
    { read -r _ <"$T/there" && printf '\003'; cat "$T/hold" 2>/dev/null; } |
        TERM=xterm script -qec "'$SME_BACKUP' --config '$CONF' run" /dev/null >"$T/screen" 3>&- || true
    logs 'WARN docs: cancelled exit=130 .*cancelled'
}

@test "init --write-only prints the kit on a terminal" {
    rm -r "$REPO" "$KEY"
    on_terminal init --write-only
    [ "$status" -eq 0 ]
    prints "reader-secret"
    prints "WITHOUT THIS KIT NOTHING CAN EVER BE"
    prints "This host cannot restore"
    ! grep -q '^reader-secret' "$KEY" || false
}

@test "without root the place of the log is told once" {
    [ "$(id -u)" -ne 0 ] || skip "needs an ordinary user"
    printf '[core]\n' >"$CONF/00-core.ini"
    on_terminal run
    prints "the log is '$HOME/.local/state/sme-backup/sme-backup.log'"
    on_terminal run
    [[ $output != *"the log is"* ]]
}

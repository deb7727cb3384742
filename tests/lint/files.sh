#!/usr/bin/env bash
# Size, banner and forbidden calls of the C files; syntax of the scripts.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
. "${SME_TEST_SRCDIR:-.}/tests/tap/tap.sh"
cd "$srcdir" || exit 1

# Tests are lists; a longer one is no harder to read.
empty "$(c_files bench core include plugins sinks | xargs wc -l | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines" }')" \
    "no C file but tests has more than 600 lines"

scripts=$(find .ci bench contrib tests autogen.sh check quickstart -type f 2>/dev/null |
    xargs grep -lE '^#!.*\b(ba)?sh\b' | LC_ALL=C sort)
makefiles=$(find . -maxdepth 2 \( -name '*.mk' -o -name '*.am' -o -name '*.ac' -o -name '*.m4' \) \
    -not -name aclocal.m4 -not -path './build*' -not -path './sme-backup-[0-9]*' | sed 's|^\./||')
unlicensed=$(for file in $(c_files) $scripts $makefiles; do
    head -n 12 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$file"
done)
empty "$unlicensed" "every source file names its licence in the banner"

# calls REGEX FILE...: "file:line: text" of calls outside comments.
calls() {
    local pattern=$1 file
    shift
    for file; do
        # Blank out comments, keep the lines.
        perl -0777 -pe 's{/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"}{my $t = $&; $t =~ s/[^\n]//g; $t}gse' "$file" |
            grep -nE "(^|[^A-Za-z0-9_>.])($pattern)[[:space:]]*\\(" | sed "s|^|$file:|"
    done
}
mapfile -t all < <(c_files core include plugins sinks tests | grep -v '^tests/data/')
mapfile -t shipped < <(c_files core include plugins sinks)
mapfile -t loadable < <(c_files plugins sinks)

empty "$(calls 'strcpy|stpcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atoll|atof|strtok|alloca|mktemp|tmpnam|tempnam' "${all[@]}")" \
    "no call of strcpy, strcat, sprintf, gets, atoi, strtok, alloca, mktemp"
empty "$(calls 'system|popen' "${shipped[@]}")" "no call of a shell"
empty "$(calls 'exit' "${shipped[@]}" | grep -v '^core/cli/main\.c:')" "only core/cli/main.c calls exit()"
if [ ${#loadable[@]} -gt 0 ]; then
    empty "$(calls '_exit|quick_exit|abort|signal|sigaction|chdir|fchdir|umask|setlocale|setenv|putenv|unsetenv|printf|puts|perror|fork|vfork' "${loadable[@]}" |
        grep -v '^plugins/lib/child_start\.c:')" \
        "plugins leave the process alone (no exit, signals, chdir, umask, environment, printing, fork)"
    empty "$(grep -nE '__attribute__.*(constructor|destructor)' "${loadable[@]}")" \
        "plugins have no constructors"
fi
empty "$(grep -nE '\b(TODO|FIXME|XXX|HACK)\b' "${all[@]}")" "no notes of unfinished work"

findings=
for script in $scripts; do
    out=$(bash -n "$script" 2>&1) || findings+="$out"$'\n'
    [ -x "$script" ] || case $script in
    tests/*.sh) ;;
    *) findings+="$script: not executable"$'\n' ;;
    esac
done
empty "$findings" "scripts parse and can be started"

# "set -e" takes no notice of a command behind "!".
empty "$(grep -nE '^ *! ' tests/bats/*.bats tests/bats/*.bash | grep -v '|| ')" \
    "what a command test denies can fail: '! COMMAND || false'"

if command -v shellcheck >/dev/null; then
    # shellcheck disable=SC2086
    empty "$(shellcheck --severity=warning --exclude=SC1007,SC1090,SC1091,SC2034,SC2038,SC2154 $scripts run.in)" "shellcheck has no warning"
else
    skip "shellcheck has no warning" "shellcheck is not installed"
fi
finish

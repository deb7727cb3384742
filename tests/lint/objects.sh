#!/usr/bin/env bash
# What the built plugins and the program are made of.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
. "${SME_TEST_SRCDIR:-.}/tests/tap/tap.sh"
[ -z "${SME_TEST_SANITIZER-}" ] || skip_all "sanitizers add symbols and data"
[ ! -e "$builddir/core/cli/main.gcno" ] || skip_all "counting lines adds data"
[ -x "$builddir/sme-backup" ] || skip_all "the program is not built"

for module in "$builddir"/plugins/*.so "$builddir"/sinks/*.so; do
    [ -e "$module" ] || continue
    name=${module#"$builddir"/}
    is "$(nm -D --defined-only "$module" | awk '{ print $3 }' | tr '\n' ' ')" "sme_backup_plugin_v1 " \
        "$name exports its descriptor and nothing else"
    # State belongs into handles: two sections of one plugin must not meet.
    mapfile -t objects < <(find "$builddir/${name%.so}" -name '*so-*.o')
    ok "$name has objects to look at" test ${#objects[@]} -gt 0
    empty "$(size -A "${objects[@]}" | awk '
        / :$|:$/ { file = $1 }
        ($1 ~ /^\.(data|bss)(\.|$)/) && $1 !~ /^\.data\.rel\.ro/ && $2 > 0 { print file ": " $1 " " $2 " bytes" }')" \
        "$name has no variables at file level"
done

program=$builddir/sme-backup
empty "$(nm -D --defined-only "$program" | grep -E ' [TD] ')" "the program exports nothing to plugins"
header=$(readelf --wide -ldh "$program")
ok "the program is position-independent" grep -qE 'Type: +DYN' <<<"$header"
ok "the program is bound at start (now)" grep -qE 'FLAGS_1.*NOW|BIND_NOW' <<<"$header"
ok "the program has relocations made read-only" grep -q GNU_RELRO <<<"$header"
empty "$(grep GNU_STACK <<<"$header" | grep RWE)" "the stack of the program is not executable"
finish

#!/usr/bin/env bash
# Manual pages: valid, complete, and in step with the option tables.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
. "${SME_TEST_SRCDIR:-.}/tests/tap/tap.sh"
cd "$srcdir" || exit 1

mapfile -t pages < <(find docs plugins sinks -name '*.pod' | LC_ALL=C sort)
for page in "${pages[@]}"; do
    findings=$(podchecker -warnings -warnings "$page" 2>&1 | grep -E 'WARNING|ERROR' | grep -v 'multiple occurrences')
    empty "$findings" "$page is clean POD"
done
empty "$(for page in "${pages[@]}"; do
    for head in NAME DESCRIPTION 'SEE ALSO'; do
        grep -q "^=head1 $head\$" "$page" || echo "$page: no $head"
    done
done)" "each page has NAME, DESCRIPTION and SEE ALSO"
empty "$(for folder in plugins/*/ sinks/*/; do
    name=$(basename "$folder")
    [ "$folder" != plugins/lib/ ] || continue # not a plugin: shared by them
    [ -e "$folder$name.pod" ] || echo "$folder$name.pod"
done)" "each plugin has a page beside it"

# items PAGE: the options that the page describes, "=item B<name>, B<name> ..."
items() {
    grep -E '^=item ' "$1" | grep -oE '[BC]<[a-z][a-z0-9_]*>' | sed 's/^..//; s/>$//' | LC_ALL=C sort -u
}

# compare PAGE NAMES: both ways.
compare() {
    LC_ALL=C comm -3 <(items "$1") <(LC_ALL=C sort -u <<<"$2") |
        awk -F '\t' -v page="$1" '$1 != "" { print page ": describes " $1 ", which does not exist" }
            $2 != "" { print page ": does not describe " $2 }'
}

if [ -x "$builddir/sme-backup" ]; then
    page=docs/man/sme-backup.pod
    commands=$("$builddir/sme-backup" help | awk '/^Commands:/ { on = 1; next } /^[^ ]/ { on = 0 } on && NF { print $1 }')
    is "$(sed -nE 's/^=head2 ([a-z]+).*/\1/p' $page | LC_ALL=C sort)" "$(LC_ALL=C sort <<<"$commands")" \
        "$page describes each command and no other"
    options=$(for command in $commands; do "$builddir/sme-backup" help "$command"; done |
        sed -nE 's/^  (-.,|   ) (--[a-z-]+).*/\2/p' | LC_ALL=C sort -u)
    told=$(grep -E '^=item B<-' $page | grep -oE -e '--[a-z-]+' | LC_ALL=C sort -u)
    is "$told" "$options" "$page describes each option and no other"
else
    skip "commands and options are described" "the program is not built"
fi

if [ -x "$builddir/sme-backup" ] && command -v jq >/dev/null; then
    page=docs/man/sme-backup.conf.pod
    options=$(for table in core sink source; do
        "$builddir/run" plugin describe $table --json | jq -r '.options[].name'
    done)
    empty "$(compare $page "$options")" "$page describes each option and no other"
    for page in plugins/*/*.pod sinks/*/*.pod; do
        [ -e "$page" ] || continue
        name=$(basename "$page" .pod)
        if [ ! -e "$builddir/${page%%/*}/$name.so" ]; then
            skip "$page describes each option and no other" "this build leaves $name out"
            continue
        fi
        if options=$("$builddir/run" plugin describe "$name" --json | jq -er '.options[].name' 2>&1); then
            empty "$(compare "$page" "$options")" "$page describes each option and no other"
        else
            fail "$page describes each option and no other" "plugin describe $name --json: $options"
        fi
    done
else
    skip "pages describe each option of the plugins" "the program or jq is missing"
fi
finish

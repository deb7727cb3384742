#!/usr/bin/env bash
# The samples in conf.d/ are what the option tables say, and they are right.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
. "${SME_TEST_SRCDIR:-.}/tests/tap/tap.sh"
for plugin in plugins/filesystem plugins/photos plugins/postgresql sinks/directory; do
    [ -e "$builddir/$plugin.so" ] || skip_all "this build leaves $plugin out"
done

mkdir -p "$TMPDIR/new" "$TMPDIR/etc/conf.d"
ok "samples can be made" "$srcdir/conf.d/generate" "$builddir" "$TMPDIR/new"
is "$(cd "$srcdir/conf.d" && echo ./*.ini)" "$(cd "$TMPDIR/new" && echo ./*.ini)" "conf.d/ has these samples"
for sample in "$TMPDIR"/new/*.ini; do
    name=${sample##*/}
    empty "$(diff -u "$srcdir/conf.d/$name" "$sample" | head -n 20)" "conf.d/$name is up to date; else: make samples"
done
# A copy: the source tree may belong to somebody else.
cp "$srcdir"/conf.d/*.ini "$TMPDIR/etc/conf.d/"
chmod 644 "$TMPDIR"/etc/conf.d/*
ok "the samples are a configuration without mistakes" "$builddir/run" --config "$TMPDIR/etc/conf.d" config check
finish

#!/usr/bin/env bash
# Lines that the tests executed, file by file, from a build with --enable-coverage:
#
#   make coverage
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
set -eu
builddir=${1:-.}
cd "$builddir"

# A file that is built several times (into a plugin and into a test) counts with its best build.
find core plugins sinks -name '*.gcda' -exec gcov --no-output --relative-only {} + 2>/dev/null |
    awk -F"'" '
    /^File / { path = $2; sub(/^(\.\.\/)+/, "", path) }
    /^Lines executed:/ {
        split($0, part, /[:% ]+/)
        share = part[3]; lines = $0; sub(/.* of /, "", lines)
        if (path ~ /^(core|plugins|sinks)\/.*\.c$/ && (!(path in best) || share + 0 > best[path])) {
            best[path] = share + 0
            size[path] = lines + 0
        }
        path = "" # what follows without a name is the sum of all
    }
    END {
        for (path in best) {
            all += size[path]
            done += size[path] * best[path] / 100
            printf "%6.1f %%  %5d lines  %s\n", best[path], size[path], path
        }
        if (all)
            printf "%6.1f %%  %5d lines  zz all\n", done * 100 / all, all
    }' | LC_ALL=C sort -k5 | sed 's/zz all/all/'

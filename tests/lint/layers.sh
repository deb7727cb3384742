#!/usr/bin/env bash
# Who may include whom, and who may call a sink.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
. "${SME_TEST_SRCDIR:-.}/tests/tap/tap.sh"

layers='base config plugin crypto repo pipeline run cli'

# "FILE:LINE TARGET" for every include of one of our files, with TARGET relative to the root.
includes() {
    (cd "$srcdir" && c_files "$@" | xargs grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]' /dev/null) |
        awk -F: '
        function normal(path,    n, i, part, out, depth) {
            n = split(path, part, "/")
            depth = 0
            for (i = 1; i <= n; i++) {
                if (part[i] == "..")
                    depth--
                else if (part[i] != "." && part[i] != "")
                    out[depth++] = part[i]
            }
            path = ""
            for (i = 0; i < depth; i++)
                path = path (i ? "/" : "") out[i]
            return path
        }
        {
            where = $1 ":" $2
            text = $0
            sub(/^[^:]*:[^:]*:/, "", text)
            if (match(text, /"[^"]*"/)) {
                folder = $1
                sub(/[^\/]*$/, "", folder)
                print where, normal(folder substr(text, RSTART + 1, RLENGTH - 2))
            } else if (match(text, /<sme-backup\/[^>]*>/))
                print where, "include/" substr(text, RSTART + 1, RLENGTH - 2)
        }'
}

core_findings=$(includes core | awk -v layers="$layers" '
    BEGIN { n = split(layers, name, " "); for (i = 1; i <= n; i++) rank[name[i]] = i }
    {
        split($1, from, "/"); split($2, to, "/")
        if (to[1] == "include")
            next
        if (to[1] != "core" || !(to[2] in rank))
            print $1 ": the core includes " $2
        else if (rank[to[2]] > rank[from[2]])
            print $1 ": layer " from[2] " includes " $2 ", which is to its right"
    }')
empty "$core_findings" "layers of the core include only to the left ($layers)"

plugin_findings=$(includes plugins sinks | awk '
    {
        split($1, from, "/"); split($2, to, "/")
        folder = to[1] "/" to[2]
        own = folder == from[1] "/" from[2]
        library = folder == "plugins/lib" && from[1] == "plugins"
        if (folder != "include/sme-backup" && !own && !library)
            print $1 ": a plugin includes " $2
    }')
empty "$plugin_findings" "plugins and sinks include only include/sme-backup, plugins/lib and their own folder"

header_findings=$(includes include | awk '$2 !~ /^include\/sme-backup\// { print $1 ": includes " $2 }')
empty "$header_findings" "public headers include only each other"

# "plugin test" is the one exception: it looks at what sinks do when nothing makes up for it.
sink_callers='^core/(repo/store(_[a-z]+)?|run/plugin_test_[a-z]+)\.[ch]$'
sink_calls='put|get|stat|list|remove|sync|prepare|server_time|thaw|thaw_offers|cost|setup|audit|policy'
sink_findings=$(cd "$srcdir" && c_files core | grep -vE "$sink_callers" |
    xargs grep -nE "(sink|ops)(\.|->)($sink_calls)[[:space:]]*\(" /dev/null)
empty "$sink_findings" "only core/repo/store and the conformance checks call a sink"

unknown=$(cd "$srcdir/core" && find . -mindepth 1 -maxdepth 1 -type d | sed 's|^\./||' |
    grep -vxF "$(tr ' ' '\n' <<<"$layers")")
empty "$unknown" "every folder of core/ is a layer"
finish

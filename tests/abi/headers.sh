#!/usr/bin/env bash
# ABI 1 is what it was: offsets and numbers, and the public headers alone are all that a plugin needs,
# as C99, C11 and C++11.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
. "${SME_TEST_SRCDIR:-.}/tests/tap/tap.sh"
cd "$srcdir" || exit 1
cc=${CC:-cc}
cxx=${CXX:-c++}
strict='-Iinclude -Wall -Wextra -Wpedantic -Wshadow -Werror -fsyntax-only'

# A plugin in C, in the oldest dialect: what an author writes first.
plugin='
struct conf { const char *path; bool flag; };
static const struct sme_option options[] = {
    SME_OPTION_PATH(struct conf, path, "path", SME_OPT_REQUIRED, NULL, "A path."),
    SME_OPTION_BOOL(struct conf, flag, "flag", 0, "no", "A flag."),
};
static int create(const struct sme_host *host, const void *config, void **ret_handle, struct sme_error *err)
{
    host->log(host, SME_LOG_INFO, "%s", ((const struct conf *)config)->path);
    *ret_handle = NULL;
    errno = ENOENT;
    return sme_fail_errno(err, SME_E_NOT_FOUND, "cannot open \"%s\"", "x");
}'

for std in c99 c11 gnu17; do
    for header in common source sink; do
        # shellcheck disable=SC2086
        ok "$header.h is enough for a plugin in $std" \
            $cc -x c -std=$std $strict -Wno-unused-function -Wno-unused-const-variable - \
            <<<"#include <sme-backup/$header.h>$plugin"
    done
done
for std in c11 gnu17; do
    # shellcheck disable=SC2086
    ok "offsets and numbers are those of ABI 1 in $std" $cc -x c -std=$std $strict tests/abi/offsets.c
done
# shellcheck disable=SC2086
ok "the frozen plugin compiles without our headers" \
    $cc -x c -std=gnu17 ${strict/-Iinclude/} tests/abi/short-source.c

wrong="${plugin/bool flag/int flag}"
# shellcheck disable=SC2086
if out=$($cc -x c -std=c11 $strict - <<<"#include <sme-backup/source.h>$wrong" 2>&1); then
    fail "an option row for a field of another type does not compile"
elif grep -q 'SME_OPTION_BOOL\|_Generic' <<<"$out"; then
    pass "an option row for a field of another type does not compile"
else
    fail "an option row for a field of another type does not compile" "$out"
fi

# shellcheck disable=SC2086
if echo 'int x;' | $cxx -x c++ -fsyntax-only - 2>/dev/null; then
    for std in c++11 c++17; do
        for header in common source sink; do
            ok "$header.h is enough for a plugin in $std" \
                $cxx -x c++ -std=$std $strict -Wno-unused-function -Wno-unused-const-variable - \
                <<<"#include <sme-backup/$header.h>$plugin"
        done
        ok "offsets and numbers are those of ABI 1 in $std" \
            $cxx -x c++ -std=$std $strict tests/abi/offsets.c
    done
else
    skip "the headers in C++" "no C++ compiler"
fi
finish

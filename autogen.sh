#!/bin/sh
# Make configure and the Makefile.in files from configure.ac and Makefile.am.
# Needed once after a clone; make repeats it by itself when those files change.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")"

for tool in autoreconf automake pkg-config; do
    command -v "$tool" >/dev/null 2>&1 || {
        echo "autogen.sh: '$tool' is missing; run contrib/install-deps build" >&2
        exit 1
    }
done
exec autoreconf --force --install --warnings=all,no-obsolete "$@"

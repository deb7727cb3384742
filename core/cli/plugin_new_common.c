/*
 * "plugin new": the files that plugins of both kinds have.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "cmd_plugin_new.h"

/* Kept line by line as they are written. */
/* clang-format off */

static const char makefile[] =
    "# Builds @NAME@.so, a @KIND@ plugin of sme-backup, against its installed headers.\n"
    "#\n"
    "#   make          make check          make sanitize          make install [DESTDIR=...]\n"
    "\n"
    "PKG_CONFIG ?= pkg-config\n"
    "POD2MAN ?= pod2man\n"
    "CFLAGS ?= -O2 -g\n"
    "WARNINGS = -Wall -Wextra -Werror\n"
    "# Libraries that the plugin needs.\n"
    "LIBS =\n"
    "\n"
    "cppflags := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(shell $(PKG_CONFIG) --cflags sme-backup)\n"
    "kinddir := $(shell $(PKG_CONFIG) --variable=@KIND@dir sme-backup)\n"
    "mandir := $(shell $(PKG_CONFIG) --variable=mandir sme-backup)\n"
    "SME_BACKUP ?= $(shell $(PKG_CONFIG) --variable=program sme-backup)\n"
    "build = $(CC) $(cppflags) $(CPPFLAGS) $(WARNINGS) $(CFLAGS) -fPIC -fvisibility=hidden -shared\n"
    "\n"
    "all: @NAME@.so sme-backup-@NAME@.5\n"
    "\n"
    "@NAME@.so: @NAME@.c Makefile\n"
    "\t$(build) $(LDFLAGS) -o $@ @NAME@.c $(LIBS)\n"
    "\n"
    "sme-backup-@NAME@.5: sme-backup-@NAME@.pod\n"
    "\t$(POD2MAN) --utf8 --section=5 --name=sme-backup-@NAME@ --center='sme-backup manual' \\\n"
    "\t\t--release='@NAME@ 0.1' sme-backup-@NAME@.pod $@\n"
    "\n"
    "check: @NAME@.so\n"
    "\tSME_BACKUP=$(SME_BACKUP) ./test\n"
    "\n"
    "# With gcc: the same, and every wrong access and every leak is told.\n"
    "sanitize:\n"
    "\t$(build) -fsanitize=address,undefined -o @NAME@.so @NAME@.c $(LIBS)\n"
    "\tSME_BACKUP=$(SME_BACKUP) PRELOAD=\"$$($(CC) -print-file-name=libasan.so)\" \\\n"
    "\t\tASAN_OPTIONS=leak_check_at_exit=0 ./test\n"
    "\trm -f @NAME@.so\n"
    "\n"
    "install: all\n"
    "\tinstall -d $(DESTDIR)$(kinddir) $(DESTDIR)$(mandir)/man5\n"
    "\tinstall -m 755 @NAME@.so $(DESTDIR)$(kinddir)/\n"
    "\tinstall -m 644 sme-backup-@NAME@.5 $(DESTDIR)$(mandir)/man5/\n"
    "\n"
    "clean:\n"
    "\trm -f @NAME@.so sme-backup-@NAME@.5\n"
    "\n"
    ".PHONY: all check sanitize install clean\n";

static const char readme[] =
    "# @NAME@\n"
    "\n"
    "A @KIND@ plugin for sme-backup.\n"
    "\n"
    "```sh\n"
    "make            # build @NAME@.so and its manual page\n"
    "make check      # the conformance checks, then a backup and a restore\n"
    "make sanitize   # the same under the address sanitizer (gcc)\n"
    "make install    # into the folder where sme-backup looks for @KIND@ plugins\n"
    "```\n"
    "\n"
    "It needs a C compiler, make, pkg-config, pod2man and sme-backup with its headers. Where that is not\n"
    "in the usual place, `PKG_CONFIG_PATH` names the folder of `sme-backup.pc`. The checks also run while\n"
    "sme-backup itself is in use: they work in a folder of their own.\n"
    "\n"
    "What each call must do is told in sme-backup-@KIND@(3).\n";

static const char ignored[] =
    "/@NAME@.so\n"
    "/sme-backup-@NAME@.5\n";

const struct plugin_template plugin_new_common[] = {
    {"Makefile", 0644, makefile},
    {"README.md", 0644, readme},
    {".gitignore", 0644, ignored},
    {NULL, 0, NULL},
};

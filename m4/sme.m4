dnl Checks that configure.ac uses more than once.
dnl Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0

dnl SME_TRY_CFLAGS(VARIABLE, FLAGS...): append each flag that the compiler takes to VARIABLE.
dnl -Werror makes clang refuse what it would otherwise only warn about.
AC_DEFUN([SME_TRY_CFLAGS], [
  for sme_flag in $2; do
    AS_VAR_PUSHDEF([sme_cache], [sme_cv_cflag_$sme_flag])
    AC_CACHE_CHECK([whether $CC takes $sme_flag], [sme_cache], [
      sme_saved_CFLAGS=$CFLAGS
      CFLAGS="$CFLAGS -Werror $sme_flag"
      AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
        [AS_VAR_SET([sme_cache], [yes])], [AS_VAR_SET([sme_cache], [no])])
      CFLAGS=$sme_saved_CFLAGS])
    AS_VAR_IF([sme_cache], [yes], [AS_VAR_APPEND([$1], [" $sme_flag"])])
    AS_VAR_POPDEF([sme_cache])
  done
])

dnl SME_TRY_LDFLAGS(VARIABLE, FLAGS...): the same for the linker.
AC_DEFUN([SME_TRY_LDFLAGS], [
  for sme_flag in $2; do
    AS_VAR_PUSHDEF([sme_cache], [sme_cv_ldflag_$sme_flag])
    AC_CACHE_CHECK([whether the linker takes $sme_flag], [sme_cache], [
      sme_saved_LDFLAGS=$LDFLAGS
      LDFLAGS="$LDFLAGS $sme_flag"
      AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
        [AS_VAR_SET([sme_cache], [yes])], [AS_VAR_SET([sme_cache], [no])])
      LDFLAGS=$sme_saved_LDFLAGS])
    AS_VAR_IF([sme_cache], [yes], [AS_VAR_APPEND([$1], [" $sme_flag"])])
    AS_VAR_POPDEF([sme_cache])
  done
])

dnl SME_FORTIFY(VARIABLE): append the highest _FORTIFY_SOURCE that compiler and C library support.
dnl Only where it works and helps: the optimiser is on, no sanitizer wants the same hooks, and the
dnl caller's own flags do not choose a level.
AC_DEFUN([SME_FORTIFY], [
  AC_MSG_CHECKING([for the level of _FORTIFY_SOURCE])
  sme_level=
  AS_CASE(["$CPPFLAGS $CFLAGS"], [*_FORTIFY_SOURCE*], [sme_level="the caller's"])
  AS_IF([test -n "$sme_sanitizer"], [sme_level="none (sanitizer)"])
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [
#ifndef __OPTIMIZE__
#error not optimising
#endif
    ])], [], [sme_level="none (not optimising)"])
  AS_IF([test -z "$sme_level"], [
    for sme_try in 3 2; do
      sme_saved_CFLAGS=$CFLAGS
      CFLAGS="$CFLAGS -Werror -D_FORTIFY_SOURCE=$sme_try"
      AC_COMPILE_IFELSE([AC_LANG_PROGRAM([#include <string.h>], [])], [sme_level=$sme_try], [])
      CFLAGS=$sme_saved_CFLAGS
      test -z "$sme_level" || break
    done
    AS_IF([test -n "$sme_level"],
      [AS_VAR_APPEND([$1], [" -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$sme_level"])])
  ])
  AC_MSG_RESULT([${sme_level:-none}])
])

dnl SME_NEED(VARIABLE, MODULES, WHAT FOR, DEBIAN PACKAGE): PKG_CHECK_MODULES whose failure tells the remedy.
AC_DEFUN([SME_NEED], [
  PKG_CHECK_MODULES([$1], [$2], [], [
    AC_MSG_ERROR([$2 is needed ($3).
  On Debian and Ubuntu: apt-get install $4
  pkg-config says: $$1[]_PKG_ERRORS])])
])

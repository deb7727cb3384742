#!/usr/bin/env bash
# The harness itself: what tests/tap/log-driver makes of good, bad and broken test files.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
. "${SME_TEST_SRCDIR:-.}/tests/tap/tap.sh"

# drive SCRIPT: run it as a test; sets $shown, what a person sees, and $counted, what make counts.
drive() {
    shown=$("$srcdir/tests/tap/log-driver" --test-name t --log-file "$TMPDIR/log" \
        --trs-file "$TMPDIR/trs" --color-tests no -- bash -c "$1" 2>&1)
    counted=$(sed -n 's/^:test-result: \([A-Z]*\).*/\1/p' "$TMPDIR/trs" | sort | uniq -c | tr -s ' \n' ' ')
    counted=${counted# } counted=${counted% }
    shown=$(sed '1!d; s/, [0-9.]* s)/)/' <<<"$shown")
}

drive 'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"'
is "$shown|$counted" "PASS: t (2)|2 PASS" "all good"
drive 'echo "ok 1 - a"; echo "not ok 2 - b"; echo 1..2; exit 1'
is "$shown|$counted" "FAIL: t (1 of 2 failed)|1 FAIL 1 PASS" "one failure, plan at the end"
drive 'echo 1..3; echo "ok 1 - a"; echo "ok 2 - b # SKIP why"; echo "not ok 3 # SKIP as cmocka writes it"'
is "$shown|$counted" "PASS: t (1 and 2 skipped)|1 PASS 2 SKIP" "skipped tests are neither passed nor failed"
drive 'echo "1..0 # SKIP needs root"'
is "$shown|$counted" "SKIP: t (needs root)|1 SKIP" "a file may skip as a whole, with its reason"
drive 'echo 1..1; echo "not ok 1 - a"'
is "$shown|$counted" "FAIL: t (1 of 1 failed)|1 FAIL" "'not ok' fails whatever the exit status"
drive 'echo 1..1; echo "ok 1 - a"; exit 3'
is "$shown|$counted" "ERROR: t (exit status 3)|1 ERROR 1 PASS" "an exit status without a reason fails"
drive 'echo 1..2; echo "ok 1 - a"; kill -SEGV $$'
is "$shown|$counted" "ERROR: t (died of signal 11; planned 2 tests, ran 1)|2 ERROR 1 PASS" "a crash fails"
drive 'echo 1..3; echo "ok 1 - a"'
is "$shown|$counted" "ERROR: t (planned 3 tests, ran 1)|1 ERROR 1 PASS" "fewer results than planned fail"
drive 'echo 1..1; echo "ok 1 - a"; echo "ok 2 - b"'
is "$shown|$counted" "ERROR: t (planned 1 tests, ran 2)|1 ERROR 2 PASS" "more results than planned fail"
drive 'echo "ok 1 - a"'
is "$shown|$counted" "ERROR: t (no TAP plan)|1 ERROR 1 PASS" "no plan fails"
drive 'true'
is "$shown|$counted" "ERROR: t (no TAP plan)|1 ERROR" "no output fails"
drive 'echo 1..0'
is "$shown|$counted" "ERROR: t (no test ran)|1 ERROR" "no test and no reason fails"
drive 'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"; echo 1..1; echo "ok 1 - c"'
is "$shown|$counted" "PASS: t (3)|3 PASS" "several cmocka groups in one program add up"
SME_TEST_TIMEOUT=0.2 drive 'echo 1..1; echo "ok 1 - a"; exec tail -f /dev/null'
is "$shown|$counted" "ERROR: t (ended after 0.2 s (SME_TEST_TIMEOUT))|1 ERROR 1 PASS" "a hang fails"

drive 'echo 1..1; echo "not ok 1 - a"; echo "# the cause"'
is "$("$srcdir/tests/tap/log-driver" --test-name t --log-file "$TMPDIR/log" --trs-file "$TMPDIR/trs" -- \
    bash -c 'echo 1..1; echo "not ok 1 - a"; echo "# the cause"' | grep -c '# the cause')" 1 "the log of a failure is printed"
drive 'echo 1..1; sleep 1000 & echo "ok 1 - $!"'
left=$(sed -n 's/^:test-result: PASS //p' "$TMPDIR/trs")
ok "what a test started does not outlive it" bash -c "! kill -0 $left 2>/dev/null || grep -q '^State:.Z' /proc/$left/status"
drive 'echo 1..1; mkdir -m 500 $TMPDIR/x; echo "ok 1 - $TMPDIR"'
left=$(sed -n 's/^:test-result: PASS //p' "$TMPDIR/trs")
ok "the private folder was below TMPDIR" test "${left#"$TMPDIR"/}" != "$left"
ok "and is gone afterwards" test ! -e "$left"
finish

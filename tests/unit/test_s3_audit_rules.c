/*
 * Tests of the audit: bucket policy, exposure and lifecycle rules.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../harness/auditrig.h"

/* ---- policy and exposure ------------------------------------------------------------------ */

static void a_policy_that_only_looks_like_it_is_none(void **state)
{
    struct auditrig *store = *state;
    static const char *const policies[] = {
        /* allowed instead of denied */
        "{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\","
        "\"Resource\":\"*\",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"false\"}}}}",
        /* one principal only */
        "{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":{\"AWS\":\"arn:aws:iam::1:root\"},"
        "\"Action\":\"s3:*\",\"Resource\":\"*\","
        "\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"false\"}}}}",
        /* one action only */
        "{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:PutObject\","
        "\"Resource\":\"*\",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"false\"}}}}",
        /* the bucket, and not what is in it */
        "{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:*\","
        "\"Resource\":\"arn:aws:s3:::" BUCKET
        "\",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"false\"}}}}",
        /* narrowed by another condition */
        "{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:*\","
        "\"Resource\":\"*\",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"false\"},"
        "\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}}}}",
        "{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:*\","
        "\"Resource\":\"*\"}}",
        "{\"Statement\":\"nonsense\"}",
        "{}",
    };

    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        auditrig_set_part(store, "policy", 200, policies[i]);
        auditrig_audit_well(store);
        assert_has(store, "WARN transport", "does not refuse");
    }
    auditrig_set_part(
        store, "policy", 200,
        "{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":[\"s3:*\"],"
        "\"Resource\":\"*\",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":[false]}}}}");
    auditrig_audit_well(store);
    assert_has(store, "PASS transport", "");
}

static void a_public_bucket_fails(void **state)
{
    struct auditrig *store = *state;

    store->is_public = true;
    auditrig_set_part(store, "policyStatus", 200,
                      XML "<PolicyStatus><IsPublic>TRUE</IsPublic></PolicyStatus>");
    auditrig_audit_well(store);
    assert_has(store, "FAIL public exposure", "list the bucket");
    assert_has(store, "FAIL public exposure", "read objects");
    assert_has(store, "FAIL public policy", "everybody");
}

static void unfinished_uploads_are_counted(void **state)
{
    struct auditrig *store = *state;

    auditrig_set_part(store, "uploads", 200,
                      XML "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
                          "<Upload><Key>a</Key></Upload><Upload><Key>b</Key></Upload>"
                          "</ListMultipartUploadsResult>");
    auditrig_audit_well(store);
    assert_has(store, "NOTE unfinished uploads", "more than 2 multipart uploads");
}

/* ---- lifecycle ---------------------------------------------------------------------------- */

#define RULES(rules) XML "<LifecycleConfiguration>" rules "</LifecycleConfiguration>"
#define RULE(filter, action)                                                                       \
    "<Rule><ID>theirs</ID>" filter "<Status>Enabled</Status>" action "</Rule>"
#define MOVE(days, class)                                                                          \
    "<Transition><Days>" days "</Days><StorageClass>" class "</StorageClass></Transition>"
#define WHOLE "<Filter/>"
#define BELOW(prefix) "<Filter><Prefix>" prefix "</Prefix></Filter>"

static void rules_that_break_a_repository_fail(void **state)
{
    struct auditrig *store = *state;

    auditrig_set_part(store, "lifecycle", 200, RULES(RULE(WHOLE, MOVE("90", "DEEP_ARCHIVE"))));
    auditrig_audit_well(store);
    assert_has(store, "FAIL lifecycle", "'theirs'");
    assert_has(store, "FAIL lifecycle", "stop working");
    auditrig_set_part(store, "lifecycle", 200,
                      RULES(RULE(BELOW("srv/documents/index/"), MOVE("0", "GLACIER"))));
    auditrig_audit_well(store);
    assert_has(store, "FAIL lifecycle", "the index below 'documents/index/'");
    auditrig_set_part(
        store, "lifecycle", 200,
        RULES(RULE("<Prefix>srv/b</Prefix>", "<Expiration><Days>365</Days></Expiration>")));
    auditrig_audit_well(store);
    assert_has(store, "FAIL lifecycle", "deletes snapshots below 'backups/' by age");
    auditrig_set_part(store, "lifecycle", 200,
                      RULES(RULE(BELOW("srv/documents/data/ab"),
                                 "<Expiration><Date>2027-01-01T00:00:00Z</Date></Expiration>")));
    auditrig_audit_well(store);
    assert_has(store, "FAIL lifecycle", "deletes data");
}

static void rules_of_others_are_none_of_our_business(void **state)
{
    struct auditrig *store = *state;

    auditrig_set_part(
        store, "lifecycle", 200,
        RULES(
            RULE(BELOW("web/"), "<Expiration><Days>1</Days></Expiration>") RULE(
                "<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>",
                "<Expiration><Days>1</Days></Expiration>") RULE("<Filter><And><Prefix>srv/</"
                                                                "Prefix><Tag><Key>a</Key><Value>b</"
                                                                "Value>"
                                                                "</Tag></And></Filter>",
                                                                MOVE("1", "GLACIER"))
                RULE(BELOW("web/"),
                     "<NoncurrentVersionExpiration><NoncurrentDays>1"
                     "</NoncurrentDays></NoncurrentVersionExpiration>") "<Rule><ID>off</ID><Filter/"
                                                                        "><Status>Disabled</Status>"
                                                                        "<Expiration><Days>1</"
                                                                        "Days></Expiration></"
                                                                        "Rule>"));
    auditrig_audit_well(store);
    assert_has_not(store, "FAIL", "");
    assert_has_not(store, "WARN lifecycle", "theirs");
    /* and do nothing for us either */
    assert_has(store, "WARN lifecycle", "noncurrent versions");
}

static void a_move_that_does_not_pay_is_a_warning(void **state)
{
    struct auditrig *store = *state;

    /* kept for 365 days: 300 days in STANDARD leave fewer than the 180 that are billed */
    auditrig_set_part(store, "lifecycle", 200,
                      RULES(RULE(BELOW("srv/documents/data/"), MOVE("300", "DEEP_ARCHIVE"))));
    auditrig_audit_well(store);
    assert_has(store, "WARN lifecycle", "does not pay");
    assert_has(store, "WARN lifecycle", "180 days");
    assert_has_not(store, "FAIL lifecycle", "");
    auditrig_set_part(store, "lifecycle", 200,
                      RULES(RULE(BELOW("srv/documents/data/"), MOVE("60", "DEEP_ARCHIVE"))));
    auditrig_audit_well(store);
    assert_has(store, "PASS lifecycle", "takes hours");
    auditrig_set_part(store, "lifecycle", 200,
                      RULES(RULE(BELOW("srv/documents/meta/"), MOVE("60", "STANDARD_IA"))));
    auditrig_audit_well(store);
    assert_has(store, "WARN lifecycle", "costs more than it saves");
}

static void versions_that_go_too_soon_are_a_warning(void **state)
{
    struct auditrig *store = *state;

    auditrig_set_part(
        store, "lifecycle", 200,
        RULES(RULE(WHOLE, "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
                          "</NoncurrentVersionExpiration>")));
    auditrig_audit_well(store);
    assert_has(store, "WARN lifecycle", "after 1 days");
}

#define WITH_STORE(function)                                                                       \
    cmocka_unit_test_setup_teardown(function, auditrig_set_up, auditrig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_policy_that_only_looks_like_it_is_none),
        WITH_STORE(a_public_bucket_fails),
        WITH_STORE(unfinished_uploads_are_counted),
        WITH_STORE(rules_that_break_a_repository_fail),
        WITH_STORE(rules_of_others_are_none_of_our_business),
        WITH_STORE(a_move_that_does_not_pay_is_a_warning),
        WITH_STORE(versions_that_go_too_soon_are_a_warning),
    };

    return cmocka_run_group_tests_name("s3_audit_rules", tests, NULL, NULL);
}

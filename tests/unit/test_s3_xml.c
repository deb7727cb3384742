/*
 * Tests of what is read and written as text by the S3 sink: XML trees, and growing text.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/base/error.h"
#include "../../sinks/s3/text.h"
#include "../../sinks/s3/xml.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#define WHAT "listing of bucket 'b'"

static const char listing[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n"
    "  <Name>b</Name><Prefix/><KeyCount>2</KeyCount>\n"
    "  <IsTruncated>true</IsTruncated>\n"
    "  <NextContinuationToken>1/a&#43;b==</NextContinuationToken>\n"
    "  <Contents>\n"
    "    <Key>data/a&amp;b&lt;c&gt;&quot;&apos;&#xE9;</Key><Size>18446744073709551615</Size>\n"
    "    <ETag>&quot;0123&quot;</ETag>\n"
    "    <Owner><ID>x</ID></Owner>\n"
    "  </Contents>\n"
    "  <Contents attribute=\"&lt;\">\n"
    "    <!-- remark --><Key><![CDATA[data/<&>]]> and more</Key><Size>0</Size>\n"
    "  </Contents>\n"
    "</ListBucketResult>";

static struct s3_xml *parse(const char *text, const char *root)
{
    struct sme_error err = SME_ERROR_INIT;
    struct s3_xml *tree = NULL;

    if (s3_xml_parse(text, strlen(text), root, WHAT, &tree, &err) != SME_OK)
        fail_msg("%s", err.message);
    assert_non_null(tree);
    return tree;
}

/* Of ${len} bytes in memory of exactly that size, so that reading beyond is noticed. */
static void assert_corrupt_bytes(const char *text, size_t len, const char *root, const char *says)
{
    struct sme_error err = SME_ERROR_INIT;
    struct s3_xml *tree = NULL;
    char *copy = malloc(len > 0 ? len : 1);

    assert_non_null(copy);
    memcpy(copy, text, len);
    int status = s3_xml_parse(copy, len, root, WHAT, &tree, &err);
    free(copy);
    if (status != SME_E_CORRUPT)
        fail_msg("%zu bytes gave %d", len, status);
    assert_null(tree);
    if (strstr(err.message, WHAT) == NULL || strstr(err.message, says) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, says);
    assert_int_not_equal(err.hint[0], '\0');
}

static void assert_corrupt(const char *text, const char *says)
{
    assert_corrupt_bytes(text, strlen(text), NULL, says);
}

/* ---- what is read -------------------------------------------------------------------------- */

static void a_page_of_a_listing(void **state)
{
    (void)state;
    struct s3_xml *tree = parse(listing, "ListBucketResult");
    uint64_t number = 7;

    assert_string_equal(tree->name, "ListBucketResult");
    assert_string_equal(tree->text, "");
    assert_string_equal(s3_xml_text(tree, "Name"), "b");
    assert_string_equal(s3_xml_text(tree, "Prefix"), "");
    assert_non_null(s3_xml_child(tree, "Prefix"));
    assert_string_equal(s3_xml_text(tree, "NextContinuationToken"), "1/a+b==");
    assert_true(s3_xml_number(tree, "KeyCount", &number));
    assert_int_equal(number, 2);

    const struct s3_xml *object = s3_xml_child(tree, "Contents");
    assert_non_null(object);
    assert_ptr_equal(object->parent, tree);
    assert_string_equal(s3_xml_text(object, "Key"), "data/a&b<c>\"'\xc3\xa9");
    assert_string_equal(s3_xml_text(object, "ETag"), "\"0123\"");
    assert_string_equal(s3_xml_text(s3_xml_child(object, "Owner"), "ID"), "x");
    assert_true(s3_xml_number(object, "Size", &number));
    assert_true(number == UINT64_MAX);

    object = s3_xml_again(object);
    assert_non_null(object);
    assert_string_equal(s3_xml_text(object, "Key"), "data/<&> and more");
    assert_true(s3_xml_number(object, "Size", &number));
    assert_int_equal(number, 0);
    assert_null(s3_xml_again(object));
    s3_xml_free(tree);
}

static void errors_inside_a_result(void **state)
{
    (void)state;
    struct s3_xml *tree = parse("<DeleteResult><Deleted><Key>a</Key></Deleted>"
                                "<Error><Key>b</Key><Code>AccessDenied</Code></Error>"
                                "<Deleted><Key>c</Key></Deleted>"
                                "<Error><Key>d</Key><Code>SlowDown</Code></Error></DeleteResult>",
                                "DeleteResult");
    const struct s3_xml *error = s3_xml_child(tree, "Error");

    assert_string_equal(s3_xml_text(error, "Code"), "AccessDenied");
    error = s3_xml_again(error);
    assert_string_equal(s3_xml_text(error, "Code"), "SlowDown");
    assert_string_equal(s3_xml_text(error, "Key"), "d");
    assert_null(s3_xml_again(error));
    s3_xml_free(tree);
}

static void what_is_missing_is_nothing(void **state)
{
    (void)state;
    struct s3_xml *tree = parse("<a><b/></a>", NULL);

    assert_null(s3_xml_child(tree, "c"));
    assert_null(s3_xml_child(NULL, "c"));
    assert_null(s3_xml_again(NULL));
    assert_string_equal(s3_xml_text(tree, "c"), "");
    assert_string_equal(s3_xml_text(NULL, "c"), "");
    assert_string_equal(s3_xml_text(s3_xml_child(tree, "b"), "c"), "");
    s3_xml_free(tree);
    /* A grandchild is not a child. */
    tree = parse("<a><b><c>x</c></b></a>", NULL);
    assert_null(s3_xml_child(tree, "c"));
    s3_xml_free(tree);
    s3_xml_free(NULL);
}

static void white_space_is_kept_in_values_only(void **state)
{
    (void)state;
    struct s3_xml *tree = parse("\r\n \t<?xml version='1.0'?>\n<a>\n <Key> x \n</Key>\n <Key>  "
                                "</Key>t</a>\n\n",
                                "a");
    const struct s3_xml *key = s3_xml_child(tree, "Key");

    assert_string_equal(key->text, " x \n");
    assert_string_equal(s3_xml_again(key)->text, "  ");
    assert_string_equal(tree->text, "\n \n t");
    s3_xml_free(tree);
}

static void prefixes_are_dropped(void **state)
{
    (void)state;
    struct s3_xml *tree = parse("<s3:Result xmlns:s3='urn:x'><s3:Key xsi:type='t'>v</s3:Key>"
                                "</s3:Result>",
                                "Result");

    assert_string_equal(s3_xml_text(tree, "Key"), "v");
    s3_xml_free(tree);
}

static void numbers_are_whole_and_decimal(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        " ",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1.0",
                                        "0x10",
                                        "1e3",
                                        "1a",
                                        "18446744073709551616",
                                        "99999999999999999999",
                                        "184467440737095516150",
                                        "\xd9\xa1"};
    char text[128];
    uint64_t value = 7;
    struct s3_xml *tree;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)snprintf(text, sizeof text, "<a><n>%s</n></a>", wrong[i]);
        tree = parse(text, NULL);
        if (s3_xml_number(tree, "n", &value))
            fail_msg("'%s' was read", wrong[i]);
        assert_int_equal(value, 7);
        s3_xml_free(tree);
    }
    tree = parse("<a><n>0012</n></a>", NULL);
    assert_false(s3_xml_number(tree, "m", &value));
    assert_false(s3_xml_number(NULL, "n", &value));
    assert_true(s3_xml_number(tree, "n", &value));
    assert_int_equal(value, 12);
    s3_xml_free(tree);
}

/* ---- what is refused ----------------------------------------------------------------------- */

static void another_root_names_both(void **state)
{
    (void)state;
    static const char text[] = "<Error><Code>InternalError</Code></Error>";

    assert_corrupt_bytes(text, strlen(text), "CompleteMultipartUploadResult", "'Error'");
    assert_corrupt_bytes(text, strlen(text), "CompleteMultipartUploadResult",
                         "'CompleteMultipartUploadResult'");
}

static void a_page_cut_at_any_byte_is_corrupt(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof listing - 1; len++)
        assert_corrupt_bytes(listing, len, "ListBucketResult", "not proper XML");
}

static void any_byte_set_to_zero_is_corrupt(void **state)
{
    (void)state;
    char text[sizeof listing];

    for (size_t at = 0; at < sizeof listing - 1; at++) {
        memcpy(text, listing, sizeof text);
        text[at] = '\0';
        assert_corrupt_bytes(text, sizeof text - 1, "ListBucketResult", "not proper XML");
    }
}

static void text_that_is_not_xml_is_corrupt(void **state)
{
    (void)state;
    assert_corrupt("", "not proper XML");
    assert_corrupt("  \n\n ", "not proper XML");
    assert_corrupt("{\"Error\": 1}", "not proper XML");
    assert_corrupt("<a></b>", "line 1");
    assert_corrupt("<a>\n\n<b></a>", "line 3");
    assert_corrupt("<a/><b/>", "not proper XML");
    assert_corrupt("<a/>x", "not proper XML");
    assert_corrupt("<a>&unknown;</a>", "not proper XML");
    assert_corrupt("<a>\x01</a>", "not proper XML");
    assert_corrupt("<a>\xff\xfe</a>", "not proper XML");
    assert_corrupt("<html><body><br></body></html>", "not proper XML");
}

static void document_types_are_refused(void **state)
{
    (void)state;
    static const char says[] = "document type";

    assert_corrupt("<!DOCTYPE a><a/>", says);
    assert_corrupt("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", says);
    assert_corrupt("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", says);
    assert_corrupt("<!DOCTYPE a [<!ENTITY l \"lol\"><!ENTITY m \"&l;&l;&l;&l;&l;&l;&l;&l;&l;&l;\">"
                   "<!ENTITY n \"&m;&m;&m;&m;&m;&m;&m;&m;&m;&m;\">"
                   "<!ENTITY o \"&n;&n;&n;&n;&n;&n;&n;&n;&n;&n;\">]><a>&o;</a>",
                   says);
}

/* "<a><a>...</a></a>" */
static void nest(struct s3_text *text, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        s3_text_puts(text, "<a>");
    for (unsigned i = 0; i < depth; i++)
        s3_text_puts(text, "</a>");
}

static void depth_is_bounded(void **state)
{
    (void)state;
    struct s3_text text = {0};

    nest(&text, S3_XML_DEPTH);
    s3_xml_free(parse(text.at, "a"));
    s3_text_done(&text);
    nest(&text, S3_XML_DEPTH + 1);
    assert_corrupt(text.at, "too deep");
    s3_text_done(&text);
    nest(&text, 100000);
    assert_corrupt(text.at, "too deep");
    s3_text_done(&text);
}

static void the_number_of_elements_is_bounded(void **state)
{
    (void)state;
    struct s3_text text = {0};

    s3_text_puts(&text, "<a>");
    for (unsigned i = 1; i < S3_XML_NODES; i++)
        s3_text_puts(&text, "<b/>");
    size_t len = text.len;
    s3_text_puts(&text, "</a>");
    s3_xml_free(parse(text.at, "a"));
    text.len = len;
    s3_text_puts(&text, "<b/></a>");
    assert_corrupt(text.at, "too many");
    s3_text_done(&text);
}

static void the_size_is_bounded(void **state)
{
    (void)state;
    size_t len = (size_t)S3_TEXT_MAX + 1;
    char *text = malloc(len);

    assert_non_null(text);
    memset(text, 'x', len);
    assert_corrupt_bytes(text, len, NULL, "more than 16 MiB");
    free(text);
}

/* ---- what is written ----------------------------------------------------------------------- */

static void text_grows(void **state)
{
    (void)state;
    struct s3_text text = {0};
    struct sme_error err = SME_ERROR_INIT;

    s3_text_puts(&text, "");
    assert_string_equal(text.at, "");
    for (unsigned i = 0; i < 1000; i++)
        s3_text_printf(&text, "%03u,", i);
    s3_text_add(&text, "a\0b", 3);
    assert_int_equal(text.len, 4003);
    assert_memory_equal(text.at, "000,001,002,", 12);
    assert_memory_equal(text.at + 3996, "999,a\0b\0", 8);
    assert_int_equal(s3_text_check(&text, "x", &err), SME_OK);
    s3_text_done(&text);
    assert_null(text.at);
    s3_text_printf(&text, "%s", "again");
    assert_string_equal(text.at, "again");
    s3_text_done(&text);
}

static void text_above_the_limit_has_failed(void **state)
{
    (void)state;
    struct s3_text text = {0};
    struct sme_error err = SME_ERROR_INIT;
    char *big = calloc(1, S3_TEXT_MAX);

    assert_non_null(big);
    s3_text_add(&text, big, S3_TEXT_MAX);
    assert_int_equal(s3_text_check(&text, "x", &err), SME_OK);
    s3_text_puts(&text, "y");
    assert_true(text.failed);
    assert_int_equal(text.len, S3_TEXT_MAX);
    s3_text_puts(&text, "");
    s3_text_printf(&text, "%d", 1);
    s3_text_xml(&text, "a");
    s3_text_json(&text, "a");
    assert_int_equal(text.len, S3_TEXT_MAX);
    assert_int_equal(s3_text_check(&text, "the policy", &err), SME_E_NO_MEMORY);
    assert_non_null(strstr(err.message, "the policy"));
    assert_int_not_equal(err.hint[0], '\0');
    s3_text_done(&text);
    assert_int_equal(s3_text_check(&text, "the policy", &err), SME_OK);
    s3_text_add(&text, big, (size_t)S3_TEXT_MAX + 1);
    assert_true(text.failed);
    s3_text_done(&text);
    free(big);
}

static void written_xml_is_read_as_it_was(void **state)
{
    (void)state;
    static const char value[] = "a&b<c>\"d'\t\r\n\x7f\xc3\xa9]]>&amp;";
    struct s3_text text = {0};

    s3_text_puts(&text, "<a><k>");
    s3_text_xml(&text, value);
    s3_text_puts(&text, "</k></a>");
    struct s3_xml *tree = parse(text.at, "a");
    assert_string_equal(s3_xml_text(tree, "k"), value);
    s3_xml_free(tree);
    s3_text_done(&text);
    s3_text_xml(&text, "x\x01y\x1f<");
    assert_string_equal(text.at, "x?y?&lt;");
    s3_text_done(&text);
}

static void json_strings_are_quoted(void **state)
{
    (void)state;
    struct s3_text text = {0};

    s3_text_json(&text, "a\"b\\c\n\x01\x7f/\xc3\xa9");
    assert_string_equal(text.at, "\"a\\\"b\\\\c\\u000a\\u0001\\u007f/\xc3\xa9\"");
    s3_text_done(&text);
    s3_text_json(&text, "");
    assert_string_equal(text.at, "\"\"");
    s3_text_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_of_a_listing),
        cmocka_unit_test(errors_inside_a_result),
        cmocka_unit_test(what_is_missing_is_nothing),
        cmocka_unit_test(white_space_is_kept_in_values_only),
        cmocka_unit_test(prefixes_are_dropped),
        cmocka_unit_test(numbers_are_whole_and_decimal),
        cmocka_unit_test(another_root_names_both),
        cmocka_unit_test(a_page_cut_at_any_byte_is_corrupt),
        cmocka_unit_test(any_byte_set_to_zero_is_corrupt),
        cmocka_unit_test(text_that_is_not_xml_is_corrupt),
        cmocka_unit_test(document_types_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(the_number_of_elements_is_bounded),
        cmocka_unit_test(the_size_is_bounded),
        cmocka_unit_test(text_grows),
        cmocka_unit_test(text_above_the_limit_has_failed),
        cmocka_unit_test(written_xml_is_read_as_it_was),
        cmocka_unit_test(json_strings_are_quoted),
    };

    return cmocka_run_group_tests_name("s3_xml", tests, NULL, NULL);
}

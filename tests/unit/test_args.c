/*
 * The command line.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/cli/args.h"

#include <string.h>

/* Parse the words of ${line}, separated by blanks. */
static int parse(const char *line, struct args *args, struct sme_error *err)
{
    static char copy[256];
    static char *argv[32];
    int argc = 0;
    char *rest = copy;

    (void)snprintf(copy, sizeof copy, "sme-backup %s", line);
    *err = (struct sme_error)SME_ERROR_INIT;
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    return args_parse(argc, argv, args, err);
}

static void fails(const char *line, const char *message, const char *hint)
{
    struct args args;
    struct sme_error err;

    assert_int_equal(parse(line, &args, &err), SME_E_INVALID);
    assert_string_equal(err.message, message);
    assert_string_equal(err.hint, hint);
    args_free(&args);
}

static void options_stand_anywhere(void **state)
{
    struct args args;
    struct sme_error err;

    (void)state;
    assert_int_equal(
        parse("-q --config a restore --to=/x docs@latest --verify p1 -v -v p2", &args, &err),
        SME_OK);
    assert_string_equal(args.command->name, "restore");
    assert_string_equal(args.value[OPT_CONFIG], "a");
    assert_string_equal(args.value[OPT_TO], "/x");
    assert_int_equal(args.given[OPT_VERBOSE], 2);
    assert_int_equal(args.given[OPT_QUIET], 1);
    assert_int_equal(args.given[OPT_VERIFY], 1);
    assert_int_equal(args.word_count, 3);
    assert_string_equal(args.words[0], "docs@latest");
    assert_string_equal(args.words[2], "p2");
    args_free(&args);
}

static void letters_combine(void **state)
{
    struct args args;
    struct sme_error err;

    (void)state;
    assert_int_equal(parse("ls -l0vcx docs", &args, &err), SME_OK);
    assert_int_equal(args.given[OPT_LONG], 1);
    assert_int_equal(args.given[OPT_NULL], 1);
    assert_int_equal(args.given[OPT_VERBOSE], 1);
    assert_string_equal(args.value[OPT_CONFIG], "x");
    args_free(&args);
}

static void an_optional_value_needs_its_equals_sign(void **state)
{
    struct args args;
    struct sme_error err;

    (void)state;
    assert_int_equal(parse("check --read-data docs", &args, &err), SME_OK);
    assert_int_equal(args.given[OPT_READ_DATA], 1);
    assert_null(args.value[OPT_READ_DATA]);
    assert_string_equal(args.words[0], "docs");
    args_free(&args);
    assert_int_equal(parse("check --read-data=1/7", &args, &err), SME_OK);
    assert_string_equal(args.value[OPT_READ_DATA], "1/7");
    args_free(&args);
}

static void two_dashes_end_the_options(void **state)
{
    struct args args;
    struct sme_error err;

    (void)state;
    assert_int_equal(parse("ls docs -- --json -l", &args, &err), SME_OK);
    assert_int_equal(args.word_count, 3);
    assert_string_equal(args.words[1], "--json");
    assert_int_equal(args.given[OPT_JSON], 0);
    args_free(&args);
    assert_int_equal(parse("ls docs -", &args, &err), SME_OK);
    assert_string_equal(args.words[1], "-");
    args_free(&args);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    fails("rum", "unknown command 'rum'", "did you mean 'run'?");
    fails("frobnicate", "unknown command 'frobnicate'", "'sme-backup help' lists the commands");
    fails("run --drr-run", "unknown option '--drr-run'", "did you mean '--dry-run'?");
    fails("run --no-such", "unknown option '--no-such'", "'sme-backup help' shows the options");
    fails("run -z", "unknown option '-z'", "'sme-backup help' shows the options");
    fails("run --quiet=yes", "option '--quiet' takes no value", "");
    fails("restore docs --to", "option '--to' needs a value (PATH)", "");
    fails("restore docs --to a --to b", "option '--to' stands twice", "");
    fails("run --to x", "command 'run' has no option '--to'", "see 'sme-backup help run'");
    fails("--dry-run", "option '--dry-run' needs a command",
          "'sme-backup help' lists the commands");
    fails("cat docs", "command 'cat' needs more arguments: cat SOURCE[@SNAPSHOT] PATH",
          "see 'sme-backup help cat'");
    fails("list a b", "command 'list' does not take the argument 'b'",
          "see 'sme-backup help list'");
}

static void help_needs_no_arguments(void **state)
{
    struct args args;
    struct sme_error err;

    (void)state;
    assert_int_equal(parse("cat --help", &args, &err), SME_OK);
    args_free(&args);
    assert_int_equal(parse("", &args, &err), SME_E_INVALID); /* an empty word is no command */
    args_free(&args);
}

static void every_table_is_sane(void **state)
{
    (void)state;
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct command *command = &cli_commands[i];
        assert_true(i == 0 || strcmp(cli_commands[i - 1].name, command->name) < 0);
        assert_non_null(command->run);
        assert_true(command->min_words <= command->max_words);
        assert_int_equal(command->text[strlen(command->text) - 1], '\n');
        for (const struct command_option *o = command->options; o != NULL && o->help != NULL; o++) {
            assert_in_range(o->id, OPT_GLOBAL_COUNT, OPT_COUNT - 1);
        }
    }
    for (int a = 0; a < OPT_COUNT; a++) {
        assert_non_null(option_names[a].name);
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(option_names[a].name, option_names[b].name);
            assert_false(option_names[a].letter != '\0' &&
                         option_names[a].letter == option_names[b].letter);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(letters_combine),
        cmocka_unit_test(an_optional_value_needs_its_equals_sign),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(help_needs_no_arguments),
        cmocka_unit_test(every_table_is_sane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

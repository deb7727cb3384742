/*
 * Conformance: reporting of checks, and those of the descriptor.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "plugin_test.h"

#include "../base/error.h"

/* ---- checks ------------------------------------------------------------------------------- */

void plugin_check_begin(struct plugin_check *check, struct plugin_test *test, const char *what,
                        const char *look)
{
    *check =
        (struct plugin_check){.test = test, .what = what, .look = look, .result = PLUGIN_TEST_OK};
}

void plugin_check_end(struct plugin_check *check)
{
    const struct plugin_test_line line = {
        .result = check->result,
        .what = check->what,
        .text = check->text,
        .look = check->result == PLUGIN_TEST_FAILED ? check->look : "",
    };

    check->test->counts[check->result]++;
    check->test->report(check->test->cookie, &line);
}

bool plugin_check_fail(struct plugin_check *check, const char *fmt, ...)
{
    va_list ap;

    if (check->result != PLUGIN_TEST_OK)
        return false;
    check->result = PLUGIN_TEST_FAILED;
    va_start(ap, fmt);
    (void)vsnprintf(check->text, sizeof check->text, fmt, ap);
    va_end(ap);
    return false;
}

bool plugin_check_skip(struct plugin_check *check, const char *why)
{
    if (check->result != PLUGIN_TEST_OK)
        return false;
    check->result = PLUGIN_TEST_SKIPPED;
    (void)snprintf(check->text, sizeof check->text, "%s", why);
    return false;
}

/* ---- the descriptor ----------------------------------------------------------------------- */

/* The loader has refused what would be dangerous; this is what a person would stumble over. */
static void check_naming(struct plugin_check *check, const struct sme_plugin *desc)
{
    if (desc->name == NULL || desc->name[0] == '\0')
        (void)plugin_check_fail(check, "expected a name, got none");
    else if (desc->version == NULL || desc->version[0] == '\0')
        (void)plugin_check_fail(check, "expected a version, got none");
    else if (desc->summary == NULL || desc->summary[0] == '\0')
        (void)plugin_check_fail(check, "expected a summary, got none");
    else if (strlen(desc->summary) > 72 || strchr(desc->summary, '\n') != NULL)
        (void)plugin_check_fail(check,
                                "expected a summary of one line of at most 72 characters, "
                                "got %zu: '%s'",
                                strlen(desc->summary), desc->summary);
}

static void check_option_names(struct plugin_check *check, const struct plugin *plugin)
{
    for (size_t i = 0; i < plugin->desc.option_count; i++) {
        const char *name = plugin->options[i].name;
        if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name)) {
            (void)plugin_check_fail(
                check, "expected lower-case letters, digits and '_', got the option '%s'", name);
            return;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(plugin->options[j].name, name) == 0) {
                (void)plugin_check_fail(check, "expected each option once, got '%s' twice", name);
                return;
            }
        }
    }
}

static void check_option_help(struct plugin_check *check, const struct plugin *plugin)
{
    for (size_t i = 0; i < plugin->desc.option_count; i++) {
        const struct sme_option *option = &plugin->options[i];
        const char *help = option->help != NULL ? option->help : "";
        size_t len = strlen(help);
        if (len == 0 || help[len - 1] != '.') {
            (void)plugin_check_fail(
                check,
                "expected whole sentences, each with its full stop, got '%s' for option '%s'", help,
                option->name);
            return;
        }
    }
}

/* The loader has read each default by itself; here all of them are, as a section would be. */
static void check_defaults(struct plugin_check *check, struct plugin *plugin)
{
    struct sme_error failure = SME_ERROR_INIT;
    struct instance *instance = NULL;

    for (size_t i = 0; i < plugin->desc.option_count; i++) {
        if ((plugin->options[i].flags & SME_OPT_REQUIRED) != 0)
            return; /* there is no section without it */
    }
    int status = instance_new(plugin, "conformance", NULL, NULL, 0, NULL, &instance, &failure);
    if (status < 0)
        (void)plugin_check_fail(check, "expected a configuration of defaults alone, got %s: %s",
                                error_status_name(status), failure.message);
    instance_free(instance);
}

void plugin_test_descriptor(struct plugin_test *test, struct plugin *plugin)
{
    struct plugin_check check;

    plugin_check_begin(&check, test, "the descriptor has name, version and summary",
                       "struct sme_plugin: they are what 'plugin list' shows");
    check_naming(&check, &plugin->desc);
    plugin_check_end(&check);

    plugin_check_begin(&check, test, "options have names that a configuration can hold",
                       "the option table");
    check_option_names(&check, plugin);
    plugin_check_end(&check);

    plugin_check_begin(&check, test, "options explain themselves",
                       "'help' in the option table: it becomes the sample and the manual page");
    check_option_help(&check, plugin);
    plugin_check_end(&check);

    plugin_check_begin(&check, test, "defaults are values of their options",
                       "'fallback' in the option table");
    check_defaults(&check, plugin);
    plugin_check_end(&check);
}

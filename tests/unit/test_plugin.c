/*
 * Tests of finding, loading and refusing plugins, and of their instances.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/base/cancel.h"
#include "../../core/plugin/plugin.h"
#include "../harness/tree.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *build;
static char *scratch;

/* ---- helpers ------------------------------------------------------------------------------ */

static const char *in_build(const char *name)
{
    static char path[PATH_MAX];

    assert_true(snprintf(path, sizeof path, "%s/%s", build, name) < PATH_MAX);
    return path;
}

static const char *in_scratch(const char *name)
{
    static char path[PATH_MAX];

    assert_true(snprintf(path, sizeof path, "%s/%s", scratch, name) < PATH_MAX);
    return path;
}

static bool has(const struct sme_error *err, const char *text)
{
    if (strstr(err->message, text) == NULL && strstr(err->hint, text) == NULL) {
        print_error("'%s' (%s) lacks '%s'\n", err->message, err->hint, text);
        return false;
    }
    return true;
}

/* A copy of a built plugin, in the scratch folder. */
static void copy_plugin(const char *from, const char *to)
{
    FILE *in = fopen(in_build(from), "rb");
    FILE *out = fopen(in_scratch(to), "wb");
    char block[65536];
    size_t got;

    assert_non_null(in);
    assert_non_null(out);
    while ((got = fread(block, 1, sizeof block, in)) > 0)
        assert_int_equal(fwrite(block, 1, got, out), got);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(fclose(in), 0);
    assert_int_equal(chmod(in_scratch(to), 0755), 0);
}

static struct plugin *load(const char *path, enum plugin_kind kind)
{
    struct plugin *plugin = NULL;
    struct sme_error err = SME_ERROR_INIT;

    if (plugin_load_file(path, kind, &plugin, &err) < 0)
        fail_msg("%s", err.message);
    return plugin;
}

static void assert_refused(const char *path, enum plugin_kind kind, int status, const char *finding,
                           const char *remedy)
{
    struct sme_error err = SME_ERROR_INIT;
    struct plugin *plugin = (struct plugin *)&err; /* stays what it is */

    assert_int_equal(plugin_load_file(path, kind, &plugin, &err), status);
    assert_ptr_equal(plugin, &err);
    assert_int_equal(err.status, status);
    assert_true(has(&err, finding));
    assert_true(has(&err, remedy));
}

static const char *lines[8];
static unsigned line_count;

static void keep_line(const char *instance, int level, const char *text)
{
    static char kept[8][1200];

    (void)snprintf(kept[line_count % 8], sizeof kept[0], "%s/%d/%s", instance, level, text);
    lines[line_count % 8] = kept[line_count % 8];
    line_count++;
}

static int set_up(void **state)
{
    (void)state;
    scratch = tree_new();
    line_count = 0;
    plugin_set_log(keep_line);
    return scratch == NULL ? -1 : chmod(scratch, 0755);
}

static int tear_down(void **state)
{
    (void)state;
    plugin_set_log(NULL);
    cancel_reset();
    tree_remove(scratch);
    free(scratch);
    return 0;
}

static bool is_among(char **names, const char *name)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* ---- finding ------------------------------------------------------------------------------ */

static void a_plugin_is_found_by_its_name(void **state)
{
    struct plugin *plugin = NULL;
    struct sme_error err = SME_ERROR_INIT;
    const char *folder = in_build("tests/plugins");
    const struct sme_list extra = {1, &folder};
    (void)state;

    assert_int_equal(plugin_load(&extra, PLUGIN_SOURCE, "gen", &plugin, &err), SME_OK);
    assert_string_equal(plugin->desc.name, "gen");
    assert_int_equal(plugin->kind, PLUGIN_SOURCE);
    assert_non_null(plugin->source.next);
    assert_ptr_equal(plugin->desc.source, &plugin->source);
    assert_null(plugin->desc.sink);
    assert_ptr_equal(plugin->desc.options, plugin->options);
    plugin_unload(plugin);
    plugin_unload(NULL);
}

static void the_folder_of_the_environment_comes_first(void **state)
{
    struct plugin *plugin = NULL;
    struct sme_error err = SME_ERROR_INIT;
    char *names[2] = {NULL, NULL};
    char **found = names;
    const char *before = getenv("SME_BACKUP_PLUGIN_PATH");
    char *kept = before != NULL ? strdup(before) : NULL;
    const char *folder = in_build("tests/plugins");
    const struct sme_list extra = {1, &folder};
    (void)state;

    assert_int_equal(mkdir(in_scratch("plugins"), 0755), 0);
    copy_plugin("tests/plugins/gen.so", "plugins/gen.so");
    assert_int_equal(setenv("SME_BACKUP_PLUGIN_PATH", scratch, 1), 0);
    assert_int_equal(plugin_load(&extra, PLUGIN_SOURCE, "gen", &plugin, &err), SME_OK);
    assert_string_equal(plugin->path, in_scratch("plugins/gen.so"));
    plugin_unload(plugin);
    assert_int_equal(plugin_names(&extra, PLUGIN_SOURCE, &found, &err), SME_OK);
    assert_true(is_among(found, "gen"));
    plugin_names_free(found);
    if (kept != NULL)
        assert_int_equal(setenv("SME_BACKUP_PLUGIN_PATH", kept, 1), 0);
    else
        assert_int_equal(unsetenv("SME_BACKUP_PLUGIN_PATH"), 0);
    free(kept);
}

static void names_are_sorted_single_and_of_the_right_kind(void **state)
{
    struct sme_error err = SME_ERROR_INIT;
    const char *const folders[] = {scratch, scratch, "/no/such/folder"};
    const struct sme_list extra = {3, folders};
    char **names = NULL;
    (void)state;

    copy_plugin("tests/plugins/gen.so", "gen.so");
    copy_plugin("sinks/directory.so", "directory.so");
    tree_text(scratch, "broken.so", "no ELF file");
    tree_text(scratch, "Upper.so", "not a name");
    tree_text(scratch, "readme.txt", "not a plugin");
    assert_int_equal(plugin_names(&extra, PLUGIN_SOURCE, &names, &err), SME_OK);
    assert_true(is_among(names, "gen"));
    assert_true(is_among(names, "broken"));
    assert_false(is_among(names, "directory"));
    assert_false(is_among(names, "Upper"));
    assert_false(is_among(names, "readme"));
    for (size_t i = 1; names[0] != NULL && names[i] != NULL; i++)
        assert_true(strcmp(names[i - 1], names[i]) < 0);
    plugin_names_free(names);
    assert_int_equal(plugin_names(&extra, PLUGIN_SINK, &names, &err), SME_OK);
    assert_true(is_among(names, "directory"));
    assert_false(is_among(names, "gen"));
    plugin_names_free(names);
    plugin_names_free(NULL);
}

static void an_unknown_name_is_answered_with_folders_and_names(void **state)
{
    struct plugin *plugin = NULL;
    struct sme_error err = SME_ERROR_INIT;
    const char *folder = scratch;
    const struct sme_list extra = {1, &folder};
    (void)state;

    copy_plugin("tests/plugins/gen.so", "gen.so");
    assert_int_equal(plugin_load(&extra, PLUGIN_SOURCE, "gan", &plugin, &err), SME_E_INVALID);
    assert_null(plugin);
    assert_true(has(&err, "there is no source plugin 'gan' in '"));
    assert_true(has(&err, scratch));
    assert_true(has(&err, "did you mean 'gen'?"));
    assert_int_equal(plugin_load(&extra, PLUGIN_SINK, "entirely-else", &plugin, &err),
                     SME_E_INVALID);
    assert_true(has(&err, "there is no sink plugin 'entirely-else'"));
}

static void a_name_that_could_be_a_path_is_refused(void **state)
{
    static const char *const bad[] = {"",     "/",    "../gen", "a/b",  "gen.so",  "Gen",
                                      "-gen", "g\ne", "g en",   "g_en", "\xc3\xa4"};
    struct plugin *plugin = NULL;
    struct sme_error err = SME_ERROR_INIT;
    char longer[200];
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(plugin_load(NULL, PLUGIN_SOURCE, bad[i], &plugin, &err), SME_E_INVALID);
        assert_true(has(&err, "cannot be the name of a plugin"));
        assert_null(strchr(err.message, '\n'));
    }
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(plugin_load(NULL, PLUGIN_SOURCE, longer, &plugin, &err), SME_E_INVALID);
    assert_null(plugin);
}

/* ---- refusals ----------------------------------------------------------------------------- */

static void what_is_no_plugin_is_refused(void **state)
{
    (void)state;
    assert_refused(in_build("tests/abi/bad-none.so"), PLUGIN_SOURCE, SME_E_INVALID,
                   "is no sme-backup plugin: it does not export sme_backup_plugin_v1",
                   "default visibility");
    tree_text(scratch, "text.so", "no ELF file");
    assert_refused(in_scratch("text.so"), PLUGIN_SOURCE, SME_E_INVALID, "cannot load plugin",
                   "built for this machine");
    assert_refused(in_scratch("absent.so"), PLUGIN_SOURCE, SME_E_INVALID,
                   "No such file or directory", "");
    assert_refused("no-suffix", PLUGIN_SOURCE, SME_E_INVALID, "cannot be the file of a plugin",
                   "NAME.so");
}

static void another_abi_is_named(void **state)
{
    (void)state;
    assert_refused(in_build("tests/abi/bad-abi.so"), PLUGIN_SOURCE, SME_E_INVALID,
                   "made for plugin ABI 2 (sme_backup_plugin_v2), this sme-backup has ABI 1",
                   "update sme-backup");
}

static void broken_descriptors_are_refused(void **state)
{
    (void)state;
    assert_refused(in_build("tests/abi/bad-name.so"), PLUGIN_SOURCE, SME_E_INVALID,
                   "calls itself 'good-name'", "'good-name.so'");
    assert_refused(in_build("tests/abi/bad-size.so"), PLUGIN_SOURCE, SME_E_INVALID,
                   "bytes that claims to have", "fault of the plugin");
    assert_refused(in_build("tests/abi/bad-table.so"), PLUGIN_SOURCE, SME_E_INVALID,
                   "has a source table of 0 bytes", "fault of the plugin");
    assert_refused(in_build("tests/abi/bad-call.so"), PLUGIN_SOURCE, SME_E_INVALID,
                   "lacks the call next() that every source must have", "fault of the plugin");
    assert_refused(in_build("tests/abi/bad-option.so"), PLUGIN_SOURCE, SME_E_INVALID,
                   "option 'more' has a field outside the config struct", "fault of the plugin");
}

static void the_kind_must_fit(void **state)
{
    (void)state;
    assert_refused(in_build("sinks/directory.so"), PLUGIN_SOURCE, SME_E_INVALID,
                   "is a sink, not a source", "[sink NAME]");
    assert_refused(in_build("tests/plugins/gen.so"), PLUGIN_SINK, SME_E_INVALID,
                   "is a source, not a sink", "[source NAME]");
}

static void a_plugin_that_others_can_change_is_refused(void **state)
{
    (void)state;
    copy_plugin("tests/plugins/gen.so", "gen.so");
    assert_int_equal(chmod(in_scratch("gen.so"), 0775), 0);
    assert_refused(in_scratch("gen.so"), PLUGIN_SOURCE, SME_E_DENIED,
                   "can be written by others (mode 0775)", "chmod go-w");
    assert_int_equal(chmod(in_scratch("gen.so"), 0755), 0);
    plugin_unload(load(in_scratch("gen.so"), PLUGIN_SOURCE));
    assert_int_equal(chmod(scratch, 0777), 0);
    assert_refused(in_scratch("gen.so"), PLUGIN_SOURCE, SME_E_DENIED, "plugin folder", scratch);
    assert_int_equal(chmod(scratch, 0755), 0);
    /* Through a link too: what counts is where it leads. */
    assert_int_equal(mkdir(in_scratch("open"), 0755), 0);
    copy_plugin("tests/plugins/gen.so", "open/gen.so");
    assert_int_equal(chmod(in_scratch("open"), 0777), 0);
    assert_int_equal(unlink(in_scratch("gen.so")), 0);
    assert_int_equal(symlink("open/gen.so", in_scratch("gen.so")), 0);
    assert_refused(in_scratch("gen.so"), PLUGIN_SOURCE, SME_E_DENIED, "plugin folder", "/open");
}

static void a_plugin_of_another_user_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    copy_plugin("tests/plugins/gen.so", "gen.so");
    assert_int_equal(chown(in_scratch("gen.so"), 65534, 65534), 0);
    assert_refused(in_scratch("gen.so"), PLUGIN_SOURCE, SME_E_DENIED,
                   "belongs to another user (uid 65534)", "must belong to root");
}

/* ---- other sizes of the same ABI ---------------------------------------------------------- */

static void a_plugin_with_a_shorter_table_loads_and_runs(void **state)
{
    struct plugin *plugin = load(in_build("tests/abi/short-source.so"), PLUGIN_SOURCE);
    struct instance *instance = NULL;
    struct sme_error err = SME_ERROR_INIT;
    struct sme_run run = {.struct_size = sizeof run, .snapshot = "20261123T020000Z-00000001"};
    struct sme_item item = {.struct_size = sizeof item, .dir_fd = -1};
    char content[32];
    (void)state;

    assert_int_equal(plugin->desc.struct_size, sizeof(struct sme_plugin));
    assert_int_equal(plugin->source.struct_size, sizeof(struct sme_source_ops));
    assert_null(plugin->source.check);
    assert_null(plugin->source.restore_begin);
    assert_null(plugin->source.restore_end);
    assert_int_equal(instance_new(plugin, "old", NULL, NULL, 0, NULL, &instance, &err), SME_OK);
    assert_int_equal(instance_open(instance, &err), SME_OK);
    assert_int_equal(plugin->source.begin(instance->handle, &run, &err), SME_OK);
    assert_int_equal(plugin->source.next(instance->handle, &item, &err), 1);
    assert_string_equal(item.path, "item");
    assert_int_equal(plugin->source.read(instance->handle, content, 20, &err), 12);
    assert_memory_equal(content, "old but fine", 12);
    assert_int_equal(plugin->source.read(instance->handle, content, 20, &err), 0);
    assert_int_equal(plugin->source.next(instance->handle, &item, &err), 0);
    assert_int_equal(plugin->source.end(instance->handle, SME_COMMIT, &err), SME_OK);
    instance_free(instance);
    plugin_unload(plugin);
}

static void a_plugin_with_longer_structures_loads(void **state)
{
    struct plugin *plugin = load(in_build("tests/abi/long-source.so"), PLUGIN_SOURCE);
    struct instance *instance = NULL;
    struct sme_error err = SME_ERROR_INIT;
    (void)state;

    assert_int_equal(plugin->desc.struct_size, sizeof(struct sme_plugin));
    assert_int_equal(plugin->desc.option_size, sizeof(struct sme_option));
    assert_int_equal(plugin->desc.option_count, 2);
    assert_string_equal(plugin->options[0].name, "first");
    assert_string_equal(plugin->options[1].name, "second");
    assert_string_equal(plugin->options[1].help, "One text.");
    assert_null(plugin->source.restore_begin);
    assert_int_equal(instance_new(plugin, "later", NULL, NULL, 0, NULL, &instance, &err), SME_OK);
    assert_int_equal(*(uint64_t *)instance->config, 4096);
    assert_int_equal(instance_open(instance, &err), SME_OK);
    instance_free(instance);
    plugin_unload(plugin);
}

/* ---- instances ---------------------------------------------------------------------------- */

/* An instance of gen from the text of its section; negative: the refusal. */
static int make(struct plugin *plugin, const char *text, const char *state_dir,
                struct instance **ret_instance, struct sme_error *err)
{
    struct ini_doc doc = {0};

    int status = ini_parse_text(&doc, "test.ini", text, strlen(text), err);
    if (status == SME_OK)
        status = instance_new(plugin, "made", &doc.sections[0], conf_source_options,
                              conf_source_option_count, state_dir, ret_instance, err);
    ini_free(&doc);
    return status;
}

static void an_instance_takes_its_options_and_the_common_ones(void **state)
{
    struct plugin *plugin = load(in_build("tests/plugins/gen.so"), PLUGIN_SOURCE);
    struct instance *instance = NULL;
    struct sme_error err = SME_ERROR_INIT;
    (void)state;

    assert_int_equal(make(plugin,
                          "[source made]\nplugin = gen\nitems = 7\ntimeout = 5min\n"
                          "labels = one, two\n",
                          NULL, &instance, &err),
                     SME_OK);
    /* items is the first field of its config, as of every other number in it. */
    assert_int_equal(*(int64_t *)instance->config, 7);
    assert_null(instance->handle);
    assert_string_equal(instance->name, "made");
    assert_int_equal(line_count, 0);
    instance_free(instance);
    plugin_unload(plugin);
    instance_free(NULL);
}

static void mistakes_in_a_section_are_named(void **state)
{
    struct plugin *plugin = load(in_build("tests/plugins/gen.so"), PLUGIN_SOURCE);
    struct instance *instance = NULL;
    struct sme_error err = SME_ERROR_INIT;
    (void)state;

    assert_int_equal(make(plugin, "[source made]\nplugin = gen\nitms = 7\n", NULL, &instance, &err),
                     SME_E_INVALID);
    assert_true(has(&err, "test.ini:3: unknown option 'itms'"));
    assert_true(has(&err, "did you mean 'items'?"));
    memset(&err, 0, sizeof err);
    /* The nearest name may be one of the common ones. */
    assert_int_equal(
        make(plugin, "[source made]\nplugin = gen\ntimout = 5s\n", NULL, &instance, &err),
        SME_E_INVALID);
    assert_true(has(&err, "did you mean 'timeout'?"));
    assert_int_equal(
        make(plugin, "[source made]\nplugin = gen\nitems = many\n", NULL, &instance, &err),
        SME_E_INVALID);
    assert_true(has(&err, "test.ini:3: option 'items': 'many' is not a whole number"));
    assert_null(instance);
    plugin_unload(plugin);
}

static void a_deprecated_option_is_told(void **state)
{
    struct plugin *plugin = load(in_build("tests/plugins/gen.so"), PLUGIN_SOURCE);
    struct instance *instance = NULL;
    struct sme_error err = SME_ERROR_INIT;
    (void)state;

    assert_int_equal(
        make(plugin, "[source made]\nplugin = gen\nold_name = x\n", NULL, &instance, &err), SME_OK);
    assert_int_equal(line_count, 1);
    assert_string_equal(lines[0], "made/2/test.ini:3: option 'old_name' is deprecated: Use labels "
                                  "instead.");
    instance_free(instance);
    plugin_unload(plugin);
}

static void an_option_named_like_a_common_one_is_refused(void **state)
{
    struct plugin *plugin = load(in_build("tests/abi/bad-clash.so"), PLUGIN_SOURCE);
    struct instance *instance = NULL;
    struct sme_error err = SME_ERROR_INIT;
    (void)state;

    assert_int_equal(make(plugin, "[source made]\nplugin = bad-clash\n", NULL, &instance, &err),
                     SME_E_INVALID);
    assert_true(has(&err, "option 'timeout'"));
    assert_true(has(&err, "its author must rename it"));
    assert_null(instance);
    plugin_unload(plugin);
}

static void open_calls_create_and_free_calls_destroy(void **state)
{
    struct plugin *plugin = load(in_build("tests/plugins/gen.so"), PLUGIN_SOURCE);
    struct instance *instance = NULL;
    struct sme_error err = SME_ERROR_INIT;
    char text[PATH_MAX + 128], folder[PATH_MAX];
    (void)state;

    (void)snprintf(text, sizeof text, "[source made]\nplugin = gen\ntrace = %s/trace\n", scratch);
    (void)snprintf(folder, sizeof folder, "%s/state/of/it", scratch);
    assert_int_equal(make(plugin, text, folder, &instance, &err), SME_OK);
    assert_int_equal(access(in_scratch("trace"), F_OK), -1);
    assert_int_equal(access(folder, F_OK), -1);
    assert_int_equal(instance_open(instance, &err), SME_OK);
    struct stat st;
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    instance_free(instance);
    FILE *trace = fopen(in_scratch("trace"), "r");
    assert_non_null(trace);
    char content[64] = "";
    size_t got = fread(content, 1, sizeof content - 1, trace);
    content[got] = '\0';
    (void)fclose(trace);
    assert_string_equal(content, "create\ndestroy\n");

    (void)snprintf(text, sizeof text,
                   "[source made]\nplugin = gen\nfail_kind = create\ntrace = %s/trace2\n", scratch);
    assert_int_equal(make(plugin, text, NULL, &instance, &err), SME_OK);
    assert_int_equal(instance_open(instance, &err), SME_E_IO);
    assert_true(has(&err, "source 'made': create() failed because the test wants it"));
    assert_null(instance->handle);
    instance_free(instance);
    plugin_unload(plugin);
}

/* ---- the host ----------------------------------------------------------------------------- */

static void the_host_logs_keeps_time_and_gives_random_bytes(void **state)
{
    struct plugin *plugin = load(in_build("tests/plugins/gen.so"), PLUGIN_SOURCE);
    struct instance *instance = NULL;
    struct sme_error err = SME_ERROR_INIT;
    uint8_t one[32] = {0}, two[32] = {0};
    (void)state;

    assert_int_equal(make(plugin, "[source made]\nplugin = gen\n", NULL, &instance, &err), SME_OK);
    const struct sme_host *host = &instance->host;
    assert_int_equal(host->struct_size, sizeof *host);
    assert_int_equal(host->abi, SME_ABI);
    assert_string_equal(host->instance, "made");
    assert_null(host->state_dir);
    errno = EDOM;
    host->log(host, SME_LOG_INFO, "number %d", 5);
    assert_int_equal(errno, EDOM);
    assert_string_equal(lines[0], "made/3/number 5");
    host->log(host, 99, "unknown level");
    assert_string_equal(lines[1], "made/4/unknown level");
    host->log(host, 0, "%3000s", "x");
    assert_true(strlen(lines[2]) < 1100);
    assert_string_equal(lines[2] + strlen(lines[2]) - 3, "...");
    assert_true(host->realtime_ns(host) > INT64_C(1577836800) * INT64_C(1000000000));
    assert_int_equal(host->random(host, one, sizeof one), SME_OK);
    assert_int_equal(host->random(host, two, sizeof two), SME_OK);
    assert_memory_not_equal(one, two, sizeof one);
    assert_int_equal(host->cancelled(host), 0);
    cancel_request(SIGTERM);
    assert_int_not_equal(host->cancelled(host), 0);
    instance_free(instance);
    plugin_unload(plugin);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_plugin_is_found_by_its_name),
        TEST(the_folder_of_the_environment_comes_first),
        TEST(names_are_sorted_single_and_of_the_right_kind),
        TEST(an_unknown_name_is_answered_with_folders_and_names),
        TEST(a_name_that_could_be_a_path_is_refused),
        TEST(what_is_no_plugin_is_refused),
        TEST(another_abi_is_named),
        TEST(broken_descriptors_are_refused),
        TEST(the_kind_must_fit),
        TEST(a_plugin_that_others_can_change_is_refused),
        TEST(a_plugin_of_another_user_is_refused),
        TEST(a_plugin_with_a_shorter_table_loads_and_runs),
        TEST(a_plugin_with_longer_structures_loads),
        TEST(an_instance_takes_its_options_and_the_common_ones),
        TEST(mistakes_in_a_section_are_named),
        TEST(a_deprecated_option_is_told),
        TEST(an_option_named_like_a_common_one_is_refused),
        TEST(open_calls_create_and_free_calls_destroy),
        TEST(the_host_logs_keeps_time_and_gives_random_bytes),
    };
    build = getenv("SME_TEST_BUILDDIR") != NULL ? getenv("SME_TEST_BUILDDIR") : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Tests of core/config/conf.c, conf_files.c and conf_tables.c: whole configurations.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/base/cleanup.h"
#include "../../core/base/fileio.h"
#include "../../core/base/limits.h"
#include "../../core/base/str.h"
#include "../../core/config/conf.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static char folder[256];

static void conf_freep(struct conf **conf)
{
    conf_free(*conf);
}

/* Each test has a folder with an empty conf.d as its working directory. */
static int enter(void **state)
{
    const char *base = getenv("TMPDIR");
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/sme-conf-XXXXXX", base != NULL ? base : "/tmp");
    (void)umask(022);
    unsetenv("SME_BACKUP_CONFIG");
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CACHE_HOME");
    return mkdtemp(folder) != NULL && chdir(folder) == 0 && mkdir("conf.d", 0755) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    char command[300];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void put(const char *name, const char *text)
{
    char path[100];
    (void)snprintf(path, sizeof path, "conf.d/%s", name);
    assert_int_equal(io_replace(path, text, strlen(text), 0644, NULL), SME_OK);
}

/* The whole text is conf.d/a.ini; it fails with ${message} behind the name of that file. */
static void assert_refused(const char *text, const char *message, const char *hint)
{
    struct sme_error err = SME_ERROR_INIT;
    struct conf *conf = NULL;
    char wanted[500];
    put("a.ini", text);
    assert_int_equal(conf_load("conf.d", &conf, &err), SME_E_INVALID);
    assert_null(conf);
    (void)snprintf(wanted, sizeof wanted, "%s/conf.d/a.ini:%s", folder, message);
    assert_string_equal(err.message, wanted);
    assert_string_equal(err.hint, hint);
}

static void the_tables_are_sound(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(options_check_table(conf_core_options, conf_core_option_count,
                                         sizeof(struct conf_core), &err),
                     SME_OK);
    assert_int_equal(options_check_table(conf_sink_options, conf_sink_option_count,
                                         sizeof(struct conf_sink), &err),
                     SME_OK);
    assert_int_equal(options_check_table(conf_source_options, conf_source_option_count,
                                         sizeof(struct conf_source), &err),
                     SME_OK);
    for (size_t i = 0; i < conf_source_option_count; i++) {
        const char *help = conf_source_options[i].help;
        assert_in_range(help[0], 'A', 'Z');
        assert_int_equal(help[strlen(help) - 1], '.');
    }
}

static void files_are_read_in_the_order_of_their_names(void **state)
{
    (void)state;
    CLEANUP(conf_freep) struct conf *conf = NULL;
    struct sme_error err = SME_ERROR_INIT;
    char key[300];
    put("20-b.ini", "[source b]\nplugin = photos\npath = /b\nsink = offsite\n");
    put("00-sink.ini", "[sink offsite]\nplugin = s3\nbucket = x\n");
    put("10-a.ini", "[source a]\nplugin = filesystem\npath = /a\nkeep_daily = 7\n");
    put(".hidden.ini", "nonsense");
    put("old.ini.bak", "nonsense");
    put("README", "nonsense");
    put(".ini", "nonsense");
    assert_int_equal(conf_load("conf.d/", &conf, &err), SME_OK);
    assert_int_equal(conf->sink_count, 1);
    assert_int_equal(conf->source_count, 2);
    assert_string_equal(conf->sources[0].name, "a");
    assert_string_equal(conf->sources[0].plugin, "filesystem");
    assert_int_equal(conf->sources[0].keep_daily, 7);
    assert_string_equal(conf->sources[1].name, "b");
    assert_string_equal(ini_find(conf->sources[1].section, "path")->value, "/b");
    assert_int_equal(conf->sources[0].sink.count, 1);
    assert_string_equal(conf->sources[0].sink.items[0], "offsite");
    (void)snprintf(key, sizeof key, "%s/keys/offsite.key", folder);
    assert_string_equal(conf->sinks[0].key_file, key);
    assert_string_equal(conf->sinks[0].plugin, "s3");
}

static void defaults_are_as_documented(void **state)
{
    (void)state;
    CLEANUP(conf_freep) struct conf *conf = NULL;
    struct sme_error err = SME_ERROR_INIT;
    put("a.ini", "[sink s]\nplugin = directory\n[source a]\nplugin = filesystem\n[notify]\n");
    assert_int_equal(conf_load("conf.d", &conf, &err), SME_OK);
    assert_true(conf->core.memory_limit == 256 * MIB);
    assert_int_equal(conf->core.parallel_sources, 1);
    assert_int_equal(conf->core.plugin_dir.count, 0);
    assert_true(strlen(conf->core.host) > 0);
    assert_int_equal(conf->log_is_fallback, geteuid() != 0);
    assert_int_equal(conf->state_is_fallback, geteuid() != 0);
    assert_true(conf->sinks[0].pack_size == 32 * MIB);
    assert_int_equal(conf->sinks[0].connections, 0);
    assert_null(conf->sinks[0].passphrase_file);
    const struct conf_source *source = &conf->sources[0];
    assert_string_equal(source->compression, "fast");
    assert_string_equal(source->chunk_size, "auto");
    assert_int_equal(source->rescan, 0);
    assert_int_equal(source->timeout, 0);
    assert_int_equal(source->keep_last + source->keep_daily + source->keep_yearly, 0);
    assert_null(source->user);
    if (geteuid() == 0) {
        assert_string_equal(conf->core.log_file, "/var/log/sme-backup.log");
        assert_string_equal(conf->core.state_dir, "/var/lib/sme-backup");
        assert_string_equal(conf->core.cache_dir, "/var/cache/sme-backup");
    }
}

static void users_have_places_of_their_own(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    bool was_root = geteuid() == 0;
    put("a.ini", "[sink s]\nplugin = directory\n");
    if (was_root) {
        assert_int_equal(chmod(folder, 0755), 0);
        assert_int_equal(seteuid(65534), 0);
    }
    assert_int_equal(setenv("HOME", "/home/me", 1), 0);
    assert_int_equal(setenv("XDG_CACHE_HOME", "relative is ignored", 1), 0);
    struct conf *first = NULL, *second = NULL;
    int first_status = conf_load("conf.d", &first, &err);
    assert_int_equal(setenv("XDG_STATE_HOME", "/xdg/state", 1), 0);
    assert_int_equal(setenv("XDG_CACHE_HOME", "/xdg/cache", 1), 0);
    int second_status = conf_load("conf.d", &second, &err);
    if (was_root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(first_status, SME_OK);
    assert_string_equal(first->core.log_file, "/home/me/.local/state/sme-backup/sme-backup.log");
    assert_string_equal(first->core.state_dir, "/home/me/.local/state/sme-backup");
    assert_string_equal(first->core.cache_dir, "/home/me/.cache/sme-backup");
    assert_true(first->log_is_fallback);
    assert_true(first->state_is_fallback);
    assert_int_equal(second_status, SME_OK);
    assert_string_equal(second->core.log_file, "/xdg/state/sme-backup/sme-backup.log");
    assert_string_equal(second->core.cache_dir, "/xdg/cache/sme-backup");
    conf_free(first);
    conf_free(second);
}

static void a_single_file_is_enough(void **state)
{
    (void)state;
    CLEANUP(conf_freep) struct conf *conf = NULL;
    struct sme_error err = SME_ERROR_INIT;
    static const char text[] = "[core]\nhost = h\nlog_file = /l\nstate_dir = /s\ncache_dir = /c\n"
                               "[sink s]\nplugin = directory\nkey_file = /k\n"
                               "[sink t]\nplugin = directory\n";
    char path[300], key[300];
    assert_int_equal(io_create("one.ini", text, strlen(text), 0600, &err), SME_OK);
    (void)snprintf(path, sizeof path, "%s/one.ini", folder);
    assert_int_equal(setenv("SME_BACKUP_CONFIG", path, 1), 0);
    assert_int_equal(conf_load(NULL, &conf, &err), SME_OK);
    unsetenv("SME_BACKUP_CONFIG");
    assert_string_equal(conf->path, path);
    assert_string_equal(conf->core.host, "h");
    assert_string_equal(conf->core.log_file, "/l");
    assert_false(conf->log_is_fallback);
    assert_false(conf->state_is_fallback);
    assert_string_equal(conf->sinks[0].key_file, "/k");
    (void)snprintf(key, sizeof key, "%s/keys/t.key", folder);
    assert_string_equal(conf->sinks[1].key_file, key);

    CLEANUP(conf_freep) struct conf *again = NULL; /* by a path that ends in a slash */
    (void)snprintf(path, sizeof path, "%s/conf.d//", folder);
    put("a.ini", "[sink t]\nplugin = directory\n");
    assert_int_equal(conf_load(path, &again, &err), SME_OK);
    assert_string_equal(again->sinks[0].key_file, key);
}

static void missing_and_empty_configurations_have_a_hint(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    struct conf *conf = NULL;
    static const char *const missing[] = {"none", "/nowhere/conf.d"};
    for (size_t i = 0; i < 2; i++) {
        char wanted[100];
        assert_int_equal(conf_load(missing[i], &conf, &err), SME_E_INVALID);
        assert_int_equal(err.status, SME_E_INVALID);
        (void)snprintf(wanted, sizeof wanted, "configuration '%s' does not exist", missing[i]);
        assert_string_equal(err.message, wanted);
        assert_non_null(strstr(err.hint, "sme-backup help init"));
    }
    assert_int_equal(conf_load("conf.d", &conf, &err), SME_E_INVALID);
    assert_non_null(strstr(err.message, "/conf.d' has no *.ini file"));
    assert_non_null(strstr(err.hint, "sme-backup help init"));
    assert_null(conf);
}

static void what_others_can_write_is_refused(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    struct conf *conf = NULL;
    put("a.ini", "[core]\n");
    assert_int_equal(chmod("conf.d/a.ini", 0666), 0);
    assert_int_equal(conf_load("conf.d", &conf, &err), SME_E_INVALID);
    assert_non_null(strstr(err.message, "/a.ini' can be written by others (mode 0666)"));
    assert_int_equal(chmod("conf.d/a.ini", 0600), 0);
    assert_int_equal(chmod("conf.d", 0777), 0);
    assert_int_equal(conf_load("conf.d", &conf, &err), SME_E_INVALID);
    assert_int_equal(err.status, SME_E_INVALID);
    assert_non_null(strstr(err.message, "configuration folder '"));
    assert_non_null(strstr(err.message, "/conf.d' can be written by others (mode 0777)"));
    assert_non_null(strstr(err.hint, "chmod go-w"));
    assert_int_equal(symlink("nowhere", "conf.d/b.ini"), 0);
    assert_int_equal(chmod("conf.d", 0755), 0);
    assert_int_equal(conf_load("conf.d", &conf, &err), SME_E_INVALID);
    assert_non_null(strstr(err.message, "/b.ini': No such file or directory"));
}

static void sections_must_be_known_and_named(void **state)
{
    (void)state;
    assert_refused("[sorce x]\n", "1: unknown section [sorce x]", "did you mean [source NAME]?");
    assert_refused("\n[Core]\n", "2: unknown section [Core]", "did you mean [core]?");
    assert_refused("[repository x]\n", "1: unknown section [repository x]",
                   "possible: [core], [notify], [sink NAME], [source NAME]");
    assert_refused("[core x]\n", "1: section [core] takes no name", "");
    assert_refused("[notify x]\n", "1: section [notify] takes no name", "");
    assert_refused("[sink]\n", "1: section [sink] lacks a name",
                   "write it like this: [sink offsite]");
    assert_refused("[source]\n", "1: section [source] lacks a name",
                   "write it like this: [source documents]");
}

static void names_must_fit_object_names(void **state)
{
    (void)state;
    static const char hint[] = "use up to 64 lower-case letters, digits, '.', '_' and '-', "
                               "beginning with a letter or digit";
    assert_refused("[source Docs]\n", "1: 'Docs' cannot be the name of a source", hint);
    assert_refused("[source a b]\n", "1: 'a b' cannot be the name of a source", hint);
    assert_refused("[source ../x]\n", "1: '../x' cannot be the name of a source", hint);
    assert_refused("[sink .x]\n", "1: '.x' cannot be the name of a sink", hint);
    assert_refused("[source keys]\n", "1: the name 'keys' is reserved", "");
    assert_refused("[source backups]\n", "1: the name 'backups' is reserved", "");
    assert_refused("[source repository]\n", "1: the name 'repository' is reserved", "");
    assert_refused(
        "[source aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
        "1: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...' cannot be the name "
        "of a source",
        hint);
}

static void sections_appear_once_in_all_files(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    struct conf *conf = NULL;
    char wanted[700];
    put("a.ini", "[core]\n[sink s]\nplugin = directory\n");
    put("b.ini", "\n[sink s]\nplugin = directory\n");
    assert_int_equal(conf_load("conf.d", &conf, &err), SME_E_INVALID);
    (void)snprintf(wanted, sizeof wanted,
                   "%s/conf.d/b.ini:2: section [sink s] is already in %s/conf.d/a.ini:2", folder,
                   folder);
    assert_string_equal(err.message, wanted);
}

static void options_of_the_core_are_checked(void **state)
{
    (void)state;
    assert_refused("[core]\nlogfile = /x\n", "2: unknown option 'logfile' in [core]",
                   "did you mean 'log_file'?");
    assert_refused("[core]\nlog_file = x\n", "2: option 'log_file': 'x' is not an absolute path",
                   "");
    assert_refused("[core]\nmemory_limit = 1MiB\n",
                   "2: option 'memory_limit': '1MiB' is less than 64MiB", "");
    assert_refused("[core]\nparallel_sources = 17\n",
                   "2: option 'parallel_sources': '17' is not between 1 and 16", "");
    assert_refused("[core]\nhost =\n", "2: option 'host': '' cannot be the name of a host", "");
    assert_refused("[notify]\nmail = x\n", "2: unknown option 'mail' in [notify]", "");
    assert_refused("[sink s]\n", "1: [sink s] lacks the option 'plugin'",
                   "plugin: Name of the sink plugin that stores the objects.");
    assert_refused("[sink s]\nplugin = ../evil\n",
                   "2: option 'plugin': '../evil' is not the name of a plugin", "");
    assert_refused("[sink s]\nplugin = directory\npack_size = 65MiB\n",
                   "3: option 'pack_size': '65MiB' is not between 4MiB and 64MiB", "");
    assert_refused("[sink s]\nplugin = directory\nupload_limit = 10MiB/s, 5MiB/s 8-18\n",
                   "3: option 'upload_limit': '5MiB/s 8-18' is never reached, as the entry before "
                   "it is for the whole day",
                   "write it like this: upload_limit = 10MiB/s; or: upload_limit = 2MiB/s "
                   "08:00-18:00, 20MiB/s");
    assert_refused("[sink s]\nplugin = directory\ndownload_limit = 5MiB/s 8-18\n",
                   "3: option 'download_limit': '5MiB/s 8-18' has times that are not like "
                   "08:00-18:00",
                   "write it like this: download_limit = 10MiB/s; or: download_limit = 2MiB/s "
                   "08:00-18:00, 20MiB/s");
}

static void limits_of_speed_are_read(void **state)
{
    (void)state;
    CLEANUP(conf_freep) struct conf *conf = NULL;
    struct sme_error err = SME_ERROR_INIT;
    unsigned left = 0;
    put("a.ini", "[sink s]\nplugin = directory\nupload_limit = 2MiB/s 08:00-18:00, 20MiB/s\n");
    assert_int_equal(conf_load("conf.d", &conf, &err), SME_OK);
    assert_int_equal(conf->sinks[0].upload.count, 2);
    assert_int_equal(rate_at(&conf->sinks[0].upload, 9 * 3600, &left), 2 * MIB);
    assert_int_equal(rate_at(&conf->sinks[0].upload, 0, &left), 20 * MIB);
    assert_int_equal(rate_at(&conf->sinks[0].download, 0, &left), 0);
}

static void assert_source_refused(const char *line, const char *message)
{
    char text[300];
    (void)snprintf(text, sizeof text,
                   "[sink s]\nplugin = directory\n[source a]\nplugin = filesystem\n%s\n", line);
    struct sme_error err = SME_ERROR_INIT;
    struct conf *conf = NULL;
    char wanted[500];
    put("a.ini", text);
    assert_int_equal(conf_load("conf.d", &conf, &err), SME_E_INVALID);
    (void)snprintf(wanted, sizeof wanted, "%s/conf.d/a.ini:5: option %s", folder, message);
    assert_string_equal(err.message, wanted);
}

static void options_of_sources_are_checked(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"keep_last = -1", "'keep_last': '-1' is not between 0 and 10000"},
        {"compression = 20",
         "'compression': '20' is not one of off, fast, auto or a level from 1 to 19"},
        {"compression = best",
         "'compression': 'best' is not one of off, fast, auto or a level from 1 to 19"},
        {"chunk_size = big", "'chunk_size': 'big' is neither auto nor a size nor MIN/NORMAL/MAX"},
        {"chunk_size = 1M/2M", "'chunk_size': '1M/2M' is neither auto nor a size nor "
                               "MIN/NORMAL/MAX"},
        {"chunk_size = 1K/2K/3K/4K",
         "'chunk_size': '1K/2K/3K/4K' is neither auto nor a size nor MIN/NORMAL/MAX"},
        {"chunk_size = 1KiB",
         "'chunk_size': '1KiB' has a NORMAL that is not a power of two of at least 64KiB"},
        {"chunk_size = 9MiB",
         "'chunk_size': '9MiB' has a NORMAL that is not a power of two of at least 64KiB"},
        {"chunk_size = 4MiB", "'chunk_size': '4MiB' has a MAX above 8MiB"},
        {"chunk_size = 1K/64K/1M", "'chunk_size': '1K/64K/1M' has a MIN below 4KiB"},
        {"chunk_size = 4K/100K/1M",
         "'chunk_size': '4K/100K/1M' has a NORMAL that is not a power of two of at least 64KiB"},
        {"chunk_size = 4K/32K/1M",
         "'chunk_size': '4K/32K/1M' has a NORMAL that is not a power of two of at least 64KiB"},
        {"chunk_size = 4K/64K/9M", "'chunk_size': '4K/64K/9M' has a MAX above 8MiB"},
        {"chunk_size = 64K/64K/1M", "'chunk_size': '64K/64K/1M' is not in ascending order"},
        {"rescan = 101%", "'rescan': '101%' is not between 0% and 100%"},
        {"before = echo 'a", "'before': 'echo 'a' has a quote that is not closed"},
        {"after = echo \"a, b\"", "'after': 'echo \"a' has a quote that is not closed"},
        {"on_failure = \" \"", "'on_failure': ' ' is not a command"},
        {"sink = t", "'sink': there is no sink 't'"},
        {"sink = s, s", "'sink': 's' is named twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_source_refused(cases[i][0], cases[i][1]);
}

static void good_sources_pass(void **state)
{
    (void)state;
    CLEANUP(conf_freep) struct conf *conf = NULL;
    struct sme_error err = SME_ERROR_INIT;
    put("a.ini", "[sink s]\nplugin = directory\n[sink t]\nplugin = directory\n"
                 "[source a]\nplugin = filesystem\nsink = t, s\ncompression = 19\n"
                 "chunk_size = 64KiB/256KiB/1MiB\nrescan = 0.5%\ntimeout = 6h\n"
                 "before = systemctl stop app\n  \"logger \\\"one, two\\\"\"\nuser = nobody\n"
                 "may_change = *.log, /var/tmp/*\n"
                 "[source b]\nplugin = filesystem\nsink = s\ncompression = off\n"
                 "chunk_size = 64KiB\n");
    assert_int_equal(conf_load("conf.d", &conf, &err), SME_OK);
    const struct conf_source *source = &conf->sources[0];
    assert_int_equal(source->sink.count, 2);
    assert_string_equal(source->sink.items[0], "t");
    assert_int_equal(source->before.count, 2);
    assert_string_equal(source->before.items[1], "logger \"one, two\"");
    assert_int_equal(source->timeout, 6 * 3600 * 1000);
    assert_int_equal(source->rescan, 50);
    assert_string_equal(source->user, "nobody");
    assert_int_equal(source->may_change.count, 2);
}

static void sources_need_a_sink(void **state)
{
    (void)state;
    assert_refused("[source a]\nplugin = x\n", "1: there is no sink for [source a]",
                   "add a section [sink NAME]");
    assert_refused("[source a]\nplugin = x\n[sink s]\nplugin = x\n[sink t]\nplugin = x\n",
                   "1: [source a] does not say which of the 2 sinks it goes to",
                   "add a line like: sink = s");
    assert_refused("[sink offsite]\nplugin = x\n[source a]\nplugin = x\nsink = ofsite\n",
                   "5: option 'sink': there is no sink 'ofsite'", "did you mean 'offsite'?");
}

static void sources_and_sinks_are_found_by_name(void **state)
{
    (void)state;
    CLEANUP(conf_freep) struct conf *conf = NULL;
    CLEANUP(conf_freep) struct conf *empty = NULL;
    struct sme_error err = SME_ERROR_INIT;
    const struct conf_source *source = NULL;
    const struct conf_sink *sink = NULL;
    put("a.ini", "[sink s]\nplugin = x\n[sink t]\nplugin = x\n[source documents]\nplugin = x\n"
                 "sink = s\n[source photos]\nplugin = x\nsink = t\n");
    assert_int_equal(conf_load("conf.d", &conf, &err), SME_OK);
    assert_int_equal(conf_source(conf, "photos", &source, &err), SME_OK);
    assert_ptr_equal(source, &conf->sources[1]);
    assert_int_equal(conf_source(conf, "fotos", &source, &err), SME_E_INVALID);
    assert_string_equal(err.message, "there is no source 'fotos'");
    assert_string_equal(err.hint, "did you mean 'photos'?");
    assert_int_equal(conf_source(conf, "x\x1b", &source, &err), SME_E_INVALID);
    assert_string_equal(err.message, "there is no source 'x\\x1b'");
    assert_string_equal(err.hint, "configured: documents, photos");
    assert_ptr_equal(source, &conf->sources[1]);
    assert_int_equal(conf_sink(conf, "t", &sink, &err), SME_OK);
    assert_string_equal(sink->name, "t");
    assert_int_equal(conf_sink(conf, NULL, &sink, &err), SME_E_INVALID);
    assert_string_equal(err.message, "there is more than one sink: s, t");
    assert_string_equal(err.hint, "");

    put("a.ini", "[core]\n");
    assert_int_equal(conf_load("conf.d", &empty, &err), SME_OK);
    assert_int_equal(conf_sink(empty, NULL, &sink, &err), SME_E_INVALID);
    assert_non_null(strstr(err.message, "there is no sink in '"));
    assert_int_equal(conf_source(empty, "x", &source, &err), SME_E_INVALID);
    assert_string_equal(err.hint, "the configuration has no section [source NAME]");
}

static void many_names_are_cut(void **state)
{
    (void)state;
    CLEANUP(conf_freep) struct conf *conf = NULL;
    CLEANUP(buf_free) struct buf text = BUF_INIT(100000);
    struct sme_error err = SME_ERROR_INIT;
    const struct conf_sink *sink = NULL;
    for (int i = 0; i < 100; i++)
        buf_add_fmt(&text, "[sink long-name-%d]\nplugin = x\n", i);
    put("a.ini", buf_text(&text));
    assert_int_equal(conf_load("conf.d", &conf, &err), SME_OK);
    assert_int_equal(conf_sink(conf, "zzz", &sink, &err), SME_E_INVALID);
    assert_true(str_starts(err.hint, "configured: long-name-0, long-name-1, "));
    assert_string_equal(err.hint + strlen(err.hint) - 5, ", ...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_are_sound),
        cmocka_unit_test_setup_teardown(files_are_read_in_the_order_of_their_names, enter, leave),
        cmocka_unit_test_setup_teardown(defaults_are_as_documented, enter, leave),
        cmocka_unit_test_setup_teardown(users_have_places_of_their_own, enter, leave),
        cmocka_unit_test_setup_teardown(a_single_file_is_enough, enter, leave),
        cmocka_unit_test_setup_teardown(missing_and_empty_configurations_have_a_hint, enter, leave),
        cmocka_unit_test_setup_teardown(what_others_can_write_is_refused, enter, leave),
        cmocka_unit_test_setup_teardown(sections_must_be_known_and_named, enter, leave),
        cmocka_unit_test_setup_teardown(names_must_fit_object_names, enter, leave),
        cmocka_unit_test_setup_teardown(sections_appear_once_in_all_files, enter, leave),
        cmocka_unit_test_setup_teardown(options_of_the_core_are_checked, enter, leave),
        cmocka_unit_test_setup_teardown(limits_of_speed_are_read, enter, leave),
        cmocka_unit_test_setup_teardown(options_of_sources_are_checked, enter, leave),
        cmocka_unit_test_setup_teardown(good_sources_pass, enter, leave),
        cmocka_unit_test_setup_teardown(sources_need_a_sink, enter, leave),
        cmocka_unit_test_setup_teardown(sources_and_sinks_are_found_by_name, enter, leave),
        cmocka_unit_test_setup_teardown(many_names_are_cut, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * "init": keys, key file, repository, recovery kit.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Order: kit file, key file, place, descriptor.  A crash in between leaves at worst a key that
 * opens nothing; nothing is ever stored under a key that is not kept.
 */
#include "../base/buf.h"
#include "../base/cleanup.h"
#include "../base/fileio.h"
#include "../base/hex.h"
#include "../base/limits.h"
#include "../base/str.h"
#include "../repo/objkey.h"
#include "../run/access.h"
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct init {
    struct cli *cli;
    const struct conf_sink *sink;
    struct access access;
    struct keyring keys;
    bool write_only;
    const char *kit_path;
    struct buf kit;      /* empty: there is none (--use-key with a write-only key) */
    struct buf key_file; /* empty: it is there already */
    bool key_is_new, kit_is_new;
};

static void init_done(struct init *init)
{
    access_close(&init->access);
    keyring_done(&init->keys);
    buf_wipe(&init->kit);
    buf_wipe(&init->key_file);
}

/* ---- before anything is made -------------------------------------------------------------- */

static int check_usage(struct init *init)
{
    struct cli *cli = init->cli;
    const struct args *args = &cli->args;

    init->write_only = args->given[OPT_WRITE_ONLY] > 0;
    init->kit_path = args->value[OPT_KIT];
    if (init->write_only && args->given[OPT_USE_KEY] > 0) {
        return sme_fail(&cli->err, SME_E_INVALID,
                        "--write-only makes new keys and --use-key takes old ones: choose one");
    }
    /* The reader secret would be nowhere. */
    if (init->write_only && init->kit_path == NULL && (cli->json || !cli->out_terminal)) {
        (void)sme_fail(&cli->err, SME_E_INVALID,
                       "--write-only needs --kit FILE: standard output is no terminal, and the "
                       "recovery kit is the only key to the data");
        return error_hint(&cli->err, "keep that file elsewhere, then remove it from this host");
    }
    return SME_OK;
}

/* A repository that is there ends the command; a place that is missing is made later. */
static int check_place(struct init *init)
{
    struct sme_error *err = &init->cli->err;
    struct sme_object object = {.struct_size = sizeof object};

    int status = store_check(init->access.store, err);
    if (status == SME_E_NOT_FOUND || status == SME_E_UNREACHABLE) {
        return SME_OK;
    }
    if (status < 0) {
        return status;
    }
    status = store_stat(init->access.store, OBJKEY_DESCRIPTOR_NAME, &object, err);
    if (status == SME_E_NOT_FOUND) {
        return SME_OK;
    }
    if (status < 0) {
        return status;
    }
    (void)sme_fail(err, SME_E_EXISTS, "sink '%s' holds a repository already", init->sink->name);
    return error_hint(err, "nothing was changed; to use it, put its key file at '%s'",
                      init->sink->key_file);
}

static int get_keys(struct init *init)
{
    const char *path = init->sink->key_file;
    struct sme_error *err = &init->cli->err;
    bool use_key = init->cli->args.given[OPT_USE_KEY] > 0;
    struct stat st;

    if (use_key) {
        return keyring_load(path, &init->keys, err);
    }
    if (lstat(path, &st) == 0) {
        (void)sme_fail(err, SME_E_EXISTS, "key file '%s' exists already", path);
        return error_hint(err, "--use-key makes the repository with that key; or move the file "
                               "away, if you are sure that it opens nothing");
    }
    if (errno != ENOENT && errno != ENOTDIR) {
        return sme_fail_errno(err, SME_E_IO, "cannot look for key file '%s'", path);
    }
    int status = keyring_generate(&init->keys, err);
    if (status == SME_OK) {
        status = keyring_format(&init->keys, init->write_only,
                                "# sme-backup key file: keep it secret, and keep the recovery kit "
                                "elsewhere\n",
                                &init->key_file, err);
    }
    return status;
}

/* ---- the recovery kit --------------------------------------------------------------------- */

static bool is_secret(const struct plugin *plugin, const char *name)
{
    for (uint32_t i = 0; i < plugin->desc.option_count; i++) {
        if (strcmp(plugin->options[i].name, name) == 0) {
            return (plugin->options[i].flags & SME_OPT_SECRET) != 0;
        }
    }
    return false;
}

/* How the sink is configured, as the kit's reader will have to write it again. */
static void add_address(const struct init *init, struct buf *out)
{
    const struct ini_section *section = init->sink->section;
    char shown[512];

    buf_add_fmt(out, "#     [sink %s]\n", init->sink->name);
    for (size_t i = 0; i < section->count; i++) {
        const struct ini_entry *entry = &section->entries[i];
        if (strcmp(entry->name, "key_file") == 0 || is_secret(init->access.plugin, entry->name)) {
            continue;
        }
        buf_add_fmt(out, "#     %s = %s\n", entry->name,
                    str_escape(entry->value, strlen(entry->value), shown, sizeof shown));
    }
    buf_add_fmt(out, "#     key_file = FILE\n");
}

static int make_kit(struct init *init)
{
    CLEANUP(buf_free) struct buf comment = BUF_INIT(LIMIT_KEY_FILE / 2);
    char id[33];

    if (!init->keys.has_reader) {
        return SME_OK;
    }
    hex_encode(init->keys.repository, sizeof init->keys.repository, id);
    buf_add_fmt(&comment,
                "# sme-backup recovery kit\n"
                "#\n"
                "# Repository %s\n"
                "#\n"
                "# With this text and access to the place of the repository everything that\n"
                "# is stored there can be restored, on any host.  Whoever has it can read\n"
                "# everything: keep it like the key of a safe, not on the host itself.\n",
                id);
    if (init->write_only) {
        buf_add_str(&comment,
                    "#\n"
                    "# THE HOST HAS A WRITE-ONLY KEY: WITHOUT THIS KIT NOTHING CAN EVER BE\n"
                    "# RESTORED.  KEEP TWO COPIES.\n");
    }
    buf_add_str(&comment,
                "#\n"
                "# To restore: install sme-backup, save this text as FILE with mode 0600\n"
                "# (a printed kit can be typed in again: every line has a checksum), and\n"
                "# write this section into a file of /etc/sme-backup/conf.d:\n"
                "#\n");
    add_address(init, &comment);
    buf_add_str(&comment, "#\n"
                          "# then:  sme-backup list;  sme-backup restore SOURCE --to DIR\n"
                          "#\n");
    return keyring_format(&init->keys, false, buf_text(&comment), &init->kit, &init->cli->err);
}

static void print_kit(const struct init *init)
{
    (void)fwrite(init->kit.data, 1, init->kit.len, stdout);
}

/* ---- making it ---------------------------------------------------------------------------- */

static int make_parent(const char *path, struct sme_error *err)
{
    CLEANUP(free_ptr) char *folder = strdup(path);
    char *slash = folder != NULL ? strrchr(folder, '/') : NULL;

    if (slash == NULL || slash == folder) {
        return SME_OK;
    }
    *slash = '\0';
    return io_make_dirs(folder, 0700, err);
}

static int make_files(struct init *init)
{
    struct sme_error *err = &init->cli->err;
    int status = SME_OK;

    if (init->kit_path != NULL && init->kit.len > 0) {
        status = io_create(init->kit_path, init->kit.data, init->kit.len, 0600, err);
        init->kit_is_new = status == SME_OK;
    } else if (init->write_only) {
        print_kit(init);
        if (fflush(stdout) != 0 || ferror(stdout)) {
            status = sme_fail(err, SME_E_IO, "the recovery kit could not be printed");
        }
    }
    if (status < 0) {
        return error_context(err, "cannot keep the recovery kit, so nothing was made");
    }
    if (init->key_file.len > 0) {
        status = make_parent(init->sink->key_file, err);
        if (status == SME_OK) {
            status =
                io_create(init->sink->key_file, init->key_file.data, init->key_file.len, 0600, err);
            init->key_is_new = status == SME_OK;
        }
    }
    return status;
}

/* Take back the files, unless the repository may exist after all: a put can succeed although its
 * answer was lost. */
static void take_back(struct init *init)
{
    struct sme_object object = {.struct_size = sizeof object};
    struct sme_error ignored = SME_ERROR_INIT;
    struct sme_error *err = &init->cli->err;
    bool certain = err->status == SME_E_EXISTS ||
                   store_check(init->access.store, &ignored) == SME_E_NOT_FOUND ||
                   store_stat(init->access.store, OBJKEY_DESCRIPTOR_NAME, &object, &ignored) ==
                       SME_E_NOT_FOUND;

    if (!init->key_is_new && !init->kit_is_new) {
        return;
    }
    if (!certain) {
        (void)error_hint(err, "the key file was kept; try again with --use-key");
        return;
    }
    if (init->key_is_new) {
        (void)unlink(init->sink->key_file);
    }
    if (init->kit_is_new) {
        (void)unlink(init->kit_path);
    }
}

static int make_repository(struct init *init)
{
    struct sme_error *err = &init->cli->err;

    int status = store_prepare(init->access.store, err);
    if (status == SME_OK) {
        status = repo_init(init->access.store, &init->keys, err);
    }
    return status;
}

/* ---- the answer --------------------------------------------------------------------------- */

static enum exit_code answer_json(const struct init *init, bool dry_run)
{
    char id[33];
    json_t *document = json_object();

    hex_encode(init->keys.repository, sizeof init->keys.repository, id);
    json_add_text(document, "sink", init->sink->name);
    (void)json_object_set_new(document, "dry_run", json_boolean(dry_run));
    /* A dry run throws its keys away. */
    json_add_text(document, "repository", dry_run && init->key_file.len > 0 ? NULL : id);
    json_add_text(document, "key_file", init->sink->key_file);
    (void)json_object_set_new(document, "write_only",
                              json_boolean(init->write_only || !init->keys.has_reader));
    json_add_text(document, "kit", init->kit_is_new ? init->kit_path : NULL);
    return cli_print_json(init->cli, document);
}

/* Where the kit goes to standard output it is all that goes there, so that a file made of it is a
 * key file. */
static void answer_text(const struct init *init)
{
    bool kit_printed = init->kit_path == NULL && init->kit.len > 0;
    FILE *out = kit_printed ? stderr : stdout;
    char id[33];

    if (kit_printed && !init->write_only) {
        print_kit(init);
        (void)fflush(stdout);
    }
    if (init->cli->quiet || (kit_printed && !init->cli->out_terminal)) {
        return;
    }
    hex_encode(init->keys.repository, sizeof init->keys.repository, id);
    (void)fprintf(out, "%sRepository %s is ready in sink '%s'.\n", kit_printed ? "\n" : "", id,
                  init->sink->name);
    (void)fprintf(out, "Key file: %s%s\n", init->sink->key_file,
                  init->keys.has_reader && !init->write_only ? "" : " (write-only)");
    if (init->kit_is_new) {
        (void)fprintf(out, "Recovery kit: %s -- move it off this host, and print it.\n",
                      init->kit_path);
    } else if (kit_printed) {
        (void)fprintf(out, "Recovery kit: the text above -- keep it elsewhere, for instance on "
                           "paper.\n");
    } else {
        (void)fprintf(out, "Recovery kit: the one that was made with this write-only key.\n");
    }
    if (init->write_only) {
        (void)fprintf(out, "This host cannot restore: whoever loses the recovery kit has lost the "
                           "data.\n");
    }
    if (init->access.plugin->sink.setup != NULL) {
        (void)fprintf(out, "Next: 'sme-backup setup' protects the place, 'sme-backup doctor' tells "
                           "what is missing.\n");
    }
}

static enum exit_code say_dry_run(const struct init *init)
{
    if (init->cli->json) {
        return answer_json(init, true);
    }
    (void)printf("Would make a repository in sink '%s' with %s key file '%s'%s.\n",
                 init->sink->name, init->key_file.len > 0 ? "the new" : "the existing",
                 init->sink->key_file, init->write_only ? " (write-only)" : "");
    if (init->kit_path != NULL && init->kit.len > 0) {
        (void)printf("Would write the recovery kit to '%s'.\n", init->kit_path);
    }
    return EXIT_DONE;
}

enum exit_code cmd_init(struct cli *cli)
{
    CLEANUP(init_done)
    struct init init = {
        .cli = cli, .kit = BUF_INIT(LIMIT_KEY_FILE), .key_file = BUF_INIT(LIMIT_KEY_FILE)};
    const char *name = cli->args.word_count > 0 ? cli->args.words[0] : NULL;

    if (check_usage(&init) < 0 || cli_load_conf(cli) < 0 ||
        conf_sink(cli->conf, name, &init.sink, &cli->err) < 0 ||
        access_place(cli->conf, init.sink, &init.access, &cli->err) < 0 || check_place(&init) < 0 ||
        get_keys(&init) < 0 || make_kit(&init) < 0) {
        return cli_fail(cli);
    }
    if (cli->args.given[OPT_DRY_RUN] > 0) {
        return say_dry_run(&init);
    }
    if (make_files(&init) < 0 || make_repository(&init) < 0) {
        take_back(&init);
        return cli_fail(cli);
    }
    if (cli->json) {
        return answer_json(&init, false);
    }
    answer_text(&init);
    return EXIT_DONE;
}

/*
 * "plugin new": a plugin to begin with, as files in a new folder.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "cmd_plugin_new.h"

#include "../base/buf.h"
#include "../base/cleanup.h"
#include "../base/fileio.h"
#include "../base/str.h"
#include "../plugin/plugin_dirs.h"

#include <dirent.h>
#include <string.h>

#define TEXT_MAX (64u * 1024)

static void close_dir(DIR **dir)
{
    if (*dir != NULL) {
        (void)closedir(*dir);
    }
}

/* ---- is it possible? ---------------------------------------------------------------------- */

static int check_name(const char *name, struct sme_error *err)
{
    static const char *const taken[] = {"core", "sink", "source"};
    CLEANUP(free_ptr) char *file = str_format("%s.so", name);
    CLEANUP(free_ptr) char *understood = NULL;
    struct sme_error ignored = SME_ERROR_INIT;
    char shown[128];

    if (file == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for a name");
    }
    if (strchr(name, '/') != NULL || plugin_name_of_file(file, &understood, &ignored) < 0) {
        (void)sme_fail(err, SME_E_INVALID, "'%s' cannot be the name of a plugin",
                       str_escape(name, strlen(name), shown, sizeof shown));
        return error_hint(err, "a name has lower-case letters, digits and '-', at most 64, and "
                               "does not begin with '-'");
    }
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (strcmp(name, taken[i]) == 0) {
            return sme_fail(err, SME_E_INVALID,
                            "'%s' cannot be the name of a plugin: 'plugin describe %s' means "
                            "something else",
                            name, name);
        }
    }
    return SME_OK;
}

static int check_empty(const char *path, struct sme_error *err)
{
    CLEANUP(close_dir) DIR *dir = opendir(path);

    if (dir == NULL) {
        return errno == ENOENT ? SME_OK : error_errno(err, "cannot use the folder '%s'", path);
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)sme_fail(err, SME_E_EXISTS, "the folder '%s' is not empty: it has '%s'", path,
                           entry->d_name);
            return error_hint(err, "name another one with --dir; nothing was written");
        }
    }
    return SME_OK;
}

/* ---- writing ------------------------------------------------------------------------------ */

/* ${text} with the two names in it. */
static int fill_in(const char *text, const char *name, const char *kind, struct buf *out,
                   struct sme_error *err)
{
    while (*text != '\0') {
        bool is_name = strncmp(text, "@NAME@", 6) == 0;
        bool is_kind = strncmp(text, "@KIND@", 6) == 0;
        const char *value = is_name ? name : kind;
        size_t plain = strcspn(text + 1, "@") + 1;

        if (is_name || is_kind) {
            buf_add(out, value, strlen(value));
            text += 6;
        } else {
            buf_add(out, text, plain);
            text += plain;
        }
    }
    return out->bad ? sme_fail(err, SME_E_NO_MEMORY, "no memory for a file") : SME_OK;
}

static int write_one(const struct plugin_template *template, const char *name, const char *kind,
                     const char *dir, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf path = BUF_INIT(TEXT_MAX);
    CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    CLEANUP(free_ptr) char *whole = NULL;

    int status = fill_in(template->path, name, kind, &path, err);
    if (status == SME_OK) {
        status = fill_in(template->text, name, kind, &text, err);
    }
    if (status < 0) {
        return status;
    }
    whole = str_format("%s/%.*s", dir, (int)path.len, (const char *)path.data);
    if (whole == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for a name");
    }
    return io_create(whole, text.data, text.len, template->mode, err);
}

int plugin_new_write(const char *name, bool is_sink, const char *dir, struct sme_error *err)
{
    const struct plugin_template *const tables[] = {is_sink ? plugin_new_sink : plugin_new_source,
                                                    plugin_new_common};

    int status = check_name(name, err);
    if (status == SME_OK) {
        status = check_empty(dir, err);
    }
    if (status == SME_OK) {
        status = io_make_dirs(dir, 0755, err);
    }
    for (size_t i = 0; i < 2; i++) {
        for (const struct plugin_template *t = tables[i]; t->path != NULL && status == SME_OK;
             t++) {
            status = write_one(t, name, is_sink ? "sink" : "source", dir, err);
        }
    }
    return status;
}

enum exit_code cmd_plugin_new(struct cli *cli)
{
    const char *name = cli->args.words[1];
    const char *kind = cli->args.value[OPT_KIND] != NULL ? cli->args.value[OPT_KIND] : "source";
    const char *dir = cli->args.value[OPT_DIR] != NULL ? cli->args.value[OPT_DIR] : name;
    bool is_sink = strcmp(kind, "sink") == 0;

    if (!is_sink && strcmp(kind, "source") != 0) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "there is no kind '%s' of plugins", kind);
        (void)error_hint(&cli->err, "it is --kind source or --kind sink");
        return cli_fail(cli);
    }
    if (plugin_new_write(name, is_sink, dir, &cli->err) < 0) {
        return cli_fail(cli);
    }
    if (cli->json) {
        return cli_print_json(
            cli, json_pack("{s:s, s:s, s:s}", "plugin", name, "kind", kind, "folder", dir));
    }
    if (!cli->quiet) {
        (void)printf("%s '%s' is in %s; next: make -C %s check\n", kind, name, dir, dir);
    }
    return EXIT_DONE;
}

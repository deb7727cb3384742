/*
 * One directory sink on a scratch folder.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "dirrig.h"
#include "tree.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

static void module_path(char out[PATH_MAX])
{
    const char *build = getenv("SME_TEST_BUILDDIR");

    assert_true(snprintf(out, PATH_MAX, "%s/sinks/directory.so", build != NULL ? build : ".") <
                PATH_MAX);
}

bool dirrig_is_built(void)
{
    char module[PATH_MAX];

    module_path(module);
    return access(module, F_OK) == 0;
}

const struct sme_sink_ops *dirrig_ops(const struct dirrig *rig)
{
    return &rig->plugin->sink;
}

void *dirrig_handle(const struct dirrig *rig)
{
    return rig->suite.sink->handle;
}

struct instance *dirrig_instance(struct dirrig *rig, const char *direct)
{
    struct ini_doc doc = {0};
    struct sme_error err = SME_ERROR_INIT;
    struct instance *instance = NULL;
    char text[PATH_MAX + 128];

    int len =
        snprintf(text, sizeof text, "[sink test]\npath = %s\ndirect = %s\n", rig->root, direct);
    assert_int_equal(ini_parse_text(&doc, "test.ini", text, (size_t)len, &err), SME_OK);
    if (instance_new(rig->plugin, "test", &doc.sections[0], NULL, 0, NULL, &instance, &err) < 0)
        fail_msg("%s", err.message);
    ini_free(&doc);
    instance->host = rig->fake.host;
    if (instance_open(instance, &err) < 0)
        fail_msg("%s", err.message);
    return instance;
}

void dirrig_reopen(struct dirrig *rig, const char *direct)
{
    instance_free(rig->suite.sink);
    rig->suite.sink = dirrig_instance(rig, direct);
}

int dirrig_set_up_missing(void **state)
{
    struct dirrig *rig = calloc(1, sizeof *rig);
    struct sme_error err = SME_ERROR_INIT;
    char module[PATH_MAX];

    assert_non_null(rig);
    module_path(module);
    fakehost_init(&rig->fake, "test");
    rig->scratch = tree_new();
    assert_non_null(rig->scratch);
    (void)chmod(rig->scratch, 0755);
    (void)snprintf(rig->root, sizeof rig->root, "%s/repo", rig->scratch);
    if (plugin_load_file(module, PLUGIN_SINK, &rig->plugin, &err) < 0)
        fail_msg("%s", err.message);
    rig->suite.sink = dirrig_instance(rig, "auto");
    *state = rig;
    return 0;
}

int dirrig_set_up(void **state)
{
    (void)dirrig_set_up_missing(state);
    struct dirrig *rig = *state;
    struct sme_error err = SME_ERROR_INIT;

    if (dirrig_ops(rig)->prepare(dirrig_handle(rig), &err) < 0)
        fail_msg("%s", err.message);
    return 0;
}

int dirrig_tear_down(void **state)
{
    struct dirrig *rig = *state;

    if (geteuid() != getuid())
        (void)!seteuid(getuid());
    instance_free(rig->suite.sink);
    plugin_unload(rig->plugin);
    tree_remove(rig->scratch);
    free(rig->scratch);
    fakehost_done(&rig->fake);
    free(rig);
    return 0;
}

void dirrig_path(const struct dirrig *rig, const char *name, char out[PATH_MAX])
{
    assert_true(snprintf(out, PATH_MAX, "%s/%s", rig->root, name) < PATH_MAX);
}

mode_t dirrig_mode(const struct dirrig *rig, const char *name)
{
    char path[PATH_MAX];
    struct stat st;

    dirrig_path(rig, name, path);
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

bool dirrig_exists(const struct dirrig *rig, const char *name)
{
    char path[PATH_MAX];
    struct stat st;

    dirrig_path(rig, name, path);
    return lstat(path, &st) == 0;
}

unsigned dirrig_temporaries(const struct dirrig *rig)
{
    char path[PATH_MAX];
    unsigned count = 0;

    dirrig_path(rig, ".tmp", path);
    DIR *dir = opendir(path);
    while (dir != NULL) {
        const struct dirent *entry = readdir(dir);
        if (entry == NULL)
            break;
        if (entry->d_name[0] != '.')
            count++;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return count;
}

bool dirrig_says(const struct sme_error *err, const char *text)
{
    if (strstr(err->message, text) == NULL && strstr(err->hint, text) == NULL) {
        print_error("'%s' (%s) lacks '%s'\n", err->message, err->hint, text);
        return false;
    }
    return true;
}

int dirrig_put(struct dirrig *rig, const char *key, const char *text, struct sme_error *err)
{
    return sink_put(rig->suite.sink, key, text, strlen(text), SME_PUT_CREATE_ONLY, err);
}

void dirrig_become_nobody(struct dirrig *rig)
{
    if (geteuid() != 0)
        return;
    if (chown(rig->scratch, NOBODY, (gid_t)-1) < 0 || chown(rig->root, NOBODY, (gid_t)-1) < 0 ||
        seteuid(NOBODY) < 0)
        skip();
    if (access(rig->root, F_OK) < 0 || euidaccess(rig->root, W_OK) < 0) {
        (void)!seteuid(0);
        skip();
    }
}

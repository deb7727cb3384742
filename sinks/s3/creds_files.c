/*
 * Credentials that do not change: environment and shared credentials file.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "creds_files.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (256u << 10)
#define BLANKS " \t\r"

/* What a profile says; pointers into the text of the file. */
struct profile {
    bool found;
    const char *access, *secret, *token;
    const char *other; /* a way to get keys that is not ours */
};

/* ---- environment -------------------------------------------------------------------------- */

const char *creds_env(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

int creds_read_env(struct s3_keys *keys, struct sme_error *err)
{
    const char *access = creds_env("AWS_ACCESS_KEY_ID");
    const char *secret = creds_env("AWS_SECRET_ACCESS_KEY");

    if (access == NULL && secret == NULL)
        return sme_fail(err, SME_E_NOT_FOUND, "no keys in the environment");
    if (access == NULL || secret == NULL) {
        const char *missing = access == NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY";
        const char *set = access == NULL ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID";
        (void)sme_fail(err, SME_E_INVALID, "'%s' is in the environment, but '%s' is not", set,
                       missing);
        creds_hint(err, "set both, or none to use another kind of credentials");
        return SME_E_INVALID;
    }
    return creds_set_keys(keys, access, secret, creds_env("AWS_SESSION_TOKEN"), "the environment",
                          err);
}

/* ---- reading a file ----------------------------------------------------------------------- */

static ssize_t read_fd(int fd, char *out, size_t size)
{
    size_t len = 0;

    for (;;) {
        ssize_t got = read(fd, out + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        len += (size_t)got;
        if (len == size) {
            errno = EFBIG;
            return -1;
        }
        if (got == 0)
            break;
    }
    if (memchr(out, '\0', len) != NULL) {
        errno = EINVAL;
        return -1;
    }
    out[len] = '\0';
    return (ssize_t)len;
}

ssize_t creds_load(const char *path, char *out, size_t size, mode_t *ret_mode)
{
    struct stat st;
    ssize_t len = -1;
    /* Without waiting: somebody might have put a FIFO there. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0) {
        if (S_ISREG(st.st_mode))
            len = read_fd(fd, out, size);
        else
            errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    }
    int saved = errno;
    (void)close(fd);
    if (len < 0)
        OPENSSL_cleanse(out, size);
    else if (ret_mode != NULL)
        *ret_mode = st.st_mode;
    errno = saved;
    return len;
}

/* ---- parsing ------------------------------------------------------------------------------ */

static char *trim(char *text)
{
    text += strspn(text, BLANKS);
    for (size_t len = strlen(text); len > 0 && strchr(BLANKS, text[len - 1]) != NULL;)
        text[--len] = '\0';
    return text;
}

/* "[name]"; in the configuration file "[profile name]", but for "[default]". */
static bool is_section(char *line, const char *profile, bool is_config)
{
    char *end = strchr(line, ']');

    if (end == NULL)
        return false;
    *end = '\0';
    char *name = trim(line + 1);
    if (is_config && strcmp(profile, "default") != 0) {
        if (strncmp(name, "profile", 7) != 0 || name[7] == '\0' || strchr(BLANKS, name[7]) == NULL)
            return false;
        name = trim(name + 7);
    }
    return strcmp(name, profile) == 0;
}

static void take_setting(struct profile *profile, const char *name, const char *value)
{
    static const char *const others[] = {"role_arn", "credential_process", "sso_session",
                                         "sso_start_url", "login_session"};

    if (strcmp(name, "aws_access_key_id") == 0)
        profile->access = value;
    else if (strcmp(name, "aws_secret_access_key") == 0)
        profile->secret = value;
    else if (strcmp(name, "aws_session_token") == 0)
        profile->token = value;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(name, others[i]) == 0)
            profile->other = others[i];
    }
}

static void parse(char *text, const char *name, bool is_config, struct profile *profile)
{
    bool inside = false, nested = false;
    char *rest = text;

    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        /* Below a name without a value, indented lines are settings of something else. */
        bool indented = line[0] == ' ' || line[0] == '\t';
        line = trim(line);
        if (line[0] == '\0' || line[0] == '#' || line[0] == ';' || (indented && nested))
            continue;
        if (line[0] == '[') {
            inside = is_section(line, name, is_config);
            profile->found = profile->found || inside;
            nested = false;
            continue;
        }
        char *equals = strchr(line, '=');
        if (equals == NULL)
            continue;
        *equals = '\0';
        char *value = trim(equals + 1);
        nested = value[0] == '\0';
        if (inside && !nested)
            take_setting(profile, trim(line), value);
    }
}

/* ---- the shared file ---------------------------------------------------------------------- */

static void warn_if_open(const struct sme_host *host, const char *path, mode_t mode)
{
    if ((mode & (S_IRWXG | S_IRWXO)) != 0)
        host->log(host, SME_LOG_WARNING,
                  "credentials file '%s' can be read by others (mode %03o): chmod 600 it", path,
                  (unsigned)(mode & 0777));
}

static int fail_profile(const struct creds_file *file, const char *what, struct sme_error *err)
{
    (void)sme_fail(err, SME_E_INVALID, "profile '%s' in '%s' %s", file->profile, file->path, what);
    creds_hint(err, "it needs aws_access_key_id and aws_secret_access_key");
    return SME_E_INVALID;
}

static int take_profile(const struct creds_file *file, const struct profile *profile,
                        struct s3_keys *keys, struct sme_error *err)
{
    char from[700];

    if (profile->access == NULL && profile->secret == NULL) {
        if (profile->other == NULL)
            return sme_fail(err, SME_E_NOT_FOUND, "no keys");
        (void)sme_fail(err, SME_E_UNSUPPORTED,
                       "profile '%s' in '%s' gets its keys by '%s', which is not supported",
                       file->profile, file->path, profile->other);
        creds_hint(err, "use a profile with keys, or remove it to use the instance's role");
        return SME_E_UNSUPPORTED;
    }
    if (profile->access == NULL)
        return fail_profile(file, "has no aws_access_key_id", err);
    if (profile->secret == NULL)
        return fail_profile(file, "has no aws_secret_access_key", err);
    (void)snprintf(from, sizeof from, "profile '%s' in '%s'", file->profile, file->path);
    return creds_set_keys(keys, profile->access, profile->secret, profile->token, from, err);
}

/* SME_E_NOT_FOUND: the file is not there, or has no such profile, or no keys in it; state says
 * which. */
static int read_one(const struct sme_host *host, struct creds_file *file, bool is_config,
                    bool *ret_found, struct s3_keys *keys, struct sme_error *err)
{
    struct profile profile = {0};
    mode_t mode = 0;
    char *text = malloc(FILE_MAX);
    int status;

    if (text == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for '%s'", file->path);
    ssize_t len = creds_load(file->path, text, FILE_MAX, &mode);
    if (len < 0) {
        status = errno == EACCES || errno == EPERM ? SME_E_DENIED : SME_E_NOT_FOUND;
        if (errno != ENOENT && errno != ENOTDIR && status != SME_E_DENIED)
            status = SME_E_INVALID;
        (void)sme_fail_errno(err, status, "cannot read credentials file '%s'", file->path);
        creds_hint(err,
                   "it must be a file of less than %u KiB that the user who runs sme-backup can "
                   "read",
                   FILE_MAX >> 10);
        (void)snprintf(file->state, sizeof file->state, "%s",
                       status == SME_E_NOT_FOUND ? "is not there" : "cannot be read");
    } else {
        parse(text, file->profile, is_config, &profile);
        status = take_profile(file, &profile, keys, err);
        (void)snprintf(file->state, sizeof file->state, "%s",
                       profile.found ? "has no keys" : "has no such profile");
        if (status == SME_OK)
            warn_if_open(host, file->path, mode);
    }
    *ret_found = profile.found;
    OPENSSL_cleanse(text, FILE_MAX);
    free(text);
    return status;
}

static bool find_home(char *out, size_t size)
{
    const char *home = creds_env("HOME");
    struct passwd entry, *found = NULL;
    char names[4096];

    /* System services often have no HOME. */
    if (home == NULL && getpwuid_r(geteuid(), &entry, names, sizeof names, &found) == 0 &&
        found != NULL)
        home = entry.pw_dir;
    return home != NULL && home[0] == '/' && (size_t)snprintf(out, size, "%s", home) < size;
}

/* The path of option, variable or ${name} in the home directory; false: there is none. */
static bool find_path(char *out, size_t size, const char *option, const char *variable,
                      const char *name)
{
    char home[400];
    const char *path = option != NULL ? option : creds_env(variable);

    out[0] = '\0';
    if (path == NULL) {
        if (!find_home(home, sizeof home))
            return false;
        return (size_t)snprintf(out, size, "%s/.aws/%s", home, name) < size;
    }
    if ((size_t)snprintf(out, size, "%s", path) < size)
        return true;
    out[0] = '\0';
    return false;
}

bool creds_file_is_option(const struct s3_config *config)
{
    return config->profile != NULL || config->credentials_file != NULL;
}

static int fail_configured(const struct creds_file *file, int status, struct sme_error *err)
{
    if (status != SME_E_NOT_FOUND)
        return status;
    (void)sme_fail(err, SME_E_INVALID, "no credentials of profile '%s': '%s' %s", file->profile,
                   file->path, file->state);
    creds_hint(err, "check 'profile' and 'credentials_file', or AWS_PROFILE and "
                    "AWS_SHARED_CREDENTIALS_FILE; the user that runs sme-backup counts");
    return SME_E_INVALID;
}

int creds_read_file(const struct sme_host *host, const struct s3_config *config,
                    struct creds_file *ret_file, struct s3_keys *keys, struct sme_error *err)
{
    struct creds_file file = {.state = "has no path: there is no home directory"};
    struct creds_file other;
    bool configured = creds_file_is_option(config) || creds_env("AWS_PROFILE") != NULL ||
                      creds_env("AWS_SHARED_CREDENTIALS_FILE") != NULL;
    const char *profile = config->profile != NULL ? config->profile : creds_env("AWS_PROFILE");
    bool found = false, found_there = false;
    int status = SME_E_NOT_FOUND;

    if (profile == NULL)
        profile = "default";
    if ((size_t)snprintf(file.profile, sizeof file.profile, "%s", profile) >= sizeof file.profile)
        return creds_fail(err, SME_E_INVALID, "check 'profile' or AWS_PROFILE",
                          "the name of profile '%.40s...' is too long", profile);
    if (find_path(file.path, sizeof file.path, config->credentials_file,
                  "AWS_SHARED_CREDENTIALS_FILE", "credentials"))
        status = read_one(host, &file, false, &found, keys, err);
    /* Keys may stand in the configuration file as well; not if one file was named. */
    other = file;
    if (status == SME_E_NOT_FOUND && config->credentials_file == NULL &&
        find_path(other.path, sizeof other.path, NULL, "AWS_CONFIG_FILE", "config")) {
        status = read_one(host, &other, true, &found_there, keys, err);
        if (status != SME_E_NOT_FOUND || (found_there && !found))
            file = other;
    }
    if (status == SME_E_DENIED && !configured) {
        host->log(host, SME_LOG_WARNING, "credentials file '%s' cannot be read and is left out",
                  file.path);
        status = SME_E_NOT_FOUND;
    }
    *ret_file = file;
    if (configured && status < 0)
        return fail_configured(&file, status, err);
    return status;
}

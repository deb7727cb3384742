/*
 * Physical backups: the files of a cluster, out of the stream that the server sends.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "physical.h"

#include "basebackup.h"
#include "crc32c.h"
#include "manifest.h"
#include "server_internal.h"
#include "tar.h"

#include <stdlib.h>
#include <unistd.h>

#define PATH_BYTES 600
#define EXTRAS_MAX 6

enum stage {
    STAGE_TOP,         /* the folder "data" is due            */
    STAGE_TABLESPACES, /* folders of the tablespaces are due  */
    STAGE_FILES,
    STAGE_DONE,
};

/* What comes next in the stream. */
enum ahead { AHEAD_UNKNOWN, AHEAD_MEMBER, AHEAD_MANIFEST, AHEAD_END };

struct physical {
    const struct server *server;
    PGconn *conn;
    struct bb_slot slot;
    struct basebackup backup;
    bool has_backup;
    struct manifest *manifest;
    struct tar tar;
    enum stage stage;
    size_t next_tablespace; /* folder to be yielded: 0 is the one above them */
    bool in_archive;        /* BB_DATA is of a tar archive */
    bool in_manifest;       /* ... of the manifest         */
    bool has_manifest;
    long tablespace;     /* that the archive is of; -1: the data directory */
    const uint8_t *data; /* of the message at hand */
    size_t len;
    int64_t started_sec;
    enum ahead ahead;
    struct tar_member member; /* with AHEAD_MEMBER                        */
    uint32_t uid, gid;        /* of the last member: the server's user    */
    uint32_t mode;            /* of the data directory                    */
    /* the item at hand */
    bool in_file;
    char path[PATH_BYTES];  /* in the snapshot                  */
    char inner[PATH_BYTES]; /* as seen from the data directory  */
    char link[64];
    uint64_t size, left;
    uint32_t crc;
    uint64_t bad_pages; /* warnings so far */
    struct sme_extra extras[EXTRAS_MAX];
    char texts[EXTRAS_MAX][320];
    size_t extra_count;
};

/* ---- warnings ----------------------------------------------------------------------------- */

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Files that the server writes in place, page by page. */
static bool is_paged(const char *inner)
{
    return starts(inner, "base/") || starts(inner, "global/") || starts(inner, "pg_tblspc/");
}

/* The server tells of a page whose checksum is wrong while it sends the file; its words are in any
 * language, so that any warning in the midst of such a file is taken for one. */
static void on_notice(void *argument, const PGresult *result)
{
    struct physical *physical = argument;
    const struct sme_host *host = physical->server->host;
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    text = text != NULL ? text : "";
    if (severity == NULL || strcmp(severity, "WARNING") != 0) {
        host->log(host, SME_LOG_DEBUG, "the server says: %s", text);
        return;
    }
    if (physical->backup.in_copy && physical->in_archive && is_paged(physical->inner) &&
        host->struct_size > offsetof(struct sme_host, problem) && host->problem != NULL) {
        host->problem(host, physical->path, strlen(physical->path), text);
        physical->bad_pages++;
        return;
    }
    host->log(host, SME_LOG_WARNING, "the server says: %s", text);
}

/* ---- begin -------------------------------------------------------------------------------- */

/* The value of a setting; false if the server does not tell. */
static bool show(const struct physical *physical, const char *sql, char *value, size_t size)
{
    struct sme_error ignored = {.struct_size = sizeof ignored};
    PGresult *result = NULL;

    if (server_query(physical->server, physical->conn, sql, 0, NULL, &result, &ignored) < 0) {
        return false;
    }
    bool one = PQntuples(result) == 1 && PQnfields(result) == 1;
    if (one) {
        (void)snprintf(value, size, "%s", PQgetvalue(result, 0, 0));
    }
    PQclear(result);
    return one;
}

static void look_at_settings(struct physical *physical)
{
    const struct server *server = physical->server;
    char value[32];

    if (show(physical, "SHOW data_checksums", value, sizeof value) && strcmp(value, "off") == 0) {
        server->host->log(server->host, SME_LOG_INFO,
                          "the server at %s has no data checksums: damaged pages cannot be seen",
                          server->place);
    }
    if (show(physical, "SHOW data_directory_mode", value, sizeof value) &&
        strcmp(value, "0750") == 0) {
        physical->mode = 0750;
    }
}

static int begin(struct physical *physical, const struct pg_options *options, struct sme_error *err)
{
    const struct server *server = physical->server;

    int status = server_connect(server, NULL, true, &physical->conn, err);
    if (status == SME_OK) {
        look_at_settings(physical);
        status = basebackup_slot(server, &physical->slot, err);
    }
    if (status < 0) {
        return status;
    }
    (void)PQsetNoticeReceiver(physical->conn, on_notice, physical);
    status = basebackup_begin(server, physical->conn, options->checkpoint == PG_CHECKPOINT_FAST,
                              &physical->backup, err);
    physical->has_backup = status == SME_OK;
    return status;
}

int physical_begin(const struct server *server, const struct pg_options *options,
                   struct physical **ret_physical, struct sme_error *err)
{
    struct physical *physical = calloc(1, sizeof *physical);

    if (physical == NULL) {
        return server_no_memory(err);
    }
    physical->server = server;
    physical->started_sec = server->host->realtime_ns(server->host) / 1000000000;
    physical->uid = server->as_user ? server->uid : geteuid();
    physical->gid = server->as_user ? server->gid : getegid();
    physical->mode = 0700;
    physical->manifest = manifest_new();
    int status = physical->manifest != NULL ? begin(physical, options, err) : server_no_memory(err);
    if (status < 0) {
        physical_free(physical);
        return status;
    }
    *ret_physical = physical;
    return SME_OK;
}

void physical_free(struct physical *physical)
{
    if (physical != NULL) {
        if (physical->has_backup) {
            basebackup_done(&physical->backup);
        }
        /* A server that is still sending notices when it cannot. */
        PQfinish(physical->conn);
        basebackup_slot_done(&physical->slot);
        manifest_free(physical->manifest);
        free(physical);
    }
}

/* ---- items -------------------------------------------------------------------------------- */

static void add_extra(struct physical *physical, const char *name, const char *fmt, ...)
    SME_PRINTF(3, 4);
static void add_extra(struct physical *physical, const char *name, const char *fmt, ...)
{
    va_list ap;
    size_t at = physical->extra_count++;

    va_start(ap, fmt);
    (void)vsnprintf(physical->texts[at], sizeof physical->texts[at], fmt, ap);
    va_end(ap);
    physical->extras[at] = (struct sme_extra){name, physical->texts[at]};
}

/* What all items have in common; ${physical->path} is set. */
static void fill(struct physical *physical, uint32_t type, uint32_t mode, struct sme_item *item)
{
    item->type = type;
    item->flags = SME_ITEM_HAS_STAT;
    item->path = physical->path;
    item->path_len = strlen(physical->path);
    item->mode = mode;
    item->nlink = 1;
    item->uid = physical->uid;
    item->gid = physical->gid;
    item->mtime.sec = item->ctime.sec = physical->started_sec;
    item->extras = physical->extras;
    item->extra_count = physical->extra_count;
}

static void yield_top(struct physical *physical, struct sme_item *item)
{
    const struct server *server = physical->server;
    const struct basebackup *backup = &physical->backup;

    (void)snprintf(physical->path, sizeof physical->path, "data");
    add_extra(physical, "pg.version", "%d.%d", server->version / 10000, server->version % 10000);
    if (server->system_identifier != 0) {
        add_extra(physical, "pg.system_identifier", "%llu",
                  (unsigned long long)server->system_identifier);
    }
    add_extra(physical, "pg.start_lsn", "%X/%X", (unsigned)(backup->start >> 32),
              (unsigned)backup->start);
    add_extra(physical, "pg.timeline", "%u", (unsigned)backup->start_timeline);
    fill(physical, SME_ITEM_DIRECTORY, physical->mode, item);
}

/* One that lies in the data directory itself ("in place", for tests of PostgreSQL). */
static bool is_inside(const struct bb_tablespace *tablespace)
{
    return starts(tablespace->location, "pg_tblspc/");
}

/* "tablespaces", then one for each.  False: there are no more. */
static bool yield_tablespace(struct physical *physical, struct sme_item *item)
{
    const struct basebackup *backup = &physical->backup;

    while (physical->next_tablespace > 0 && physical->next_tablespace <= backup->tablespace_count &&
           is_inside(&backup->tablespaces[physical->next_tablespace - 1])) {
        physical->next_tablespace++;
    }
    if (backup->tablespace_count == 0 || physical->next_tablespace > backup->tablespace_count) {
        return false;
    }
    size_t number = physical->next_tablespace++;
    if (number == 0) {
        (void)snprintf(physical->path, sizeof physical->path, "tablespaces");
    } else {
        const struct bb_tablespace *tablespace = &backup->tablespaces[number - 1];
        (void)snprintf(physical->path, sizeof physical->path, "tablespaces/%s", tablespace->oid);
        add_extra(physical, "pg.location", "%s", tablespace->location);
    }
    fill(physical, SME_ITEM_DIRECTORY, physical->mode, item);
    return true;
}

/* Where the member goes: path in the snapshot, and as the manifest calls it. */
static void place(struct physical *physical, const struct tar_member *member)
{
    if (physical->tablespace < 0) {
        (void)snprintf(physical->path, sizeof physical->path, "data/%s", member->name);
        (void)snprintf(physical->inner, sizeof physical->inner, "%s", member->name);
        return;
    }
    const struct bb_tablespace *of = &physical->backup.tablespaces[physical->tablespace];
    (void)snprintf(physical->inner, sizeof physical->inner, "pg_tblspc/%s/%s", of->oid,
                   member->name);
    (void)snprintf(physical->path, sizeof physical->path, "%s/%s/%s",
                   is_inside(of) ? "data/pg_tblspc" : "tablespaces", of->oid, member->name);
}

static int yield_member(struct physical *physical, const struct tar_member *member,
                        struct sme_item *item, struct sme_error *err)
{
    uint32_t type = member->type == '5'   ? SME_ITEM_DIRECTORY
                    : member->type == '2' ? SME_ITEM_SYMLINK
                                          : SME_ITEM_FILE;

    place(physical, member);
    if (type == SME_ITEM_SYMLINK) {
        const char *oid = starts(physical->inner, "pg_tblspc/") ? physical->inner + 10 : "";
        if (oid[0] == '\0' || strspn(oid, "0123456789") != strlen(oid) || strlen(oid) > 11) {
            return sme_fail(err, SME_E_CORRUPT,
                            "the server sent the link '%s', which no cluster has", member->name);
        }
        (void)snprintf(physical->link, sizeof physical->link, "../../tablespaces/%.11s", oid);
        add_extra(physical, "pg.location", "%s", member->link);
    }
    fill(physical, type, type == SME_ITEM_SYMLINK ? 0777 : member->mode, item);
    item->mtime.sec = item->ctime.sec = member->mtime;
    if (type == SME_ITEM_SYMLINK) {
        item->link_target = physical->link;
    }
    if (type == SME_ITEM_FILE) {
        physical->in_file = true;
        physical->size = physical->left = member->size;
        physical->crc = 0;
        item->size = member->size;
        item->flags |= SME_ITEM_STREAM | (is_paged(physical->inner) ? SME_ITEM_FIXED_CHUNKS : 0);
    }
    return 1;
}

static void yield_manifest(struct physical *physical, struct sme_item *item)
{
    physical->in_file = true;
    (void)snprintf(physical->path, sizeof physical->path, "data/backup_manifest");
    fill(physical, SME_ITEM_FILE, physical->mode & 0640, item);
    item->flags |= SME_ITEM_STREAM;
}

/* ---- the stream --------------------------------------------------------------------------- */

static int cut_off(const struct physical *physical, struct sme_error *err)
{
    return sme_fail(err, SME_E_CORRUPT, "the server's archive ends within '%s'",
                    physical->path[0] != '\0' ? physical->path : "data");
}

/* The archive or manifest at hand is over. */
static int end_part(struct physical *physical, struct sme_error *err)
{
    if (physical->in_archive && (physical->in_file || !tar_is_complete(&physical->tar))) {
        return cut_off(physical, err);
    }
    physical->in_archive = false;
    physical->in_manifest = false;
    return SME_OK;
}

/* Everything has arrived: is it what the server says it is? */
static int verify(struct physical *physical, struct sme_error *err)
{
    static const char *const needed[] = {"global/pg_control", "backup_label"};
    const struct basebackup *backup = &physical->backup;
    const struct server *server = physical->server;
    int status = SME_OK;

    if (server->version >= 130000 && !physical->has_manifest) {
        return sme_fail(err, SME_E_CORRUPT, "the server sent no manifest");
    }
    if (physical->has_manifest) {
        status = manifest_finish(physical->manifest, err);
    }
    for (size_t i = 0; i < sizeof needed / sizeof needed[0] && status == SME_OK; i++) {
        if (!manifest_has(physical->manifest, needed[i], NULL)) {
            status = sme_fail(err, SME_E_CORRUPT, "the server did not send '%s'", needed[i]);
        }
    }
    if (status == SME_OK) {
        status = manifest_check_wal(physical->manifest, backup->start, backup->end,
                                    backup->start_timeline, backup->end_timeline, err);
    }
    if (status == SME_OK && backup->checksum_failure && physical->bad_pages == 0) {
        (void)sme_fail(err, SME_E_CORRUPT, "the server at %s reports damaged pages", server->place);
        status = server_hint(err, "see the server's log");
    }
    if (status == SME_OK) {
        server->host->log(server->host, SME_LOG_INFO,
                          "%zu files and the log from %X/%X to %X/%X are what the server says",
                          manifest_count(physical->manifest), (unsigned)(backup->start >> 32),
                          (unsigned)backup->start, (unsigned)(backup->end >> 32),
                          (unsigned)backup->end);
    }
    return status;
}

/* The next piece of an archive or manifest is in ${data}: 1; something else begins or has ended:
 * the event is done, 0 with ${ret_event}. */
static int pull(struct physical *physical, int *ret_event, struct sme_error *err)
{
    long tablespace = -1;
    int event =
        basebackup_next(&physical->backup, &tablespace, &physical->data, &physical->len, err);

    if (event < 0) {
        return event;
    }
    *ret_event = event;
    if (event == BB_DATA) {
        return 1;
    }
    physical->data = NULL;
    physical->len = 0;
    int status = end_part(physical, err);
    if (status < 0) {
        return status;
    }
    if (event == BB_ARCHIVE) {
        tar_init(&physical->tar);
        physical->in_archive = true;
        physical->tablespace = tablespace;
    } else if (event == BB_MANIFEST) {
        physical->in_manifest = true;
        physical->has_manifest = true;
    }
    return 0;
}

/* The file at hand is complete. */
static int end_file(struct physical *physical, struct sme_error *err)
{
    physical->in_file = false;
    return manifest_received(physical->manifest, physical->inner, physical->size, physical->crc,
                             err);
}

/* Content of the file at hand: > 0 bytes at *ret_data; 0 at its end. */
static int64_t take_content(struct physical *physical, size_t most, const uint8_t **ret_data,
                            struct sme_error *err)
{
    struct tar_member member;
    const uint8_t *data = NULL;
    size_t len = 0;
    int event = 0;

    if (physical->left == 0) {
        return end_file(physical, err);
    }
    while (physical->len == 0) {
        int status = pull(physical, &event, err);
        if (status < 0) {
            return status;
        }
        if (status == 0) {
            return cut_off(physical, err);
        }
    }
    size_t input = physical->len < most ? physical->len : most;
    size_t rest = input;
    const uint8_t *at = physical->data;
    int got = tar_next(&physical->tar, &at, &rest, &member, &data, &len, err);
    if (got != TAR_DATA) {
        return got < 0 ? got : cut_off(physical, err);
    }
    physical->data += input - rest;
    physical->len -= input - rest;
    physical->left -= len;
    physical->crc = crc32c_update(physical->crc, data, len);
    *ret_data = data;
    return (int64_t)len;
}

static int64_t take_manifest(struct physical *physical, size_t most, const uint8_t **ret_data,
                             int *ret_event, struct sme_error *err)
{
    while (physical->len == 0) {
        int status = pull(physical, ret_event, err);
        if (status <= 0) {
            physical->in_file = false;
            return status;
        }
    }
    size_t len = physical->len < most ? physical->len : most;
    int status = manifest_feed(physical->manifest, physical->data, len, err);
    if (status < 0) {
        return status;
    }
    *ret_data = physical->data;
    physical->data += len;
    physical->len -= len;
    return (int64_t)len;
}

int64_t physical_read(struct physical *physical, void *buf, size_t len, struct sme_error *err)
{
    const uint8_t *data = NULL;
    int event = 0;

    if (!physical->in_file || len == 0) {
        return 0;
    }
    bool manifest = physical->in_manifest;
    int64_t got = manifest ? take_manifest(physical, len, &data, &event, err)
                           : take_content(physical, len, &data, err);
    if (got > 0) {
        memcpy(buf, data, (size_t)got);
    }
    if (got == 0 && manifest && event == BB_END) {
        int status = verify(physical, err);
        physical->stage = STAGE_DONE;
        return status;
    }
    return got;
}

/* What was not read of the item before. */
static int skip_rest(struct physical *physical, struct sme_error *err)
{
    uint8_t nowhere[16384];

    while (physical->in_file) {
        int64_t got = physical_read(physical, nowhere, sizeof nowhere, err);
        if (got < 0) {
            return (int)got;
        }
    }
    return SME_OK;
}

/* Look for the next member, or the manifest, or the end. */
static int look_ahead(struct physical *physical, struct sme_error *err)
{
    const uint8_t *data = NULL;
    size_t len = 0;

    while (physical->ahead == AHEAD_UNKNOWN) {
        int event = 0;
        if (physical->in_archive && physical->len > 0) {
            event = tar_next(&physical->tar, &physical->data, &physical->len, &physical->member,
                             &data, &len, err);
            physical->ahead = event == TAR_MEMBER ? AHEAD_MEMBER : AHEAD_UNKNOWN;
        } else {
            int status = pull(physical, &event, err);
            if (status < 0 || (status == 1 && !physical->in_archive && physical->len > 0)) {
                return status < 0 ? status
                                  : sme_fail(err, SME_E_CORRUPT,
                                             "the server sent data that belongs to nothing");
            }
            physical->ahead = event == BB_MANIFEST ? AHEAD_MANIFEST
                              : event == BB_END    ? AHEAD_END
                                                   : AHEAD_UNKNOWN;
        }
        if (event < 0) {
            return event;
        }
    }
    if (physical->ahead == AHEAD_MEMBER && physical->member.uid != 0) {
        physical->uid = physical->member.uid;
        physical->gid = physical->member.gid;
    }
    return SME_OK;
}

int physical_next(struct physical *physical, struct sme_item *item, struct sme_error *err)
{
    int status = skip_rest(physical, err);
    if (status < 0 || physical->stage == STAGE_DONE) {
        return status;
    }
    /* Early, because the first member tells who owns the folders. */
    status = look_ahead(physical, err);
    if (status < 0) {
        return status;
    }
    physical->extra_count = 0;
    if (physical->stage == STAGE_TOP) {
        physical->stage = STAGE_TABLESPACES;
        yield_top(physical, item);
        return 1;
    }
    if (physical->stage == STAGE_TABLESPACES && yield_tablespace(physical, item)) {
        return 1;
    }
    physical->stage = STAGE_FILES;
    enum ahead ahead = physical->ahead;
    physical->ahead = AHEAD_UNKNOWN;
    if (ahead == AHEAD_MEMBER) {
        return yield_member(physical, &physical->member, item, err);
    }
    if (ahead == AHEAD_MANIFEST) {
        yield_manifest(physical, item);
        return 1;
    }
    physical->stage = STAGE_DONE;
    return verify(physical, err);
}

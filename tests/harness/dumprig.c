/*
 * Dumps under test: a server with odd databases, and all that is read of them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "dumprig.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct pgrig cluster;
static char scratch[] = "/tmp/sme-test.dump.XXXXXX";

/* ---- helpers ------------------------------------------------------------------------------ */

void dumprig_open_as(struct dumprig *rig, const char *conninfo)
{
    struct sme_error err = FRESH_ERROR;

    if (cluster.dir[0] == '\0') {
        skip(); /* PostgreSQL is not installed */
    }
    memset(rig, 0, sizeof *rig);
    fakehost_init(&rig->fake, "test");
    (void)pthread_mutex_init(&rig->lock, NULL);
    rig->options.jobs = 2;
    rig->options.row_counts = PG_ROWS_EXACT;
    rig->options.lock_wait_ms = 60000;
    if (server_from_conninfo(&rig->fake.host, conninfo, NULL, NULL, NULL, &rig->server, &err) < 0 ||
        server_look(&rig->server, &rig->options, &err) < 0) {
        fail_msg("%s", err.message);
    }
}

void dumprig_open(struct dumprig *rig)
{
    dumprig_open_as(rig, cluster.info);
}

void dumprig_close(struct dumprig *rig)
{
    dump_free(rig->dump);
    server_done(&rig->server);
    fakehost_done(&rig->fake);
    (void)pthread_mutex_destroy(&rig->lock);
}

void dumprig_only(struct dumprig *rig, const char *const *name)
{
    rig->options.databases = (struct sme_list){.count = 1, .items = name};
}

void dumprig_begin(struct dumprig *rig)
{
    struct sme_error err = FRESH_ERROR;

    if (dump_begin(&rig->server, &rig->options, &rig->dump, &err) < 0) {
        fail_msg("%s", err.message);
    }
}

/* The first value of what ${sql} returns, to be freed; "" if there is none. */
char *dumprig_ask(const char *database, const char *sql)
{
    struct dumprig rig;
    struct sme_error err = FRESH_ERROR;
    PGconn *conn = NULL;

    dumprig_open(&rig);
    if (server_connect(&rig.server, database, false, &conn, &err) < 0) {
        fail_msg("%s", err.message);
    }
    PQclear(PQexec(conn, "SET search_path TO public"));
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
    }
    bool has_value = PQntuples(result) > 0 && PQnfields(result) > 0;
    char *value = strdup(has_value ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(conn);
    dumprig_close(&rig);
    assert_non_null(value);
    return value;
}

void dumprig_tell(const char *database, const char *sql)
{
    free(dumprig_ask(database, sql));
}

static void keep(struct dumprig_record *record, const char *data, size_t len)
{
    if (record->room - record->len <= len) {
        record->room = record->room * 2 + len + 1;
        record->data = realloc(record->data, record->room);
        assert_non_null(record->data);
    }
    memcpy(record->data + record->len, data, len);
    record->len += len;
    record->data[record->len] = '\0';
}

void dumprig_read_all(struct dumprig_record *record)
{
    static const size_t len = 256 << 10;
    char *buf = malloc(len);

    assert_non_null(buf);
    do {
        record->status = dump_read(record->rig->dump, record->stream, buf, len, &record->err);
        if (record->status > 0) {
            keep(record, buf, (size_t)record->status);
        }
    } while (record->status > 0);
    free(buf);
}

void dumprig_close_stream(struct dumprig_record *record)
{
    struct dumprig *rig = record->rig;

    (void)pthread_mutex_lock(&rig->lock);
    rig->open -= strcmp(record->part, "facts") != 0;
    (void)pthread_mutex_unlock(&rig->lock);
    dump_close(rig->dump, record->stream);
    record->stream = NULL;
}

static void *reader_main(void *cookie)
{
    dumprig_read_all(cookie);
    dumprig_close_stream(cookie);
    return NULL;
}

static void copy_text(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from);
}

/* 1 and the item in ${record}. */
int dumprig_next(struct dumprig *rig, struct dumprig_record *record, struct sme_error *err)
{
    struct sme_item item = {.struct_size = sizeof item, .dir_fd = -1};
    int status = dump_next(rig->dump, &item, err);

    memset(record, 0, sizeof *record);
    record->rig = rig;
    record->err = FRESH_ERROR;
    if (status <= 0) {
        return status;
    }
    record->folder = item.type == SME_ITEM_DIRECTORY;
    record->stream = item.stream;
    record->mode = item.mode;
    assert_true(item.path_len < sizeof record->path && item.path_len == strlen(item.path));
    copy_text(record->path, sizeof record->path, item.path);
    for (size_t i = 0; i < item.extra_count; i++) {
        const struct sme_extra *extra = &item.extras[i];
        if (strcmp(extra->name, "pg.part") == 0) {
            copy_text(record->part, sizeof record->part, extra->value);
        } else if (strcmp(extra->name, "pg.database") == 0) {
            copy_text(record->database, sizeof record->database, extra->value);
        } else if (strcmp(extra->name, "pg.table") == 0) {
            copy_text(record->table, sizeof record->table, extra->value);
        }
    }
    assert_int_equal(record->folder, record->stream == NULL);
    assert_int_equal(item.flags,
                     SME_ITEM_HAS_STAT | (record->folder ? 0 : (unsigned)SME_ITEM_STREAM));
    if (!record->folder) {
        (void)pthread_mutex_lock(&rig->lock);
        rig->open += strcmp(record->part, "facts") != 0;
        rig->most_open = rig->open > rig->most_open ? rig->open : rig->most_open;
        (void)pthread_mutex_unlock(&rig->lock);
    }
    return 1;
}

/* Everything, each stream read by a thread of its own. */
struct dumprig_result *dumprig_run(struct dumprig *rig)
{
    struct dumprig_result *result = calloc(1, sizeof *result);

    assert_non_null(result);
    result->err = FRESH_ERROR;
    dumprig_begin(rig);
    while ((result->status = dumprig_next(rig, &result->items[result->count], &result->err)) == 1) {
        struct dumprig_record *record = &result->items[result->count++];
        assert_true(result->count < DUMPRIG_RECORDS);
        if (!record->folder) {
            assert_int_equal(pthread_create(&record->thread, NULL, reader_main, record), 0);
        }
    }
    for (size_t i = 0; i < result->count; i++) {
        if (!result->items[i].folder) {
            (void)pthread_join(result->items[i].thread, NULL);
        }
    }
    return result;
}

void dumprig_expect_success(const struct dumprig_result *result)
{
    if (result->status < 0) {
        fail_msg("%s", result->err.message);
    }
    for (size_t i = 0; i < result->count; i++) {
        if (result->items[i].status < 0) {
            fail_msg("%s: %s", result->items[i].path, result->items[i].err.message);
        }
    }
}

void dumprig_result_free(struct dumprig_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        free(result->items[i].data);
    }
    free(result);
}

const struct dumprig_record *dumprig_find(const struct dumprig_result *result, const char *path)
{
    for (size_t i = 0; i < result->count; i++) {
        if (strcmp(result->items[i].path, path) == 0) {
            return &result->items[i];
        }
    }
    fail_msg("'%s' was not yielded", path);
    return NULL;
}

/* What pg_restore says that is in the archive, to be freed. */
static char *list_archive(const struct dumprig *rig, const struct dumprig_record *record)
{
    char path[64], option[] = "--list", *program = NULL, *text = NULL;
    struct sme_error err = FRESH_ERROR;
    size_t len = 0;

    (void)snprintf(path, sizeof path, "%s/archive", scratch);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(record->data, 1, record->len, file), record->len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(server_program(&rig->server, "pg_restore", &program, &err), SME_OK);
    const char *const argv[] = {program, option, path, NULL};
    const char **env = server_environment(&rig->server);
    struct child_spec spec = {.has_stdout = true};
    server_spec(&rig->server, env, &spec);
    spec.argv = argv;
    if (child_output(&spec, 16 << 20, &text, &len, &err) < 0) {
        fail_msg("%s: %s", record->path, err.message);
    }
    free(env);
    free(program);
    return text;
}

bool dumprig_archive_has(const struct dumprig *rig, const struct dumprig_record *record,
                         const char *text)
{
    char *list = list_archive(rig, record);
    bool found = strstr(list, text) != NULL;

    free(list);
    return found;
}

/* Rows of a table in the facts; -1: null; -2: no such table. */
long long dumprig_rows(const struct dumprig_record *record, const char *schema, const char *name)
{
    json_t *facts = json_loads(record->data, 0, NULL);
    long long rows = -2;

    assert_non_null(facts);
    json_t *tables = json_object_get(facts, "tables");
    for (size_t i = 0; i < json_array_size(tables); i++) {
        json_t *table = json_array_get(tables, i);
        if (strcmp(json_string_value(json_object_get(table, "schema")), schema) == 0 &&
            strcmp(json_string_value(json_object_get(table, "name")), name) == 0) {
            json_t *value = json_object_get(table, "rows");
            rows = json_is_null(value) ? -1 : json_integer_value(value);
        }
    }
    json_decref(facts);
    return rows;
}

/* Backends go away a moment after their clients. */
void dumprig_expect_no_sessions(void)
{
    time_t until = time(NULL) + 30;
    bool none = false;

    while (!none && time(NULL) < until) {
        char *count =
            dumprig_ask("postgres", "SELECT count(*) FROM pg_stat_activity WHERE backend_type ="
                                    " 'client backend' AND pid <> pg_backend_pid()");
        none = strcmp(count, "0") == 0;
        free(count);
    }
    assert_true(none);
}

/* A folder of programs in which "pg_dump" is this shell script; $REAL is the real one. */
void dumprig_fake_program(struct dumprig *rig, const char *name, const char *body)
{
    static const char *const names[] = {"pg_dump", "pg_dumpall", "pg_restore"};
    char path[400], target[400];

    (void)snprintf(path, sizeof path, "%s/%s.once", scratch, name);
    (void)rmdir(path);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", scratch, names[i]);
        (void)snprintf(target, sizeof target, "%s/%s", rig->server.bin_dir, names[i]);
        (void)unlink(path);
        if (strcmp(names[i], name) != 0) {
            assert_int_equal(symlink(target, path), 0);
            continue;
        }
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        (void)fprintf(file, "#!/bin/sh\nREAL=%s\n%s\n", target, body);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, 0755), 0);
    }
    free(rig->server.bin_dir);
    rig->server.bin_dir = strdup(scratch);
}

void dumprig_open_split(struct dumprig *rig, int64_t jobs)
{
    dumprig_open(rig);
    static const char *const only[] = {"big"};
    dumprig_only(rig, only);
    rig->options.split_above = 1 << 20;
    rig->options.jobs = jobs;
}

void dumprig_take_until(struct dumprig *rig, struct dumprig_record *record, const char *path)
{
    struct sme_error err = FRESH_ERROR;

    for (;;) {
        if (dumprig_next(rig, record, &err) != 1) {
            fail_msg("'%s' does not come: %s", path, err.message);
        }
        if (strcmp(record->path, path) == 0) {
            return;
        }
        if (!record->folder) {
            dumprig_read_all(record);
            assert_int_equal(record->status, 0);
            free(record->data);
            dumprig_close_stream(record);
        }
    }
}

/* ---- the cluster -------------------------------------------------------------------------- */

static void fill_shop(void)
{
    dumprig_tell("postgres", "CREATE ROLE reader LOGIN PASSWORD 'secret'");
    dumprig_tell("postgres", "CREATE DATABASE shop");
    dumprig_tell("shop",
                 "CREATE TABLE parent (n int) PARTITION BY RANGE (n);"
                 "CREATE TABLE parent_low PARTITION OF parent FOR VALUES FROM (0) TO (11);"
                 "CREATE TABLE parent_high PARTITION OF parent FOR VALUES FROM (11) TO (99);"
                 "INSERT INTO parent SELECT generate_series(1, 30);"
                 "CREATE TABLE base (n int); CREATE TABLE heir () INHERITS (base);"
                 "INSERT INTO base VALUES (1), (2), (3);"
                 "INSERT INTO heir VALUES (1), (2), (3), (4);"
                 "CREATE VIEW view AS SELECT * FROM base");
}

static void fill_odd(void)
{
    dumprig_tell("postgres", "CREATE DATABASE \"o'dd \"\"na=me\"\"\n/x\"");
    dumprig_tell(DUMPRIG_ODD, "CREATE SCHEMA \"odd.\"\"schema\"\"\";"
                              "CREATE TABLE \"odd.\"\"schema\"\"\".\"ta\nble '1'\" (n int);"
                              "INSERT INTO \"odd.\"\"schema\"\"\".\"ta\nble '1'\""
                              " SELECT generate_series(1, 7)");
}

static void fill_big(void)
{
    dumprig_tell("postgres", "CREATE DATABASE big");
    dumprig_tell("big", "CREATE SCHEMA \"Odd\"; CREATE TABLE public.small (id serial, n int);"
                        "INSERT INTO public.small (n) VALUES (1), (2);"
                        "CREATE TABLE \"Odd\".\"Big \"\"one\"\"\" (id serial PRIMARY KEY, t text);"
                        "INSERT INTO \"Odd\".\"Big \"\"one\"\"\" (t)"
                        " SELECT repeat('x', 1000) FROM generate_series(1, 70000);"
                        "SELECT lo_from_bytea(0, 'large object')");
}

struct pgrig *dumprig_cluster(void)
{
    return &cluster;
}

int dumprig_start(void **state)
{
    (void)state;
    if (mkdtemp(scratch) == NULL || chmod(scratch, 0755) != 0) {
        return -1;
    }
    if (!pgrig_start(&cluster, false)) {
        return 0; /* each test is skipped */
    }
    if (geteuid() == 0 && chown(scratch, cluster.uid, cluster.gid) < 0) {
        return -1;
    }
    fill_shop();
    fill_odd();
    fill_big();
    return 0;
}

int dumprig_stop(void **state)
{
    (void)state;
    static const char *const names[] = {"archive", "pg_dump", "pg_dumpall", "pg_restore",
                                        "pg_dump.once"};
    char path[64];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", scratch, names[i]);
        (void)remove(path);
    }
    (void)rmdir(scratch);
    pgrig_stop(&cluster);
    return 0;
}

/*
 * One stream: a child that writes it, and the verdict at its end.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "dump_internal.h"

#include "names.h"

#include <stdlib.h>

static const char globals_end[] = "\n-- PostgreSQL database cluster dump complete\n";

/* ---- arguments ---------------------------------------------------------------------------- */

struct arguments {
    char **items; /* ends with NULL */
    size_t count;
    size_t room;
    bool bad;
};

/* Takes ${text}. */
static void add(struct arguments *args, char *text)
{
    if (args->count + 2 > args->room) {
        size_t room = args->room * 2 + 32;
        char **items = realloc(args->items, room * sizeof *items);
        if (items == NULL) {
            args->bad = true;
            free(text);
            return;
        }
        args->items = items;
        args->room = room;
    }
    args->bad = args->bad || text == NULL;
    if (text != NULL) {
        args->items[args->count++] = text;
    }
    args->items[args->count] = NULL;
}

static void add_pattern(struct arguments *args, const char *option, const struct dump_table *table)
{
    char *pattern = names_pattern(table->schema, table->name);

    add(args, pattern != NULL ? dump_text("%s=%s", option, pattern) : NULL);
    free(pattern);
}

/* Sequences are all in the stream of the rest; with the table they would come a second time. */
static int add_table(struct arguments *args, struct dump *dump, struct dump_database *database,
                     const struct dump_table *table, struct sme_error *err)
{
    char **sequences = NULL;
    int status = dump_tables_sequences(dump, database, table, &sequences, err);

    if (status < 0) {
        return status;
    }
    add_pattern(args, "--table", table);
    for (size_t i = 0; sequences[i] != NULL; i++) {
        add(args, dump_text("--exclude-table-data=%s", sequences[i]));
    }
    dump_list_free(sequences);
    return SME_OK;
}

static int add_part(struct arguments *args, struct dump *dump, struct dump_database *database,
                    const struct dump_step *step, struct sme_error *err)
{
    switch (step->part) {
    case DUMP_PRE_DATA:
        add(args, strdup("--section=pre-data"));
        break;
    case DUMP_POST_DATA:
        /* With the definitions, or pg_restore --jobs would not know which entries lock the same
         * tables, and have them end in deadlocks.  It is told to take the section only. */
        add(args, strdup("--section=pre-data"));
        add(args, strdup("--section=post-data"));
        break;
    case DUMP_TABLE:
        add(args, strdup("--section=data"));
        return add_table(args, dump, database, step->table, err);
    case DUMP_DATA:
        add(args, strdup("--section=data"));
        for (size_t i = 0; i < database->table_count; i++) {
            if (database->tables[i].file != NULL) {
                add_pattern(args, "--exclude-table-data", &database->tables[i]);
            }
        }
        break;
    case DUMP_ALL:
    case DUMP_FACTS:
    case DUMP_GLOBALS:
        break;
    }
    return SME_OK;
}

/* server_dbname()'s text as an argument of ${option}. */
static void add_place(struct arguments *args, const struct dump *dump, const char *database)
{
    char *place = server_dbname(dump->server, database);

    add(args, place != NULL ? dump_text("--dbname=%s", place) : NULL);
    free(place);
}

static int make_arguments(struct arguments *args, struct dump *dump, struct dump_database *database,
                          const struct dump_step *step, struct sme_error *err)
{
    int status = SME_OK;

    if (step->part == DUMP_GLOBALS) {
        add(args, strdup(dump->pg_dumpall));
        add(args, strdup("--globals-only"));
        add(args, strdup("--no-password"));
        if (!dump->server->is_superuser) {
            add(args, strdup("--no-role-passwords"));
        }
        if (dump->globals_database != NULL) {
            add(args, dump_text("--database=%s", dump->globals_database));
        }
        add_place(args, dump, dump->globals_database);
    } else {
        add(args, strdup(dump->pg_dump));
        add(args, strdup("--format=custom"));
        add(args, strdup("--compress=0"));
        add(args, strdup("--no-password"));
        add(args, dump_text("--snapshot=%s", database->snapshot));
        add(args, dump_text("--encoding=%s", database->encoding));
        if (dump->options->lock_wait_ms > 0) {
            uint64_t wait = dump->options->lock_wait_ms;
            wait = wait < INT32_MAX ? wait : INT32_MAX;
            add(args, dump_text("--lock-wait-timeout=%llu", (unsigned long long)wait));
        }
        status = add_part(args, dump, database, step, err);
        add_place(args, dump, database->info->name);
    }
    return status == SME_OK && args->bad ? dump_no_memory(err) : status;
}

static char *make_what(const struct dump_database *database, const struct dump_step *step)
{
    if (step->part == DUMP_GLOBALS) {
        return strdup("pg_dumpall of roles and tablespaces");
    }
    if (step->part == DUMP_FACTS) {
        return dump_text("facts of database '%s'", database->label);
    }
    if (step->part != DUMP_TABLE) {
        return dump_text("pg_dump of database '%s'", database->label);
    }
    char *both = dump_text("%s.%s", step->table->schema, step->table->name);
    char *label = both != NULL ? dump_label(both) : NULL;
    char *what = label != NULL
                     ? dump_text("pg_dump of table '%s' in database '%s'", label, database->label)
                     : NULL;
    free(label);
    free(both);
    return what;
}

/* ---- verdict ------------------------------------------------------------------------------ */

struct phrase {
    const char *text;
    int status;
    const char *hint;
};

#define dropped_hint                                                                               \
    "if something was dropped while it was being read, run the backup again; if not, run pg_dump " \
    "by hand, as the same role, to see all that it says"

/* LC_ALL=C: the programs and libpq speak English; the server may not. */
static const struct phrase phrases[] = {
    {"server closed the connection", SME_E_UNREACHABLE,
     "look into the server's log; the backup can be run again once the server answers"},
    {"terminating connection", SME_E_UNREACHABLE,
     "somebody ended the session or stopped the server: run the backup again"},
    {"SSL connection has been closed", SME_E_UNREACHABLE,
     "look into the server's log; the backup can be run again once the server answers"},
    {"no connection to the server", SME_E_UNREACHABLE,
     "look into the server's log; the backup can be run again once the server answers"},
    {"permission denied", SME_E_DENIED,
     "the role must be able to read everything: a superuser, or a member of pg_read_all_data"},
    {"row-level security", SME_E_DENIED,
     "the role must be a superuser or have BYPASSRLS, or rows would be missing"},
    {"authentication failed", SME_E_DENIED, "check pg_hba.conf, and the file of passfile"},
    {"no password supplied", SME_E_DENIED,
     "name a file with the password in passfile, or allow peer authentication"},
    {"connection to server", SME_E_UNREACHABLE,
     "check that the server runs, and that max_connections leaves room for jobs"},
    {"canceling statement due to lock timeout", SME_E_IO,
     "another session holds a table for longer than lock_wait: raise it, or back up at another "
     "time"},
    {"canceling statement due to statement timeout", SME_E_IO,
     "another session holds a table for longer than lock_wait: raise it, or back up at another "
     "time"},
    {"conflict with recovery", SME_E_IO,
     "set hot_standby_feedback = on at the replica, or raise max_standby_streaming_delay"},
    {"No space left", SME_E_NO_SPACE, "the server's disk is full"},
    {"could not open relation with OID", SME_E_CHANGED, dropped_hint},
    {"cache lookup failed for", SME_E_CHANGED, dropped_hint},
    {" does not exist", SME_E_CHANGED, dropped_hint},
};

/* Copy the line at *at (which moves behind it); false at the end. */
static bool take_line(const char **at, char *line, size_t size)
{
    if (**at == '\0') {
        return false;
    }
    size_t len = strcspn(*at, "\n");
    size_t kept = len < size - 1 ? len : size - 1;
    memcpy(line, *at, kept);
    line[kept] = '\0';
    *at += len + ((*at)[len] == '\n' ? 1 : 0);
    return true;
}

static bool is_accepted(const struct dump *dump, const char *line)
{
    for (size_t i = 0; i < dump->options->accept_warnings.count; i++) {
        if (names_match(dump->options->accept_warnings.items[i], line)) {
            return true;
        }
    }
    return false;
}

/* The first line that is not accepted into ${line}: true if there is one.  Accepted ones are
 * logged when ${log}. */
static bool find_complaint(const struct dump *dump, const struct dump_stream *stream,
                           const char *errors, bool log, char *line, size_t size)
{
    char each[2048];

    while (take_line(&errors, each, sizeof each)) {
        if (each[0] == '\0') {
            continue;
        }
        if (!is_accepted(dump, each)) {
            (void)snprintf(line, size, "%.*s", (int)size - 1, each);
            return true;
        }
        if (log) {
            dump->host->log(dump->host, SME_LOG_INFO, "%s said, as accepted: %s", stream->what,
                            each);
        }
    }
    return false;
}

static int fail_with(struct sme_error *err, int status, const struct dump_stream *stream,
                     const char *cause, const char *hint)
{
    (void)sme_fail(err, status, "%s failed: %s", stream->what, cause);
    if (err != NULL) {
        (void)snprintf(err->hint, sizeof err->hint, "%s", hint);
    }
    return status;
}

static int fail_by_errors(const struct dump_stream *stream, const char *errors, const char *line,
                          struct sme_error *err)
{
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        if (strstr(errors, phrases[i].text) != NULL) {
            return fail_with(err, phrases[i].status, stream, line, phrases[i].hint);
        }
    }
    return fail_with(err, SME_E_IO, stream, line,
                     "run pg_dump by hand, as the same role, to see all that it says");
}

static bool globals_complete(const struct dump_stream *stream)
{
    return memmem(stream->tail, stream->tail_len, globals_end, sizeof globals_end - 1) != NULL;
}

static int judge(const struct dump *dump, const struct dump_stream *stream, struct sme_error *err)
{
    struct child_end end;
    char line[400] = "";
    char cause[64];
    int status = child_wait(stream->child, &end, err);

    if (status < 0) {
        return status;
    }
    bool complains = find_complaint(dump, stream, end.errors, false, line, sizeof line);
    if (end.exit_code != 0) {
        if (complains) {
            return fail_by_errors(stream, end.errors, line, err);
        }
        (void)snprintf(cause, sizeof cause,
                       end.exit_code < 0 ? "ended by signal %d" : "exit status %d",
                       end.exit_code < 0 ? end.signal : end.exit_code);
        return fail_with(err, SME_E_IO, stream, cause,
                         end.exit_code < 0
                             ? "somebody, or the system for want of memory, ended it: "
                               "look into the system's log"
                             : "run it by hand to see why");
    }
    if (complains) {
        return fail_with(err, SME_E_IO, stream, line,
                         "it went on after this warning; if it is harmless, put a pattern for the "
                         "line into accept_warnings");
    }
    if (stream->part == DUMP_GLOBALS && !globals_complete(stream)) {
        return fail_with(err, SME_E_IO, stream, "its output has no end",
                         "run 'pg_dumpall --globals-only' by hand and look at what it writes");
    }
    if (stream->part != DUMP_GLOBALS) {
        status = archive_check_head(stream->head, stream->head_len, stream->what, err);
    }
    if (status == SME_OK) {
        (void)find_complaint(dump, stream, end.errors, true, line, sizeof line);
    }
    return status;
}

/* ---- start and read ----------------------------------------------------------------------- */

static int start_child(struct dump *dump, struct dump_database *database,
                       const struct dump_step *step, struct dump_stream *stream,
                       struct sme_error *err)
{
    struct arguments args = {0};
    struct child_spec spec = {.has_stdout = true};
    int status = make_arguments(&args, dump, database, step, err);

    if (status == SME_OK) {
        server_spec(dump->server, dump->env, &spec);
        spec.argv = (const char *const *)args.items;
        status = child_start(&spec, &stream->child, err);
    }
    dump_list_free(args.items);
    return status;
}

static int wait_for_head(const struct dump *dump, struct dump_stream *stream, struct sme_error *err)
{
    while (stream->head_len < ARCHIVE_HEAD) {
        int64_t got = child_read(stream->child, stream->head + stream->head_len,
                                 ARCHIVE_HEAD - stream->head_len, err);
        if (got < 0) {
            return (int)got;
        }
        if (got == 0) {
            /* Its end within the head: the verdict has the reason, or the head itself is wrong. */
            return judge(dump, stream, err);
        }
        stream->head_len += (size_t)got;
    }
    return archive_check_head(stream->head, stream->head_len, stream->what, err);
}

int dump_stream_start(struct dump *dump, struct dump_database *database,
                      const struct dump_step *step, struct dump_stream **ret_stream,
                      struct sme_error *err)
{
    struct dump_stream *stream = calloc(1, sizeof *stream);
    int status = SME_OK;

    if (stream == NULL) {
        return dump_no_memory(err);
    }
    stream->database = database;
    stream->part = step->part;
    stream->verdict.struct_size = sizeof stream->verdict;
    stream->what = make_what(database, step);
    if (stream->what == NULL) {
        status = dump_no_memory(err);
    } else if (step->part == DUMP_FACTS) {
        status = dump_facts_text(dump, database, &stream->text, err);
        stream->text_len = stream->text != NULL ? strlen(stream->text) : 0;
    } else {
        status = start_child(dump, database, step, stream, err);
        if (status == SME_OK && step->part != DUMP_GLOBALS) {
            status = wait_for_head(dump, stream, err);
        }
    }
    if (status < 0) {
        dump_stream_free(stream);
        return status;
    }
    *ret_stream = stream;
    return SME_OK;
}

static void keep_tail(struct dump_stream *stream, const char *data, size_t len)
{
    if (len >= sizeof stream->tail) {
        memcpy(stream->tail, data + len - sizeof stream->tail, sizeof stream->tail);
        stream->tail_len = sizeof stream->tail;
        return;
    }
    size_t room = sizeof stream->tail - len;
    size_t kept = stream->tail_len < room ? stream->tail_len : room;
    memmove(stream->tail, stream->tail + stream->tail_len - kept, kept);
    memcpy(stream->tail + kept, data, len);
    stream->tail_len = kept + len;
}

static size_t give(const void *data, size_t len, size_t *given, void *buf, size_t room)
{
    size_t part = len - *given < room ? len - *given : room;

    memcpy(buf, (const char *)data + *given, part);
    *given += part;
    return part;
}

static int64_t tell_verdict(const struct dump_stream *stream, struct sme_error *err)
{
    if (stream->verdict.status < 0 && err != NULL) {
        (void)sme_fail(err, stream->verdict.status, "%s", stream->verdict.message);
        (void)snprintf(err->hint, sizeof err->hint, "%s", stream->verdict.hint);
    }
    return stream->verdict.status;
}

int64_t dump_stream_read(struct dump *dump, struct dump_stream *stream, void *buf, size_t len,
                         struct sme_error *err)
{
    if (stream->text != NULL) {
        return (int64_t)give(stream->text, stream->text_len, &stream->text_given, buf, len);
    }
    if (stream->head_given < stream->head_len) {
        return (int64_t)give(stream->head, stream->head_len, &stream->head_given, buf, len);
    }
    if (stream->has_ended) {
        return tell_verdict(stream, err);
    }
    int64_t got = child_read(stream->child, buf, len, &stream->verdict);
    if (got > 0) {
        if (stream->part == DUMP_GLOBALS) {
            keep_tail(stream, buf, (size_t)got);
        }
        return got;
    }
    stream->has_ended = true;
    stream->verdict.status = got < 0 ? (int)got : judge(dump, stream, &stream->verdict);
    if (stream->verdict.status == SME_E_CHANGED) {
        (void)dump_failed(&stream->verdict);
    }
    return tell_verdict(stream, err);
}

void dump_stream_free(struct dump_stream *stream)
{
    if (stream != NULL) {
        child_free(stream->child);
        free(stream->text);
        free(stream->what);
        free(stream);
    }
}

/*
 * A scripted PostgreSQL server: connections, and the queries around a base backup.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pgfake_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PROTOCOL_3 196608u
#define QUERY_MAX 4096

/* ---- messages ----------------------------------------------------------------------------- */

static void send_all(struct wire *wire, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len > 0 && !wire->gone) {
        ssize_t sent = send(wire->socket, at, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            wire->gone = true;
            return;
        }
        at += sent;
        len -= (size_t)sent;
    }
}

static void put_number(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        to[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

void wire_send(struct wire *wire, char kind, const void *body, size_t len)
{
    uint8_t head[5] = {(uint8_t)kind};

    put_number(head + 1, (uint32_t)len + 4);
    send_all(wire, head, sizeof head);
    send_all(wire, body, len);
}

/* A body is put together here. */
struct body {
    uint8_t bytes[2048];
    size_t len;
};

static void add(struct body *body, const void *data, size_t len)
{
    assert_true(body->len + len <= sizeof body->bytes);
    memcpy(body->bytes + body->len, data, len);
    body->len += len;
}

static void add_text(struct body *body, const char *text)
{
    add(body, text, strlen(text) + 1);
}

static void add_int32(struct body *body, uint32_t value)
{
    uint8_t bytes[4];

    put_number(bytes, value);
    add(body, bytes, sizeof bytes);
}

static void add_int16(struct body *body, uint16_t value)
{
    const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

    add(body, bytes, sizeof bytes);
}

void wire_columns(struct wire *wire, size_t count)
{
    struct body body = {.len = 0};

    add_int16(&body, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        add_text(&body, "column");
        add_int32(&body, 0);
        add_int16(&body, 0);
        add_int32(&body, 25);
        add_int16(&body, 0xffff);
        add_int32(&body, 0xffffffff);
        add_int16(&body, 0);
    }
    wire_send(wire, 'T', body.bytes, body.len);
}

void wire_row(struct wire *wire, size_t count, const char *const *values)
{
    struct body body = {.len = 0};

    add_int16(&body, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        if (values[i] == NULL) {
            add_int32(&body, 0xffffffff);
        } else {
            add_int32(&body, (uint32_t)strlen(values[i]));
            add(&body, values[i], strlen(values[i]));
        }
    }
    wire_send(wire, 'D', body.bytes, body.len);
}

void wire_complete(struct wire *wire, const char *tag)
{
    wire_send(wire, 'C', tag, strlen(tag) + 1);
}

void wire_say(struct wire *wire, char kind, const char *severity, const char *state,
              const char *text)
{
    const char *const fields[][2] = {{"S", severity}, {"V", severity}, {"C", state}, {"M", text}};
    struct body body = {.len = 0};

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        add(&body, fields[i][0], 1);
        add_text(&body, fields[i][1]);
    }
    add(&body, "", 1);
    wire_send(wire, kind, body.bytes, body.len);
}

/* ---- what is asked ------------------------------------------------------------------------ */

static bool receive(struct wire *wire, void *buf, size_t len)
{
    return recv(wire->socket, buf, len, MSG_WAITALL) == (ssize_t)len;
}

/* The body of a message of at most QUERY_MAX bytes, with a NUL behind it. */
static bool receive_body(struct wire *wire, char *text, size_t *ret_len)
{
    uint8_t head[4];

    if (!receive(wire, head, sizeof head)) {
        return false;
    }
    size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (len < 4 || len - 4 > QUERY_MAX || !receive(wire, text, len - 4)) {
        return false;
    }
    text[len - 4] = '\0';
    *ret_len = len - 4;
    return true;
}

/* The value of a parameter of the start message; "" if it has none. */
static const char *parameter(const char *text, size_t len, const char *name)
{
    for (size_t at = 4; at < len && text[at] != '\0';) {
        const char *key = text + at;
        const char *value = key + strlen(key) + 1;
        if (strcmp(key, name) == 0) {
            return value;
        }
        at = (size_t)(value - text) + strlen(value) + 1;
    }
    return "";
}

static bool greet(struct wire *wire)
{
    char text[QUERY_MAX + 1];
    uint8_t expected[4];
    uint8_t fine[4] = {0};
    uint8_t key[8] = {0};
    char version[32];
    size_t len = 0;

    put_number(expected, PROTOCOL_3);
    /* Anything else is a request to cancel. */
    if (!receive_body(wire, text, &len) || len < 4 || memcmp(text, expected, 4) != 0) {
        return false;
    }
    (void)snprintf(wire->options, sizeof wire->options, "%s", parameter(text, len, "options"));
    int used = snprintf(version, sizeof version, "server_version%c%d.%d", '\0',
                        wire->fake->version / 10000, wire->fake->version % 10000);
    wire_send(wire, 'R', fine, sizeof fine);
    wire_send(wire, 'S', version, (size_t)used + 1);
    wire_send(wire, 'K', key, sizeof key);
    wire_send(wire, 'Z', "I", 1);
    return true;
}

static void answer_value(struct wire *wire, const char *value)
{
    wire_columns(wire, 1);
    wire_row(wire, 1, &value);
    wire_complete(wire, "SHOW");
}

static void answer(struct wire *wire, const char *sql)
{
    struct pgfake *fake = wire->fake;

    (void)pthread_mutex_lock(&fake->lock);
    if (strncmp(sql, "BASE_BACKUP", 11) == 0) {
        (void)snprintf(fake->backup_sql, sizeof fake->backup_sql, "%.511s", sql);
    } else if (strncmp(sql, "CREATE_REPLICATION_SLOT", 23) == 0) {
        (void)snprintf(fake->slot_sql, sizeof fake->slot_sql, "%.511s", sql);
        (void)snprintf(fake->slot_options, sizeof fake->slot_options, "%s", wire->options);
    }
    (void)pthread_mutex_unlock(&fake->lock);
    if (strncmp(sql, "BASE_BACKUP", 11) == 0) {
        if ((fake->faults & PGFAKE_REFUSES) != 0) {
            wire_say(wire, 'E', "ERROR", "42501", "must be replication role");
        } else {
            pgfake_backup(wire);
        }
    } else if (strncmp(sql, "CREATE_REPLICATION_SLOT", 23) == 0) {
        if ((fake->faults & PGFAKE_NO_SLOT) != 0) {
            wire_say(wire, 'E', "ERROR", "53400", "all replication slots are in use");
        } else {
            answer_value(wire, "sme");
        }
    } else if (strcmp(sql, "SHOW data_checksums") == 0) {
        answer_value(wire, (fake->faults & PGFAKE_WARNS) != 0 ? "on" : "off");
    } else if (strcmp(sql, "SHOW data_directory_mode") == 0) {
        answer_value(wire, "0750");
    } else {
        wire_say(wire, 'E', "ERROR", "42601", "syntax error");
    }
    wire_send(wire, 'Z', "I", 1);
}

static void *serve(void *argument)
{
    struct wire *wire = argument;
    char text[QUERY_MAX + 1];
    size_t len = 0;
    char kind = '\0';

    if (greet(wire)) {
        while (!wire->gone && receive(wire, &kind, 1) && kind == 'Q' &&
               receive_body(wire, text, &len)) {
            answer(wire, text);
        }
    }
    /* The other side sees the end now; the number is given back when all threads have ended. */
    (void)shutdown(wire->socket, SHUT_RDWR);
    free(wire);
    return NULL;
}

static void *accept_all(void *argument)
{
    struct pgfake *fake = argument;

    for (;;) {
        int fd = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            return NULL; /* shut down */
        }
        struct wire *wire = calloc(1, sizeof *wire);
        (void)pthread_mutex_lock(&fake->lock);
        bool taken = wire != NULL && fake->count < PGFAKE_CONNECTIONS;
        if (taken) {
            wire->fake = fake;
            wire->socket = fd;
            taken = pthread_create(&fake->threads[fake->count], NULL, serve, wire) == 0;
        }
        if (taken) {
            fake->sockets[fake->count++] = fd;
        }
        (void)pthread_mutex_unlock(&fake->lock);
        if (!taken) {
            free(wire);
            (void)close(fd);
        }
    }
}

void pgfake_start(struct pgfake *fake, int version, unsigned faults)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memset(fake, 0, sizeof *fake);
    fake->version = version;
    fake->faults = faults;
    fake->piece = 32768;
    (void)pthread_mutex_init(&fake->lock, NULL);
    (void)snprintf(fake->dir, sizeof fake->dir, "/tmp/sme-pgfake-XXXXXX");
    assert_non_null(mkdtemp(fake->dir));
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.5432", fake->dir);
    (void)snprintf(fake->info, sizeof fake->info, "host=%s port=5432 user=sme", fake->dir);
    fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fake->listener >= 0);
    assert_int_equal(bind(fake->listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fake->listener, PGFAKE_CONNECTIONS), 0);
    assert_int_equal(pthread_create(&fake->acceptor, NULL, accept_all, fake), 0);
}

void pgfake_stop(struct pgfake *fake)
{
    char path[96];

    if (fake->dir[0] == '\0') {
        return;
    }
    (void)shutdown(fake->listener, SHUT_RDWR);
    (void)pthread_join(fake->acceptor, NULL);
    (void)close(fake->listener);
    for (size_t i = 0; i < fake->count; i++) {
        (void)shutdown(fake->sockets[i], SHUT_RDWR);
        (void)pthread_join(fake->threads[i], NULL);
        (void)close(fake->sockets[i]);
    }
    (void)pthread_mutex_destroy(&fake->lock);
    (void)snprintf(path, sizeof path, "%s/.s.PGSQL.5432", fake->dir);
    (void)unlink(path);
    (void)rmdir(fake->dir);
    fake->dir[0] = '\0';
}

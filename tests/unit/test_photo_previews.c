/*
 * Tests of the photos source: previews that another program makes, or does not.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../plugins/photos/previews.h"
#include "../harness/fakehost.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct bench {
    char dir[32];
    char program[64];
    struct fakehost fake;
    struct reader reader;
    struct facts facts;
};

/* A photo of 20 bytes, and a program that is the shell's ${script}. */
static struct bench *begin(const char *script)
{
    struct bench *bench = calloc(1, sizeof *bench);

    assert_non_null(bench);
    fakehost_init(&bench->fake, "photos");
    (void)snprintf(bench->dir, sizeof bench->dir, "/tmp/sme-previews-XXXXXX");
    assert_non_null(mkdtemp(bench->dir));
    (void)snprintf(bench->program, sizeof bench->program, "%s/program", bench->dir);
    FILE *file = fopen(bench->program, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "#!/bin/sh\ncd %s\nPATH=/usr/bin:/bin\n%s\n", bench->dir, script) >
                0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(bench->program, 0755), 0);
    return bench;
}

static void end(struct bench *bench)
{
    char command[80];

    facts_clear(&bench->facts);
    fakehost_done(&bench->fake);
    (void)snprintf(command, sizeof command, "rm -r '%s'", bench->dir);
    assert_int_equal(system(command), 0);
    free(bench);
}

/* Ask for the preview of a file of 20 bytes, of which fstat() said ${size}. */
static void make(struct bench *bench, struct previews *previews, uint64_t size)
{
    char path[64];

    (void)snprintf(path, sizeof path, "%s/photo", bench->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "01234567890123456789", 20), 20);
    facts_clear(&bench->facts);
    reader_init(&bench->reader, fd, size);
    assert_true(previews_make(previews, &bench->reader, &bench->facts));
    assert_int_equal(close(fd), 0);
}

static unsigned starts(const struct bench *bench)
{
    char path[64];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s/starts", bench->dir);
    return stat(path, &st) == 0 ? (unsigned)st.st_size : 0;
}

static void expect(const struct bench *bench, const char *name, const char *value)
{
    const char *found = facts_get(&bench->facts, name);

    if (value == NULL)
        assert_null(found);
    else
        assert_string_equal(found != NULL ? found : "(none)", value);
}

#define STARTED "printf x >>starts\n"
#define TAKE "dd bs=1 count=28 of=request 2>/dev/null\n"

static void one_program_serves_many_photos(void **state)
{
    struct bench *bench =
        begin(STARTED TAKE "printf '\\000\\000\\000\\004\\001\\377\\330\\377\\331'\n" TAKE
                           "printf '\\000\\000\\000\\000\\000'\n" TAKE
                           "printf '\\000\\000\\000\\005\\000\\377\\330\\377\\331x'\n");
    struct previews *previews = previews_new(&bench->fake.host, bench->program, 1000);
    char path[64], request[29] = "";

    (void)state;
    assert_int_equal(starts(bench), 0);
    make(bench, previews, 20);
    expect(bench, "photo.preview", "/9j/2Q==");
    expect(bench, "photo.preview_type", "image/jpeg");
    expect(bench, "photo.preview_orientation", "1");
    make(bench, previews, 20);
    assert_int_equal(bench->facts.count, 0);
    make(bench, previews, 20);
    expect(bench, "photo.preview", "/9j/2Xg=");
    expect(bench, "photo.preview_orientation", NULL);
    assert_int_equal(starts(bench), 1);
    (void)snprintf(path, sizeof path, "%s/request", bench->dir);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, request, 28), 28);
    assert_int_equal(close(fd), 0);
    assert_memory_equal(request, "\0\0\0\0\0\0\0\x14", 8);
    assert_string_equal(request + 8, "01234567890123456789");
    previews_free(previews);
    end(bench);
}

static void answers_that_are_none_add_nothing(void **state)
{
    static const char *const scripts[] = {
        "exit 0",
        "kill -SEGV $$",
        TAKE "printf '\\377\\377\\377\\377\\000'; sleep 1000",
        TAKE "printf '\\000\\000\\003\\351\\000'; head -c 1001 /dev/zero; sleep 1000",
        TAKE "printf '\\000\\000\\000\\004\\000\\377'",
        TAKE "printf '\\000\\000\\000\\004\\000text'",
        TAKE "printf '\\000\\000\\000\\002\\000\\377\\330'",
        "yes; sleep 1000",
    };

    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        struct bench *bench = begin(scripts[i]);
        struct previews *previews = previews_new(&bench->fake.host, bench->program, 1000);
        make(bench, previews, 20);
        assert_int_equal(bench->facts.count, 0);
        previews_free(previews);
        end(bench);
    }
}

static void one_that_fails_is_started_again_but_not_for_ever(void **state)
{
    struct bench *bench = begin(STARTED "exit 1");
    struct previews *previews = previews_new(&bench->fake.host, bench->program, 1000);

    (void)state;
    for (int i = 0; i < 60; i++)
        make(bench, previews, 20);
    assert_int_equal(starts(bench), 50);
    assert_true(fakehost_logged(&bench->fake, SME_LOG_WARNING, "no more previews are made"));
    previews_free(previews);
    end(bench);
}

/* The program waits for bytes that do not come: it must not get those of the next photo. */
static void a_file_that_shrinks_ends_the_exchange(void **state)
{
    struct bench *bench =
        begin(STARTED TAKE "printf '\\000\\000\\000\\004\\000\\377\\330\\377\\331'; sleep 1000");
    struct previews *previews = previews_new(&bench->fake.host, bench->program, 1000);

    (void)state;
    make(bench, previews, 100);
    assert_int_equal(bench->facts.count, 0);
    make(bench, previews, 20);
    expect(bench, "photo.preview", "/9j/2Q==");
    assert_true(starts(bench) >= 1);
    make(bench, previews, PREVIEW_INPUT_MAX + 1);
    assert_int_equal(bench->facts.count, 0);
    previews_free(previews);
    end(bench);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_program_serves_many_photos),
        cmocka_unit_test(answers_that_are_none_add_nothing),
        cmocka_unit_test(one_that_fails_is_started_again_but_not_for_ever),
        cmocka_unit_test(a_file_that_shrinks_ends_the_exchange),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

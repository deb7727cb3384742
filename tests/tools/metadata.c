/*
 * A double of the metadata service of an EC2 instance, version 2.
 *
 *   metadata FILE LIFE [COUNTS]
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Prints its address and serves until standard input ends.  FILE has three lines: access key,
 * secret, session token; it is read anew for each request, and what is handed out expires LIFE
 * seconds later.  COUNTS: a file that gets the number of times that keys were asked for.
 */
#include "../harness/httpd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TOKEN "token-of-the-double-0001"
#define KEYS "/latest/meta-data/iam/security-credentials/"

struct service {
    const char *file;
    long life;
    unsigned asked;
    char body[16384];
};

static void say(struct service *service, struct httpd_reply *reply, int status, const char *text)
{
    (void)snprintf(service->body, sizeof service->body, "%s", text);
    reply->status = status;
    reply->body = service->body;
    reply->body_len = strlen(service->body);
}

static void hand_out(struct service *service, struct httpd_reply *reply)
{
    char lines[3][8192] = {"", "", ""};
    char until[32];
    time_t end = time(NULL) + service->life;
    struct tm tm;
    FILE *file = fopen(service->file, "r");

    if (file == NULL) {
        say(service, reply, 500, "no file");
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        if (fgets(lines[i], sizeof lines[i], file) != NULL)
            lines[i][strcspn(lines[i], "\n")] = '\0';
    }
    (void)fclose(file);
    (void)gmtime_r(&end, &tm);
    (void)strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", &tm);
    int len = snprintf(service->body, sizeof service->body,
                       "{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"%s\","
                       "\"SecretAccessKey\":\"%s\",\"Token\":\"%.8000s\",\"Expiration\":\"%s\"}",
                       lines[0], lines[1], lines[2], until);
    reply->body = service->body;
    reply->body_len = (size_t)len;
    service->asked++;
}

static void answer(void *cookie, const struct httpd_request *request, struct httpd_reply *reply)
{
    struct service *service = cookie;
    const char *token = httpd_header(request, "x-aws-ec2-metadata-token");

    if (httpd_header(request, "x-forwarded-for") != NULL) {
        say(service, reply, 403, "");
    } else if (strcmp(request->method, "PUT") == 0) {
        bool timed = httpd_header(request, "x-aws-ec2-metadata-token-ttl-seconds") != NULL;
        say(service, reply, timed ? 200 : 400, timed ? TOKEN : "");
    } else if (token == NULL || strcmp(token, TOKEN) != 0) {
        say(service, reply, 401, "");
    } else if (strcmp(request->target, KEYS) == 0) {
        say(service, reply, 200, "backup-role");
    } else if (strcmp(request->target, KEYS "backup-role") == 0) {
        hand_out(service, reply);
    } else if (strcmp(request->target, "/latest/meta-data/placement/region") == 0) {
        say(service, reply, 200, "us-east-1");
    } else {
        say(service, reply, 404, "");
    }
}

int main(int argc, char **argv)
{
    struct service service = {0};
    char byte;

    if (argc < 3) {
        (void)fprintf(stderr, "usage: metadata FILE LIFE [COUNTS]\n");
        return 2;
    }
    service.file = argv[1];
    service.life = strtol(argv[2], NULL, 10);
    struct httpd *httpd = httpd_new(answer, &service);
    (void)printf("%s\n", httpd_url(httpd));
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    httpd_free(httpd);
    FILE *counts = argc > 3 ? fopen(argv[3], "w") : NULL;
    if (counts != NULL) {
        (void)fprintf(counts, "%u\n", service.asked);
        (void)fclose(counts);
    }
    return 0;
}

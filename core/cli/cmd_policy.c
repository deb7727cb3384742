/*
 * "policy": the least permissions that a role needs, for the administrator of the place.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/buf.h"
#include "../base/cleanup.h"
#include "../base/limits.h"
#include "../repo/store_place.h"
#include "../run/access.h"
#include "../run/place.h"
#include "cli.h"
#include "findings.h"

#include <string.h>

static int parse_role(struct cli *cli, uint32_t *ret_role)
{
    static const struct {
        const char *name;
        uint32_t role;
    } roles[] = {{"run", SME_ROLE_RUN},
                 {"restore", SME_ROLE_RESTORE},
                 {"prune", SME_ROLE_PRUNE},
                 {"setup", SME_ROLE_SETUP}};
    const char *text = cli->args.value[OPT_ROLE];

    for (size_t i = 0; text != NULL && i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp(text, roles[i].name) == 0) {
            *ret_role = roles[i].role;
            return SME_OK;
        }
    }
    if (text == NULL) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "for which role? --role is needed");
    } else {
        (void)sme_fail(&cli->err, SME_E_INVALID, "there is no role '%s'", text);
    }
    return error_hint(&cli->err, "the roles are run, restore, prune and setup");
}

static int take_text(void *cookie, const char *text, size_t len)
{
    struct buf *out = cookie;

    buf_add(out, text, len);
    return out->bad ? SME_E_NO_MEMORY : 0;
}

static enum exit_code answer_json(struct cli *cli, const struct conf_sink *sink,
                                  const struct buf *text)
{
    json_t *document = json_object();
    json_t *policy = json_loadb((const char *)text->data, text->len, JSON_REJECT_DUPLICATES, NULL);

    json_add_text(document, "sink", sink->name);
    json_add_text(document, "role", cli->args.value[OPT_ROLE]);
    /* A place may have policies that are not JSON. */
    (void)json_object_set_new(document, "policy",
                              policy != NULL ? policy
                                             : json_stringn((const char *)text->data, text->len));
    return cli_print_json(cli, document);
}

enum exit_code cmd_policy(struct cli *cli)
{
    CLEANUP(access_close) struct access access = {.plugin = NULL};
    CLEANUP(place_done) struct place place = {.areas = NULL};
    CLEANUP(buf_free) struct buf text = BUF_INIT(MIB);
    const struct conf_sink *sink = NULL;
    const char *name = NULL;
    uint32_t role = 0;

    if (parse_role(cli, &role) < 0 || findings_sink_name(cli, &name) < 0 ||
        cli_load_conf(cli) < 0 || conf_sink(cli->conf, name, &sink, &cli->err) < 0 ||
        place_make(cli->conf, sink, &place, &cli->err) < 0 ||
        access_place(cli->conf, sink, &access, &cli->err) < 0) {
        return cli_fail(cli);
    }
    if (!store_can(access.store, STORE_POLICY)) {
        (void)sme_fail(&cli->err, SME_E_INVALID,
                       "sink '%s': places of plugin '%s' have no policies", sink->name,
                       store_plugin(access.store));
        (void)error_hint(&cli->err, "who may do what there is decided by the modes of files, or "
                                    "by the server that has them");
        return cli_fail(cli);
    }
    int status = store_policy(access.store, &place.layout, role, take_text, &text, &cli->err);
    if (status < 0) {
        return cli_fail(cli);
    }
    if (cli->json) {
        return answer_json(cli, sink, &text);
    }
    (void)fwrite(text.data, 1, text.len, stdout);
    if (text.len == 0 || text.data[text.len - 1] != '\n') {
        (void)putchar('\n');
    }
    return EXIT_DONE;
}

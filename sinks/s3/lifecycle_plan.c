/*
 * Lifecycle rules: the plan, and bringing it into what a bucket has.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "lifecycle.h"

#include <expat.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define ABORT_DAYS 7u     /* an unfinished upload is older than any that still goes on */
#define OLD_MOVE_DAYS 30u /* noncurrent versions cannot move earlier */
#define BLANKS " \t\r\n"

static int fail_memory(struct sme_error *err)
{
    int status = sme_fail(err, SME_E_NO_MEMORY, "no memory for the lifecycle rules");

    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint, "run it again when more memory is free");
    return status;
}

static uint32_t whole_days(uint64_t ms)
{
    uint64_t days = ms / S3_DAY_MS + (ms % S3_DAY_MS != 0);

    return days > INT32_MAX ? INT32_MAX : (uint32_t)days;
}

uint32_t lifecycle_old_days(const struct s3_config *config)
{
    uint32_t days = whole_days(config->noncurrent_after);
    uint32_t lock_days = config->object_lock != S3_LOCK_OFF ? whole_days(config->lock_for) : 0;

    return days > 0 && days < lock_days ? lock_days : days;
}

void lifecycle_plan_done(struct lifecycle_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        free(plan->rules[i].prefix);
    free(plan->rules);
    *plan = (struct lifecycle_plan){0};
}

/* The prefix itself is what a person wants to see; a long one is replaced by its hash. */
static bool make_id(const char *kind, const char *prefix, char id[LIFECYCLE_ID_MAX + 1])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    size_t len = strlen(kind);

    size_t prefix_len = strlen(prefix);
    if (len + prefix_len <= LIFECYCLE_ID_MAX) {
        memcpy(id, kind, len);
        memcpy(id + len, prefix, prefix_len + 1);
        return true;
    }
    if (EVP_Digest(prefix, strlen(prefix), hash, NULL, EVP_sha256(), NULL) != 1)
        return false;
    memcpy(id, kind, len + 1);
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(id + len + 2 * i, 3, "%02x", hash[i]);
    return true;
}

/* A new rule; one that is there already is not needed twice: ${ret_rule} is NULL. */
static int add_rule(struct lifecycle_plan *plan, const char *kind, const char *prefix,
                    struct lifecycle_rule **ret_rule, struct sme_error *err)
{
    struct lifecycle_rule *rule = &plan->rules[plan->count];

    if (!make_id(kind, prefix, rule->id))
        return fail_memory(err);
    for (size_t i = 0; i < plan->count; i++) {
        if (strcmp(plan->rules[i].id, rule->id) == 0) {
            *ret_rule = NULL;
            return SME_OK;
        }
    }
    rule->prefix = strdup(prefix);
    if (rule->prefix == NULL)
        return fail_memory(err);
    plan->count++;
    *ret_rule = rule;
    return SME_OK;
}

static int add_tidy(const struct s3_config *config, const char *prefix, struct lifecycle_plan *plan,
                    struct sme_error *err)
{
    struct lifecycle_rule *rule = NULL;

    int status = add_rule(plan, LIFECYCLE_TIDY, prefix, &rule, err);
    if (rule == NULL)
        return status;
    rule->wanted = true;
    rule->to = S3_STANDARD;
    rule->tidy_markers = true;
    rule->old_expire_days = lifecycle_old_days(config);
    rule->abort_days = ABORT_DAYS;
    return SME_OK;
}

static int add_cold(const struct s3_config *config, const struct sme_area *area, const char *prefix,
                    lifecycle_tell_fn *tell, void *cookie, struct lifecycle_plan *plan,
                    struct sme_error *err)
{
    struct lifecycle_rule *rule = NULL;
    enum s3_class to = (enum s3_class)config->cold_class;
    uint32_t after = whole_days(config->cold_after);
    const char *why = NULL;

    int status = add_rule(plan, LIFECYCLE_COLD, prefix, &rule, err);
    if (rule == NULL)
        return status;
    rule->to = to;
    rule->wanted = lifecycle_pays(to, after, area->keep_days, &why);
    if (!rule->wanted)
        return to != S3_STANDARD ? tell(cookie, prefix, why) : SME_OK;
    rule->move_days = after > 0 ? after : 1;
    /* What prune removed early is billed on, while its old version waits for its end. */
    if (lifecycle_pays(to, OLD_MOVE_DAYS, lifecycle_old_days(config), &why))
        rule->old_move_days = OLD_MOVE_DAYS;
    return SME_OK;
}

static int add_area(const struct s3 *s3, const struct sme_area *area, lifecycle_tell_fn *tell,
                    void *cookie, struct lifecycle_plan *plan, struct sme_error *err)
{
    struct s3_text prefix = {0};

    /* The descriptor is never removed: should somebody overwrite it, old versions are precious. */
    if (area->kind == SME_AREA_DESCRIPTOR)
        return SME_OK;
    s3_text_printf(&prefix, "%s%s", s3->prefix, area->prefix);
    int status = s3_text_check(&prefix, "the lifecycle rules", err);
    if (status == SME_OK)
        status = add_tidy(s3->config, prefix.at, plan, err);
    if (status == SME_OK && area->kind == SME_AREA_DATA)
        status = add_cold(s3->config, area, prefix.at, tell, cookie, plan, err);
    s3_text_done(&prefix);
    return status;
}

int lifecycle_plan_make(const struct s3 *s3, const struct sme_layout *layout,
                        lifecycle_tell_fn *tell, void *cookie, struct lifecycle_plan *ret_plan,
                        struct sme_error *err)
{
    struct lifecycle_plan plan = {0};
    int status = SME_OK;

    plan.rules = calloc(2 * (size_t)layout->area_count + 1, sizeof *plan.rules);
    if (plan.rules == NULL)
        return fail_memory(err);
    for (uint32_t i = 0; status == SME_OK && i < layout->area_count; i++)
        status = add_area(s3, &layout->areas[i], tell, cookie, &plan, err);
    if (status != SME_OK)
        lifecycle_plan_done(&plan);
    else
        *ret_plan = plan;
    return status;
}

/* Where the rules lie in the text. */
struct span {
    size_t begin, end;
};

struct spans {
    XML_Parser parser;
    struct span rules[LIFECYCLE_RULES_MAX];
    size_t count, depth;
    size_t close; /* the end tag of the root begins here */
    const char *why;
};

static size_t here(const struct spans *spans)
{
    XML_Index at = XML_GetCurrentByteIndex(spans->parser);

    return at < 0 ? 0 : (size_t)at;
}

static void XMLCALL on_start(void *cookie, const XML_Char *name, const XML_Char **attributes)
{
    struct spans *spans = cookie;

    (void)attributes;
    if (strchr(name, ':') != NULL)
        spans->why = "its elements have a prefix";
    if (spans->depth++ != 1)
        return;
    if (strcmp(name, "Rule") != 0)
        return;
    if (spans->count == LIFECYCLE_RULES_MAX)
        spans->why = "it has too many rules";
    else
        spans->rules[spans->count++].begin = here(spans);
}

static void XMLCALL on_end(void *cookie, const XML_Char *name)
{
    struct spans *spans = cookie;
    int len = XML_GetCurrentByteCount(spans->parser);

    spans->depth--;
    if (spans->depth == 0)
        spans->close = here(spans);
    if (spans->depth == 1 && strcmp(name, "Rule") == 0 && spans->count > 0 && len >= 0)
        spans->rules[spans->count - 1].end = here(spans) + (size_t)len;
}

/* The text has been read as a tree before: it is well-formed. */
static int find_spans(const char *text, size_t len, struct spans *spans, struct sme_error *err)
{
    spans->parser = XML_ParserCreate(NULL);
    if (spans->parser == NULL)
        return fail_memory(err);
    XML_SetUserData(spans->parser, spans);
    XML_SetElementHandler(spans->parser, on_start, on_end);
    if (XML_Parse(spans->parser, text, (int)len, XML_TRUE) != XML_STATUS_OK)
        spans->why = XML_ErrorString(XML_GetErrorCode(spans->parser));
    XML_ParserFree(spans->parser);
    if (spans->why == NULL)
        return SME_OK;
    int status =
        sme_fail(err, SME_E_UNSUPPORTED,
                 "the bucket's lifecycle configuration cannot be extended: %s", spans->why);
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint,
                       "write it without prefixes of elements, then run setup again");
    return status;
}

static void write_missing(const struct lifecycle_plan *plan, const bool *met,
                          struct lifecycle_merged *merged)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->rules[i].wanted && (met == NULL || !met[i])) {
            lifecycle_rule_write(&plan->rules[i], &merged->body);
            merged->added++;
        }
    }
}

/* The rule of the bucket at ${span}: keep, replace or drop it. */
static void merge_rule(const char *text, const struct span *span, const struct s3_xml *node,
                       const struct lifecycle_plan *plan, bool strict, bool *met,
                       struct lifecycle_merged *merged)
{
    size_t i = 0;

    while (i < plan->count && strcmp(plan->rules[i].id, s3_xml_text(node, "ID")) != 0)
        i++;
    bool ours = i < plan->count && !met[i];
    if (ours)
        met[i] = true;
    if (ours && !plan->rules[i].wanted) {
        merged->removed++;
    } else if (ours && !lifecycle_rule_same(&plan->rules[i], node, strict)) {
        lifecycle_rule_write(&plan->rules[i], &merged->body);
        merged->changed++;
    } else {
        s3_text_add(&merged->body, text + span->begin, span->end - span->begin);
        if (ours)
            merged->same++;
        else
            merged->others++;
    }
}

static void merge_all(const char *text, size_t len, const struct spans *spans,
                      const struct s3_xml *root, const struct lifecycle_plan *plan, bool strict,
                      bool *met, struct lifecycle_merged *merged)
{
    const struct s3_xml *node = s3_xml_child(root, "Rule");
    size_t at = 0;

    for (size_t i = 0; i < spans->count && node != NULL; i++, node = s3_xml_again(node)) {
        s3_text_add(&merged->body, text + at, spans->rules[i].begin - at);
        merge_rule(text, &spans->rules[i], node, plan, strict, met, merged);
        at = spans->rules[i].end;
    }
    s3_text_add(&merged->body, text + at, spans->close - at);
    write_missing(plan, met, merged);
    s3_text_add(&merged->body, text + spans->close, len - spans->close);
}

static int merge_text(const char *text, size_t len, const struct s3_xml *root,
                      const struct lifecycle_plan *plan, bool strict,
                      struct lifecycle_merged *merged, struct sme_error *err)
{
    bool *met = calloc(plan->count + 1, sizeof *met);
    struct spans *spans = calloc(1, sizeof *spans);
    int status =
        met == NULL || spans == NULL ? fail_memory(err) : find_spans(text, len, spans, err);

    if (status == SME_OK)
        merge_all(text, len, spans, root, plan, strict, met, merged);
    free(spans);
    free(met);
    return status;
}

int lifecycle_merge(const char *now, size_t len, const struct lifecycle_plan *plan, bool strict,
                    struct lifecycle_merged *ret_merged, struct sme_error *err)
{
    struct lifecycle_merged merged = {0};
    struct s3_xml *root = NULL;
    int status = SME_OK;

    for (; len > 0 && memchr(BLANKS, now[0], sizeof BLANKS - 1) != NULL; now++)
        len--;
    if (len > 0)
        status = s3_xml_parse(now, len, "LifecycleConfiguration", "lifecycle rules", &root, err);
    if (status == SME_OK && s3_xml_child(root, "Rule") != NULL) {
        status = merge_text(now, len, root, plan, strict, &merged, err);
    } else if (status == SME_OK) {
        s3_text_puts(&merged.body, "<LifecycleConfiguration "
                                   "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        write_missing(plan, NULL, &merged);
        s3_text_puts(&merged.body, "</LifecycleConfiguration>");
    }
    s3_xml_free(root);
    if (status == SME_OK)
        status = s3_text_check(&merged.body, "the lifecycle rules", err);
    if (status < 0)
        s3_text_done(&merged.body);
    else
        *ret_merged = merged;
    return status;
}

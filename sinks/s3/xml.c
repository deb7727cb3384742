/*
 * Small XML documents as a tree.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "xml.h"

#include "text.h"

#include <expat.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#define BLANKS " \t\r\n"

/* An element that is open. */
struct level {
    struct s3_xml *node;
    struct s3_xml *last; /* child */
    struct s3_text text;
};

struct reader {
    XML_Parser parser;
    struct level levels[S3_XML_DEPTH];
    size_t depth, nodes;
    struct s3_xml *root;
    int status;      /* why it was stopped; SME_OK: by expat, or not at all */
    const char *why; /* of SME_E_CORRUPT */
};

/* Expat may make calls that were due even after it has been stopped: each looks at status. */
static void stop(struct reader *reader, int status, const char *why)
{
    reader->status = status;
    reader->why = why;
    (void)XML_StopParser(reader->parser, XML_FALSE);
}

static struct s3_xml *new_node(const char *name)
{
    const char *colon = strchr(name, ':');
    struct s3_xml *node = calloc(1, sizeof *node);

    if (node == NULL)
        return NULL;
    node->name = strdup(colon != NULL ? colon + 1 : name);
    if (node->name == NULL) {
        free(node);
        return NULL;
    }
    return node;
}

static void XMLCALL on_start(void *cookie, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *reader = cookie;

    (void)attributes;
    if (reader->status < 0)
        return;
    if (reader->depth == S3_XML_DEPTH) {
        stop(reader, SME_E_CORRUPT, "elements are nested too deep");
        return;
    }
    if (reader->nodes == S3_XML_NODES) {
        stop(reader, SME_E_CORRUPT, "there are too many elements");
        return;
    }
    struct s3_xml *node = new_node(name);
    if (node == NULL) {
        stop(reader, SME_E_NO_MEMORY, NULL);
        return;
    }
    reader->nodes++;
    if (reader->depth == 0) {
        reader->root = node;
    } else {
        struct level *above = &reader->levels[reader->depth - 1];
        node->parent = above->node;
        if (above->last == NULL)
            above->node->first = node;
        else
            above->last->next = node;
        above->last = node;
    }
    struct level *level = &reader->levels[reader->depth++];
    level->node = node;
    level->last = NULL;
}

static void XMLCALL on_text(void *cookie, const XML_Char *text, int len)
{
    struct reader *reader = cookie;

    if (reader->status < 0 || reader->depth == 0)
        return;
    struct level *level = &reader->levels[reader->depth - 1];
    s3_text_add(&level->text, text, (size_t)len);
    if (level->text.failed)
        stop(reader, SME_E_NO_MEMORY, NULL);
}

static void XMLCALL on_end(void *cookie, const XML_Char *name)
{
    struct reader *reader = cookie;

    (void)name;
    if (reader->status < 0 || reader->depth == 0)
        return;
    struct level *level = &reader->levels[--reader->depth];
    const char *text = level->text.len > 0 ? level->text.at : "";
    /* Between child elements: the layout of the document. */
    if (level->node->first != NULL && text[strspn(text, BLANKS)] == '\0')
        text = "";
    level->node->text = strdup(text);
    if (level->node->text == NULL)
        stop(reader, SME_E_NO_MEMORY, NULL);
    /* The memory stays for the next element of this level. */
    level->text.len = 0;
}

static void XMLCALL on_doctype(void *cookie, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_subset)
{
    struct reader *reader = cookie;

    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_subset;
    if (reader->status == SME_OK)
        stop(reader, SME_E_CORRUPT, "a document type is not allowed");
}

static int fail_no_memory(const char *what, struct sme_error *err)
{
    int status = sme_fail(err, SME_E_NO_MEMORY, "%s: no memory for the answer", what);
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint, "run it again when more memory is free");
    return status;
}

static int fail_corrupt(struct sme_error *err)
{
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint,
                       "if it happens again, check 'endpoint' and what lies between here and "
                       "the store");
    return SME_E_CORRUPT;
}

static int read_all(struct reader *reader, const char *text, size_t len, const char *what,
                    struct sme_error *err)
{
    /* Stores send blanks to keep a connection open, also before the declaration. */
    while (len > 0 && memchr(BLANKS, text[0], sizeof BLANKS - 1) != NULL) {
        text++;
        len--;
    }
    if (len > S3_TEXT_MAX) {
        (void)sme_fail(err, SME_E_CORRUPT, "%s: the answer has more than %u MiB", what,
                       S3_TEXT_MAX >> 20);
        return fail_corrupt(err);
    }
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
    if (XML_Parse(reader->parser, text, (int)len, XML_TRUE) == XML_STATUS_OK &&
        reader->status == SME_OK && reader->root != NULL)
        return SME_OK;
    enum XML_Error code = XML_GetErrorCode(reader->parser);
    if (reader->status == SME_E_NO_MEMORY ||
        (reader->status == SME_OK && code == XML_ERROR_NO_MEMORY))
        return fail_no_memory(what, err);
    (void)sme_fail(err, SME_E_CORRUPT, "%s: the answer is not proper XML, line %lu: %s", what,
                   (unsigned long)XML_GetCurrentLineNumber(reader->parser),
                   reader->why != NULL ? reader->why : XML_ErrorString(code));
    return fail_corrupt(err);
}

/* A reply may hold credentials, and the parser keeps copies. */
static void wipe_and_free(void *memory)
{
    if (memory != NULL)
        OPENSSL_cleanse(memory, malloc_usable_size(memory));
    free(memory);
}

static const XML_Memory_Handling_Suite wiping = {malloc, realloc, wipe_and_free};

int s3_xml_parse(const char *text, size_t len, const char *root, const char *what,
                 struct s3_xml **ret_root, struct sme_error *err)
{
    struct reader reader = {.parser = XML_ParserCreate_MM(NULL, &wiping, NULL)};

    if (reader.parser == NULL)
        return fail_no_memory(what, err);
    int status = read_all(&reader, text, len, what, err);
    if (status == SME_OK && root != NULL && strcmp(reader.root->name, root) != 0) {
        (void)sme_fail(err, SME_E_CORRUPT, "%s: the answer is '%.80s', not '%s'", what,
                       reader.root->name, root);
        status = fail_corrupt(err);
    }
    XML_ParserFree(reader.parser);
    for (size_t i = 0; i < S3_XML_DEPTH; i++)
        s3_text_done(&reader.levels[i].text);
    if (status < 0)
        s3_xml_free(reader.root);
    else
        *ret_root = reader.root;
    return status;
}

void s3_xml_free(struct s3_xml *root)
{
    struct s3_xml *node = root;

    while (node != NULL) {
        if (node->first != NULL) {
            /* Take the first child off, so that it is not met again on the way back. */
            struct s3_xml *child = node->first;
            node->first = child->next;
            node = child;
            continue;
        }
        struct s3_xml *parent = node == root ? NULL : node->parent;
        free(node->name);
        free(node->text);
        free(node);
        node = parent;
    }
}

static const struct s3_xml *find(const struct s3_xml *node, const char *name)
{
    while (node != NULL && strcmp(node->name, name) != 0)
        node = node->next;
    return node;
}

const struct s3_xml *s3_xml_child(const struct s3_xml *node, const char *name)
{
    return node == NULL ? NULL : find(node->first, name);
}

const struct s3_xml *s3_xml_again(const struct s3_xml *node)
{
    return node == NULL ? NULL : find(node->next, node->name);
}

const char *s3_xml_text(const struct s3_xml *node, const char *name)
{
    const struct s3_xml *child = s3_xml_child(node, name);
    return child == NULL ? "" : child->text;
}

bool s3_xml_number(const struct s3_xml *node, const char *name, uint64_t *ret_value)
{
    const char *text = s3_xml_text(node, name);
    uint64_t value = 0;

    if (text[0] == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return false;
    }
    *ret_value = value;
    return true;
}

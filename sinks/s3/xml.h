/*
 * Small XML documents as a tree, read with expat, with bounds.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Namespaces and attributes are dropped (but for a prefix: "xsi:type" is of no interest).  A
 * DOCTYPE, more than S3_XML_DEPTH levels, S3_XML_NODES elements or anything that is not
 * well-formed to its very end is SME_E_CORRUPT.
 */
#ifndef SME_SINKS_S3_XML_H
#define SME_SINKS_S3_XML_H

#include "../../include/sme-backup/common.h"

#include <stdbool.h>

#define S3_XML_DEPTH 16
#define S3_XML_NODES 200000

struct s3_xml {
    char *name; /* without prefix */
    char *text; /* character data directly inside, "" if none; white space only counts as none
                   where there are child elements */
    struct s3_xml *first, *next, *parent;
};

/* ${root}: the name that the root element must have (another one: SME_E_CORRUPT naming both), or
 * NULL for any.  ${what} for messages. */
int s3_xml_parse(const char *text, size_t len, const char *root, const char *what,
                 struct s3_xml **ret_root, struct sme_error *err);
void s3_xml_free(struct s3_xml *root); /* accepts NULL; without recursion */

/* First child named ${name}, or NULL; ${node} may be NULL. */
const struct s3_xml *s3_xml_child(const struct s3_xml *node, const char *name);
/* The next sibling of ${node} with the same name, or NULL. */
const struct s3_xml *s3_xml_again(const struct s3_xml *node);
/* Text of that child, "" if it is not there. */
const char *s3_xml_text(const struct s3_xml *node, const char *name);
/* The child's text as a whole decimal number; false if it is missing, empty or anything else. */
bool s3_xml_number(const struct s3_xml *node, const char *name, uint64_t *ret_value);

#endif

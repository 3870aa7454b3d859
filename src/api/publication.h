/*
 * api/publication.h
 *		What CREATE PUBLICATION ... FOR ALL TABLES takes along.
 */
#ifndef WEIR_API_PUBLICATION_H
#define WEIR_API_PUBLICATION_H

#include "nodes/parsenodes.h"

/* Warns where a publication would hold the extension's own tables too. */
extern void weir_publication_check(const CreatePublicationStmt *stmt);

#endif

/*
 * source/own_table.h
 *		Tables of weir_internal that are made and dropped with what they keep.
 *
 * They belong to the bootstrap superuser and to the extension, so that DROP
 * EXTENSION drops them and pg_dump leaves them out.  In a transaction.
 */
#ifndef WEIR_SOURCE_OWN_TABLE_H
#define WEIR_SOURCE_OWN_TABLE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* With the columns of another table of weir_internal, and an index on those that are named. */
extern Oid	weir_own_table_create(const char *name, const char *like, List *index);

/* InvalidOid: there is none. */
extern void weir_own_table_drop(Oid relid);

#endif

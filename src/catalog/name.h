/*
 * catalog/name.h
 *		Names of functions and types as Weir's tables hold them: qualified, and
 *		the same whatever the session quotes.
 */
#ifndef WEIR_CATALOG_NAME_H
#define WEIR_CATALOG_NAME_H

#include "postgres.h"

/* With the types of its arguments. */
extern char *weir_function_name(Oid function);
/* typmod -1: none. */
extern char *weir_type_name(Oid type, int32 typmod);
/* "schema.name" */
extern char *weir_qualified_name(const char *schema, const char *name);

#endif

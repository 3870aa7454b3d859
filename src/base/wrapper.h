/*
 * base/wrapper.h
 *		What is behind a name: told by the C symbol, which no other name of an
 *		object can hide.
 */
#ifndef WEIR_BASE_WRAPPER_H
#define WEIR_BASE_WRAPPER_H

#include "postgres.h"

/* The symbol of a C function; NULL if it is none. */
extern char *weir_c_symbol(Oid function);

extern bool weir_is_c_function(Oid function, const char *symbol);

/* The symbol of the handler of a foreign table's wrapper; NULL if it has none. */
extern char *weir_wrapper_handler(Oid relid);
/* Loads the library that its handler is in. */
extern void weir_wrapper_load(Oid relid);

#endif

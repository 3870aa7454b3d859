/*
 * source/allow.h
 *		The addresses and networks whose senders a listening stream lets in.
 */
#ifndef WEIR_SOURCE_ALLOW_H
#define WEIR_SOURCE_ALLOW_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* The option's list, as values of type cidr; an error names what is none. */
extern List *weir_allow_parse(DefElem *def);

/* Is this address, as text without a port, in the list? */
extern bool weir_allow_admits(List *allow, const char *address);

#endif

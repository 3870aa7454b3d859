/*
 * api/state/state.h
 *		What declaring a state and changing its declaration share.
 */
#ifndef WEIR_API_STATE_STATE_H
#define WEIR_API_STATE_STATE_H

#include "postgres.h"

#include "fmgr.h"

#include "catalog/declared_state.h"
#include "state/ttl.h"

/* The argument's text; an error naming it if it is NULL. */
extern char *weir_required_text(FunctionCallInfo fcinfo, int arg, const char *name);

/* The function that is to have state: an ordinary one, the caller's own. */
extern Oid	weir_keyed_function(const char *signature);

/* A default that does not parse shall not wait for the job to find out. */
extern void weir_check_default(char *name, Oid type, int32 typmod, char *text);

/* The arguments function and name of the row to be declared, of this kind. */
extern void weir_begin_declaration(WeirDeclaredState *row, FunctionCallInfo fcinfo, const char *caller);
/* Locks what was declared; an error unless there is such a one and the caller may change it. */
extern void weir_find_declared(const char *signature, const char *name, WeirDeclaredFound *found);

extern void weir_fill_ttl(WeirDeclaredState *row, const WeirTtlType *ttl);

#endif

/*
 * api/state/call_site.h
 *		How the accessors of keyed state find the state that they are called for,
 *		and see that their arguments fit it.
 */
#ifndef WEIR_API_STATE_CALL_SITE_H
#define WEIR_API_STATE_CALL_SITE_H

#include "postgres.h"

#include "fmgr.h"

#include "state/current.h"

/* What an argument is to the state; its type must be that. */
typedef enum WeirRole
{
	WEIR_ROLE_NONE,				/* there is no such argument */
	WEIR_ROLE_VALUE,			/* what the state takes */
	WEIR_ROLE_KEY,				/* of a map */
	WEIR_ROLE_ARRAY,			/* of a list's elements */
	WEIR_ROLE_RESULT			/* what reading returns; only the type counts */
} WeirRole;

/* An accessor: its first argument names the state, two more may follow. */
typedef struct WeirAccessor
{
	const char *name;			/* for messages */
	int			kind;			/* a WeirStateKind, or WEIR_ANY_KIND */
	WeirRole	roles[2];
} WeirAccessor;

/* What a call site resolved. */
typedef struct WeirCallSite
{
	uint64		generation;
	WeirState  *state;
	const char *name;			/* the state's */
	int			name_length;
	WeirRole	roles[2];
	bool		is_unknown[2];	/* the argument is a literal without a type */
} WeirCallSite;

/* Kept in flinfo->fn_extra. */
extern WeirCallSite *weir_call_site(FunctionCallInfo fcinfo, const WeirAccessor *accessor);
/* For a function that keeps something else there. */
extern void weir_call_resolve(FunctionCallInfo fcinfo, const WeirAccessor *accessor,
							  WeirCallSite *site);

/* Argument 1 or 2, of the type that its role asks for. */
extern Datum weir_call_argument(FunctionCallInfo fcinfo, const WeirCallSite *site, int arg,
								bool *isnull);

#endif

/*
 * catalog/declared_state.h
 *		weir_internal.state: the states that keyed functions declared.
 *		Functions and types stand there as schema-qualified text, a function by
 *		its OID, too, which is what counts in the database of the row.
 *
 * All functions need a transaction and an active snapshot.
 */
#ifndef WEIR_CATALOG_DECLARED_STATE_H
#define WEIR_CATALOG_DECLARED_STATE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "decide/expiry.h"

/* Words of weir_internal.state.kind for timers; there "calls" is the handler's signature. */
#define WEIR_DECLARED_EVENT_TIMER "event timer"
#define WEIR_DECLARED_ARRIVAL_TIMER "arrival timer"

/* A row. */
typedef struct WeirDeclaredState
{
	Oid			function;		/* set when it is written */
	char	   *name;
	const char *kind;			/* word */
	char	   *type;
	char	   *key_type;		/* NULL unless a map */
	char	   *calls;			/* NULL unless it calls a function or an aggregate */
	char	   *default_value;	/* NULL: none */
	const Interval *ttl;		/* NULL: never expires */
	WeirTtlUpdate update;
	WeirTtlVisibility visibility;
} WeirDeclaredState;

/* Does this database have the table, and not lose it right now?  Needs no snapshot. */
extern bool weir_declared_table_exists(void);

/* The function's rows, by name, in CurrentMemoryContext; their number in *n. */
extern WeirDeclaredState *weir_declared_states(Oid function, int *n);
/* Has it declared any? */
extern bool weir_declared_any(Oid function);

/* Adds a row owned by the current user; false if function and name have one. */
extern bool weir_declared_insert(const WeirDeclaredState *row);

typedef struct WeirDeclaredFound
{
	Oid			owner;
	char	   *kind;
	char	   *type;
	char	   *function;		/* as it stands there */
	Oid			function_oid;
} WeirDeclaredFound;

/* Locks a row and tells what it is; false if there is none. */
extern bool weir_declared_find(Oid function, const char *name, WeirDeclaredFound *found);
/* One that no function of this database is known to have, by its signature. */
extern bool weir_declared_find_left(const char *signature, const char *name,
									WeirDeclaredFound *found);

/* Changes the row's ttl and default value, each unless NULL. */
extern void weir_declared_change(const WeirDeclaredFound *found, const WeirDeclaredState *row);
extern void weir_declared_delete(const WeirDeclaredFound *found, const char *name);
/* All rows of a function. */
extern void weir_declared_delete_all(Oid function);

/* The signatures of rows that know no function of this database, in CurrentMemoryContext. */
extern char **weir_declared_signatures_left(int *n);
/* Rows that only say this signature are the function's from here on. */
extern void weir_declared_adopt(const char *signature, Oid function);

/* The functions that rows know by their OIDs, in CurrentMemoryContext. */
extern Oid *weir_declared_functions(int *n);
/* The signatures of timers' handlers, in CurrentMemoryContext; one becomes another. */
extern char **weir_declared_handlers(int *n);
extern void weir_declared_set_handler(const char *before, const char *signature);
/* Their rows say the signature and the owner that they have now. */
extern void weir_declared_set_signature(Oid function, const char *signature);
extern void weir_declared_set_owners(void);

#endif

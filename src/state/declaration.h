/*
 * state/declaration.h
 *		weir_internal.state: the states that keyed functions declared.
 *		Functions and types stand there as schema-qualified text, a function by
 *		its OID, too, which is what counts in the database of the row.
 */
#ifndef WEIR_STATE_DECLARATION_H
#define WEIR_STATE_DECLARATION_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "state/store.h"

/* A row, as it is written. */
typedef struct WeirStateRow
{
	Oid			function;
	const char *name;
	WeirStateKind kind;
	const char *type;
	const char *key_type;		/* NULL unless a map */
	const char *calls;			/* NULL unless it calls a function or an aggregate */
	const char *default_value;	/* NULL: none */
	const Interval *ttl;		/* NULL: never expires */
	WeirTtlUpdate update;
	WeirTtlVisibility visibility;
} WeirStateRow;

/* SQL: is it by its OID that a row knows its function? */
#define WEIR_STATE_BY_OID \
	"weir_internal.is_here(system_identifier, database)" \
	" AND EXISTS (SELECT FROM pg_catalog.pg_proc WHERE oid = function_oid)"

/*
 * The function's declarations, by name, in the current memory context; their
 * number in *n.  For a task: whoever the current user is.
 */
extern WeirStateDecl *weir_state_declarations(Oid function, int *n);

/* Has it declared any? */
extern bool weir_state_is_declared(Oid function);

/* Adds a row owned by the current user; false if function and name have one. */
extern bool weir_state_insert(const WeirStateRow *row);

typedef struct WeirStateFound
{
	Oid			owner;
	char	   *kind;
	char	   *type;
	char	   *function;		/* as it stands there */
	Oid			function_oid;
} WeirStateFound;

/* Locks a row and tells what it is; false if there is none. */
extern bool weir_state_find(Oid function, const char *name, WeirStateFound *found);
/* One that no function of this database is known to have, by its signature. */
extern bool weir_state_find_left(const char *signature, const char *name, WeirStateFound *found);

/* Changes the row's ttl and default value, each unless NULL. */
extern void weir_state_change(const WeirStateFound *found, const WeirStateRow *row);
extern void weir_state_delete(const WeirStateFound *found, const char *name);

/* Rows that only say this signature are the function's from here on. */
extern void weir_state_adopt(const char *signature, Oid function);

/* A function is being dropped: so are its declarations. */
extern void weir_state_forget(Oid function);

#endif

/*
 * state/declaration.h
 *		weir_internal.state: the states that keyed functions declared.
 *		Functions and types stand there as schema-qualified text.
 */
#ifndef WEIR_STATE_DECLARATION_H
#define WEIR_STATE_DECLARATION_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "state/store.h"

/* A row, as it is written. */
typedef struct WeirStateRow
{
	const char *function;
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

/*
 * The function's declarations, by name, in the current memory context; their
 * number in *n.  For a task: whoever the current user is.
 */
extern WeirStateDecl *weir_state_declarations(Oid function, int *n);

/* Has it declared any? */
extern bool weir_state_is_declared(Oid function);

/* Adds a row owned by the current user; false if function and name have one. */
extern bool weir_state_insert(const WeirStateRow *row);
/* Changes the row's ttl and default value, each unless NULL. */
extern void weir_state_change(const WeirStateRow *row);

typedef struct WeirStateFound
{
	Oid			owner;
	char	   *kind;
	char	   *type;
} WeirStateFound;

/* Locks a row and tells what it is; false if there is none. */
extern bool weir_state_find(const char *function, const char *name, WeirStateFound *found);
extern void weir_state_delete(const char *function, const char *name);

/* A function is being dropped: so are its declarations. */
extern void weir_state_forget(Oid function);

/* A time to live in microseconds, 30 days a month; false if out of range. */
extern bool weir_ttl_microseconds(const Interval *interval, int64 *us);

#endif

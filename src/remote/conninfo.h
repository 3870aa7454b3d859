/*
 * remote/conninfo.h
 *		What a connection is made by: libpq's keywords and their values.
 */
#ifndef WEIR_REMOTE_CONNINFO_H
#define WEIR_REMOTE_CONNINFO_H

#include "postgres.h"

typedef struct WeirConninfo
{
	int			n;
	int			max;
	const char **keywords;		/* ended by NULL */
	const char **values;
} WeirConninfo;

/* Does libpq know an option of this name, which users may set? */
extern bool weir_conninfo_knows(const char *name);

/* In CurrentMemoryContext; what is added must outlive it. */
extern WeirConninfo *weir_conninfo_create(void);
extern void weir_conninfo_set(WeirConninfo *info, const char *keyword, const char *value);
/* NULL: it is not set. */
extern const char *weir_conninfo_get(const WeirConninfo *info, const char *keyword);

/* What is not set leads to this database by the server's socket, as this user. */
extern void weir_conninfo_default_here(WeirConninfo *info, Oid user);

#endif

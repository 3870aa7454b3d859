/*
 * remote/conntext.h
 *		Texts that say how to connect, as libpq has them: "host=a dbname=b", or a URI.
 */
#ifndef WEIR_REMOTE_CONNTEXT_H
#define WEIR_REMOTE_CONNTEXT_H

#include "postgres.h"

/* What it says, for weir_remote_begin; in CurrentMemoryContext. */
typedef struct WeirConntext
{
	const char **keywords;		/* ended by NULL */
	const char **values;
	char	   *place;			/* for people: "host:port/database" */
	bool		has_password;
} WeirConntext;

/* NULL: it is none, and *why says so. */
extern PGDLLEXPORT WeirConntext *weir_conntext_parse(const char *text, char **why);

#endif

/*
 * remote/conninfo.c
 *		What a connection is made by: libpq's keywords and their values.
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "libpq-fe.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "remote/conninfo.h"

bool
weir_conninfo_knows(const char *name)
{
	PQconninfoOption *options = PQconndefaults();
	bool		known = false;

	for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
		known = known || (strcmp(o->keyword, name) == 0 && strchr(o->dispchar, 'D') == NULL);
	PQconninfoFree(options);
	return known;
}

WeirConninfo *
weir_conninfo_create(void)
{
	WeirConninfo *info = palloc0(sizeof(WeirConninfo));

	info->max = 64;				/* libpq knows fewer */
	info->keywords = palloc0(sizeof(char *) * (info->max + 1));
	info->values = palloc0(sizeof(char *) * (info->max + 1));
	return info;
}

void
weir_conninfo_set(WeirConninfo *info, const char *keyword, const char *value)
{
	int			i = 0;

	while (i < info->n && strcmp(info->keywords[i], keyword) != 0)
		i++;
	if (i == info->max)
		elog(ERROR, "there are more than %d options of a connection", info->max);
	info->keywords[i] = keyword;
	info->values[i] = value;
	info->n = Max(info->n, i + 1);
}

const char *
weir_conninfo_get(const WeirConninfo *info, const char *keyword)
{
	for (int i = 0; i < info->n; i++)
	{
		if (strcmp(info->keywords[i], keyword) == 0)
			return info->values[i];
	}
	return NULL;
}

static void
set_default(WeirConninfo *info, const char *keyword, const char *value)
{
	if (value != NULL && weir_conninfo_get(info, keyword) == NULL)
		weir_conninfo_set(info, keyword, value);
}

/* The first of the directories that have the server's socket; NULL: none has. */
static char *
socket_directory(void)
{
	char	   *directories = pstrdup(GetConfigOption("unix_socket_directories", false, false));
	List	   *list;

	if (!SplitDirectoriesString(directories, ',', &list) || list == NIL)
		return NULL;
	return linitial(list);
}

void
weir_conninfo_default_here(WeirConninfo *info, Oid user)
{
	if (weir_conninfo_get(info, "host") == NULL && weir_conninfo_get(info, "hostaddr") == NULL &&
		weir_conninfo_get(info, "service") == NULL)
	{
		char	   *directory = socket_directory();

		set_default(info, "host", directory ? directory : "localhost");
		set_default(info, "port", psprintf("%d", PostPortNumber));
	}
	if (weir_conninfo_get(info, "service") == NULL)
		set_default(info, "dbname", get_database_name(MyDatabaseId));
	set_default(info, "user", GetUserNameFromId(user, false));
}

/*
 * catalog/prepared.c
 *		Which of Weir's transactions are prepared, by their names.
 *
 * A name is looked at in full: any role may prepare a transaction whose name
 * only begins like one of Weir's.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "catalog/internal.h"
#include "catalog/prepared.h"
#include "catalog/row.h"
#include "decide/recovery.h"

/* Of the last result, those of the job (0: any) in the database. */
static List *
names_of(uint64 n, Oid database, int64 job, MemoryContext context)
{
	List	   *names = NIL;

	for (uint64 i = 0; i < n; i++)
	{
		char	   *name = weir_row_text(context, i, "gid");
		WeirGid		gid;
		MemoryContext old;

		if (!weir_gid_parse(name, &gid) || gid.database != database ||
			(job != 0 && gid.job != job))
			continue;
		old = MemoryContextSwitchTo(context);
		names = lappend(names, name);
		MemoryContextSwitchTo(old);
	}
	return names;
}

List *
weir_prepared_of_job(int64 job)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;
	List	   *names;
	uint64		n;

	weir_bind_int64(&args, job);
	weir_internal_enter(&saved);
	n = weir_internal_run("SELECT gid FROM pg_catalog.pg_prepared_xacts p "
						  "WHERE database = pg_catalog.current_database() AND gid LIKE 'weir\\_%' "
						  "AND NOT EXISTS (SELECT FROM weir_internal.job j WHERE j.id = $1 "
						  "AND pg_catalog.pg_get_userbyid(j.owner) <> p.owner)", &args);
	names = names_of(n, MyDatabaseId, job, context);
	weir_internal_leave(&saved);
	return names;
}

List *
weir_prepared_in(Oid database, int64 job)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;
	List	   *names;
	uint64		n;

	weir_bind_text(&args, psprintf("weir_%u_", database));
	weir_bind_oid(&args, database);
	weir_internal_enter(&saved);
	n = weir_internal_run("SELECT p.gid FROM pg_catalog.pg_prepared_xacts p"
						  " JOIN pg_catalog.pg_database d ON d.datname = p.database"
						  " WHERE pg_catalog.starts_with(p.gid, $1) AND d.oid = $2", &args);
	names = names_of(n, database, job, context);
	weir_internal_leave(&saved);
	return names;
}

/*
 * catalog/identity.c
 *		weir_internal.is_here(system_identifier, database): does a row that was
 *		written for that database speak of this one?
 *
 * Not in a copy: one made by CREATE DATABASE has another OID, a cluster that
 * pg_upgrade filled has another system identifier.  A standby has both in
 * common with its primary, and so has any other physical copy.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"

PG_FUNCTION_INFO_V1(weir_is_here);

Datum
weir_is_here(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL((uint64) PG_GETARG_INT64(0) == GetSystemIdentifier() &&
				   PG_GETARG_OID(1) == MyDatabaseId);
}

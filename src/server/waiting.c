/*
 * server/waiting.c
 *		What weir.jobs says of a job that should run and does not: its row tells
 *		what was true when its coordinator last wrote it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/settings.h"
#include "catalog/version.h"
#include "server/registry_int.h"

PG_FUNCTION_INFO_V1(weir_whereabouts);

void
weir_slot_waits(WeirJobSlot *slot, const char *fmt,...)
{
	char		reason[WEIR_REASON_SIZE];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	if (strcmp(reason, slot->reason) == 0)
		return;
	strlcpy(slot->reason, reason, sizeof(slot->reason));
	slot->said = false;
}

void
weir_slot_goes_on(WeirJobSlot *slot)
{
	slot->reason[0] = '\0';
	slot->leaving = false;
}

void
weir_slot_show_row(WeirJobSlot *slot, const char *name)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	strlcpy(slot->name, name, sizeof(slot->name));
	weir_slot_goes_on(slot);
	slot->live = true;
	LWLockRelease(weir_registry->lock);
	weir_registry_changed();
}

void
weir_slot_say(WeirJobSlot *slot)
{
	char		name[NAMEDATALEN];
	char		reason[WEIR_REASON_SIZE];
	bool		say;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	say = slot->reason[0] != '\0' && !slot->said;
	slot->said = true;
	strlcpy(name, slot->name, sizeof(name));
	strlcpy(reason, slot->reason, sizeof(reason));
	LWLockRelease(weir_registry->lock);
	if (!say)
		return;
	weir_registry_changed();
	ereport(LOG,
			(errmsg("job \"%s\" waits: %s", name, reason),
			 errhidestmt(true)));
}

/* Jobs of another version's tables wait for ALTER EXTENSION. */
static const char *
look_at_version(char *reason)
{
	char	   *installed;

	if (weir_version_is_current(&installed) || installed == NULL)
		return NULL;
	snprintf(reason, WEIR_REASON_SIZE, "the database has version %s of extension weir, the server has loaded version %s: run ALTER EXTENSION weir UPDATE",
			 installed, WEIR_SQL_VERSION);
	return "restarting";
}

/* The status to show, NULL: its row's; why it waits, "": it does not.  The caller holds the lock. */
static const char *
look(const WeirJobSlot *slot, const char *status, char *reason)
{
	bool		starts = strcmp(status, "starting") == 0;

	if (slot == NULL)
	{
		if (weir_registry->overflow > 0)
			snprintf(reason, WEIR_REASON_SIZE, "%d jobs run, and weir.max_jobs is %d",
					 weir_registry->nslots, weir_registry->nslots);
		else if (weir_registry->left_alone)
			strlcpy(reason, "it was not started with the server, as weir.autostart was off", WEIR_REASON_SIZE);
		else if (weir_registry->scanned)
			return NULL;		/* it has just ended */
		return starts ? NULL : "restarting";
	}
	strlcpy(reason, slot->reason, WEIR_REASON_SIZE);
	if (slot->leaving)
		return "stopping";
	if (starts || (slot->live && slot->coordinator != NULL))
		return NULL;
	return "restarting";
}

/* (job, its row's status) -> status and reason, both NULL where the row says all. */
Datum
weir_whereabouts(PG_FUNCTION_ARGS)
{
	char	   *status = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char		reason[WEIR_REASON_SIZE] = "";
	const char *shown = NULL;
	TupleDesc	desc;
	Datum		values[2] = {0};
	bool		nulls[2] = {true, true};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (weir_registry_available() && !RecoveryInProgress())
	{
		LWLockAcquire(weir_registry->lock, LW_SHARED);
		shown = look(weir_slot_find(MyDatabaseId, PG_GETARG_INT64(0)), status, reason);
		LWLockRelease(weir_registry->lock);
		if (shown == NULL && reason[0] == '\0')
			shown = look_at_version(reason);
	}
	nulls[0] = shown == NULL;
	nulls[1] = reason[0] == '\0';
	if (!nulls[0])
		values[0] = CStringGetTextDatum(shown);
	if (!nulls[1])
		values[1] = CStringGetTextDatum(reason);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * catalog/internal.c
 *		The way to Weir's own tables.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "catalog/internal.h"

void
weir_internal_enter(WeirInternal *saved)
{
	GetUserIdAndSecContext(&saved->user, &saved->security);
	saved->read_only = XactReadOnly;
	XactReadOnly = false;
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   saved->security | SECURITY_LOCAL_USERID_CHANGE);
	saved->guc_nest = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
weir_internal_leave(WeirInternal *saved)
{
	SPI_finish();
	AtEOXact_GUC(false, saved->guc_nest);
	SetUserIdAndSecContext(saved->user, saved->security);
	XactReadOnly = saved->read_only;
}

/*
 * The plan has parameters where the statement does: an extension that watches what
 * plans compare with would note each value of a constant as something else.
 */
static SPIPlanPtr
make_plan(const char *sql, const WeirArguments *args)
{
	SPIPlanPtr	plan = SPI_prepare_cursor(sql, args ? args->n : 0,
										  args ? (Oid *) args->types : NULL,
										  CURSOR_OPT_GENERIC_PLAN);

	if (plan == NULL)
		elog(ERROR, "SPI failed (%s) for: %s", SPI_result_code_string(SPI_result), sql);
	return plan;
}

/* The plans that are kept; a text stands for the same types each time. */
typedef struct KeptPlan
{
	const char *sql;			/* key */
	SPIPlanPtr	plan;
} KeptPlan;

static HTAB *kept_plans;

static uint32
hash_text(const void *key, Size size)
{
	const char *sql = *(const char *const *) key;

	return DatumGetUInt32(hash_any((const unsigned char *) sql, strlen(sql)));
}

static int
compare_texts(const void *a, const void *b, Size size)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void
begin_keeping(void)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(const char *);
	control.entrysize = sizeof(KeptPlan);
	control.hash = hash_text;
	control.match = compare_texts;
	kept_plans = hash_create("weir plans", 64, &control, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE);
}

/* Entered only once it is made and kept, so that an error leaves nothing behind. */
static SPIPlanPtr
kept_plan(const char *sql, const WeirArguments *args)
{
	KeptPlan   *kept;
	SPIPlanPtr	plan;
	const char *copy;

	if (kept_plans == NULL)
		begin_keeping();
	kept = hash_search(kept_plans, &sql, HASH_FIND, NULL);
	if (kept)
		return kept->plan;
	plan = make_plan(sql, args);
	copy = MemoryContextStrdup(TopMemoryContext, sql);
	kept = hash_search(kept_plans, &copy, HASH_ENTER, NULL);
	kept->plan = plan;
	(void) SPI_keepplan(plan);
	return plan;
}

static uint64
execute_plan(SPIPlanPtr plan, const char *sql, const WeirArguments *args, bool read_only)
{
	int			result = SPI_execute_plan(plan, args ? (Datum *) args->values : NULL,
										  args ? args->nulls : NULL, read_only, 0);

	if (result < 0)
		elog(ERROR, "SPI failed (%s) for: %s", SPI_result_code_string(result), sql);
	return SPI_processed;
}

uint64
weir_internal_run(const char *sql, const WeirArguments *args)
{
	return execute_plan(kept_plan(sql, args), sql, args, false);
}

uint64
weir_internal_read(const char *sql, const WeirArguments *args)
{
	return execute_plan(kept_plan(sql, args), sql, args, true);
}

uint64
weir_internal_run_once(const char *sql, const WeirArguments *args)
{
	SPIPlanPtr	plan = make_plan(sql, args);
	uint64		processed = execute_plan(plan, sql, args, false);

	(void) SPI_freeplan(plan);
	return processed;
}

uint64
weir_internal_execute(const char *sql, const WeirArguments *args)
{
	WeirInternal saved;
	uint64		processed;

	weir_internal_enter(&saved);
	processed = weir_internal_run(sql, args);
	weir_internal_leave(&saved);
	return processed;
}

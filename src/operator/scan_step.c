/*
 * operator/scan_step.c
 *		The stateless step: runs the scan plan over a batch, and
 *		hashes each row's key.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "executor/executor.h"
#include "tcop/dest.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/keytype.h"
#include "operator/scan_step.h"

struct WeirScanStep
{
	const WeirDataflow *dataflow;
	WeirKeyHash *hash;			/* of the key columns */
	Bitmapset  *plain;			/* columns (from 0) that must not be packed */
	MemoryContext unpacked;		/* reset for each row */
};

/* Receives the rows of the scan plan. */
typedef struct ScanReceiver
{
	DestReceiver pub;
	WeirScanStep *step;
	WeirScanRowFunction emit;
	void	   *arg;
} ScanReceiver;

WeirScanStep *
weir_scan_step_create(const WeirDataflow *df)
{
	MemoryContext old = MemoryContextSwitchTo(df->context);
	WeirScanStep *step = palloc(sizeof(WeirScanStep));

	step->dataflow = df;
	step->hash = palloc(sizeof(WeirKeyHash) * Max(df->nkeys, 1));
	for (int i = 0; i < df->nkeys; i++)
		weir_key_hash_init(&step->hash[i], df->keys[i].type, df->keys[i].collation, df->context);
	step->plain = NULL;
	for (int i = 0; i < df->row_desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(df->row_desc, i);

		if (att->attlen == -1 && att->attstorage == TYPSTORAGE_PLAIN)
			step->plain = bms_add_member(step->plain, i);
	}
	step->unpacked = AllocSetContextCreate(df->context, "weir unpacked", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(old);
	return step;
}

/* A sort or a hash join packs what it keeps. */
static void
unpack(const WeirScanStep *step, TupleTableSlot *slot)
{
	MemoryContext old;
	int			i = -1;

	if (step->plain == NULL)
		return;
	MemoryContextReset(step->unpacked);
	old = MemoryContextSwitchTo(step->unpacked);
	while ((i = bms_next_member(step->plain, i)) >= 0)
	{
		struct varlena *value = (struct varlena *) DatumGetPointer(slot->tts_values[i]);

		if (!slot->tts_isnull[i] && VARATT_IS_EXTENDED(value))
			slot->tts_values[i] = PointerGetDatum(detoast_attr(value));
	}
	MemoryContextSwitchTo(old);
}

static uint64
hash_key(const WeirScanStep *step, TupleTableSlot *slot)
{
	const WeirDataflow *df = step->dataflow;
	Datum		key[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];

	if (df->nkeys == 0)
		return 0;
	for (int i = 0; i < df->nkeys; i++)
	{
		key[i] = slot->tts_values[df->keys[i].attno - 1];
		isnull[i] = slot->tts_isnull[df->keys[i].attno - 1];
	}
	return weir_key_hash(df->nkeys, step->hash, key, isnull);
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	ScanReceiver *receiver = (ScanReceiver *) self;
	WeirScanStep *step = receiver->step;
	Datum		ordinal;

	slot_getallattrs(slot);
	unpack(step, slot);
	ordinal = slot->tts_values[step->dataflow->ordinal - 1];
	receiver->emit(receiver->arg, slot->tts_values, slot->tts_isnull, hash_key(step, slot),
				   weir_scan_index((ItemPointer) DatumGetPointer(ordinal)));
	return true;
}

static void
receive_startup(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
receive_nothing(DestReceiver *self)
{
}

void
weir_scan_step_run(WeirScanStep *step, WeirScanInput *input, WeirScanRowFunction emit, void *arg)
{
	ScanReceiver receiver = {{receive_row, receive_startup, receive_nothing, receive_nothing, DestNone}};
	QueryDesc  *query;

	receiver.step = step;
	receiver.emit = emit;
	receiver.arg = arg;
	query = CreateQueryDesc(step->dataflow->scan, step->dataflow->text,
							GetActiveSnapshot(), InvalidSnapshot,
							&receiver.pub, NULL, NULL, 0);
	weir_current_scan = input;
	ExecutorStart(query, 0);
	weir_run(query);
	ExecutorFinish(query);
	ExecutorEnd(query);
	weir_current_scan = NULL;
	FreeQueryDesc(query);
}

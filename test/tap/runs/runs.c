/*
 * Random batches of a query's rows through runs: what is read is what was written.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "access/tupmacs.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "record/run.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(runs_round_trip);

#define MAX_ROWS 3000

typedef struct Trip
{
	pg_prng_state random;
	WeirBatch  *batch;
	int		   *sent;			/* rows of the batch, in the order in which they were added */
	int			nsent;
	int			nread;
	WeirRunWriter *writer;
	WeirRunReader *reader;
	StringInfoData buffer;
	int64		rows;			/* that came back as they were */
} Trip;

static int
below(Trip *trip, int n)
{
	return (int) pg_prng_uint64_range(&trip->random, 0, n - 1);
}

/* An array may be handed over expanded. */
static Datum
maybe_expanded(Trip *trip, Form_pg_attribute att, Datum value, MemoryContext context)
{
	if (OidIsValid(get_element_type(att->atttypid)) && below(trip, 2) == 0)
		return expand_array(value, context, NULL);
	return value;
}

static void
fill_row(Trip *trip, int row)
{
	WeirBatch  *batch = trip->batch;
	int			natts = batch->desc->natts;
	Datum	   *values = palloc(sizeof(Datum) * (natts + 1));
	bool	   *nulls = palloc(sizeof(bool) * (natts + 1));

	heap_deform_tuple(SPI_tuptable->vals[below(trip, (int) SPI_processed)], batch->desc, values, nulls);
	for (int i = 0; i < natts; i++)
	{
		if (!nulls[i])
			values[i] = maybe_expanded(trip, TupleDescAttr(batch->desc, i), values[i], batch->context);
	}
	weir_batch_set_row(batch, row, values, nulls);
	batch->lines[row] = (int64) pg_prng_uint64(&trip->random);
	batch->stamps[row] = (int64) pg_prng_uint64(&trip->random);
	batch->hashes[row] = pg_prng_uint64(&trip->random);
	if (batch->raw)
	{
		char	   *raw = MemoryContextAllocZero(batch->context, 100);

		snprintf(raw, 100, "%lu", (unsigned long) batch->hashes[row]);
		batch->raw[row].data = below(trip, 4) ? raw : NULL;
		batch->raw[row].len = below(trip, 100);
	}
}

static void
check_alignment(Form_pg_attribute att, Datum value)
{
	char	   *at = DatumGetPointer(value);

	if (att->attbyval || att->attlen == -2 || (att->attlen == -1 && VARATT_IS_SHORT(at)))
		return;
	if ((char *) att_align_nominal((uintptr_t) at, att->attalign) != at)
		elog(ERROR, "column %s: a value is not aligned", NameStr(att->attname));
	if (att->attlen == -1 && VARATT_IS_EXTERNAL(at))
		elog(ERROR, "column %s: a value is elsewhere", NameStr(att->attname));
}

static void
check_value(WeirBatch *a, int i, WeirBatch *b, int j, int column)
{
	Form_pg_attribute att = TupleDescAttr(a->desc, column);
	bool		isnull = weir_vector_is_null(&a->columns[column], i);

	if (isnull != weir_vector_is_null(&b->columns[column], j))
		elog(ERROR, "column %s: null of row %d differs", NameStr(att->attname), i);
	if (isnull)
		return;
	check_alignment(att, b->columns[column].values[j]);
	if (!datum_image_eq(a->columns[column].values[i], b->columns[column].values[j],
						att->attbyval, att->attlen))
		elog(ERROR, "column %s: value of row %d differs", NameStr(att->attname), i);
}

static void
check_raw(WeirBatch *a, int i, WeirBatch *b, int j)
{
	WeirRaw		x = weir_batch_raw(a, i);
	WeirRaw		y = weir_batch_raw(b, j);

	if ((x.data == NULL) != (y.data == NULL) ||
		(x.data && (x.len != y.len || memcmp(x.data, y.data, x.len) != 0)))
		elog(ERROR, "bytes of row %d differ", i);
}

static void
read_run(Trip *trip)
{
	WeirBatch  *a = trip->batch;
	WeirBatch  *b;

	weir_run_end(trip->writer);
	b = weir_run_read(trip->reader, trip->buffer.data);
	if (b->source != a->source)
		elog(ERROR, "source differs");
	for (int j = 0; j < b->nrows; j++)
	{
		int			i = trip->sent[trip->nread++];

		if (a->lines[i] != b->lines[j] || a->stamps[i] != b->stamps[j] || a->hashes[i] != b->hashes[j])
			elog(ERROR, "record of row %d differs", i);
		for (int c = 0; c < a->desc->natts; c++)
			check_value(a, i, b, j, c);
		check_raw(a, i, b, j);
		trip->rows++;
	}
	resetStringInfo(&trip->buffer);
}

static void
add(Trip *trip, const int *selection, int first, int n)
{
	while (n > 0)
	{
		int			taken;

		if (trip->buffer.len == 0)
			weir_run_begin(trip->writer, &trip->buffer, trip->batch);
		taken = weir_run_add(trip->writer, trip->batch, selection, first, n);
		for (int k = 0; k < taken; k++)
			trip->sent[trip->nsent++] = selection ? selection[k] : first + k;
		first += taken;
		selection = selection ? selection + taken : NULL;
		n -= taken;
		if (n > 0 || weir_run_is_full(trip->writer))
			read_run(trip);
	}
}

/* In pieces, by a selection or without. */
static void
send_batch(Trip *trip)
{
	int			at = 0;
	int		   *selection = palloc(sizeof(int) * MAX_ROWS);

	trip->nsent = trip->nread = 0;
	while (at < trip->batch->nrows)
	{
		int			n = below(trip, trip->batch->nrows - at) + 1;
		int			picked = 0;

		for (int i = at; i < at + n; i++)
		{
			if (below(trip, 3))
				selection[picked++] = i;
		}
		if (below(trip, 2))
			add(trip, selection, 0, picked);
		else
			add(trip, NULL, at, n);
		at += n;
	}
	if (trip->buffer.len > 0)
		read_run(trip);
	if (trip->nread != trip->nsent)
		elog(ERROR, "%d of %d rows came back", trip->nread, trip->nsent);
}

/* (query text, batches int, seed int): how many rows came back */
Datum
runs_round_trip(PG_FUNCTION_ARGS)
{
	Trip		trip = {{0}};
	int			nbatches = PG_GETARG_INT32(1);

	pg_prng_seed(&trip.random, PG_GETARG_INT32(2));
	SPI_connect();
	if (SPI_execute(text_to_cstring(PG_GETARG_TEXT_PP(0)), true, 0) != SPI_OK_SELECT || SPI_processed == 0)
		elog(ERROR, "no rows");
	trip.sent = palloc(sizeof(int) * MAX_ROWS);
	initStringInfo(&trip.buffer);
	trip.reader = weir_run_reader_create(SPI_tuptable->tupdesc);
	trip.writer = weir_run_writer_create();
	for (int b = 0; b < nbatches; b++)
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "batch", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);

		trip.batch = weir_batch_create(SPI_tuptable->tupdesc, MAX_ROWS);
		trip.batch->source = below(&trip, 5);
		if (below(&trip, 2))
			weir_batch_keep_raw(trip.batch);
		trip.batch->nrows = below(&trip, 2) ? below(&trip, 10) : below(&trip, MAX_ROWS);
		for (int i = 0; i < trip.batch->nrows; i++)
			fill_row(&trip, i);
		send_batch(&trip);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
	SPI_finish();
	PG_RETURN_INT64(trip.rows);
}

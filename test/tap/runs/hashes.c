/*
 * Keys hashed without a call of their type's function: the function gives the same.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "base/keytype.h"

PG_FUNCTION_INFO_V1(runs_hashes_agree);

/* (query text): how many values of its one column are hashed so; -1: their type is not */
Datum
runs_hashes_agree(PG_FUNCTION_ARGS)
{
	WeirKeyHash hash;
	Datum	   *values;
	uint64	   *hashes;
	int			n;
	bool		direct;

	SPI_connect();
	if (SPI_execute(text_to_cstring(PG_GETARG_TEXT_PP(0)), true, 0) != SPI_OK_SELECT)
		elog(ERROR, "no rows");
	n = (int) SPI_processed;
	values = palloc(sizeof(Datum) * n);
	hashes = palloc(sizeof(uint64) * n);
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		values[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
		if (isnull)
			elog(ERROR, "row %d is null", i);
	}
	weir_key_hash_init(&hash, TupleDescAttr(SPI_tuptable->tupdesc, 0)->atttypid,
					   TupleDescAttr(SPI_tuptable->tupdesc, 0)->attcollation, CurrentMemoryContext);
	direct = weir_key_hash_values(&hash, values, n, hashes);
	for (int i = 0; direct && i < n; i++)
	{
		Datum		given = FunctionCall2Coll(&hash.function, hash.collation, values[i], Int64GetDatum(0));

		if (!hash.wide || hashes[i] != DatumGetUInt64(given))
			elog(ERROR, "hash of row %d differs", i);
	}
	SPI_finish();
	PG_RETURN_INT32(direct ? n : -1);
}

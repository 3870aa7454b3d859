/*
 * catalog/spi.c
 *		SPI on the extension's own tables: user id and search_path switched.
 */
#include "postgres.h"

#include "catalog/spi.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

void
weir_spi_begin(WeirSpi *spi)
{
	spi->caller = CurrentMemoryContext;
	GetUserIdAndSecContext(&spi->user, &spi->security);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   spi->security | SECURITY_LOCAL_USERID_CHANGE);
	spi->guc_nest = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not connect to SPI")));
}

void
weir_spi_end(WeirSpi *spi)
{
	SPI_finish();
	AtEOXact_GUC(true, spi->guc_nest);
	SetUserIdAndSecContext(spi->user, spi->security);
	MemoryContextSwitchTo(spi->caller);
}

Datum
weir_spi_datum(int row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

char *
weir_spi_text(const WeirSpi *spi, int row, int column)
{
	bool		isnull;
	Datum		value = weir_spi_datum(row, column, &isnull);
	MemoryContext old;
	char	   *result;

	if (isnull)
		return NULL;
	old = MemoryContextSwitchTo(spi->caller);
	result = TextDatumGetCString(value);
	MemoryContextSwitchTo(old);
	return result;
}

/*
 * catalog/spi.h
 *		SPI on the extension's own tables: as the bootstrap superuser, since
 *		nobody else may touch them, and with a search_path that no user can
 *		put an operator or a function in.
 *
 *		WeirSpi spi;
 *
 *		weir_spi_begin(&spi);
 *		SPI_execute_with_args(...);
 *		weir_spi_end(&spi);
 *
 * An error in between needs no care: the end of the (sub)transaction undoes
 * all three.  What shall outlive weir_spi_end is copied to spi.caller.
 */
#ifndef WEIR_CATALOG_SPI_H
#define WEIR_CATALOG_SPI_H

#include "postgres.h"

#include "executor/spi.h"

typedef struct WeirSpi
{
	MemoryContext caller;		/* current before weir_spi_begin */
	Oid			user;
	int			security;
	int			guc_nest;
} WeirSpi;

extern void weir_spi_begin(WeirSpi *spi);
extern void weir_spi_end(WeirSpi *spi);

/* A column of the first row of the result; text is copied to spi->caller. */
extern Datum weir_spi_datum(int row, int column, bool *isnull);
extern char *weir_spi_text(const WeirSpi *spi, int row, int column);

#endif

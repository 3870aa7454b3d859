/*
 * catalog/prepared.h
 *		Which of Weir's transactions are prepared, by their names.
 *		All functions need a transaction and an active snapshot.
 */
#ifndef WEIR_CATALOG_PREPARED_H
#define WEIR_CATALOG_PREPARED_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* Names of the job's prepared transactions in this database, its owner's, in CurrentMemoryContext. */
extern List *weir_prepared_of_job(int64 job);

/* Names of transactions of the job (0: any) prepared in the database, whoever's, likewise. */
extern List *weir_prepared_in(Oid database, int64 job);

#endif

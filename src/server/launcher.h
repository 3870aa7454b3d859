/*
 * server/launcher.h
 *		The one static worker of a cluster: starts coordinators.
 */
#ifndef WEIR_SERVER_LAUNCHER_H
#define WEIR_SERVER_LAUNCHER_H

#include "postgres.h"

extern void weir_launcher_register(void);

extern PGDLLEXPORT void weir_launcher_main(Datum arg);
extern PGDLLEXPORT void weir_scan_main(Datum arg);

typedef struct WeirCoordinatorArg
{
	Oid			database;
	int64		job;
} WeirCoordinatorArg;

extern PGDLLEXPORT void weir_coordinator_main(Datum arg);

#endif

/*
 * flow/launcher.h
 *		The one static worker of a cluster: starts coordinators.
 */
#ifndef WEIR_FLOW_LAUNCHER_H
#define WEIR_FLOW_LAUNCHER_H

#include "postgres.h"

extern void weir_launcher_register(void);

extern PGDLLEXPORT void weir_launcher_main(Datum arg);
extern PGDLLEXPORT void weir_scan_main(Datum arg);

#endif

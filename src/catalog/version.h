/*
 * catalog/version.h
 *		Which version of the extension the database has, beside that of the library.
 */
#ifndef WEIR_CATALOG_VERSION_H
#define WEIR_CATALOG_VERSION_H

#include "postgres.h"

/*
 * Are the database's tables and functions those that this library goes with?
 * installed, if it is not NULL, gets their version, NULL where the extension is
 * not there.  In a transaction.
 */
extern bool weir_version_is_current(char **installed);

/* An error (object_not_in_prerequisite_state) with the way out if they are not. */
extern void weir_version_require(void);

#endif

/*
 * base/blame.h
 *		Whose error is it: decide/poison.h, of an error as it was raised.
 */
#ifndef WEIR_BASE_BLAME_H
#define WEIR_BASE_BLAME_H

#include "postgres.h"

#include "decide/poison.h"

extern WeirBlame weir_error_blame(const ErrorData *error);

#endif

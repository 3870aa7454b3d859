/*
 * base/descriptor.h
 *		Bytes into a descriptor that never makes its writer wait: a file, or
 *		memory without a name.
 */
#ifndef WEIR_BASE_DESCRIPTOR_H
#define WEIR_BASE_DESCRIPTOR_H

#include "postgres.h"

/* Writes all of it, however many calls that takes; false: it cannot be written, see errno. */
extern bool weir_write_all(int fd, const void *data, Size len);

#endif

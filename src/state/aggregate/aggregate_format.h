/*
 * state/aggregate/aggregate_format.h
 *		The flags of a transition value in an accumulator's bytes, see
 *		aggregate_flat.c.
 */
#ifndef WEIR_STATE_AGGREGATE_AGGREGATE_FORMAT_H
#define WEIR_STATE_AGGREGATE_AGGREGATE_FORMAT_H

#define WEIR_VALUE_NULL 1
#define WEIR_VALUE_NONE 2		/* the first row will be the value */

#endif

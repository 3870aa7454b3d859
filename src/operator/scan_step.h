/*
 * operator/scan_step.h
 *		The stateless step: runs the scan plan over a batch.
 */
#ifndef WEIR_OPERATOR_SCAN_STEP_H
#define WEIR_OPERATOR_SCAN_STEP_H

#include "postgres.h"

#include "compile/dataflow.h"
#include "record/scan_input.h"

typedef struct WeirScanStep WeirScanStep;

/* What to do with each row: values of row_desc, its key's hash, its record's index in the batch. */
typedef void (*WeirScanRowFunction) (void *arg, Datum *values, bool *nulls,
									 uint64 hash, int index);

/* In a transaction; goes with the dataflow. */
extern WeirScanStep *weir_scan_step_create(const WeirDataflow *dataflow);

/* In a transaction with a snapshot. */
extern void weir_scan_step_run(WeirScanStep *step, WeirScanInput *input,
							   WeirScanRowFunction emit, void *arg);

#endif

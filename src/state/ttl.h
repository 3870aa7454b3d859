/*
 * state/ttl.h
 *		The SQL type weir.ttl.
 */
#ifndef WEIR_STATE_TTL_H
#define WEIR_STATE_TTL_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "decide/expiry.h"

/* As sql/part--40-state.sql declares it: 24 bytes, aligned as double. */
typedef struct WeirTtlType
{
	Interval	ttl;			/* > 0 */
	uint8		update;			/* WeirTtlUpdate */
	uint8		visibility;		/* WeirTtlVisibility */
	uint8		padding[6];
} WeirTtlType;

StaticAssertDecl(sizeof(WeirTtlType) == 24, "weir.ttl is 24 bytes");

/* The rule it states; without one, nothing expires. */
extern WeirTtl weir_ttl_rule(const WeirTtlType *type);

#endif

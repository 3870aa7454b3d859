/*
 * base/order.h
 *		In which order rows stand: by columns, each by an operator of a btree.
 */
#ifndef WEIR_BASE_ORDER_H
#define WEIR_BASE_ORDER_H

#include "postgres.h"

#include "access/attnum.h"
#include "utils/sortsupport.h"

typedef struct WeirSortColumn
{
	AttrNumber	attno;
	Oid			operator;		/* < or > of a btree */
	Oid			collation;
	bool		nulls_first;
} WeirSortColumn;

typedef struct WeirOrder
{
	int			ncolumns;
	SortSupportData *columns;	/* ssup_attno: of the row */
	bool		calls_user;		/* a user's code runs to compare */
} WeirOrder;

/* In CurrentMemoryContext, which it needs as long as it is used. */
extern WeirOrder *weir_order_create(const WeirSortColumn *columns, int ncolumns);

/* Values and nulls are those of whole rows: below zero if the one comes before the other. */
static inline int
weir_order_compare(const WeirOrder *order, const Datum *one, const bool *one_nulls,
				   const Datum *other, const bool *other_nulls)
{
	for (int i = 0; i < order->ncolumns; i++)
	{
		SortSupport column = &order->columns[i];
		int			at = column->ssup_attno - 1;
		int			result = ApplySortComparator(one[at], one_nulls[at], other[at], other_nulls[at], column);

		if (result != 0)
			return result;
	}
	return 0;
}

#endif

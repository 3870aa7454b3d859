/*
 * base/order.c
 *		What it takes to compare rows.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

#include "base/order.h"

/* Does it compare by functions of the user's, or of what types are made of? */
static bool
calls_user(Oid operator)
{
	Oid			left;
	Oid			right;

	op_input_types(operator, &left, &right);
	return operator >= FirstNormalObjectId || get_typtype(left) == TYPTYPE_PSEUDO;
}

WeirOrder *
weir_order_create(const WeirSortColumn *columns, int ncolumns)
{
	WeirOrder  *order = palloc0(sizeof(WeirOrder));

	order->ncolumns = ncolumns;
	order->columns = palloc0(sizeof(SortSupportData) * Max(ncolumns, 1));
	for (int i = 0; i < ncolumns; i++)
	{
		SortSupport column = &order->columns[i];

		column->ssup_cxt = CurrentMemoryContext;
		column->ssup_collation = columns[i].collation;
		column->ssup_nulls_first = columns[i].nulls_first;
		column->ssup_attno = columns[i].attno;
		PrepareSortSupportFromOrderingOp(columns[i].operator, column);
		order->calls_user = order->calls_user || calls_user(columns[i].operator);
	}
	return order;
}

/*
 * base/rowdesc.c
 *		Rows within rows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/rowdesc.h"

void
weir_keep_rows_plain(TupleDesc desc)
{
	for (AttrNumber attno = 1; attno <= desc->natts; attno++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, attno - 1);

		if (att->attisdropped || !type_is_rowtype(att->atttypid))
			continue;
		att->attstorage = TYPSTORAGE_PLAIN;
		weir_attribute_changed(desc, attno);
	}
}

/*
 * catalog/name.c
 *		Names of functions and types as Weir's tables hold them.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/regproc.h"

#include "catalog/name.h"

/* Until its level of settings ends, only what needs quotes has them. */
static int
quote_little(void)
{
	int			guc_nest = NewGUCNestLevel();

	if (quote_all_identifiers)
		(void) set_config_option("quote_all_identifiers", "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return guc_nest;
}

char *
weir_function_name(Oid function)
{
	int			guc_nest = quote_little();
	char	   *name = format_procedure_qualified(function);

	AtEOXact_GUC(false, guc_nest);
	return name;
}

char *
weir_type_name(Oid type, int32 typmod)
{
	int			guc_nest = quote_little();
	char	   *name = format_type_extended(type, typmod,
											FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);

	AtEOXact_GUC(false, guc_nest);
	return name;
}

char *
weir_qualified_name(const char *schema, const char *name)
{
	int			guc_nest = quote_little();
	char	   *result = quote_qualified_identifier(schema, name);

	AtEOXact_GUC(false, guc_nest);
	return result;
}

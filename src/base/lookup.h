/*
 * base/lookup.h
 *		Catalog look-ups are made inside a transaction only.
 *
 * Most answers come from caches, so that a look-up outside of one works until
 * the day its answer is not there, and then ends the server.  A build with
 * assertions (make ASSERT=1) includes this file before every other and checks
 * each call; other builds do not know it.
 */
#ifndef WEIR_BASE_LOOKUP_H
#define WEIR_BASE_LOOKUP_H

#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "fmgr.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#define WEIR_LOOKUP(call) (AssertMacro(IsTransactionState()), call)

#define fmgr_info(...) WEIR_LOOKUP(fmgr_info(__VA_ARGS__))
#define fmgr_info_cxt(...) WEIR_LOOKUP(fmgr_info_cxt(__VA_ARGS__))
#define OidFunctionCall0Coll(...) WEIR_LOOKUP(OidFunctionCall0Coll(__VA_ARGS__))
#define OidFunctionCall1Coll(...) WEIR_LOOKUP(OidFunctionCall1Coll(__VA_ARGS__))
#define OidFunctionCall2Coll(...) WEIR_LOOKUP(OidFunctionCall2Coll(__VA_ARGS__))
#define OidInputFunctionCall(...) WEIR_LOOKUP(OidInputFunctionCall(__VA_ARGS__))
#define OidOutputFunctionCall(...) WEIR_LOOKUP(OidOutputFunctionCall(__VA_ARGS__))

#define table_open(...) WEIR_LOOKUP(table_open(__VA_ARGS__))
#define relation_open(...) WEIR_LOOKUP(relation_open(__VA_ARGS__))
#undef SearchSysCache1
#undef SearchSysCacheExists1
#define SearchSysCache1(...) WEIR_LOOKUP((SearchSysCache1)(__VA_ARGS__))
#define SearchSysCacheExists1(cacheId, key1) \
	WEIR_LOOKUP(SearchSysCacheExists(cacheId, key1, 0, 0, 0))

#define lookup_type_cache(...) WEIR_LOOKUP(lookup_type_cache(__VA_ARGS__))
#define lookup_rowtype_tupdesc(...) WEIR_LOOKUP(lookup_rowtype_tupdesc(__VA_ARGS__))
#define lookup_rowtype_tupdesc_noerror(...) WEIR_LOOKUP(lookup_rowtype_tupdesc_noerror(__VA_ARGS__))
#define getTypeInputInfo(...) WEIR_LOOKUP(getTypeInputInfo(__VA_ARGS__))
#define getTypeOutputInfo(...) WEIR_LOOKUP(getTypeOutputInfo(__VA_ARGS__))
#define getBaseType(...) WEIR_LOOKUP(getBaseType(__VA_ARGS__))
#define get_typlenbyval(...) WEIR_LOOKUP(get_typlenbyval(__VA_ARGS__))
#define get_typlenbyvalalign(...) WEIR_LOOKUP(get_typlenbyvalalign(__VA_ARGS__))
#define get_element_type(...) WEIR_LOOKUP(get_element_type(__VA_ARGS__))
#define get_typcollation(...) WEIR_LOOKUP(get_typcollation(__VA_ARGS__))
#define get_typtype(...) WEIR_LOOKUP(get_typtype(__VA_ARGS__))
#define get_opcode(...) WEIR_LOOKUP(get_opcode(__VA_ARGS__))
#define get_opfamily_member(...) WEIR_LOOKUP(get_opfamily_member(__VA_ARGS__))
#define get_rel_name(...) WEIR_LOOKUP(get_rel_name(__VA_ARGS__))
#define get_namespace_name(...) WEIR_LOOKUP(get_namespace_name(__VA_ARGS__))
#define get_func_name(...) WEIR_LOOKUP(get_func_name(__VA_ARGS__))
#define format_type_be(...) WEIR_LOOKUP(format_type_be(__VA_ARGS__))
#define format_type_be_qualified(...) WEIR_LOOKUP(format_type_be_qualified(__VA_ARGS__))
#define format_procedure(...) WEIR_LOOKUP(format_procedure(__VA_ARGS__))
#define format_procedure_qualified(...) WEIR_LOOKUP(format_procedure_qualified(__VA_ARGS__))
#define type_is_rowtype(...) WEIR_LOOKUP(type_is_rowtype(__VA_ARGS__))

#endif

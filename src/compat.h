/*
 * compat.h
 *		What differs between PostgreSQL 15, 16, 17, 18 and 19: the only header that
 *		asks for the version.
 *
 * Where a newer server has a better name or a longer argument list, the code
 * uses the newest name, which is defined here for the older ones, or a name with
 * weir_ in front.  Most are macros, so that this header needs no others; a
 * file that uses one includes what the call itself needs.
 */
#ifndef WEIR_COMPAT_H
#define WEIR_COMPAT_H

/* ---- postgres.h and what it brings along ---- */

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

#if PG_VERSION_NUM < 190000
#if defined(__GNUC__)
#define pg_fallthrough __attribute__((fallthrough))
#else
#define pg_fallthrough ((void) 0)
#endif
#endif

/* Hands a signal handler's arguments on to another one. */
#if PG_VERSION_NUM >= 190000
#define WEIR_SIGNAL postgres_signal_arg, pg_siginfo
#else
#define WEIR_SIGNAL postgres_signal_arg
#endif

/* ---- catalog and access ---- */

#if PG_VERSION_NUM >= 180000
#define weir_primary_key_index(rel) RelationGetPrimaryKeyIndex(rel, false)
#else
#define weir_primary_key_index(rel) RelationGetPrimaryKeyIndex(rel)
#endif

#if PG_VERSION_NUM >= 190000
#define weir_index_beginscan(table, index, snapshot, nkeys) \
	index_beginscan(table, index, snapshot, NULL, nkeys, 0, 0)
#elif PG_VERSION_NUM >= 180000
#define weir_index_beginscan(table, index, snapshot, nkeys) \
	index_beginscan(table, index, snapshot, NULL, nkeys, 0)
#else
#define weir_index_beginscan(table, index, snapshot, nkeys) \
	index_beginscan(table, index, snapshot, nkeys, 0)
#endif

/* After the last column of a descriptor has been filled in. */
#if PG_VERSION_NUM < 190000
#define TupleDescFinalize(desc) ((void) (desc))
#endif

#if PG_VERSION_NUM >= 180000
#define weir_form_minimal_tuple(desc, values, nulls) heap_form_minimal_tuple(desc, values, nulls, 0)
#else
#define weir_form_minimal_tuple(desc, values, nulls) heap_form_minimal_tuple(desc, values, nulls)
#endif

/* ---- rights ---- */

#if PG_VERSION_NUM >= 160000
#define weir_function_aclcheck(function, role, mode) \
	object_aclcheck(ProcedureRelationId, function, role, mode)
#define weir_check_permissions(planned) \
	ExecCheckPermissions((planned)->rtable, (planned)->permInfos, true)
#else
#define weir_function_aclcheck(function, role, mode) pg_proc_aclcheck(function, role, mode)
#define weir_check_permissions(planned) ExecCheckRTPerms((planned)->rtable, true)
#endif

/* ---- parser, rewriter, planner ---- */

#if PG_VERSION_NUM >= 160000
#define weir_flatten_join_vars(query, node) flatten_join_alias_vars(NULL, query, node)
#else
#define weir_flatten_join_vars(query, node) flatten_join_alias_vars(query, node)
#endif

#if PG_VERSION_NUM >= 180000
#define weir_expand_rte(rte, index, levelsup, location, dropped, names, vars) \
	expandRTE(rte, index, levelsup, VAR_RETURNING_DEFAULT, location, dropped, names, vars)
#else
#define weir_expand_rte(rte, index, levelsup, location, dropped, names, vars) \
	expandRTE(rte, index, levelsup, location, dropped, names, vars)
#endif

#if PG_VERSION_NUM >= 180000
#define weir_replace_vars(node, varno, rte, targets, sublinks) \
	ReplaceVarsFromTargetList(node, varno, 0, rte, targets, 0, REPLACEVARS_REPORT_ERROR, 0, sublinks)
#else
#define weir_replace_vars(node, varno, rte, targets, sublinks) \
	ReplaceVarsFromTargetList(node, varno, 0, rte, targets, REPLACEVARS_REPORT_ERROR, 0, sublinks)
#endif

/* RETURNING of a raw INSERT: its expressions; setting them. */
#if PG_VERSION_NUM >= 180000
#define weir_returning(stmt) ((stmt)->returningClause ? (stmt)->returningClause->exprs : NIL)
#define weir_set_returning(stmt, list) \
	((stmt)->returningClause = makeNode(ReturningClause), (stmt)->returningClause->exprs = (list))
#else
#define weir_returning(stmt) ((stmt)->returningList)
#define weir_set_returning(stmt, list) ((stmt)->returningList = (list))
#endif

/* The scanner warns of backslashes in strings; to be told once it has been made. */
#if PG_VERSION_NUM >= 190000
#define weir_scanner_be_quiet(extra) ((void) (extra))
#else
#define weir_scanner_be_quiet(extra) ((extra)->escape_string_warning = false)
#endif

#if PG_VERSION_NUM >= 190000
#define weir_plan_query(query, text) pg_plan_query(query, text, 0, NULL, NULL)
#else
#define weir_plan_query(query, text) pg_plan_query(query, text, 0, NULL)
#endif

#if PG_VERSION_NUM >= 180000
#define weir_foreignscan_path(root, rel, rows, total) \
	create_foreignscan_path(root, rel, NULL, rows, 0, 0, total, NIL, (rel)->lateral_relids, NULL, NIL, NIL)
#elif PG_VERSION_NUM >= 170000
#define weir_foreignscan_path(root, rel, rows, total) \
	create_foreignscan_path(root, rel, NULL, rows, 0, total, NIL, (rel)->lateral_relids, NULL, NIL, NIL)
#else
#define weir_foreignscan_path(root, rel, rows, total) \
	create_foreignscan_path(root, rel, NULL, rows, 0, total, NIL, (rel)->lateral_relids, NULL, NIL)
#endif

/* ---- executor ---- */

#if PG_VERSION_NUM >= 180000
#include "commands/explain_state.h"
#endif

#if PG_VERSION_NUM >= 180000
#define weir_run(query) ExecutorRun(query, ForwardScanDirection, 0)
#else
#define weir_run(query) ExecutorRun(query, ForwardScanDirection, 0, true)
#endif

/* An empty hash table of rows that lie in virtual slots. */
#if PG_VERSION_NUM >= 180000
#define weir_build_tuple_hash(desc, ncolumns, columns, eq, hash, collations, size, table, tuples, temp) \
	BuildTupleHashTable(NULL, desc, NULL, ncolumns, columns, eq, hash, collations, size, 0, \
						table, tuples, temp, false)
#else
#define weir_build_tuple_hash(desc, ncolumns, columns, eq, hash, collations, size, table, tuples, temp) \
	BuildTupleHashTableExt(NULL, desc, ncolumns, columns, eq, hash, collations, size, 0, \
						   table, tuples, temp, false)
#endif

/* ---- jsonb, built piece by piece ---- */

#if PG_VERSION_NUM >= 190000
#define WeirJsonBuilder JsonbInState
#define weir_json_push(builder, token, value) pushJsonbValue(builder, token, value)
#define weir_json_built(builder) JsonbValueToJsonb((builder)->result)
#else
typedef struct WeirJsonBuilder
{
	struct JsonbParseState *state;
	struct JsonbValue *result;
} WeirJsonBuilder;

#define weir_json_push(builder, token, value) \
	((void) ((builder)->result = pushJsonbValue(&(builder)->state, token, value)))
#define weir_json_built(builder) JsonbValueToJsonb((builder)->result)
#endif

#endif

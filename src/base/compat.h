/*
 * base/compat.h
 *		What differs between PostgreSQL 15, 16, 17, 18 and 19: the only header that
 *		asks for the version.
 *
 * Where a newer server has a better name or a longer argument list, the code
 * uses the newest name, which is defined here for the older ones, or a name with
 * weir_ in front.  Most are macros, so that this header needs no others; a
 * file that uses one includes what the call itself needs.
 */
#ifndef WEIR_BASE_COMPAT_H
#define WEIR_BASE_COMPAT_H

#include "nodes/primnodes.h"

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

/* Of a table that was made just before. */
#if PG_VERSION_NUM >= 190000
#define weir_define_index(relid, stmt) \
	DefineIndex(NULL, relid, stmt, InvalidOid, InvalidOid, InvalidOid, -1, false, false, false, false, true)
#elif PG_VERSION_NUM >= 160000
#define weir_define_index(relid, stmt) \
	DefineIndex(relid, stmt, InvalidOid, InvalidOid, InvalidOid, -1, false, false, false, false, true)
#else
#define weir_define_index(relid, stmt) \
	DefineIndex(relid, stmt, InvalidOid, InvalidOid, InvalidOid, false, false, false, false, true)
#endif

/* In csv a line \. ends a COPY; on newer servers it is data. */
#define WEIR_CSV_HAS_END_OF_COPY (PG_VERSION_NUM < 180000)

/* After a change of a column of a descriptor (1-based). */
#if PG_VERSION_NUM >= 180000
#define weir_attribute_changed(desc, attno) populate_compact_attribute(desc, (attno) - 1)
#else
#define weir_attribute_changed(desc, attno) ((void) (desc))
#endif

/* After the last column of a descriptor has been filled in. */
#if PG_VERSION_NUM < 190000
#define TupleDescFinalize(desc) ((void) (desc))
#endif

#if PG_VERSION_NUM < 170000
#define INTERVAL_NOT_FINITE(interval) ((void) (interval), false)
#endif

/* ---- transactions ---- */

/* A transaction that holds a lock, as a number that no other has; the process that it runs in, 0: it is prepared. */
#if PG_VERSION_NUM >= 170000
#define weir_transaction_number(vxid) \
	((uint64) (uint32) (vxid).procNumber << 32 | (vxid).localTransactionId)
#define weir_transaction_process(number) ProcNumberGetProc((ProcNumber) ((number) >> 32))
#define weir_process_transaction(proc) ((proc)->vxid.lxid)
#else
#define weir_transaction_number(vxid) \
	((uint64) (uint32) (vxid).backendId << 32 | (vxid).localTransactionId)
#define weir_transaction_process(number) BackendIdGetProc((int) ((number) >> 32))
#define weir_process_transaction(proc) ((proc)->lxid)
#endif

/* ---- rights ---- */

#if PG_VERSION_NUM >= 160000
#define weir_function_aclcheck(function, role, mode) \
	object_aclcheck(ProcedureRelationId, function, role, mode)
#else
#define weir_function_aclcheck(function, role, mode) pg_proc_aclcheck(function, role, mode)
#endif

/* A Var knows the joins that may make it NULL: only these (range table numbers) are left. */
#if PG_VERSION_NUM >= 160000
#define weir_keep_nulling_joins(var, joins) \
	((var)->varnullingrels = bms_intersect((var)->varnullingrels, joins))
#else
#define weir_keep_nulling_joins(var, joins) ((void) (var), (void) (joins))
#endif

/* What a plan needs of each relation: a list of WeirPermissions; what a query does of one entry. */
#if PG_VERSION_NUM >= 160000
#define WeirPermissions RTEPermissionInfo
#define weir_permissions(planned) ((planned)->permInfos)
#define weir_entry_permissions(query, rte) getRTEPermissionInfo((query)->rteperminfos, rte)
#define weir_add_permissions(query, rte) addRTEPermissionInfo(&(query)->rteperminfos, rte)
#define weir_has_permissions(rte) ((rte)->perminfoindex != 0)
#define weir_forget_permissions(rte) ((rte)->perminfoindex = 0)
#else
#define WeirPermissions RangeTblEntry
#define weir_permissions(planned) ((planned)->rtable)
#define weir_entry_permissions(query, rte) (rte)
#define weir_add_permissions(query, rte) (rte)
#define weir_has_permissions(rte) ((rte)->requiredPerms != 0)
#define weir_forget_permissions(rte) ((void) (rte))
#endif

/* ---- parser, rewriter, planner ---- */

#if PG_VERSION_NUM >= 160000
#define weir_flatten_join_vars(query, node) flatten_join_alias_vars(NULL, query, node)
#else
#define weir_flatten_join_vars(query, node) flatten_join_alias_vars(query, node)
#endif

#if PG_VERSION_NUM >= 160000
#define weir_make_range(type, lower, upper) make_range(type, lower, upper, false, NULL)
#else
#define weir_make_range(type, lower, upper) make_range(type, lower, upper, false)
#endif

/* GROUP BY has an entry of the range table, which the select list and HAVING refer to. */
#if PG_VERSION_NUM >= 180000
#define weir_has_group_entry(query) ((query)->hasGroupRTE)
#define weir_flatten_group_vars(query, node) flatten_group_exprs(NULL, query, node)
#define weir_forget_group_entry(query) ((query)->hasGroupRTE = false)
#else
#define weir_has_group_entry(query) false
#define weir_flatten_group_vars(query, node) (node)
#define weir_forget_group_entry(query) ((void) (query))
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

/*
 * Lets no aggregate have its input sorted, until the GUC nest level ends: the
 * others of its query would see that order, too.
 */
#if PG_VERSION_NUM >= 160000
#define weir_presort_no_aggregate() \
	((void) set_config_option("enable_presorted_aggregate", "off", PGC_USERSET, PGC_S_SESSION, \
							  GUC_ACTION_SAVE, true, 0, false))
#else
#define weir_presort_no_aggregate() ((void) 0)
#endif

/* JSON_ARRAYAGG, JSON_OBJECTAGG: the aggregate inside, and what its result is coerced by. */
static inline Expr *
weir_json_aggregate(Node *node, Expr **coercion)
{
#if PG_VERSION_NUM >= 160000
	JsonConstructorExpr *constructor = (JsonConstructorExpr *) node;

	if (!IsA(node, JsonConstructorExpr) || !constructor->func || !IsA(constructor->func, Aggref))
		return NULL;
	*coercion = constructor->coercion;
	return constructor->func;
#else
	return NULL;
#endif
}

/* ---- executor ---- */

/*
 * array_agg and string_agg: a serialised transition value is known to some versions
 * only, and its bytes are trusted.
 */
#if PG_VERSION_NUM >= 160000
#define weir_serializes_trusted(function) \
	((function) == F_ARRAY_AGG_SERIALIZE || (function) == F_ARRAY_AGG_ARRAY_SERIALIZE || \
	 (function) == F_STRING_AGG_SERIALIZE)
#else
#define weir_serializes_trusted(function) false
#endif

#if PG_VERSION_NUM >= 180000
#include "commands/explain_state.h"
#endif

#if PG_VERSION_NUM >= 180000
#define weir_run(query) ExecutorRun(query, ForwardScanDirection, 0)
#else
#define weir_run(query) ExecutorRun(query, ForwardScanDirection, 0, true)
#endif

/* What a hook in ExecutorRun is called with, beside the query, and hands on. */
#if PG_VERSION_NUM >= 180000
#define WEIR_RUN_ARGS ScanDirection direction, uint64 count
#define weir_standard_run(query) standard_ExecutorRun(query, direction, count)
#else
#define WEIR_RUN_ARGS ScanDirection direction, uint64 count, bool execute_once
#define weir_standard_run(query) standard_ExecutorRun(query, direction, count, execute_once)
#endif

/* The executor's check of who may do what the plan does; an error if not. */
#if PG_VERSION_NUM >= 160000
#define weir_check_permissions(planned) \
	((void) ExecCheckPermissions((planned)->rtable, (planned)->permInfos, true))
#else
#define weir_check_permissions(planned) ((void) ExecCheckRTPerms((planned)->rtable, true))
#endif

#if PG_VERSION_NUM >= 180000
#define weir_init_range_table(estate, planned) \
	ExecInitRangeTable(estate, (planned)->rtable, (planned)->permInfos, NULL)
#elif PG_VERSION_NUM >= 160000
#define weir_init_range_table(estate, planned) \
	ExecInitRangeTable(estate, (planned)->rtable, (planned)->permInfos)
#else
#define weir_init_range_table(estate, planned) ExecInitRangeTable(estate, (planned)->rtable)
#endif

/* Of a row that is new, where no constraint is deferrable. */
#if PG_VERSION_NUM >= 190000
#define weir_insert_index_tuples(info, slot, estate) \
	((void) ExecInsertIndexTuples(info, estate, 0, slot, NIL, NULL))
#elif PG_VERSION_NUM >= 160000
#define weir_insert_index_tuples(info, slot, estate) \
	((void) ExecInsertIndexTuples(info, slot, estate, false, false, NULL, NIL, false))
#else
#define weir_insert_index_tuples(info, slot, estate) \
	((void) ExecInsertIndexTuples(info, slot, estate, false, false, NULL, NIL))
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

-- List, map, reducing and aggregating state: declarations, refusals, types.
SET client_min_messages = warning;
CREATE EXTENSION weir;
RESET client_min_messages;
CREATE TABLE records (k int);
CREATE FUNCTION f(records) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE TYPE pair AS (n int, word varchar(3));
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE FUNCTION longer(text, text) RETURNS text LANGUAGE plpgsql STRICT AS $$
BEGIN
    IF $2 = 'wrong' THEN
        RAISE EXCEPTION 'it is wrong';
    END IF;
    RETURN CASE WHEN length($2) > length($1) THEN $2 ELSE $1 END;
END $$;

-- declared
SELECT weir.create_list_state('f(records)', 'list', 'pair', '1 h');
SELECT weir.create_list_state('f(records)', 'arrays', 'int[]');
SELECT weir.create_list_state('f(records)', 'words', 'varchar(3)');
SELECT weir.create_map_state('f(records)', 'map', 'percent', 'text[]',
    ttl => weir.state_ttl('1 h', 'on_read_and_write', 'return_expired_if_not_cleaned_up'));
SELECT weir.create_map_state('f(records)', 'codes', key_type => 'varchar(3)', value_type => 'numeric(5,2)');
SELECT weir.create_reducing_state('f(records)', 'sum', 'bigint', reduce => 'int8pl(bigint,bigint)');
SELECT weir.create_reducing_state('f(records)', 'longest', 'varchar', 'longer(text, text)', '1 h');
SELECT weir.create_reducing_state('f(records)', 'all', 'int[]', 'array_cat(anycompatiblearray,anycompatiblearray)');
SELECT weir.create_aggregating_state('f(records)', 'average', aggregate => 'avg(bigint)');
SELECT weir.create_aggregating_state('f(records)', 'highest', 'pair[]', 'max(anyarray)', ttl => '1 h');
SELECT weir.create_aggregating_state('f(records)', 'count', 'text', 'count("any")');
SELECT weir.create_aggregating_state('f(records)', 'collected', 'percent', 'array_agg(anynonarray)');
SELECT weir.create_value_state('f(records)', 'value', 'percent', '7');
SELECT name, kind, type, key_type, calls, ttl, update_type, visibility FROM weir_internal.state ORDER BY name COLLATE "C";

-- refused declarations
SELECT weir.create_list_state('f(records)', 'list', 'int');
SELECT weir.create_list_state('f(records)', 'x', 'nothing');
SELECT weir.create_list_state('f(records)', 'x', 'record');
SELECT weir.create_list_state('f(records)', 'x', NULL);
SELECT weir.create_list_state('f(nothing)', 'x', 'int');
SELECT weir.create_list_state('f(records)', 'x', 'int', '0 s');
SELECT weir.create_map_state('f(records)', 'x', 'point', 'int');
SELECT weir.create_map_state('f(records)', 'x', 'json', 'int');
SELECT weir.create_map_state('f(records)', 'x', 'int', 'anyelement');
SELECT weir.create_map_state('f(records)', 'x', NULL, 'int');
SELECT weir.create_map_state('f(records)', 'x', 'int', 'int', '-1 s');
SELECT weir.create_reducing_state('f(records)', 'x', 'bigint', NULL);
SELECT weir.create_reducing_state('f(records)', 'x', 'bigint', 'int8pl');
SELECT weir.create_reducing_state('f(records)', 'x', 'bigint', '177');
SELECT weir.create_reducing_state('f(records)', 'x', 'bigint', '-');
SELECT weir.create_reducing_state('f(records)', 'x', 'bigint', 'nothing(bigint,bigint)');
SELECT weir.create_reducing_state('f(records)', 'x', 'bigint', 'int4pl(int,int)');
SELECT weir.create_reducing_state('f(records)', 'x', 'bigint', 'int8eq(bigint,bigint)');
SELECT weir.create_reducing_state('f(records)', 'x', 'bigint', 'int8abs(bigint)');
SELECT weir.create_reducing_state('f(records)', 'x', 'percent', 'int4pl(int,int)');
SELECT weir.create_reducing_state('f(records)', 'x', 'bigint', 'sum(bigint)');
SELECT weir.create_reducing_state('f(records)', 'x', 'bigint', 'generate_series(bigint,bigint)');
SELECT weir.create_reducing_state('f(records)', 'x', 'int', 'array_cat(anycompatiblearray,anycompatiblearray)');
SELECT weir.create_aggregating_state('f(records)', 'x');
SELECT weir.create_aggregating_state('f(records)', 'x', aggregate => 'int8pl(bigint,bigint)');
SELECT weir.create_aggregating_state('f(records)', 'x', aggregate => 'total(bigint)');
SELECT weir.create_aggregating_state('f(records)', 'x', aggregate => 'corr(float8,float8)');
SELECT weir.create_aggregating_state('f(records)', 'x', aggregate => 'max(anyarray)');
SELECT weir.create_aggregating_state('f(records)', 'x', 'int', aggregate => 'max(anyarray)');
SELECT weir.create_aggregating_state('f(records)', 'x', 'int', aggregate => 'avg(bigint)');
SELECT weir.create_aggregating_state('f(records)', 'x', aggregate => 'mode(anyelement)');
SELECT weir.create_aggregating_state('f(records)', 'x', aggregate => 'rank("any")');
BEGIN READ ONLY;
SELECT weir.create_map_state('f(records)', 'x', 'int', 'int');
ROLLBACK;

-- alter_state
SELECT weir.alter_state('f(records)', 'value', default_value => '9');
SELECT weir.alter_state('f(records)', 'value', '2 h');
SELECT weir.alter_state('f(records)', 'value');
SELECT weir.alter_state('public.f(public.records)', 'sum', weir.state_ttl('3 h', 'disabled'));
SELECT name, default_value, has_default, ttl, update_type, visibility FROM weir_internal.state
WHERE name IN ('value', 'sum') ORDER BY name COLLATE "C";
SELECT weir.alter_state('f(records)', 'value', default_value => '101');
SELECT weir.alter_state('f(records)', 'value', default_value => 'many');
SELECT weir.alter_state('f(records)', 'list', default_value => '{}');
SELECT weir.alter_state('f(records)', 'list', '0 s');
SELECT weir.alter_state('f(records)', 'x', '1 s');
SELECT weir.alter_state('f(nothing)', 'x', '1 s');
SELECT weir.alter_state(NULL, 'x', '1 s');
BEGIN READ ONLY;
SELECT weir.alter_state('f(records)', 'value', '1 h');
ROLLBACK;

-- accessors outside a record
SELECT weir.list_get('list', NULL::pair);
SELECT * FROM weir.list_elements('list', NULL::pair);
SELECT weir.list_add('list', '(1,a)');
SELECT weir.list_update('list', '{}');
SELECT weir.map_get('map', 1, NULL::text[]);
SELECT weir.map_put('map', 1, '{}');
SELECT weir.map_remove('map', 1);
SELECT weir.map_contains('map', 1);
SELECT * FROM weir.map_entries('map', NULL::percent, NULL::text[]);
SELECT weir.reducing_add('sum', 1);
SELECT weir.reducing_get('sum', NULL::bigint);
SELECT weir.aggregating_add('average', 1);
SELECT weir.aggregating_get('average', NULL::numeric);

-- and within one
CREATE FUNCTION within(statement text) RETURNS text LANGUAGE sql AS $$
    SELECT weir_internal.with_state('f(records)', 1, 'epoch', statement)
$$;
\set SHOW_CONTEXT never

-- wrong kind, wrong type, no such state
SELECT within($$SELECT weir.list_add('map', 1)$$);
SELECT within($$SELECT weir.map_put('value', 1, 1)$$);
SELECT within($$SELECT weir.state_value('list', NULL::pair)$$);
SELECT within($$SELECT weir.reducing_add('average', 1::bigint)$$);
SELECT within($$SELECT weir.aggregating_get('sum', NULL::bigint)$$);
SELECT within($$SELECT weir.list_add('other', 1)$$);
SELECT within($$SELECT weir.state_clear('other')$$);
SELECT within($$SELECT weir.list_add(NULL, 1)$$);
SELECT within($$SELECT weir.list_add('list', 1)$$);
SELECT within($$SELECT weir.list_get('list', NULL::text)$$);
SELECT within($$SELECT weir.list_get('arrays', NULL::int)$$);
SELECT within($$SELECT weir.list_update('list', ARRAY[1])$$);
SELECT within($$SELECT weir.list_update('list', '(1,a)'::pair)$$);
SELECT within($$SELECT weir.list_update('arrays', '{{1}}'::int[])$$);
SELECT within($$SELECT weir.map_get('map', 1, NULL::text[])$$);
SELECT within($$SELECT weir.map_get('map', '1', NULL::text)$$);
SELECT within($$SELECT weir.map_put('map', '1', 1)$$);
SELECT within($$SELECT count(*) FROM weir.map_entries('map', NULL::int, NULL::text[])$$);
SELECT within($$SELECT weir.reducing_add('sum', 1)$$);
SELECT within($$SELECT weir.aggregating_add('average', 1)$$);
SELECT within($$SELECT weir.aggregating_get('average', NULL::bigint)$$);
-- literals go through the declared type's input function
SELECT within($$SELECT weir.list_add('list', '(1,abcd)')$$);
SELECT within($$SELECT weir.list_add('list', 'x')$$);
SELECT within($$SELECT weir.map_put('map', '101', '{}')$$);
SELECT within($$SELECT weir.map_put('map', '100', 'x')$$);
SELECT within($$SELECT weir.list_add('words', 'long'::varchar)$$);
SELECT within($$SELECT weir.list_update('words', '{long}')$$);
SELECT within($$SELECT weir.map_put('codes', 'a', 1000)$$);
SELECT within($$SELECT weir.map_put('codes', 'long'::varchar, 1::numeric)$$);
SELECT within($$SELECT weir.map_put('codes', 'a', 12345::numeric)$$);

-- what is not there
SELECT within($$SELECT weir.list_get('list', NULL::pair)$$), within($$SELECT count(*) FROM weir.list_elements('list', NULL::pair)$$),
    within($$SELECT weir.map_get('map', '1', NULL::text[])$$), within($$SELECT weir.map_contains('map', '1')$$),
    within($$SELECT count(*) FROM weir.map_entries('map', NULL::percent, NULL::text[])$$),
    within($$SELECT weir.reducing_get('sum', NULL::bigint)$$), within($$SELECT weir.aggregating_get('count', NULL::bigint)$$),
    within($$SELECT weir.state_value('value', NULL::percent)$$);

-- lists
SELECT within($$SELECT weir.list_add('list', x) FROM (VALUES ((1, 'a')::pair), (NULL), ((NULL, NULL)::pair), ((2, 'b')::pair)) v (x)$$);
SELECT within($$SELECT weir.list_get('list', NULL::pair)$$);
SELECT within($$SELECT string_agg(concat(n, word), '/') FROM weir.list_elements('list', NULL::pair)$$);
SELECT within($$SELECT weir.list_update('list', (weir.list_get('list', NULL::pair))[4:] || '(3,c)'::pair)$$);
SELECT within($$SELECT weir.list_get('list', NULL::pair)$$);
SELECT within($$SELECT weir.list_update('list', NULL::pair[])$$), within($$SELECT weir.list_get('list', NULL::pair)$$);
SELECT within($$SELECT weir.list_add('arrays', '{1,2}'), weir.list_add('arrays', NULL), weir.list_add('arrays', ARRAY[[3],[4]])$$);
SELECT within($$SELECT array_agg(e::text) FROM weir.list_elements('arrays', NULL::int[]) e$$);
SELECT within($$SELECT weir.list_add('words', repeat('x', n)::varchar) FROM generate_series(0, 3) n$$);
SELECT within($$SELECT weir.list_get('words', NULL::varchar)$$);
SELECT within($$SELECT weir.list_update('words', '{{a,b},{c,NULL}}'), weir.list_add('words', 'd')$$);
SELECT within($$SELECT weir.list_get('words', NULL::varchar)$$);

-- maps
SELECT within($$SELECT weir.map_put('map', k::percent, ARRAY[k::text]) FROM generate_series(1, 3) k$$);
SELECT within($$SELECT weir.map_put('map', NULL, NULL), weir.map_put('map', '2', '{two,NULL}'), weir.map_remove('map', '3'), weir.map_remove('map', '9')$$);
SELECT within($$SELECT string_agg(concat_ws('=', coalesce(key::text, '-'), coalesce(value::text, '-')), ' ' ORDER BY key) FROM weir.map_entries('map', NULL::percent, NULL::text[])$$);
SELECT within($$SELECT weir.map_get('map', 2::percent, NULL::text[])$$), within($$SELECT weir.map_get('map', NULL, NULL::text[])$$),
    within($$SELECT weir.map_contains('map', NULL)$$), within($$SELECT weir.map_contains('map', '3')$$);
SELECT within($$SELECT weir.map_put('codes', 'a', '1.005'), weir.map_put('codes', 'b'::varchar, 2.005::numeric)$$);
SELECT within($$SELECT weir.map_get('codes', 'a', NULL::numeric)$$), within($$SELECT weir.map_get('codes', 'b', NULL::numeric)$$);

-- reducing
SELECT within($$SELECT weir.reducing_add('sum', n) FROM generate_series(1, 4::bigint) n$$);
SELECT within($$SELECT weir.reducing_add('sum', NULL), weir.reducing_add('sum', '100')$$);
SELECT within($$SELECT weir.reducing_get('sum', NULL::bigint)$$);
SELECT within($$SELECT weir.reducing_add('longest', w::varchar) FROM unnest('{a,NULL,ccc,bb}'::text[]) w$$);
SELECT within($$SELECT weir.reducing_get('longest', NULL::varchar)$$);
SELECT within($$SELECT weir.reducing_add('all', '{1}'), weir.reducing_add('all', ARRAY[2, NULL]), weir.reducing_add('all', NULL)$$);
SELECT within($$SELECT weir.reducing_get('all', NULL::int[])$$);

-- aggregating
SELECT within($$SELECT weir.aggregating_add('average', n) FROM generate_series(1, 4::bigint) n$$);
SELECT within($$SELECT weir.aggregating_get('average', NULL::numeric)$$);
SELECT within($$SELECT weir.aggregating_add('highest', ARRAY[(n, 'a')::pair]) FROM generate_series(1, 3) n$$);
SELECT within($$SELECT weir.aggregating_get('highest', NULL::pair[])$$);
SELECT within($$SELECT weir.aggregating_add('count', 'a'), weir.aggregating_add('count', NULL), weir.aggregating_add('count', 'b')$$);
SELECT within($$SELECT weir.aggregating_get('count', NULL::bigint)$$);
SELECT within($$SELECT weir.aggregating_add('collected', '50'), weir.aggregating_add('collected', NULL)$$);
SELECT within($$SELECT weir.aggregating_get('collected', NULL::percent[])$$);

-- clearing, of any kind
SELECT within($$SELECT weir.state_clear(s) FROM unnest('{list,map,sum,average,value}'::text[]) s$$);
SELECT within($$SELECT concat_ws(' ', weir.list_get('list', NULL::pair), weir.map_contains('map', '1'),
    coalesce(weir.reducing_get('sum', NULL::bigint), -1), coalesce(weir.aggregating_get('average', NULL::numeric), -1))$$);

-- a long value, a large list, a large map
SELECT within($$SELECT weir.list_add('arrays', (SELECT array_agg(i) FROM generate_series(1, 100000) i))$$);
SELECT within($$SELECT max(cardinality(e)) FROM weir.list_elements('arrays', NULL::int[]) e$$);
SELECT within($$SELECT count(weir.map_put('codes', to_hex(i)::varchar, i % 100::numeric)) FROM generate_series(1, 4095) i$$);
SELECT within($$SELECT count(*), count(weir.map_remove('codes', key)) FROM weir.map_entries('codes', NULL::varchar, NULL::numeric)$$);
SELECT within($$SELECT count(*) FROM weir.map_entries('codes', NULL::varchar, NULL::numeric)$$);

-- functions that state calls cannot reach for it
CREATE FUNCTION greedy(bigint, bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.state_clear('greedy');
    RETURN $1 + $2;
END $$;
CREATE AGGREGATE greedy_sum(bigint) (SFUNC = greedy, STYPE = bigint, INITCOND = 0);
CREATE FUNCTION g(records) RETURNS void LANGUAGE sql AS 'SELECT';
SELECT weir.create_aggregating_state('g(records)', 'greedy', aggregate => 'greedy_sum(bigint)');
SELECT weir_internal.with_state('g(records)', 1, 'epoch', $$SELECT weir.aggregating_add('greedy', 1::bigint)$$);
SELECT weir.drop_state('g(records)', 'greedy'), weir_internal.forget_state('g(records)');
SELECT weir.create_reducing_state('g(records)', 'greedy', 'bigint', 'greedy(bigint,bigint)');
SELECT weir_internal.with_state('g(records)', 1, 'epoch', $$SELECT weir.reducing_add('greedy', n::bigint) FROM generate_series(1, 3) n$$);
SELECT weir_internal.with_state('g(records)', 1, 'epoch', $$SELECT weir.reducing_get('greedy', NULL::bigint)$$);
SELECT within($$SELECT weir.reducing_add('longest', 'a'), weir.reducing_add('longest', 'wrong')$$);

-- a function that state calls is gone, or not the user's to call
DROP FUNCTION greedy(bigint, bigint) CASCADE;
SELECT weir_internal.forget_state('g(records)');
SELECT weir_internal.with_state('g(records)', 1, 'epoch', 'SELECT');

-- the debugging functions
SELECT weir_internal.with_state('f(records)', 'untyped', 'epoch', 'SELECT');
SELECT within('SELECT');
SELECT weir_internal.with_state('f(records)', 1::bigint, 'epoch', 'SELECT');
SELECT weir_internal.with_state('f(records)', 1, NULL, 'SELECT');
SELECT weir_internal.with_state('nothing()', 1, 'epoch', 'SELECT');
SELECT within($$SELECT within('SELECT')$$);
SELECT within($$COMMIT$$);
SELECT within('SELECT');
SELECT keys FROM weir_internal.measure_state('f(records)');
SELECT weir_internal.forget_state('f(records)');
SELECT * FROM weir_internal.measure_state('f(records)');
CREATE ROLE regress_state_kinds;
GRANT USAGE ON SCHEMA weir_internal TO regress_state_kinds;
SET ROLE regress_state_kinds;
\set VERBOSITY terse
SELECT weir_internal.with_state('f(records)', 1, 'epoch', 'SELECT');
SELECT weir.alter_state('f(records)', 'value', '1 h');
SELECT weir.create_list_state('f(records)', 'x', 'int');
RESET ROLE;

SET client_min_messages = warning;
DROP EXTENSION weir CASCADE;
DROP ROLE regress_state_kinds;

-- weir.state(): what a checkpoint holds, decoded, whatever the kind.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(26);

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER here OPTIONS (delimiter ' ');
CREATE TYPE pair AS (n bigint, word text);

CREATE FUNCTION keep(r readings) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.state_update('last', row(r.f1, 'w' || r.f1)::pair);
    PERFORM weir.state_update('none', NULL::int);
    PERFORM weir.list_add('all', r.f1);
    PERFORM weir.map_put('seen', 'k' || r.f1, r.f1);
    IF r.f0 = 7 THEN
        PERFORM weir.map_put('seen', k, v) FROM (VALUES (NULL, 1::bigint), ('null', 2), ('"q\', 3), ('nulls', 4)) p (k, v);
    END IF;
    PERFORM weir.reducing_add('sum', r.f1);
    PERFORM weir.aggregating_add('mean', r.f1);
    RETURN r.f1;
END $$;
SELECT weir.create_value_state('keep(readings)', 'last', 'pair', ttl => '1 h') \g /dev/null
SELECT weir.create_value_state('keep(readings)', 'none', 'int') \g /dev/null
SELECT weir.create_list_state('keep(readings)', 'all', 'bigint') \g /dev/null
SELECT weir.create_map_state('keep(readings)', 'seen', 'text', 'bigint') \g /dev/null
SELECT weir.create_reducing_state('keep(readings)', 'sum', 'bigint', reduce => 'int8pl(bigint,bigint)') \g /dev/null
SELECT weir.create_aggregating_state('keep(readings)', 'mean', aggregate => 'avg(bigint)') \g /dev/null

CREATE TABLE sink (v bigint);
\set port `perl test/pgtap/sender '1 2\n1 4\n7 5\n'`
ALTER SERVER here OPTIONS (SET port :'port');
SELECT weir.create_job('kinds', 'INSERT INTO sink SELECT k FROM readings r JOIN LATERAL keep(r) k ON weir.key_by(r.f0)',
    parallelism => 2, max_parallelism => 8) \g /dev/null
SELECT weir.enable_checkpointing('kinds', every => '1 h') \g /dev/null
SELECT is((SELECT count(*) FROM weir.state('kinds')), 0::bigint, 'nothing before the first checkpoint');
SELECT weir.start_job('kinds') \g /dev/null
SELECT ok(weir.wait_for_job('kinds', 'finished', '1 min'), 'finished');

SELECT results_eq($$SELECT step, state, value FROM weir.state('kinds') WHERE key = '1' ORDER BY state$$,
    $$VALUES (0, 'all', '[2, 4]'::jsonb), (0, 'last', '{"n": 4, "word": "w4"}'), (0, 'mean', '3.0000000000000000'),
             (0, 'none', NULL), (0, 'seen', '{"k2": 2, "k4": 4}'), (0, 'sum', '6')$$, 'every kind');
SELECT is((SELECT value FROM weir.state('kinds') WHERE key = '7' AND state = 'seen'),
    '{"k5": 5, "null": 1, "\"null\"": 2, "\"\\\"q\\\\\"": 3, "nulls": 4}'::jsonb, 'the key NULL is not the text null');
SELECT results_eq($$SELECT DISTINCT key FROM weir.state('kinds') ORDER BY key$$,
    $$VALUES ('1'::jsonb), ('7')$$, 'both keys');
SELECT ok((SELECT bool_and((expires_at IS NOT NULL) = (state = 'last')) FROM weir.state('kinds')), 'what has a ttl says when it expires');
SELECT ok((SELECT bool_and(expires_at BETWEEN now() AND now() + interval '1 h 1 min') FROM weir.state('kinds') WHERE state = 'last'), 'about an hour after its arrival');
SELECT ok((SELECT bool_and(task = key_group * 2 / 8 AND key_group BETWEEN 0 AND 7) FROM weir.state('kinds')), 'the group is at the task that owns it');

-- typed, and in a join
SELECT results_eq($$SELECT key, value FROM weir.state('kinds', 'last', NULL::bigint, NULL::pair) ORDER BY key$$,
    $$VALUES (1::bigint, row(4, 'w4')::pair), (7, row(5, 'w5')::pair)$$, 'typed: a composite value');
SELECT results_eq($$SELECT key, value FROM weir.state('kinds', 'all', NULL::bigint, NULL::bigint[]) ORDER BY key$$,
    $$VALUES (1::bigint, '{2,4}'::bigint[]), (7, '{5}')$$, 'typed: a list is an array');
SELECT results_eq($$SELECT s.key, m.value, s.value FROM weir.state('kinds', 'sum', NULL::bigint, NULL::bigint) s
    JOIN weir.state('kinds', 'mean', NULL::bigint, NULL::numeric) m USING (key) ORDER BY s.key$$,
    $$VALUES (1::bigint, 3.0, 6::bigint), (7, 5.0, 5)$$, 'typed: joined');
SELECT throws_like($$SELECT * FROM weir.state('kinds', 'sum', NULL::bigint, NULL::text)$$,
    'the value of state "sum" is of type bigint, not text', 'another value type');
SELECT throws_like($$SELECT * FROM weir.state('kinds', 'sum', NULL::text, NULL::bigint)$$,
    'the key of state "sum" is of type bigint, not text', 'another key type');
SELECT throws_like($$SELECT * FROM weir.state('kinds', 'other', NULL::bigint, NULL::bigint)$$,
    '%has no state "other"', 'a state that is not declared');

-- checkpoints and savepoints; a key of two columns
CREATE FUNCTION counts(r readings) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.state_update('n', weir.state_value('n', NULL::bigint) + 1);
    RETURN 1;
END $$;
SELECT weir.create_value_state('counts(readings)', 'n', 'bigint', default_value => '0') \g /dev/null
CREATE TYPE two AS (a bigint, b text);
\set port `perl test/pgtap/sender '1 2\n' --sleep 3 '1 2\n1 3\n'`
ALTER SERVER here OPTIONS (SET port :'port');
SELECT weir.create_job('two', $$INSERT INTO sink SELECT k FROM readings r
    JOIN LATERAL counts(r) k ON weir.key_by(r.f0, 'b' || r.f1)$$) \g /dev/null
SELECT weir.enable_checkpointing('two', every => '1 h', retain => 5) \g /dev/null
SELECT weir.start_job('two') \g /dev/null
SELECT weir.wait_for_job('two', 'running', '1 min') \g /dev/null
CREATE PROCEDURE wait_for(n bigint) LANGUAGE plpgsql AS $$
BEGIN
    WHILE (SELECT coalesce(sum(records_in), 0) < n FROM weir.tasks WHERE job = 'two' AND kind = 'keyed')
        AND clock_timestamp() < now() + interval '1 min' LOOP
        COMMIT;
        PERFORM pg_sleep(0.02);
    END LOOP;
END $$;
CALL wait_for(1);
SELECT results_eq($$WITH taken AS MATERIALIZED (SELECT weir.trigger_checkpoint('two') AS id)
    SELECT s.value FROM taken, LATERAL (SELECT * FROM weir.state('two') WHERE taken.id > 0) s$$,
    $$VALUES ('1'::jsonb)$$, 'a checkpoint that completed after the statement began is whole');
SELECT weir.create_savepoint('two', 'early') \g /dev/null
SELECT ok(weir.wait_for_job('two', 'finished', '1 min'), 'finished');
SELECT results_eq($$SELECT key, value FROM weir.state('two') ORDER BY key$$,
    $$VALUES ('[1, "b2"]'::jsonb, '2'::jsonb), ('[1, "b3"]', '1')$$, 'a key of two columns is an array');
SELECT results_eq($$SELECT key, value FROM weir.state('two', 'early')$$,
    $$VALUES ('[1, "b2"]'::jsonb, '1'::jsonb)$$, 'the savepoint holds what was then');
SELECT results_eq($$SELECT s.value FROM weir.checkpoints c, weir.state('two', c.checkpoint_id) s WHERE c.savepoint = 'early'$$,
    $$VALUES ('1'::jsonb)$$, 'so does its checkpoint by id');
SELECT results_eq($$SELECT (key).b, value FROM weir.state('two', 'n', NULL::two, NULL::bigint) ORDER BY key$$,
    $$VALUES ('b2', 2::bigint), ('b3', 1)$$, 'typed: the key as a row');
SELECT throws_ok($$SELECT * FROM weir.state('two', 'never')$$, '42704', NULL, 'no such savepoint');
SELECT throws_ok($$SELECT * FROM weir.state('two', 4711)$$, '42704', NULL, 'no such checkpoint');

SELECT results_eq($$SELECT value FROM weir.checkpoints c, weir.state('two', at_checkpoint => c.checkpoint_id) s WHERE c.savepoint = 'early'$$,
    $$VALUES ('1'::jsonb)$$, 'by the names of the parameters');

-- open windows: with aggregates of every way to be kept
CREATE TABLE windows (k bigint, n bigint, total numeric, words text[], distinct_values bigint, spread numeric);
\set port `perl test/pgtap/sender '1 1\n2 2\n1 3\n1 3\n3 7\n'`
ALTER SERVER here OPTIONS (SET port :'port');
SELECT weir.create_job('windows', $$INSERT INTO windows SELECT f0, count(*), sum(f1) * 10, array_agg('w' || f1), count(DISTINCT f1), stddev(f1)
    FROM readings WHERE f0 <> 2 GROUP BY f0, weir.count_window(4)$$) \g /dev/null
SELECT weir.enable_checkpointing('windows', every => '1 h') \g /dev/null
SELECT weir.start_job('windows') \g /dev/null
SELECT ok(weir.wait_for_job('windows', 'finished', '1 min'), 'finished');
SELECT results_eq($$SELECT key, value FROM weir.state('windows') ORDER BY key$$,
    $$VALUES ('1'::jsonb, '[3, 7, ["w1", "w3", "w3"], 2, 1.1547005383792515]'::jsonb), ('3', '[1, 7, ["w7"], 1, null]')$$,
    'an open window: what its aggregates have come to');

-- members of the owner only
CREATE ROLE weir_state_stranger;
GRANT pg_read_all_stats TO weir_state_stranger;
SET ROLE weir_state_stranger;
SELECT throws_ok($$SELECT * FROM weir.state('two')$$, '42501', NULL, 'not for who may read statistics only');
RESET ROLE;
DROP ROLE weir_state_stranger;
SELECT * FROM finish();

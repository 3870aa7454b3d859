-- Steps between stream and sink, and the ways a sink statement may write.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(21);

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER here OPTIONS (delimiter ' ');

-- run(name, port, query): true when the job has finished
CREATE PROCEDURE run(name text, port text, query text, parallelism int DEFAULT 2)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER SERVER here OPTIONS (SET port %L)', port);
    PERFORM weir.create_job(name, query, parallelism => parallelism);
    PERFORM weir.enable_checkpointing(name, every => '50 ms');
    PERFORM weir.start_job(name);
END $$;

-- The running total of each key: a function that returns one row a record.
CREATE FUNCTION running_total(r readings) RETURNS TABLE (f0 bigint, total bigint) LANGUAGE plpgsql AS $$
DECLARE
    sum bigint := weir.state_value('total', NULL::bigint);
BEGIN
    sum := sum + r.f1;
    PERFORM weir.state_update('total', sum);
    RETURN QUERY SELECT r.f0, sum;
END $$;
SELECT weir.create_value_state('running_total(readings)', 'total', 'bigint', default_value => '0') \g /dev/null

-- stateless: WHERE, expressions, a lookup, a view
CREATE TABLE sensor (id bigint PRIMARY KEY, name text);
INSERT INTO sensor VALUES (1, 'one'), (2, 'two');
CREATE VIEW positive AS SELECT f0, f1 FROM readings WHERE f1 > 0;
CREATE TABLE named (name text, value bigint);
\set port `perl test/pgtap/sender '1 3\n2 -4\n1 5\n3 7\n2 8\n'`
CALL run('lookup', :'port', 'INSERT INTO named SELECT s.name, p.f1 * 10 FROM positive p JOIN sensor s ON s.id = p.f0');
SELECT ok(weir.wait_for_job('lookup', 'finished', '1 min'), 'stateless steps: finished');
SELECT bag_eq('TABLE named', $$VALUES ('one', 30::bigint), ('one', 50), ('two', 80)$$,
    'a view, WHERE, an expression and a lookup');

-- keyed, with a condition before and one after the function
CREATE TABLE totals (f0 bigint, total bigint);
\set port `perl test/pgtap/sender '1 3\n2 4\n1 -9\n1 5\n2 8\n'`
CALL run('keyed', :'port', 'INSERT INTO totals SELECT t.* FROM readings r
    JOIN LATERAL running_total(r) t ON weir.key_by(r.f0) WHERE r.f1 > 0 AND t.total > 3');
SELECT ok(weir.wait_for_job('keyed', 'finished', '1 min'), 'keyed: finished');
SELECT bag_eq('TABLE totals', 'VALUES (2::bigint, 4::bigint), (1, 8), (2, 12)',
    'a condition without the function''s output filters before it, one with it behind');

-- the same row twice in a batch of an upsert
CREATE TABLE latest (f0 bigint PRIMARY KEY, total bigint, changes int DEFAULT 0);
\set port `perl test/pgtap/sender '1 1\n1 1\n2 5\n1 1\n2 5\n1 1\n'`
CALL run('upsert', :'port', 'INSERT INTO latest AS l SELECT r.f0, t.total FROM readings r
    JOIN LATERAL running_total(r) t ON weir.key_by(r.f0)
    ON CONFLICT (f0) DO UPDATE SET total = excluded.total, changes = l.changes + 1');
SELECT ok(weir.wait_for_job('upsert', 'finished', '1 min'), 'upsert: finished');
SELECT bag_eq('TABLE latest', 'VALUES (1::bigint, 4::bigint, 3), (2, 10, 1)',
    'each record was a statement of its own');

-- a trigger sees one row after the other, in order
CREATE TABLE audited (f0 bigint, total bigint);
CREATE TABLE audit (id bigint GENERATED ALWAYS AS IDENTITY, f0 bigint, total bigint, statements int);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit (f0, total) VALUES (NEW.f0, NEW.total);
    RETURN NEW;
END $$;
CREATE TRIGGER note AFTER INSERT ON audited FOR EACH ROW EXECUTE FUNCTION note();
\set port `perl test/pgtap/sender '1 1\n1 2\n1 3\n1 4\n'`
CALL run('triggers', :'port', 'INSERT INTO audited SELECT t.* FROM readings r
    JOIN LATERAL running_total(r) t ON weir.key_by(r.f0)');
SELECT ok(weir.wait_for_job('triggers', 'finished', '1 min'), 'triggers: finished');
SELECT results_eq('SELECT total FROM audit ORDER BY id', 'VALUES (1::bigint), (3), (6), (10)', 'a trigger fires in order');

-- generated columns, defaults, partitions, check constraints
CREATE TABLE parts (f0 bigint, total bigint CHECK (total < 100), twice bigint GENERATED ALWAYS AS (total * 2) STORED,
    at timestamptz DEFAULT now()) PARTITION BY LIST (f0);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE part_2 PARTITION OF parts DEFAULT;
\set port `perl test/pgtap/sender '1 1\n2 2\n3 3\n1 4\n'`
CALL run('partitions', :'port', 'INSERT INTO parts (f0, total) SELECT t.* FROM readings r
    JOIN LATERAL running_total(r) t ON weir.key_by(r.f0)');
SELECT ok(weir.wait_for_job('partitions', 'finished', '1 min'), 'partitions: finished');
SELECT bag_eq('SELECT f0, total, twice, at IS NOT NULL FROM parts',
    'VALUES (1::bigint, 1::bigint, 2::bigint, true), (2, 2, 4, true), (3, 3, 6, true), (1, 5, 10, true)',
    'partitions, generated columns and defaults work');

-- a row that the table refuses fails the job, with nothing of it left
CREATE TABLE small (f0 bigint, total bigint CHECK (total < 10));
\set port `perl test/pgtap/sender '1 1\n1 100\n'`
CALL run('check_fails', :'port', 'INSERT INTO small SELECT t.* FROM readings r
    JOIN LATERAL running_total(r) t ON weir.key_by(r.f0)');
SELECT ok(weir.wait_for_job('check_fails', 'failed', '1 min'), 'a row that violates a constraint fails the job');
SELECT matches((SELECT last_error FROM weir.jobs WHERE name = 'check_fails'), 'small_total_check', 'and names it');

-- several keys, of other types, one of them an expression
CREATE FUNCTION count_of(r readings) RETURNS TABLE (f0 bigint, parity text, n int) LANGUAGE plpgsql AS $$
DECLARE
    n int := weir.state_value('n', NULL::int) + 1;
BEGIN
    PERFORM weir.state_update('n', n);
    RETURN QUERY SELECT r.f0, CASE WHEN r.f1 % 2 = 0 THEN 'even' ELSE 'odd' END, n;
END $$;
SELECT weir.create_value_state('count_of(readings)', 'n', 'int', default_value => '0') \g /dev/null
CREATE TABLE counts (f0 bigint, parity text, n int);
\set port `perl test/pgtap/sender '1 2\n1 4\n1 3\n2 2\n1 6\n'`
CALL run('two_keys', :'port', 'INSERT INTO counts SELECT c.* FROM readings r
    JOIN LATERAL count_of(r) c ON weir.key_by(r.f0, CASE WHEN r.f1 % 2 = 0 THEN ''even'' ELSE ''odd'' END)');
SELECT ok(weir.wait_for_job('two_keys', 'finished', '1 min'), 'two keys: finished');
SELECT bag_eq('TABLE counts', $$VALUES (1::bigint, 'even', 1), (1, 'even', 2), (1, 'odd', 1), (2, 'even', 1), (1, 'even', 3)$$,
    'state is kept by both keys together');

-- numbers without gaps: the sink statement calls a function that writes
CREATE TABLE counter (n bigint);
INSERT INTO counter VALUES (0);
CREATE FUNCTION next_number() RETURNS bigint LANGUAGE sql AS 'UPDATE counter SET n = n + 1 RETURNING n';
CREATE TABLE numbered (f0 bigint, n bigint, id bigint DEFAULT next_number());
\set port `perl test/pgtap/sender '1 1\n2 1\n3 1\n4 1\n5 1\n6 1\n7 1\n8 1\n'`
CALL run('numbering', :'port', 'INSERT INTO numbered (f0, n) SELECT f0, count(*) FROM readings GROUP BY f0, weir.count_window(1)');
SELECT ok(weir.wait_for_job('numbering', 'finished', '1 min'), 'two keyed tasks and a counter: finished');
SELECT is((SELECT restarts FROM weir.jobs WHERE name = 'numbering'), 0::bigint, 'without waiting for each other');
SELECT results_eq('SELECT id FROM numbered ORDER BY 1', 'SELECT generate_series(1::bigint, 8)', 'every number is there once');

-- the policy of a table is evaluated for each row, too
DROP ROLE IF EXISTS weir_steps;
CREATE ROLE weir_steps LOGIN;
CREATE TABLE secured (f0 bigint, n bigint);
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY counted ON secured FOR INSERT WITH CHECK (next_number() > 0);
GRANT INSERT ON secured TO weir_steps;
GRANT SELECT ON readings TO weir_steps;
SET ROLE weir_steps;
SELECT weir.create_job('secured', 'INSERT INTO secured SELECT f0, count(*) FROM readings GROUP BY f0, weir.count_window(1)', parallelism => 2) \g /dev/null
SELECT matches((SELECT string_agg(e, E'\n') FROM weir.explain_job('secured') e), 'in one sink task: volatile function "next_number"', 'a policy is looked at');
SELECT weir.drop_job('secured') \g /dev/null
RESET ROLE;
DROP OWNED BY weir_steps;
DROP ROLE weir_steps;

-- sinks that are no tables
CREATE FOREIGN TABLE nowhere (f0 bigint, f1 bigint) SERVER weir_blackhole;
\set port `perl test/pgtap/sender '1 2\n1 4\n'`
CALL run('blackhole', :'port', 'INSERT INTO nowhere SELECT * FROM readings');
SELECT ok(weir.wait_for_job('blackhole', 'finished', '1 min'), 'a blackhole takes everything');
\set port `perl test/pgtap/sender '1 2\n1 4\n'`
CALL run('printed', :'port', 'INSERT INTO weir.print SELECT r::text FROM readings r');
SELECT ok(weir.wait_for_job('printed', 'finished', '1 min'), 'print takes everything');

SELECT is((SELECT count(*) FROM pg_prepared_xacts), 0::bigint, 'nothing is left prepared');
SELECT * FROM finish();

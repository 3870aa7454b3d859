-- weir.retry_dead_letters: which letters go into their job again, what becomes of
-- them, who may do it; and that max_dead_letters counts by the minute.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(50);

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1', max_retries '-1', retry_delay '10 s');
CREATE FOREIGN TABLE orders (id bigint, customer bigint)
    SERVER here OPTIONS (delimiter ' ', on_error 'dead_letter', max_record '20');
CREATE TABLE customers (id bigint PRIMARY KEY);
INSERT INTO customers VALUES (1);

CREATE PROCEDURE run(name text, port text, query text, mode text DEFAULT 'exactly_once')
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER SERVER here OPTIONS (SET port %L)', port);
    PERFORM weir.create_job(name, format(query, name));
    IF mode <> 'none' THEN
        PERFORM weir.enable_checkpointing(name, every => '50 ms', mode => mode);
    END IF;
    PERFORM weir.start_job(name);
END $$;

-- Waits until a query says true.
CREATE FUNCTION comes_true(condition text, description text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    deadline timestamptz := clock_timestamp() + '1 min';
    holds boolean := false;
BEGIN
    WHILE NOT holds AND clock_timestamp() < deadline LOOP
        EXECUTE 'SELECT ' || condition INTO holds;
        PERFORM pg_sleep(CASE WHEN holds THEN 0 ELSE 0.01 END);
    END LOOP;
    RETURN ok(holds, description);
END $$;

-- A running count by customer, so that a record that counted twice shows.
CREATE FUNCTION counted(r orders) RETURNS TABLE (id bigint, customer bigint, n bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.state_update('n', weir.state_value('n', NULL::bigint) + 1);
    IF NOT EXISTS (SELECT FROM customers c WHERE c.id = r.customer) THEN
        RAISE 'customer % is not known', r.customer USING ERRCODE = 'P0404';
    END IF;
    RETURN QUERY SELECT r.id, r.customer, weir.state_value('n', NULL::bigint);
END $$;
SELECT weir.create_value_state('counted(orders)', 'n', 'bigint', default_value => '0') \g /dev/null
\set keyed 'INSERT INTO %I SELECT c.* FROM orders r JOIN LATERAL counted(r) c ON weir.key_by(r.customer)'
\setenv ORDERS '1 1\\n2 2\\n3 3\\nx\\n5 1\\n6 2\\n7 12345678901234567890\\n8 3\\n'

-- A running job, one statement a step.
CREATE TABLE running (id bigint, customer bigint, n bigint);
\set port `perl test/pgtap/sender "$ORDERS"`
CALL run('running', :'port', :'keyed');
SELECT comes_true($$(SELECT count(*) = 6 FROM weir.dead_letters WHERE job = 'running')$$, 'six letters');
SELECT is(weir.retry_dead_letters('running', 'false'), 0::bigint, 'none for which the condition does not hold');
SELECT is(weir.retry_dead_letters('running', $$line_number = 2 AND stream = 'public.orders' AND raw = '2 2'$$), 1::bigint, 'one by its columns');
SELECT comes_true($$(SELECT count(*) = 6 AND max(at) > min(at) FROM weir.dead_letters WHERE job = 'running')
    AND NOT EXISTS (SELECT FROM weir_internal.retry)$$, 'a record that fails again is a letter again');
SELECT results_eq($$SELECT line_number, line, sqlstate FROM weir.dead_letters WHERE job = 'running' ORDER BY at DESC LIMIT 1$$,
    $$VALUES (2::bigint, '2 2', 'P0404')$$, 'with the line it had');
INSERT INTO customers VALUES (2), (3);
BEGIN;
SELECT is(weir.retry_dead_letters('running'), 5::bigint, 'all whole ones');
SELECT is((SELECT count(*) FROM weir.dead_letters WHERE job = 'running'), 1::bigint, 'they are gone from the letters');
ROLLBACK;
SELECT is((SELECT count(*) FROM weir.dead_letters WHERE job = 'running'), 6::bigint, 'and are back after a rollback');
SELECT is((SELECT count(*) FROM running), 2::bigint, 'of which the job heard nothing');
SELECT is(weir.retry_dead_letters('running', $$sqlstate = 'P0404'$$), 4::bigint, 'those of one error');
SELECT comes_true('(SELECT count(*) = 6 FROM running)', 'they are output');
SELECT bag_eq('TABLE running', 'VALUES (1::bigint, 1::bigint, 1::bigint), (5, 1, 2), (2, 2, 1), (6, 2, 2), (3, 3, 1), (8, 3, 2)',
    'in order, each once in output and state');
SELECT results_eq($$SELECT line_number FROM weir.dead_letters WHERE job = 'running' ORDER BY 1$$, 'VALUES (4::bigint), (7)', 'the others stay');
SELECT is(weir.retry_dead_letters('running', 'line_number = 7'), 0::bigint, 'one that is no whole record stays');
SELECT comes_true($$NOT EXISTS (SELECT FROM weir_internal.retry)$$, 'the decided checkpoint has deleted what it covers');
SELECT is((SELECT records FROM weir.sources WHERE job = 'running'), 8::bigint, 'they are no records of the stream again');

-- Conditions are the caller's SQL.
SELECT throws_ok($$SELECT weir.retry_dead_letters('running', 'no_column = 1')$$, '42703', NULL, 'a column that is not there');
SELECT throws_ok($$SELECT weir.retry_dead_letters('running', '1')$$, '42804', NULL, 'no condition');
SELECT throws_ok($$SELECT weir.retry_dead_letters('running', 'true); SELECT (true')$$, '22023', NULL, 'more than a condition');
SELECT throws_ok($$SELECT weir.retry_dead_letters('nobody')$$, '42704', NULL, 'no such job');
SELECT is(weir.retry_dead_letters('running', $$dead_letters.line_number IN (SELECT id FROM customers WHERE id > 3) -- end$$), 0::bigint,
    'a condition with a subquery and a comment');
DROP ROLE IF EXISTS weir_letter_reader;
CREATE ROLE weir_letter_reader;
GRANT SELECT ON orders TO weir_letter_reader;
SET ROLE weir_letter_reader;
SELECT throws_ok($$SELECT weir.retry_dead_letters('running')$$, '42501', NULL, 'who may read the letters may not try them again');
RESET ROLE;

-- Who may not read the stream has its letters neither shown nor tried again, be the job his own.
BEGIN;
GRANT ALL ON customers, running TO weir_letter_reader;
CREATE FOREIGN TABLE hidden (id bigint) SERVER here;
UPDATE weir_internal.job SET owner = 'weir_letter_reader' WHERE name = 'running';
UPDATE weir_internal.dead_letter SET relid = 'hidden'::regclass;
CREATE FUNCTION shown(raw bytea) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'shown %', raw;
END $$;
SET LOCAL ROLE weir_letter_reader;
SELECT is((SELECT count(*) FROM weir.dead_letters), 0::bigint, 'the owner may not read the stream: letters are hidden');
SELECT is(weir.retry_dead_letters('running', 'shown(raw)'), 0::bigint, 'from a condition, too');
RESET ROLE;
SELECT isnt((SELECT count(*) FROM weir.dead_letters WHERE job = 'running'), 0::bigint, 'they are there');
SET LOCAL ROLE weir_letter_reader;
SELECT is(weir.retry_dead_letters('running'), 0::bigint, 'and stay');
ROLLBACK;

-- A job that does not run; its letters go in when it is started.
SELECT weir.stop_job('running') \g /dev/null
ALTER FOREIGN TABLE orders ALTER COLUMN customer TYPE text, ALTER COLUMN id TYPE text;
ALTER FOREIGN TABLE orders ALTER COLUMN customer TYPE bigint, ALTER COLUMN id TYPE bigint;
UPDATE weir_internal.dead_letter SET raw = '4 3' WHERE line_number = 4;
SELECT is(weir.retry_dead_letters('running'), 1::bigint, 'stopped: taken');
SELECT weir.start_job('running') \g /dev/null
SELECT comes_true($$EXISTS (SELECT FROM running WHERE id = 4)$$, 'and output once it runs');
SELECT is((SELECT n FROM running WHERE id = 4), 3::bigint, 'with the state there was');

-- Several rows of one record that the sink refused: the record comes once.
CREATE TABLE refused (id bigint CHECK (id < 10), customer bigint);
\set port `perl test/pgtap/sender '11 1\n12 1\n'`
CALL run('refused', :'port', 'INSERT INTO %I SELECT r.id, s FROM orders r, generate_series(1, 3) s');
SELECT comes_true($$(SELECT count(*) = 6 FROM weir.dead_letters WHERE job = 'refused')$$, 'a letter for each row that was refused');
ALTER TABLE refused DROP CONSTRAINT refused_id_check;
SELECT is(weir.retry_dead_letters('refused'), 6::bigint, 'all are taken');
SELECT comes_true('(SELECT count(*) >= 6 FROM refused)', 'their records come');
SELECT bag_eq('TABLE refused', 'SELECT i::bigint, s::bigint FROM generate_series(11, 12) i, generate_series(1, 3) s', 'once each');

-- The other modes, and a job that no longer reads the stream.
CREATE TABLE at_least_once (id bigint CHECK (id < 10));
CREATE TABLE at_most_once (LIKE at_least_once INCLUDING ALL);
CREATE TABLE none (LIKE at_least_once INCLUDING ALL);
\set port `perl test/pgtap/sender '11 1\n'`
CALL run('at_least_once', :'port', 'INSERT INTO %I SELECT id FROM orders', 'at_least_once');
SELECT comes_true($$EXISTS (SELECT FROM weir.dead_letters WHERE job = 'at_least_once')$$, 'at_least_once: a letter');
\set port `perl test/pgtap/sender '11 1\n'`
CALL run('at_most_once', :'port', 'INSERT INTO %I SELECT id FROM orders', 'at_most_once');
SELECT comes_true($$EXISTS (SELECT FROM weir.dead_letters WHERE job = 'at_most_once')$$, 'at_most_once: a letter');
\set port `perl test/pgtap/sender '11 1\n'`
CALL run('none', :'port', 'INSERT INTO %I SELECT id FROM orders', 'none');
SELECT comes_true($$EXISTS (SELECT FROM weir.dead_letters WHERE job = 'none')$$, 'none: a letter');
ALTER TABLE at_least_once DROP CONSTRAINT at_least_once_id_check;
ALTER TABLE at_most_once DROP CONSTRAINT at_least_once_id_check;
ALTER TABLE none DROP CONSTRAINT at_least_once_id_check;
SELECT is(sum(weir.retry_dead_letters(job)), 3::numeric, 'taken') FROM unnest('{at_least_once,at_most_once,none}'::text[]) job;
SELECT comes_true('EXISTS (TABLE at_least_once) AND EXISTS (TABLE at_most_once) AND EXISTS (TABLE none)', 'and output');
SELECT comes_true('NOT EXISTS (SELECT FROM weir_internal.retry)', 'nothing waits');

-- What is known of a record beside its bytes: its line and stream as before, no peer; of a stream that is fed, too.
CREATE FOREIGN TABLE known_of (id bigint, line bigint OPTIONS (metadata 'line_number'), stream text OPTIONS (metadata 'stream'),
    peer text OPTIONS (metadata 'peer'), at timestamptz OPTIONS (metadata 'arrival')) SERVER here OPTIONS (on_error 'dead_letter');
CREATE TABLE about (id bigint CHECK (id <> 11), line bigint, stream text, peer text, at timestamptz);
\set port `perl test/pgtap/sender '5\n11\n6\n'`
CALL run('about', :'port', 'INSERT INTO %I SELECT * FROM known_of');
SELECT comes_true($$EXISTS (SELECT FROM weir.dead_letters WHERE job = 'about')$$, 'a letter of a stream with metadata');
CREATE FOREIGN TABLE fed (id bigint, t text, line bigint OPTIONS (metadata 'line_number')) SERVER weir_feed OPTIONS (on_error 'dead_letter');
CREATE TABLE from_feed (id bigint CHECK (id < 10), t text, line bigint);
CALL run('from_feed', '1', 'INSERT INTO %I SELECT * FROM fed');
INSERT INTO fed VALUES (1, 'a'), (11, E'b\t\\\nc'), (2, ''), (12, NULL);
SELECT comes_true($$(SELECT count(*) = 2 FROM weir.dead_letters WHERE job = 'from_feed')$$, 'letters of one that is fed');
ALTER TABLE about DROP CONSTRAINT about_id_check;
ALTER TABLE from_feed DROP CONSTRAINT from_feed_id_check;
SELECT now() AS before \gset
SELECT is(sum(weir.retry_dead_letters(job)), 3::numeric, 'are taken') FROM unnest('{about,from_feed}'::text[]) job;
SELECT comes_true('(SELECT count(*) = 3 FROM about) AND (SELECT count(*) = 4 FROM from_feed)', 'and output');
SELECT results_eq(format('SELECT line, stream, peer IS NULL, at > %L FROM about WHERE id = 11', :'before'), $$VALUES (2::bigint, 'public.known_of', true, true)$$,
    'a record has its line, its stream, no peer, and arrives again');
SELECT bag_eq('TABLE from_feed', $$VALUES (1::bigint, 'a', 1::bigint), (11, E'b\t\\\nc', 2), (2, '', 3), (12, NULL, 4)$$, 'rows that were fed are what they were');

CREATE FOREIGN TABLE others (id bigint) SERVER here;
UPDATE weir_internal.dead_letter SET relid = 'others'::regclass, stream = 'public.others', whole = true;
SELECT throws_ok($$SELECT weir.retry_dead_letters('running')$$, '55000', 'job "running" does not read stream public.others any more', 'a stream that is not read');
SELECT is(weir.retry_dead_letters('running', $$stream <> 'public.others'$$), 0::bigint, 'others may be named');

-- max_dead_letters is by the minute of arrival: two of a minute ago leave room.
CREATE TABLE minutes (id bigint);
ALTER FOREIGN TABLE orders OPTIONS (ADD max_dead_letters '2');
\set port `perl test/pgtap/sender 'x\ny\n'`
CALL run('minutes', :'port', 'INSERT INTO %I SELECT id FROM orders');
SELECT comes_true($$(SELECT count(*) = 2 FROM weir.dead_letters WHERE job = 'minutes')$$, 'two letters');
SELECT weir.stop_job('minutes') \g /dev/null
UPDATE weir_internal.dead_letter d SET arrived = arrived - interval '61 s' FROM weir_internal.job j WHERE j.id = d.job AND j.name = 'minutes';
\set port `perl test/pgtap/sender 'z\n'`
ALTER SERVER here OPTIONS (SET port :'port');
SELECT weir.start_job('minutes') \g /dev/null
SELECT comes_true($$(SELECT count(*) = 3 FROM weir.dead_letters WHERE job = 'minutes')$$, 'a third in another minute');
SELECT is((SELECT status FROM weir.jobs WHERE name = 'minutes'), 'running', 'the job goes on');

SELECT * FROM finish();
DO $$
BEGIN
    PERFORM weir.drop_job(name) FROM weir.jobs;
END $$;
DROP OWNED BY weir_letter_reader;
DROP ROLE weir_letter_reader;

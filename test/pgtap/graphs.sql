-- What runs a job of several outputs and steps: a record that a stream's scans share,
-- sinks side by side, a stateless step behind a keyed one; whom a fault costs what.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(28);

CREATE FOREIGN TABLE readings (k bigint, v bigint) SERVER weir_feed OPTIONS (on_error 'dead_letter');
CREATE FUNCTION add_up(INOUT k bigint, v bigint, OUT n bigint, OUT total bigint) LANGUAGE plpgsql AS $$
BEGIN
    n := weir.state_value('n', 0::bigint) + 1;
    total := weir.state_value('total', 0::bigint) + v;
    PERFORM weir.state_update('n', n), weir.state_update('total', total);
END $$;
SELECT weir.create_value_state('add_up(bigint, bigint)', name, 'bigint', default_value => '0')
FROM (VALUES ('n'), ('total')) v (name) \g /dev/null

-- Runs a job over what the table input has, and leaves it stopped.
CREATE TABLE input (k bigint, v bigint);
CREATE PROCEDURE run(name text, query text, parallelism int DEFAULT 1) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.create_job(name, query, parallelism => parallelism);
    PERFORM weir.enable_checkpointing(name, every => '1 h');
    PERFORM weir.start_job(name);
    COMMIT;
    INSERT INTO readings TABLE input;
    COMMIT;
    PERFORM weir.trigger_checkpoint(name);
    COMMIT;
END $$;

-- One scan errs at 0: the record is in no output.  One sink refuses 13, and that alone.
CREATE TABLE copies (k bigint, v bigint CHECK (v <> 13));
CREATE TABLE shares (k bigint, share bigint);
CREATE TABLE sums (k bigint, n bigint, total bigint);
INSERT INTO input VALUES (1, 5), (2, 0), (1, 13), (3, 7);
CALL run('together', 'INSERT INTO copies SELECT k, v FROM readings;
    INSERT INTO sums SELECT a.* FROM readings r JOIN LATERAL add_up(r.k, r.v) a ON weir.key_by(r.k);
    INSERT INTO shares SELECT k, v FROM readings WHERE 100 / v > 0', 2);
SELECT bag_eq('TABLE copies', 'VALUES (1::bigint, 5::bigint), (3, 7)', 'together: an output without what its sink refuses');
SELECT bag_eq('TABLE shares', 'VALUES (1::bigint, 5::bigint), (1, 13), (3, 7)', 'together: another has it');
SELECT bag_eq('TABLE sums', 'VALUES (1::bigint, 1::bigint, 5::bigint), (1, 2, 18), (3, 1, 7)', 'together: what a scan cannot do with comes to no keyed step');
SELECT results_eq($$SELECT line_number, sqlstate FROM weir.dead_letters WHERE job = 'together' ORDER BY 1$$,
    $$VALUES (2::bigint, '22012'), (3, '23514')$$, 'together: a letter for each of the two');
SELECT results_eq($$SELECT kind, count(*) FROM weir.tasks WHERE job = 'together' GROUP BY kind ORDER BY kind$$,
    $$VALUES ('coordinator', 1::bigint), ('keyed', 2), ('sink', 1), ('source', 1)$$, 'together: one task for all sinks');
SELECT is((SELECT records_in FROM weir.tasks WHERE job = 'together' AND kind = 'source'), 4::bigint, 'together: each record is read once');
SELECT is((SELECT count(*) FROM weir.checkpoint_tasks WHERE job = 'together'), 4::bigint, 'together: its tasks in a checkpoint');
SELECT weir.drop_job('together') \g /dev/null

-- Each keyed task writes its own output.
TRUNCATE copies, shares, sums;
CALL run('apart', 'INSERT INTO sums SELECT a.* FROM readings r JOIN LATERAL add_up(r.k, r.v) a ON weir.key_by(r.k);
    INSERT INTO copies SELECT k, sum(v) FROM readings GROUP BY k, weir.count_window(1)', 2);
SELECT bag_eq('TABLE sums', 'VALUES (1::bigint, 1::bigint, 5::bigint), (1, 2, 18), (2, 1, 0), (3, 1, 7)', 'apart: one output');
SELECT bag_eq('TABLE copies', 'VALUES (1::bigint, 5::bigint), (2, 0), (3, 7)', 'apart: the other without what it refuses');
SELECT results_eq($$SELECT line_number, sqlstate FROM weir.dead_letters WHERE job = 'apart'$$, $$VALUES (3::bigint, '23514')$$, 'apart: its letter');
SELECT results_eq($$SELECT kind, count(*) FROM weir.tasks WHERE job = 'apart' GROUP BY kind ORDER BY kind$$,
    $$VALUES ('coordinator', 1::bigint), ('keyed', 4), ('source', 1)$$, 'apart: no task but the keyed ones writes');
SELECT throws_like($$SELECT weir.create_job('large', 'INSERT INTO sums SELECT a.* FROM readings r JOIN LATERAL add_up(r.k, r.v) a ON weir.key_by(r.k);
    INSERT INTO shares SELECT k, sum(v) FROM readings GROUP BY k, weir.count_window(1)', parallelism => 100),
    weir.enable_checkpointing('large'), weir.start_job('large')$$, '%cannot be started%', 'apart: two steps of 100 tasks each are too many');
SELECT weir.drop_job('apart') \g /dev/null

-- Behind a keyed step: what errs there has left no trace in the state before it.
TRUNCATE input, copies, shares, sums;
INSERT INTO input VALUES (1, 5), (1, 2), (2, 7), (1, 1);
CALL run('behind', 'INSERT INTO shares SELECT x.k, max(x.total) FROM (
    SELECT a.* FROM readings r JOIN LATERAL add_up(r.k, r.v) a ON weir.key_by(r.k)) x WHERE 100 / (x.total - 7) < 0
    GROUP BY x.k, weir.count_window(1)');
SELECT bag_eq('TABLE shares', 'VALUES (1::bigint, 5::bigint), (1, 6)', 'behind: rows of the step that can be done with');
SELECT results_eq($$SELECT line_number, sqlstate FROM weir.dead_letters WHERE job = 'behind' ORDER BY 1$$,
    $$VALUES (2::bigint, '22012'), (3, '22012')$$, 'behind: a letter for each other record');
SELECT weir.stop_job('behind') \g /dev/null
SELECT results_eq($$SELECT key::text, value::text FROM weir.state('behind') WHERE state = 'total'$$, $$VALUES ('1', '6')$$,
    'behind: which state does not know of');
SELECT weir.drop_job('behind') \g /dev/null

-- The same by the executor: rows of the step are joined, and keep their order.
CREATE TABLE names (k bigint, name text);
INSERT INTO names VALUES (1, 'one'), (2, 'two');
CREATE TABLE named (id bigserial, name text, n bigint, share bigint);
TRUNCATE input;
INSERT INTO input SELECT 1 + i % 2, CASE i WHEN 1000 THEN -1 ELSE i END FROM generate_series(0, 3999) i;
CALL run('joined', 'INSERT INTO named (name, n, share) SELECT m.name, x.n, x.v FROM (
    SELECT a.*, r.v FROM readings r JOIN LATERAL add_up(r.k, r.v) a ON weir.key_by(r.k)) x JOIN names m ON m.k = x.k WHERE 100 / (x.v + 1) >= 0');
SELECT is((SELECT count(*) FROM named), 3999::bigint, 'joined: the rows of a step, but for one');
SELECT is((SELECT count(*) FROM (SELECT n - lag(n) OVER (PARTITION BY name ORDER BY id) AS step FROM named) s WHERE step <> 1), 0::bigint,
    'joined: a key''s rows in order');
SELECT results_eq($$SELECT line_number, sqlstate FROM weir.dead_letters WHERE job = 'joined'$$, $$VALUES (1001::bigint, '22012')$$,
    'joined: the one that errs is the letter');
SELECT weir.stop_job('joined') \g /dev/null
SELECT is((SELECT sum(value::text::bigint) FROM weir.state('joined') WHERE state = 'n'), 3999::numeric, 'joined: which the state before does not know of');
SELECT weir.drop_job('joined') \g /dev/null

-- A chain: both steps' state, by the step.
TRUNCATE input, copies, sums;
INSERT INTO input SELECT i % 10, 1 FROM generate_series(0, 99) i;
CALL run('chain', 'INSERT INTO sums SELECT x.k % 3, count(*), max(x.n) FROM (
    SELECT a.* FROM readings r JOIN LATERAL add_up(r.k, r.v) a ON weir.key_by(r.k)) x WHERE x.n > 2 GROUP BY x.k % 3, weir.count_window(5)', 2);
SELECT bag_eq('SELECT k, sum(n) FROM sums GROUP BY k', 'VALUES (0::bigint, 30::numeric), (1, 20), (2, 20)', 'chain: windows of a step''s rows');
SELECT is((SELECT count(*) FROM weir.tasks WHERE job = 'chain' AND kind = 'keyed'), 4::bigint, 'chain: the tasks of both steps');
SELECT weir.stop_job('chain') \g /dev/null
SELECT results_eq($$SELECT left(state, 12), count(*) FROM weir.state('chain') GROUP BY state ORDER BY state COLLATE "C"$$,
    $$VALUES ('count_window', 3::bigint), ('n', 10), ('total', 10)$$, 'chain: weir.state has both steps');
SELECT weir.drop_job('chain') \g /dev/null

-- on_error 'stop' names the record, whichever scan it was.
ALTER FOREIGN TABLE readings OPTIONS (SET on_error 'stop');
TRUNCATE input, copies, shares;
INSERT INTO input VALUES (1, 5), (2, 1), (1, 0), (3, 7);
SELECT weir.create_job('stops', 'INSERT INTO copies SELECT k, v FROM readings; INSERT INTO shares SELECT k, 100 / v FROM readings WHERE 100 / v > 0') \g /dev/null
SELECT weir.set_restart_strategy('stops', 'none') \g /dev/null
SELECT weir.enable_checkpointing('stops', every => '1 h') \g /dev/null
INSERT INTO readings TABLE input;
SELECT weir.start_job('stops') \g /dev/null
SELECT ok(weir.wait_for_job('stops', 'failed', '1 min'), 'stops: the job fails');
SELECT alike((SELECT last_error FROM weir.jobs WHERE name = 'stops'), '%source 0, line 3: division by zero%', 'stops: at the record');
SELECT is((SELECT count(*) FROM copies), 0::bigint, 'stops: nothing is written');

-- weir.try_job of several outputs.
CREATE TABLE texts (k text);
SELECT weir.create_job('tried', 'INSERT INTO copies SELECT k, v FROM readings; INSERT INTO shares SELECT k, 100 / v FROM readings WHERE 100 / v > 0') \g /dev/null
SELECT weir.create_job('tried_mixed', 'INSERT INTO copies SELECT k, v FROM readings; INSERT INTO texts SELECT k FROM readings') \g /dev/null
SELECT bag_eq($$SELECT * FROM weir.try_job('tried', '{1	5}') t(k bigint, v bigint)$$, 'VALUES (1::bigint, 5::bigint), (1, 20)', 'tried: all that is written');
SELECT bag_eq($$SELECT * FROM weir.try_job('tried', '{1	5}', NULL::shares)$$, 'VALUES (1::bigint, 20::bigint)', 'tried: what is written into one table');
SELECT throws_like($$SELECT * FROM weir.try_job('tried_mixed', '{1	5}') t(k bigint, v bigint)$$, '%rows of several tables, of different types', 'tried: of other tables one has to be named');
SELECT * FROM finish();

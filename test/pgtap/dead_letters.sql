-- on_error 'dead_letter': records that cannot be decoded, for which a stateless
-- step or the keyed function errs, and rows that the sink refuses; wherever the
-- sink runs, and who may see and delete what is kept of them.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(70);

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint)
    SERVER here OPTIONS (delimiter ' ', on_error 'dead_letter', max_record '40');

CREATE PROCEDURE run(name text, port text, query text, parallelism int DEFAULT 1, mode text DEFAULT 'exactly_once')
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER SERVER here OPTIONS (SET port %L)', port);
    PERFORM weir.create_job(name, format(query, name), parallelism => parallelism);
    IF mode <> 'none' THEN
        PERFORM weir.enable_checkpointing(name, every => '50 ms', mode => mode);
    END IF;
    PERFORM weir.start_job(name);
END $$;

-- Adds up; errs at 13, when the sum has been changed and a row returned.
CREATE FUNCTION running_total(r readings) RETURNS TABLE (f0 bigint, total bigint) LANGUAGE plpgsql AS $$
DECLARE
    sum bigint := weir.state_value('total', NULL::bigint);
BEGIN
    sum := sum + r.f1;
    PERFORM weir.state_update('total', sum);
    RETURN QUERY SELECT r.f0, sum;
    IF r.f1 = 13 THEN
        RAISE 'no % here', r.f1 USING DETAIL = 'It brings bad luck.', ERRCODE = 'P0013';
    END IF;
END $$;
SELECT weir.create_value_state('running_total(readings)', 'total', 'bigint', default_value => '0') \g /dev/null

\set keyed 'INSERT INTO %I SELECT t.* FROM readings r JOIN LATERAL running_total(r) t ON weir.key_by(r.f0) WHERE 100 / r.f1 IS NOT NULL'
\setenv LETTERS '1 3\\nx 4\\n1 5\\n2 7 9\\n2 0\\n2 8\\n3 13\\n3 4\\n4 1000\\n\\\\.\\n5 12345678901234567890123456789012345678901234567890\\n4 1\\n1 2\\n'

-- What is to become of those lines. The row that the sink refuses, of line 9,
-- has left its trace in the state.
CREATE TABLE output (f0 bigint, total bigint);
INSERT INTO output VALUES (1, 3), (1, 8), (2, 8), (3, 4), (4, 1001), (1, 10);
CREATE TABLE letters (line_number bigint, line text, sqlstate text, error text);
INSERT INTO letters VALUES
    (2, 'x 4', '22P02', 'invalid input syntax for type bigint: "x"'),
    (4, '2 7 9', '22P04', 'extra data after last expected column'),
    (5, '2 0', '22012', 'division by zero'),
    (7, '3 13', 'P0013', E'no 13 here\nIt brings bad luck.'),
    (9, '4 1000', '23514', 'new row for relation "%" violates check constraint%'),
    (10, '\.', '22P04', 'end-of-copy marker "\\." found in data'),
    (11, '5 12345678901234567890123456789012345678', '54000', 'record is longer than 40 bytes');

-- The job has finished, output and letters are right.
CREATE FUNCTION is_right(name text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT ok(weir.wait_for_job(name, 'finished', '1 min'), name || ': the job goes on');
    RETURN NEXT bag_eq('TABLE ' || quote_ident(name), 'TABLE output', name || ': the other records count');
    RETURN NEXT results_eq(format('SELECT line_number, line, sqlstate FROM weir.dead_letters WHERE job = %L ORDER BY 1', name),
        'SELECT line_number, line, sqlstate FROM letters ORDER BY 1', name || ': a letter for each record at fault, once');
    RETURN NEXT is((SELECT count(*) FROM weir.dead_letters d JOIN letters l USING (line_number)
                    WHERE d.job = name AND d.stream = 'public.readings' AND d.error LIKE l.error || '%'
                      AND d.raw = convert_to(l.line, 'UTF8') AND d.at <= clock_timestamp()), 7::bigint,
                   name || ': stream, error and bytes');
END $$;

CREATE TABLE own_sink_1 (f0 bigint, total bigint CHECK (total <> 1000));
\set port `perl test/pgtap/sender "$LETTERS"`
CALL run('own_sink_1', :'port', :'keyed');
SELECT is_right('own_sink_1');
SELECT is((SELECT count(*) FROM weir.dead_letters WHERE job = 'own_sink_1' AND checkpoint_id IN
           (SELECT checkpoint_id FROM weir.checkpoints WHERE job = 'own_sink_1' AND status = 'completed')),
          7::bigint, 'each has the checkpoint whose epoch holds it');

CREATE TABLE own_sink_2 (LIKE own_sink_1 INCLUDING ALL);
\set port `perl test/pgtap/sender "$LETTERS"`
CALL run('own_sink_2', :'port', :'keyed', 2);
SELECT is_right('own_sink_2');

-- A trigger: one sink task, one row a statement.
CREATE TABLE sink_task_1 (LIKE own_sink_1 INCLUDING ALL);
\set port `perl test/pgtap/sender "$LETTERS"`
CREATE FUNCTION passes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER pass BEFORE INSERT ON sink_task_1 FOR EACH ROW EXECUTE FUNCTION passes();
CALL run('sink_task_1', :'port', :'keyed');
SELECT is_right('sink_task_1');

CREATE TABLE sink_task_2 (LIKE own_sink_1 INCLUDING ALL);
CREATE TRIGGER pass BEFORE INSERT ON sink_task_2 FOR EACH ROW EXECUTE FUNCTION passes();
\set port `perl test/pgtap/sender "$LETTERS"`
CALL run('sink_task_2', :'port', :'keyed', 2);
SELECT is_right('sink_task_2');

-- In every mode.
CREATE TABLE at_least_once (LIKE own_sink_1 INCLUDING ALL);
\set port `perl test/pgtap/sender "$LETTERS"`
CALL run('at_least_once', :'port', :'keyed', 2, 'at_least_once');
SELECT is_right('at_least_once');
CREATE TABLE at_most_once (LIKE own_sink_1 INCLUDING ALL);
\set port `perl test/pgtap/sender "$LETTERS"`
CALL run('at_most_once', :'port', :'keyed', 2, 'at_most_once');
SELECT is_right('at_most_once');
CREATE TABLE none (LIKE own_sink_1 INCLUDING ALL);
\set port `perl test/pgtap/sender "$LETTERS"`
CALL run('none', :'port', :'keyed', 2, 'none');
SELECT is_right('none');
SELECT is((SELECT count(checkpoint_id) FROM weir.dead_letters WHERE job = 'none'), 0::bigint, 'without checkpoints they have none');

-- Without a keyed step: rows that conflict, rows that refer to nothing.
CREATE TABLE known (f0 bigint PRIMARY KEY);
INSERT INTO known VALUES (1), (2);
CREATE TABLE stateless (f0 bigint REFERENCES known, f1 bigint UNIQUE);
\set port `perl test/pgtap/sender '1 1\n1 2\n3 3\n2 2\n2 4\n1 5\n3 6\n1 7\n9 8\n1 9\n'`
CALL run('stateless', :'port', 'INSERT INTO %I SELECT f0, f1 FROM readings');
SELECT ok(weir.wait_for_job('stateless', 'finished', '1 min'), 'stateless: the job goes on');
SELECT bag_eq('TABLE stateless', 'VALUES (1::bigint, 1::bigint), (1, 2), (2, 4), (1, 5), (1, 7), (1, 9)', 'stateless: the rows that fit');
SELECT results_eq($$SELECT line_number, sqlstate FROM weir.dead_letters WHERE job = 'stateless' ORDER BY 1$$,
    $$VALUES (3::bigint, '23503'), (4, '23505'), (7, '23503'), (9, '23503')$$, 'stateless: the rows that do not');

-- An upsert whose key cannot be computed.
CREATE TABLE upserts (k bigint PRIMARY KEY, v bigint);
\set port `perl test/pgtap/sender '1 3\n2 0\n3 3\n4 5\n5 0\n'`
CALL run('upserts', :'port', 'INSERT INTO %I SELECT 100 / f1, f0 FROM readings ON CONFLICT (k) DO UPDATE SET v = excluded.v');
SELECT ok(weir.wait_for_job('upserts', 'finished', '1 min'), 'upsert: the job goes on');
SELECT bag_eq('TABLE upserts', 'VALUES (33::bigint, 3::bigint), (20, 4)', 'upsert: the other rows');
SELECT results_eq($$SELECT line_number, sqlstate FROM weir.dead_letters WHERE job = 'upserts' ORDER BY 1$$,
    $$VALUES (2::bigint, '22012'), (5, '22012')$$, 'upsert: the letters');

-- A lookup whose plan is not a plain scan: the record is found all the same.
CREATE TABLE looked_up (f0 bigint, result bigint);
\set port `perl test/pgtap/sender '1 1\n1 0\n2 2\n2 0\n1 5\n2 6\n1 0\n'`
CALL run('looked_up', :'port', 'INSERT INTO %I SELECT k.f0, r.f1 FROM readings r JOIN known k ON k.f0 = r.f0 WHERE 100 / (r.f1 * k.f0) IS NOT NULL');
SELECT ok(weir.wait_for_job('looked_up', 'finished', '1 min'), 'lookup: the job goes on');
SELECT bag_eq('TABLE looked_up', 'VALUES (1::bigint, 1::bigint), (2, 2), (1, 5), (2, 6)', 'lookup: the other records');
SELECT results_eq($$SELECT line_number FROM weir.dead_letters WHERE job = 'looked_up' ORDER BY 1$$, 'VALUES (2::bigint), (4), (7)', 'lookup: the letters');

-- A window's aggregate that errs leaves the window as it was.
CREATE TABLE windows (f0 bigint, total bigint);
\set port `perl test/pgtap/sender '1 9223372036854775807\n1 1\n1 -7\n2 4\n2 5\n'`
CALL run('windows', :'port', 'INSERT INTO %I SELECT f0, sum(1000 / (f1 - 1)) FROM readings GROUP BY f0, weir.count_window(2)');
SELECT ok(weir.wait_for_job('windows', 'finished', '1 min'), 'window: the job goes on');
SELECT bag_eq('TABLE windows', 'VALUES (1::bigint, -125::bigint), (2, 583)', 'window: it holds the other records');
SELECT results_eq($$SELECT line_number, sqlstate FROM weir.dead_letters WHERE job = 'windows'$$, $$VALUES (2::bigint, '22012')$$, 'window: the letter');

-- Bytes that are no characters, and other ways to end a record.
CREATE FOREIGN TABLE bytes (a int, b text) SERVER here OPTIONS (delimiter ' ', on_error 'dead_letter');
CREATE TABLE no_characters (a int, b text);
\set port `perl test/pgtap/sender "$(printf '1 a\\n2 \377\\n3 c\\n')"`
CALL run('no_characters', :'port', 'INSERT INTO %I SELECT * FROM bytes');
SELECT ok(weir.wait_for_job('no_characters', 'finished', '1 min'), 'invalid bytes: the job goes on');
SELECT results_eq($$SELECT line, raw, sqlstate FROM weir.dead_letters WHERE job = 'no_characters'$$,
    $$VALUES ('2 \xff', '\x3220ff'::bytea, '22021')$$, 'invalid bytes are escaped in the line, and whole in raw');

-- on_error 'stop': the same record.
ALTER FOREIGN TABLE readings OPTIONS (SET on_error 'stop');
CREATE TABLE stops (LIKE own_sink_1 INCLUDING ALL);
\set port `perl test/pgtap/sender '1 3\n1 4\n1 0\n1 5\n'`
CALL run('stops', :'port', :'keyed');
SELECT ok(weir.wait_for_job('stops', 'failed', '1 min'), 'stop: the job fails');
SELECT matches((SELECT last_error FROM weir.jobs WHERE name = 'stops'), '^task source 0, line 3: division by zero', 'stop: at the record that is at fault');
SELECT matches((SELECT last_error FROM weir.jobs WHERE name = 'stops'), 'two attempts running.*on_error to ''dead_letter''', 'stop: with what to do');
SELECT is((SELECT restarts FROM weir.jobs WHERE name = 'stops'), 1::bigint, 'stop: in two attempts running');
ALTER FOREIGN TABLE readings OPTIONS (SET on_error 'dead_letter');
SELECT weir.start_job('stops') \g /dev/null
SELECT ok(weir.wait_for_job('stops', 'finished', '1 min'), 'with on_error dead_letter it goes on from there');
SELECT bag_eq('TABLE stops', 'VALUES (1::bigint, 3::bigint), (1, 7), (1, 12)', 'without that record');

-- More than max_dead_letters.
ALTER FOREIGN TABLE readings OPTIONS (ADD max_dead_letters '2');
CREATE TABLE too_many (LIKE own_sink_1 INCLUDING ALL);
\set port `perl test/pgtap/sender '1 3\nx\n1 0\n' --sleep 0.3 '1 4\n1 0\n1 5\n'`
CALL run('too_many', :'port', :'keyed');
SELECT ok(weir.wait_for_job('too_many', 'failed', '1 min'), 'too many: the job fails');
SELECT matches((SELECT last_error FROM weir.jobs WHERE name = 'too_many'), 'more than 2 dead letters.*Line 5 .*max_dead_letters', 'too many: the error names the option');
SELECT is((SELECT restarts FROM weir.jobs WHERE name = 'too_many'), 0::bigint, 'too many: no restart would help');
SELECT is((SELECT count(*) FROM weir.dead_letters WHERE job = 'too_many'), 2::bigint, 'too many: so many are kept');
DELETE FROM weir.dead_letters WHERE job = 'too_many' AND line_number = 2;
SELECT weir.start_job('too_many') \g /dev/null
SELECT ok(weir.wait_for_job('too_many', 'finished', '1 min'), 'with one deleted there is room for another');
SELECT results_eq($$SELECT line_number FROM weir.dead_letters WHERE job = 'too_many' ORDER BY 1$$, 'VALUES (3::bigint), (5)', 'which is there once');
SELECT bag_eq('TABLE too_many', 'VALUES (1::bigint, 3::bigint), (1, 7), (1, 12)', 'and so is the output');

-- Who sees and deletes them.
DROP ROLE IF EXISTS weir_reader, weir_stranger;
CREATE ROLE weir_reader;
CREATE ROLE weir_stranger;
GRANT SELECT ON readings TO weir_reader;
SET ROLE weir_stranger;
SELECT is((SELECT count(*) FROM weir.dead_letters), 0::bigint, 'who cannot read the stream sees none');
DELETE FROM weir.dead_letters;
SET ROLE weir_reader;
SELECT is((SELECT count(*) FROM weir.dead_letters WHERE job = 'too_many'), 2::bigint, 'who can read it sees them');
SELECT results_eq($$SELECT DISTINCT sqlstate, error FROM weir.dead_letters WHERE job = 'own_sink_1' ORDER BY 1$$,
    $$VALUES ('22012', 'data exception'), ('22P02', 'data exception'), ('22P04', 'data exception'),
             ('23514', 'integrity constraint violation'), ('54000', 'program limit exceeded'), ('P0013', 'error raised by a function')$$,
    'with the kind of error, not what the query and its functions said');
SELECT is((SELECT count(line) + count(raw) FROM weir.dead_letters WHERE job = 'own_sink_1'), 14::bigint, 'and the records');
SELECT is((SELECT count(*) FROM weir.dead_letters WHERE job = 'no_characters'), 0::bigint, 'but not those of other streams');
SELECT throws_ok('DELETE FROM weir.dead_letters', '42501', 'must be owner of job "own_sink_1"', 'and cannot delete them');
SELECT throws_ok('UPDATE weir.dead_letters SET line = NULL', '42501', NULL, 'nor change them');
SELECT throws_ok('SELECT * FROM weir_internal.dead_letter', '42501', NULL, 'nor read the table');
RESET ROLE;
SELECT matches((SELECT error FROM weir.dead_letters WHERE job = 'own_sink_1' AND line_number = 7), 'bad luck', 'the owner reads it all');
SELECT is((SELECT count(*) FROM weir.dead_letters WHERE job = 'too_many'), 2::bigint, 'they are all there');
DELETE FROM weir.dead_letters WHERE job = 'too_many';
SELECT is((SELECT count(*) FROM weir.dead_letters WHERE job = 'too_many'), 0::bigint, 'the owner deletes them');
SELECT weir.drop_job('own_sink_1') \g /dev/null
SELECT is((SELECT count(*) FROM weir_internal.dead_letter d WHERE NOT EXISTS (SELECT FROM weir_internal.job j WHERE j.id = d.job)),
          0::bigint, 'drop_job takes them along');
SELECT is((SELECT count(*) FROM pg_prepared_xacts), 0::bigint, 'nothing is left prepared');

SELECT * FROM finish();
DO $$
BEGIN
    PERFORM weir.drop_job(name) FROM weir.jobs;
END $$;
REVOKE ALL ON readings FROM weir_reader;
DROP ROLE weir_reader, weir_stranger;

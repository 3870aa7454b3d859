-- Columns that are not in the record: line number, arrival, stream, peer.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT no_plan();

-- run(name, port, columns, options of the table): the records of a stream, in a
-- table of that name
CREATE PROCEDURE run(name text, port text, columns text, options text DEFAULT '')
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER weir_socket OPTIONS (host ''127.0.0.1'', port %L)',
                   name || '_server', port);
    EXECUTE format('CREATE FOREIGN TABLE %I (%s) SERVER %I OPTIONS (%s)',
                   name || '_stream', columns, name || '_server', options);
    EXECUTE format('CREATE TABLE %I AS SELECT * FROM %I WITH NO DATA', name, name || '_stream');
    PERFORM weir.create_job(name, format('INSERT INTO %I SELECT * FROM %I', name, name || '_stream'));
    PERFORM weir.enable_checkpointing(name, every => '50 ms');
    PERFORM weir.set_restart_strategy(name, 'fixed_delay', attempts => 5, delay => '10 ms');
    PERFORM weir.start_job(name);
END $$;
CREATE FUNCTION letters(job text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT line_number || ' ' || sqlstate || ' ' || error FROM weir.dead_letters d WHERE d.job = $1 ORDER BY line_number $$;

\set all_of_them 'at timestamptz OPTIONS (metadata ''arrival''), a int, n bigint OPTIONS (metadata ''line_number''), s text OPTIONS (metadata ''stream''), b text, p text OPTIONS (metadata ''peer'')'

-- Every format; the columns lie between those of the record, which may be NULL
\set port `perl test/pgtap/sender '1 x\n2 \\N\n\\N z\n'`
CALL run('plain', :'port', :'all_of_them', $$delimiter ' '$$);
SELECT ok(weir.wait_for_job('plain', 'finished', '1 min'), 'text: finished');
SELECT results_eq('SELECT n, a, b, s FROM plain', $$VALUES (1::bigint, 1, 'x', 'public.plain_stream'),
    (2, 2, NULL, 'public.plain_stream'), (3, NULL, 'z', 'public.plain_stream')$$, 'text: line number and stream');
SELECT results_eq('SELECT DISTINCT p FROM plain', ARRAY['127.0.0.1:' || :'port'], 'text: the peer');
SELECT ok(bool_and(at BETWEEN now() - interval '1 min' AND clock_timestamp()), 'text: the arrival') FROM plain;

-- a value that only its input function reads, and an escape that is left to COPY
\set port `perl test/pgtap/sender 'C:\\x41,{"k":1}\n"q",[2]\n'`
CALL run('mixed', :'port', $$p text OPTIONS (metadata 'peer') NOT NULL, a text, j jsonb, n bigint OPTIONS (metadata 'line_number')$$, $$delimiter ','$$);
SELECT ok(weir.wait_for_job('mixed', 'finished', '1 min'), 'input functions and COPY: finished');
SELECT results_eq('SELECT n, a, j::text FROM mixed', $$VALUES (1::bigint, 'C:A', '{"k": 1}'), (2, '"q"', '[2]')$$, 'input functions and COPY');
SELECT results_eq('SELECT DISTINCT p FROM mixed', ARRAY['127.0.0.1:' || :'port'], 'input functions and COPY: the peer');

-- csv, with constraints over them and a column that is generated from one
\set port `perl test/pgtap/sender '"1",x\n2,"y"\n3,z\n'`
CALL run('checked', :'port', $$n bigint OPTIONS (metadata 'line_number') CHECK (n <> 2), a int,
    ten bigint GENERATED ALWAYS AS (n * 10) STORED, b text$$, $$format 'csv', on_error 'dead_letter'$$);
SELECT ok(weir.wait_for_job('checked', 'finished', '1 min'), 'csv: finished');
SELECT results_eq('SELECT n, a, ten, b FROM checked', $$VALUES (1::bigint, 1, 10::bigint, 'x'), (3, 3, 30, 'z')$$, 'csv: constraints hold');
SELECT matches(letters('checked'), '^2 23514 ', 'csv: a dead letter where they do not');

-- line: one column beside them
\set port `perl test/pgtap/sender 'one\ntwo\n'`
CALL run('lines', :'port', $$n bigint OPTIONS (metadata 'line_number'), l text$$, $$format 'line'$$);
SELECT ok(weir.wait_for_job('lines', 'finished', '1 min'), 'line: finished');
SELECT results_eq('SELECT n, l FROM lines', $$VALUES (1::bigint, 'one'), (2, 'two')$$, 'line: one column beside them');

-- jsonl: a key of the same name says nothing
\set port `perl test/pgtap/sender '{"a":1,"n":"none","b":"x"}\n{"p":[],"a":"no"}\n{"a":3,"at":7}\n'`
CALL run('keys', :'port', :'all_of_them', $$format 'jsonl', on_error 'dead_letter'$$);
SELECT ok(weir.wait_for_job('keys', 'finished', '1 min'), 'jsonl: finished');
SELECT results_eq('SELECT n, a, b, s FROM keys', $$VALUES (1::bigint, 1, 'x', 'public.keys_stream'), (3, 3, NULL, 'public.keys_stream')$$,
    'jsonl: keys are of the other columns');
SELECT matches(letters('keys'), '^2 22P02 .*column a', 'jsonl: the column at fault');
\set port `perl test/pgtap/sender '{"n":1}\n[]\n'`
CALL run('whole', :'port', $$n bigint OPTIONS (metadata 'line_number'), j jsonb$$, $$format 'jsonl'$$);
SELECT ok(weir.wait_for_job('whole', 'finished', '1 min'), 'jsonl: finished');
SELECT results_eq('SELECT n, j FROM whole', $$VALUES (1::bigint, '{"n":1}'::jsonb), (2, '[]')$$, 'jsonl: the whole record in the one column beside them');

-- weir.try_job: lines from 1 on, its clock, no peer
CREATE TABLE tried (a int, n bigint, p text, at timestamptz);
SELECT weir.create_job('tried', 'INSERT INTO tried SELECT a, n, p, at FROM plain_stream');
SELECT results_eq($$SELECT a, n, p FROM weir.try_job('tried', ARRAY['5 x', '6 y'], NULL::tried)$$,
    $$VALUES (5, 1::bigint, NULL), (6, 2, NULL)$$, 'weir.try_job: line number and peer');
SELECT ok(bool_and(at BETWEEN now() - interval '1 min' AND clock_timestamp()), 'weir.try_job: the arrival')
    FROM weir.try_job('tried', ARRAY['5 x', '6 y'], NULL::tried);
CREATE TABLE named (a text);
SELECT weir.create_job('named', 'INSERT INTO named SELECT a FROM mixed_stream');
SELECT throws_like($$SELECT * FROM weir.try_job('named', ARRAY['5,[]'], NULL::named)$$,
    'null value in column "p"%', 'weir.try_job: there is no peer where one is needed');

-- What does not fit its column
CREATE SERVER nowhere FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '9');
CREATE FOREIGN TABLE wrong (a int, n int OPTIONS (metadata 'line_number')) SERVER nowhere;
CREATE TABLE wrong_sink (a int);
PREPARE wrong AS SELECT weir.create_job('wrong', 'INSERT INTO wrong_sink SELECT a FROM wrong');
SELECT throws_ok('wrong', '42804', 'column "n" of stream public.wrong cannot have type integer', 'another type');
ALTER FOREIGN TABLE wrong DROP COLUMN n, ADD COLUMN n timestamptz(0) OPTIONS (metadata 'arrival');
SELECT throws_ok('wrong', '42804', 'column "n" of stream public.wrong cannot have type timestamp(0) with time zone', 'another precision');
ALTER FOREIGN TABLE wrong DROP COLUMN n, ADD COLUMN n bigint OPTIONS (metadata 'line_number') DEFAULT 7;
SELECT throws_ok('wrong', '42P16', 'column "n" of stream public.wrong cannot have both a default and the option "metadata"', 'a default');
ALTER FOREIGN TABLE wrong DROP COLUMN n, ADD COLUMN n bigint OPTIONS (metadata 'line_number') GENERATED ALWAYS AS (a * 2) STORED;
SELECT throws_ok('wrong', '42P16', 'generated column "n" of stream public.wrong cannot have the option "metadata"', 'a generated column');
CREATE FOREIGN TABLE empty (a bigint OPTIONS (metadata 'line_number')) SERVER nowhere;
SELECT throws_ok($$SELECT weir.create_job('wrong', 'INSERT INTO wrong_sink SELECT a FROM empty')$$, '42P16',
    'stream public.empty has no column for its records', 'no column that is in the record');

SELECT finish();

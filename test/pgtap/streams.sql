-- What a stream makes of the bytes it gets: formats, delimiters, bad lines.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(16);

-- run(name, port, options of the table, options of the server): the records of
-- a stream of two columns, in a table of that name
CREATE PROCEDURE run(name text, port text, options text DEFAULT '', server text DEFAULT '')
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER weir_socket OPTIONS (host ''127.0.0.1'', port %L %s)',
                   name || '_server', port, server);
    EXECUTE format('CREATE FOREIGN TABLE %I (a int, b text) SERVER %I %s',
                   name || '_stream', name || '_server', options);
    EXECUTE format('CREATE TABLE %I (a int, b text)', name);
    PERFORM weir.create_job(name, format('INSERT INTO %I SELECT * FROM %I', name, name || '_stream'));
    PERFORM weir.enable_checkpointing(name, every => '50 ms');
    PERFORM weir.start_job(name);
END $$;

\set port `perl test/pgtap/sender '1\tone\n2\t\\N\n3\tth\\tree\n'`
CALL run('text_default', :'port');
SELECT ok(weir.wait_for_job('text_default', 'finished', '1 min'), 'text: finished');
SELECT results_eq('TABLE text_default', $$VALUES (1, 'one'), (2, NULL), (3, E'th\tree')$$,
    'text: COPY''s delimiter, null and escapes');

\set port `perl test/pgtap/sender '1,"a,b"\n2,"say ""x"""\n3,"two\nlines"\n4,\n'`
CALL run('csv', :'port', $$OPTIONS (format 'csv')$$);
SELECT ok(weir.wait_for_job('csv', 'finished', '1 min'), 'csv: finished');
SELECT results_eq('TABLE csv', $$VALUES (1, 'a,b'), (2, 'say "x"'), (3, E'two\nlines'), (4, NULL)$$,
    'csv: quotes, also around a newline');

\set port `perl test/pgtap/sender '1 x\r\n2 y\r\n3 z'`
CALL run('crlf', :'port', $$OPTIONS (delimiter ' ')$$);
SELECT ok(weir.wait_for_job('crlf', 'finished', '1 min'), 'CR LF: finished');
SELECT results_eq('TABLE crlf', $$VALUES (1, 'x'), (2, 'y'), (3, 'z')$$,
    'a CR before the newline is dropped; a tail without delimiter is a record');

\set port `perl test/pgtap/sender '1 x;2 y;' --close '3 ' --close 'z;'`
CALL run('reconnects', :'port', $$OPTIONS (delimiter ' ')$$,
    $$, record_delimiter ';', max_retries '3', retry_delay '10 ms'$$);
SELECT ok(weir.wait_for_job('reconnects', 'finished', '1 min'), 'reconnects: finished');
SELECT results_eq('TABLE reconnects', $$VALUES (1, 'x'), (2, 'y'), (3, 'z')$$,
    'another record delimiter; a record over two connections');

-- A line that does not parse: the same record twice fails the job.
\set port `perl test/pgtap/sender '1 x\n2 y\nthree z\n4 z\n'`
CALL run('bad', :'port', $$OPTIONS (delimiter ' ')$$);
SELECT ok(weir.wait_for_job('bad', 'failed', '1 min'), 'a bad line fails the job');
SELECT matches((SELECT last_error FROM weir.jobs WHERE name = 'bad'), 'bad_stream', 'the error names the stream');
SELECT matches((SELECT last_error FROM weir.jobs WHERE name = 'bad'), 'line 3', 'and the line');
SELECT matches((SELECT last_error FROM weir.jobs WHERE name = 'bad'), 'three', 'and the text');
SELECT is((SELECT count(*) FROM pg_prepared_xacts), 0::bigint, 'nothing is left prepared');

-- The end-of-copy mark is no record, in csv neither.
\set port `perl test/pgtap/sender '1,x\n\\.\n2,y\n'`
CALL run('mark', :'port', $$OPTIONS (format 'csv')$$);
SELECT ok(weir.wait_for_job('mark', 'failed', '1 min'), 'a line \. fails the job');

\set port `perl test/pgtap/sender '1 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'`
CALL run('long', :'port', $$OPTIONS (delimiter ' ', max_record '20')$$);
SELECT ok(weir.wait_for_job('long', 'failed', '1 min'), 'a record longer than max_record fails the job');
SELECT matches((SELECT last_error FROM weir.jobs WHERE name = 'long'), 'max_record|20', 'and says so');

SELECT * FROM finish();

-- What a stream makes of the bytes it gets: formats, delimiters, bad lines.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(41);

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
    $$, record_delimiter ';', max_retries '3', retry_delay '10 ms', partial 'join'$$);
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


-- A connection that ends within a record, and another: what nobody sent is no row.
\set port `perl test/pgtap/sender '1 x\n2 y' --close '3 z\n4 w'`
CALL run('partial', :'port', $$OPTIONS (delimiter ' ')$$, $$, max_retries '3', retry_delay '10 ms'$$);
SELECT ok(weir.wait_for_job('partial', 'finished', '1 min'), 'a partial record: finished');
SELECT results_eq('TABLE partial', $$VALUES (1, 'x'), (3, 'z'), (4, 'w')$$,
    'a partial record is none once another connection brings something; at the end of the stream it is one');

\set port `perl test/pgtap/sender '1 x\n2 y' --close '3 z\n'`
CALL run('partial_letter', :'port', $$OPTIONS (delimiter ' ', on_error 'dead_letter')$$,
    $$, max_retries '3', retry_delay '10 ms'$$);
SELECT ok(weir.wait_for_job('partial_letter', 'finished', '1 min'), 'a partial record put aside: finished');
SELECT results_eq('TABLE partial_letter', $$VALUES (1, 'x'), (3, 'z')$$, 'what is whole is there');
SELECT results_eq($$SELECT line_number, line, sqlstate, error ~ 'partial' FROM weir.dead_letters WHERE job = 'partial_letter'$$,
    $$VALUES (2::bigint, '2 y', '22P04', true)$$, 'what is not is a dead letter, and takes a line number');

-- A quote that is never closed costs the records up to max_record, not all.
\set port `perl -e 'print "1,a\n2,5\" d\n", map { "$_,b\n" } 3 .. 202' | xargs -0 perl test/pgtap/sender`
CALL run('quote', :'port', $$OPTIONS (format 'csv', max_record '64B', on_error 'dead_letter')$$);
SELECT ok(weir.wait_for_job('quote', 'finished', '1 min'), 'csv: a stray quote: finished');
SELECT is((SELECT count(*) FROM quote), 188::bigint, 'csv: records behind the one that is too long are read');
SELECT results_eq($$SELECT line_number, octet_length(raw), sqlstate, error FROM weir.dead_letters WHERE job = 'quote'$$,
    $$VALUES (2::bigint, 64, '54000', E'record is longer than 64 bytes\n65 bytes were put aside: up to a record delimiter')$$,
    'csv: its bytes are a dead letter, which says how many they are');
\set port `perl test/pgtap/sender '1,a\n2,"b\n3,ccccccccccccccccc\n'`
CALL run('quote_stop', :'port', $$OPTIONS (format 'csv', max_record '20B')$$);
SELECT ok(weir.wait_for_job('quote_stop', 'failed', '1 min'), 'csv: a stray quote, on_error stop: failed');
SELECT matches((SELECT last_error FROM weir.jobs WHERE name = 'quote_stop'), 'line 2.*longer than 20 bytes', 'with the line');

-- Framings.
\set port `perl test/pgtap/sender '1 a\nb\0' '2 c\0'`
CALL run('nul', :'port', $$OPTIONS (delimiter ' ')$$, $$, record_delimiter '\0'$$);
SELECT ok(weir.wait_for_job('nul', 'finished', '1 min'), 'NUL: finished');
SELECT results_eq('TABLE nul', $$VALUES (1, E'a\nb'), (2, 'c')$$, 'records that end in NUL may hold newlines');

\set port `perl test/pgtap/sender '5 1 a\nb3' ' 2 c\n4 3 dd'`
CALL run('counted', :'port', $$OPTIONS (delimiter ' ')$$, $$, framing 'octet_counted'$$);
SELECT ok(weir.wait_for_job('counted', 'finished', '1 min'), 'octet counts: finished');
SELECT results_eq('TABLE counted', $$VALUES (1, E'a\nb'), (2, 'c'), (3, 'dd')$$, 'octet counts: exact, newlines are data');
\set port `perl test/pgtap/sender '3 1 a<14>no\n3 2 bx y\n3 3 c9 4'`
CALL run('counted_bad', :'port', $$OPTIONS (delimiter ' ', on_error 'dead_letter')$$, $$, framing 'octet_counted'$$);
SELECT ok(weir.wait_for_job('counted_bad', 'finished', '1 min'), 'a bad count: finished');
SELECT results_eq('TABLE counted_bad', $$VALUES (1, 'a'), (2, 'b'), (3, 'c')$$, 'a bad count: reading begins again behind a newline');
SELECT results_eq($$SELECT line_number, line, error FROM weir.dead_letters WHERE job = 'counted_bad' ORDER BY 1$$,
    $$VALUES (2::bigint, E'<14>no\n', E'record does not begin with its length and a space\n7 bytes were put aside: up to a newline'),
             (4, E'x y\n', E'record does not begin with its length and a space\n4 bytes were put aside: up to a newline'),
             (6, '9 4', E'record is truncated\n3 bytes were put aside: up to the next record')$$,
    'a bad count, and a message the stream ends within, are dead letters');
\set port `perl test/pgtap/sender '<13>x\n'`
CALL run('counted_stop', :'port', '', $$, framing 'octet_counted'$$);
SELECT ok(weir.wait_for_job('counted_stop', 'failed', '1 min'), 'a bad count, on_error stop: failed');
SELECT matches((SELECT last_error FROM weir.jobs WHERE name = 'counted_stop'), 'does not begin with its length', 'and says why');

\set port `perl test/pgtap/sender '\x1e1,"a\nb"\n\x1e2,c' '\x1e3,d\n'`
CALL run('seq', :'port', $$OPTIONS (format 'csv', on_error 'dead_letter')$$, $$, framing 'json_seq'$$);
SELECT ok(weir.wait_for_job('seq', 'finished', '1 min'), 'json_seq: finished');
SELECT results_eq($$SELECT line, error FROM weir.dead_letters WHERE job = 'seq'$$,
    $$VALUES ('2,c', E'record is truncated\n3 bytes were put aside: up to the next record')$$, 'json_seq: a truncated text is a dead letter');

-- Framings and formats are each other's business not at all.
CREATE FUNCTION lines_of(name text, port text, columns text, options text, framing text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER weir_socket OPTIONS (host ''127.0.0.1'', port %L, framing %L)',
                   name || '_server', port, framing);
    EXECUTE format('CREATE FOREIGN TABLE %I (%s) SERVER %I OPTIONS (%s)', name || '_stream', columns, name || '_server', options);
    EXECUTE format('CREATE TABLE %I (line text)', name);
    PERFORM weir.create_job(name, format('INSERT INTO %I SELECT s::text FROM %I s', name, name || '_stream'));
    PERFORM weir.enable_checkpointing(name, every => '50 ms');
    PERFORM weir.start_job(name);
END $$;
\set port `perl test/pgtap/sender '\x1e{\n "a": 1,\n "b": "x\\ny"\n}\n\x1e{"a":2}\n'`
SELECT lines_of('seq_jsonl', :'port', 'a int, b text', $$format 'jsonl'$$, 'json_seq');
SELECT ok(weir.wait_for_job('seq_jsonl', 'finished', '1 min'), 'json_seq of jsonl: finished');
SELECT results_eq('TABLE seq_jsonl', $$VALUES (E'(1,"x\ny")'), ('(2,)')$$, 'json_seq of jsonl: texts over several lines');
\set port `perl test/pgtap/sender '12 <13>a\\b\n"c d3 x\r\n'`
SELECT lines_of('counted_line', :'port', 'a text', $$format 'line'$$, 'octet_counted');
SELECT ok(weir.wait_for_job('counted_line', 'finished', '1 min'), 'octet counts of lines: finished');
SELECT results_eq('SELECT octet_length(line) FROM counted_line', 'VALUES (18), (3)', 'octet counts of lines: as they are, without the newline at their end');

SELECT * FROM finish();

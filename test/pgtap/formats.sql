-- What becomes of records in each format, and what is said of those that do not
-- fit it.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT no_plan();

CREATE TYPE pair AS (x int, y text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN given AS text NOT NULL;
CREATE TYPE color AS ENUM ('red', 'green');

-- run(name, port, columns, options of the table): the records of a stream, in a
-- table of that name
CREATE PROCEDURE run(name text, port text, columns text, options text DEFAULT '', server text DEFAULT '')
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER weir_socket OPTIONS (host ''127.0.0.1'', port %L %s)',
                   name || '_server', port, server);
    EXECUTE format('CREATE FOREIGN TABLE %I (%s) SERVER %I OPTIONS (max_record ''1MB'' %s)',
                   name || '_stream', columns, name || '_server', options);
    EXECUTE format('CREATE TABLE %I AS SELECT * FROM %I WITH NO DATA', name, name || '_stream');
    PERFORM weir.create_job(name, format('INSERT INTO %I SELECT * FROM %I', name, name || '_stream'));
    PERFORM weir.enable_checkpointing(name, every => '50 ms');
    PERFORM weir.set_restart_strategy(name, 'fixed_delay', attempts => 5, delay => '10 ms');
    PERFORM weir.start_job(name);
END $$;

CREATE FUNCTION letters(job text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT line_number || ' ' || sqlstate || ' ' || error FROM weir.dead_letters d WHERE d.job = $1 ORDER BY line_number $$;
CREATE FUNCTION last_error(job text) RETURNS text LANGUAGE sql AS $$
    SELECT last_error FROM weir.jobs WHERE name = $1 $$;

-- line: nothing is unescaped, nothing is NULL
\set port `perl test/pgtap/sender 'C:\\dir\\\nnext\nC:\\temp\\new\\x41\n\n\\.\n\\N\n{"a":"\\\\n"}\r\na"b,c\td\n no end'`
CALL run('lines', :'port', 'l text', $$, format 'line'$$);
SELECT ok(weir.wait_for_job('lines', 'finished', '1 min'), 'line: finished');
SELECT results_eq('SELECT l FROM lines', ARRAY[E'C:\\dir\\', 'next', E'C:\\temp\\new\\x41', '', E'\\.', E'\\N',
    E'{"a":"\\\\n"}', E'a"b,c\td', ' no end'], 'line: records as they are');

-- line: the column's type takes the record
\set port `perl test/pgtap/sender '1\n-1\nx\n2\n'`
CALL run('numbers', :'port', 'n positive, twice int GENERATED ALWAYS AS (n * 2) STORED',
    $$, format 'line', on_error 'dead_letter'$$);
SELECT ok(weir.wait_for_job('numbers', 'finished', '1 min'), 'line of a domain: finished');
SELECT results_eq('SELECT n::int, twice FROM numbers', 'VALUES (1, 2), (2, 4)', 'line: of any type; a generated column beside it');
SELECT results_eq($$SELECT letters('numbers')$$, ARRAY[
    E'2 23514 value for domain positive violates check constraint "positive_check"\ncolumn n',
    E'3 22P02 invalid input syntax for type integer: "x"\ncolumn n'], 'line: what it does not take');

-- line: a stream must have one column
CREATE SERVER nowhere FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '9');
CREATE FOREIGN TABLE two (a text, b text) SERVER nowhere OPTIONS (format 'line');
CREATE TABLE two_sink (a text, b text);
SELECT throws_ok($$SELECT weir.create_job('two', 'INSERT INTO two_sink SELECT * FROM two')$$, '42P16',
    'stream public.two of format "line" must have one column', 'line: two columns are refused');

-- jsonl: one column of type json or jsonb has all of the line
\set port `perl test/pgtap/sender '{"a":1,"s":"plain"}\n{"a":2,"s":"say \\"hi\\""}\n{"a":4,"s":"C:\\\\temp\\\\new"}\n{"a":6,"s":"\\u00e9"}\n[1]\nnull\n{"j":{}}\n'`
CALL run('whole', :'port', 'j jsonb', $$, format 'jsonl'$$);
SELECT ok(weir.wait_for_job('whole', 'finished', '1 min'), 'jsonl: finished');
SELECT results_eq('SELECT j FROM whole', ARRAY['{"a":1,"s":"plain"}', '{"a":2,"s":"say \"hi\""}',
    '{"a":4,"s":"C:\\temp\\new"}', '{"a":6,"s":"é"}', '[1]', 'null', '{"j":{}}']::jsonb[], 'jsonl: the whole record, undamaged');

-- jsonl: keys are columns
\set port `perl test/pgtap/sender '{"a":1,"s":"x\\\\y\\n","more":[]}\n{"s":null,"p":{"x":1,"y":"z"},"l":[1,2]}\n{"a":1,"a":"2"}\n{"A":3}\n{}\n'`
CALL run('keys', :'port', 'a int, s text, p pair, l int[]', $$, format 'jsonl'$$);
SELECT ok(weir.wait_for_job('keys', 'finished', '1 min'), 'jsonl: finished');
SELECT results_eq('SELECT k::text FROM keys k', ARRAY[E'(1,"x\\\\y\n",,)', E'(,,"(1,z)","{1,2}")', '(2,,,)', '(,,,)', '(,,,)'],
    'jsonl: by name; missing is NULL, the last of the same name counts, others are passed over');

-- Columns that were dropped, and those that come later
CREATE FOREIGN TABLE changed (gone int, a int, also text, b text) SERVER nowhere OPTIONS (format 'jsonl');
ALTER FOREIGN TABLE changed DROP COLUMN gone, DROP COLUMN also, ADD COLUMN c numeric(4,1) NOT NULL;
CREATE TABLE changed_sink (a int, b text, c numeric);
SELECT weir.create_job('changed', 'INSERT INTO changed_sink SELECT * FROM changed');
SELECT results_eq($$SELECT * FROM weir.try_job('changed', ARRAY['{"gone":"x","a":1,"b":"two","c":3.14}'], NULL::changed_sink)$$,
    $$VALUES (1, 'two', 3.1)$$, 'jsonl: a stream whose columns were dropped and added');
SELECT throws_like($$SELECT * FROM weir.try_job('changed', ARRAY['{"a":1}'], NULL::changed_sink)$$,
    'null value in column "c"%', 'jsonl: a column that must be given');

-- jsonl: what is no record
\set port `perl test/pgtap/sender '{"a":1}\n[1]\n7\n{"a":"x"}\n{"p":{"x":"q"}}\n{"a":2\n\n{"d":0}\n{"l":[1,"z"]}\n{"s":"\\u0000"}\n{"a":9}\n'`
CALL run('bad_json', :'port', 'a int, s text, p pair, l int[], d positive', $$, format 'jsonl', on_error 'dead_letter'$$);
SELECT ok(weir.wait_for_job('bad_json', 'finished', '1 min'), 'jsonl with bad records: finished');
SELECT results_eq('SELECT a FROM bad_json', ARRAY[1, 9], 'jsonl: the good ones');
SELECT results_eq($$SELECT regexp_replace(letters('bad_json'), E'\n.*\n', ' .. ')$$, ARRAY[
    E'2 22023 record is not a JSON object\nIt is an array.',
    E'3 22023 record is not a JSON object\nIt is of type number.',
    E'4 22P02 invalid input syntax for type integer: "x"\ncolumn a',
    E'5 22P02 invalid input syntax for type integer: "q"\ncolumn p',
    E'6 22P02 invalid input syntax for type json\nThe input string ended unexpectedly.',
    E'7 22P02 invalid input syntax for type json .. HINT: To pass over empty records, set the stream''s option skip_empty to ''on''.',
    E'8 23514 value for domain positive violates check constraint "positive_check"\ncolumn d',
    E'9 22P02 invalid input syntax for type integer: "z"\ncolumn l',
    E'10 22P05 unsupported Unicode escape sequence\n\\u0000 cannot be converted to text.'], 'jsonl: the bad ones, by column');

-- on_error stop: line, column and value
\set port `perl test/pgtap/sender '{"a":1}\n{"a":"x","s":"y"}\n'`
CALL run('stops', :'port', 'a int, s text', $$, format 'jsonl'$$);
SELECT ok(weir.wait_for_job('stops', 'failed', '1 min'), 'jsonl: a bad record fails the job');
SELECT alike(last_error('stops'), '%Record: "{"a":"x","s":"y"}"%stream public.stops_stream, line 2, column a: "x"%',
    'jsonl: the error has record, line, column, value');

-- jsonl is jsonb_populate_record
CREATE TABLE reference (n int, b bigint, d numeric(6,2), t text, v varchar(3), o boolean, day date, at timestamptz,
    l int[], w text[], p pair, m pair[], j jsonb, js json, pos positive, giv given, bin bytea, col color, c char(2), f float8);
CREATE TABLE lines_in (n int PRIMARY KEY, line text);
SELECT setseed(0.25);
WITH value AS (SELECT ARRAY['null', 'true', '1', '-1', '1.5', '1e2', '12345678901234567890', '0.005', '"1"', '" 2 "', '""', '"abc"',
        '"abcd"', '"\u00e9"', '"\u0000"', '"\ud800"', '"a\\b\"c"', '[1,2,3]', '["a",null]', '[[1,2],[3,4]]', '[[1],[2,3]]', '[]',
        '{"x":1,"y":"z"}', '{"x":"q"}', '{"x":1.5}', '{}', '[{"x":1}, null]', '"2024-02-30"', '"2024-01-01"', '"2024-01-01T10:00:00Z"',
        '"{1,2}"', '"(1,a)"', '"{\"(1,a)\"}"', '"\\x00ff"', '"red"', '"blue"', '"true"', '{"a":[1,{"b":null}]}', '"NaN"', '[true,"x",1]'] AS v),
    key AS (SELECT ARRAY['b', 'd', 't', 'v', 'o', 'day', 'at', 'l', 'w', 'p', 'm', 'j', 'js', 'pos', 'bin', 'col', 'c', 'f', 'B', 'other'] AS k)
INSERT INTO lines_in
SELECT n, CASE
    WHEN n % 97 = 0 THEN v[1 + n % cardinality(v)]
    WHEN n % 89 = 0 THEN format('{"n":%s,', n)
    WHEN n % 83 = 0 THEN format('{"n":%s} x', n)
    ELSE format('{"n":%s,"giv":%s,"%s":%s%s}', n, CASE WHEN random() < 0.95 THEN '"g"' ELSE 'null' END,
        k[1 + floor(random() * cardinality(k))], v[1 + floor(random() * cardinality(v))],
        CASE WHEN random() < 0.5 THEN format(',"%s":%s', k[1 + floor(random() * cardinality(k))],
                                             v[1 + floor(random() * cardinality(v))]) ELSE '' END)
    END
FROM generate_series(1, 4000) n, value, key;

CREATE FUNCTION populate(line text, OUT "row" text, OUT state text) LANGUAGE plpgsql AS $$
DECLARE
    r reference;
BEGIN
    SELECT * INTO r FROM jsonb_populate_record(NULL::reference, line::jsonb);
    "row" := r::text;
EXCEPTION WHEN OTHERS THEN
    state := SQLSTATE;
END $$;
\set file `mktemp`
\setenv FILE :file
\o :file
SELECT line FROM lines_in ORDER BY n;
\o
\set port `perl test/pgtap/sender --file "$FILE"`
SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) AS columns
FROM pg_attribute WHERE attrelid = 'reference'::regclass AND attnum > 0 \gset
CALL run('property', :'port', :'columns', $$, format 'jsonl', on_error 'dead_letter', max_dead_letters '100000'$$);
SELECT ok(weir.wait_for_job('property', 'finished', '1 min'), 'generated values: finished');
\! rm -f "$FILE"
SELECT set_eq('SELECT n, property::text FROM property', 'SELECT n, r."row" FROM lines_in, populate(line) r WHERE r.state IS NULL',
    'generated values: the rows are those of jsonb_populate_record');
SELECT set_eq($$SELECT line_number::int, sqlstate FROM weir.dead_letters WHERE job = 'property'$$,
    'SELECT n, r.state FROM lines_in, populate(line) r WHERE r.state IS NOT NULL',
    'generated values: the errors are those of jsonb_populate_record');
SELECT cmp_ok((SELECT count(*) FROM property), '>', 800::bigint, 'generated values: many are good');
SELECT cmp_ok((SELECT count(*) FROM weir.dead_letters WHERE job = 'property'), '>', 800::bigint, 'generated values: many are bad');

-- try_job knows the formats
SELECT results_eq($$SELECT * FROM weir.try_job('keys', ARRAY['{"a": 5, "s": "t\\u"}', '{}'], NULL::keys)$$,
    $$VALUES (5, E't\\u', NULL::pair, NULL::int[]), (NULL, NULL, NULL, NULL)$$, 'try_job: jsonl');
SELECT results_eq($$SELECT * FROM weir.try_job('lines', ARRAY[E'a\\', ''], NULL::lines)$$, ARRAY[E'a\\', ''], 'try_job: line');
SELECT throws_ok($$SELECT * FROM weir.try_job('keys', ARRAY['[]'], NULL::keys)$$, '22023', 'record is not a JSON object',
    'try_job: an error of a record');

-- NOT NULL, CHECK and generated columns of the stream
\set port `perl test/pgtap/sender '\\N,a\n-5,b\n2,c\n3,\\N\n4,boom\n'`
CALL run('constrained', :'port', 'n int NOT NULL CHECK (n > 0), v text, g text GENERATED ALWAYS AS (v || n) STORED CHECK (g <> ''boom4'')',
    $$, delimiter ',', on_error 'dead_letter'$$);
SELECT ok(weir.wait_for_job('constrained', 'finished', '1 min'), 'constraints: finished');
SELECT results_eq('TABLE constrained', $$VALUES (2, 'c', 'c2'), (3, NULL, NULL)$$, 'constraints: rows that keep them, with generated values');
SELECT results_eq($$SELECT letters('constrained')$$, ARRAY[
    E'1 23502 null value in column "n" of relation "constrained_stream" violates not-null constraint\nFailing row contains (null, a, null).\ncolumn n',
    E'2 23514 new row for relation "constrained_stream" violates check constraint "constrained_stream_n_check"\nFailing row contains (-5, b, b-5).',
    E'5 23514 new row for relation "constrained_stream" violates check constraint "constrained_stream_g_check"\nFailing row contains (4, boom, boom4).'],
    'constraints: letters of the others');
\set port `perl test/pgtap/sender '{"n":1}\n{"v":"x"}\n'`
CALL run('json_null', :'port', 'n int NOT NULL DEFAULT 7, v text', $$, format 'jsonl'$$);
SELECT ok(weir.wait_for_job('json_null', 'failed', '1 min'), 'NOT NULL: a missing key fails the job');
SELECT alike(last_error('json_null'), '%null value in column "n"%stream public.json_null_stream, line 2, column n%', 'NOT NULL: the error says where');

-- An error of no class that an input function raises is the record's.
CREATE EXTENSION hstore;
\set port `perl test/pgtap/sender '1 a=>1\n2 bad\n3 b=>2\n'`
CALL run('stores', :'port', 'n int, v hstore', $$, delimiter ' ', on_error 'dead_letter'$$);
SELECT ok(weir.wait_for_job('stores', 'finished', '1 min'), 'hstore: finished');
SELECT results_eq('SELECT n FROM stores', ARRAY[1, 3], 'hstore: the good ones');
SELECT alike((SELECT letters('stores')), E'2 %\ncolumn v', 'hstore: a letter of the bad one');
\set port `perl test/pgtap/sender '{"n":1,"v":"a=>1"}\n{"n":2,"v":"bad"}\n{"n":3}\n'`
CALL run('json_stores', :'port', 'n int, v hstore', $$, format 'jsonl', on_error 'dead_letter'$$);
SELECT ok(weir.wait_for_job('json_stores', 'finished', '1 min'), 'hstore in jsonl: finished');
SELECT results_eq('SELECT n FROM json_stores', ARRAY[1, 3], 'hstore in jsonl: the good ones');
SELECT alike((SELECT letters('json_stores')), E'2 %\ncolumn v', 'hstore in jsonl: a letter of the bad one');

\set port `perl test/pgtap/sender 'a=>1\nbad\n'`
CALL run('stop_store', :'port', 'v hstore');
SELECT ok(weir.wait_for_job('stop_store', 'failed', '1 min'), 'hstore with on_error stop: failed');
SELECT alike(last_error('stop_store'), '%stream public.stop_store_stream, line 2, column v: "bad"%', 'and the error says where');

-- One that a CHECK raises, where it is met again; an unknown name, at once.
CREATE FUNCTION internal(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF $1 = 2 THEN RAISE 'gone wrong' USING ERRCODE = 'XX000'; END IF;
    RETURN true;
END $$;
\set port `perl test/pgtap/sender '1 pg_class\n2 pg_class\n3 nothing\n4 pg_type\n'`
CALL run('checked', :'port', 'n int CHECK (internal(n)), c regclass', $$, delimiter ' ', on_error 'dead_letter'$$);
SELECT ok(weir.wait_for_job('checked', 'finished', '1 min'), 'a CHECK that fails inside: finished');
SELECT results_eq($$SELECT n, c::text FROM checked$$, $$VALUES (1, 'pg_class'), (4, 'pg_type')$$, 'a CHECK that fails inside: the good ones');
SELECT results_eq($$SELECT line_number, sqlstate FROM weir.dead_letters WHERE job = 'checked' ORDER BY 1$$, $$VALUES (2::bigint, 'XX000'), (3, '42P01')$$,
    'a CHECK that fails inside: letters');

-- Hints that name the option
\set port `perl test/pgtap/sender '{"a":2,"s":"say \\"hi\\""}\n'`
CALL run('json_in_text', :'port', 'j jsonb');
SELECT ok(weir.wait_for_job('json_in_text', 'failed', '1 min'), 'JSON in format text fails');
SELECT alike(last_error('json_in_text'), '%set the stream''s option format to ''jsonl''%', 'JSON in format text: the hint names jsonl');
\set port `perl test/pgtap/sender '1,x\n\n2,y\n'`
CALL run('empty', :'port', 'a int, b text', $$, delimiter ','$$);
SELECT ok(weir.wait_for_job('empty', 'failed', '1 min'), 'an empty record fails');
SELECT alike(last_error('empty'), '%set the stream''s option skip_empty to ''on''%', 'an empty record: the hint names skip_empty');
\set port `printf 'fa\347ade t\nafter\n' | perl test/pgtap/sender --stdin`
CALL run('latin1', :'port', 'l text', $$, format 'line'$$);
SELECT ok(weir.wait_for_job('latin1', 'failed', '1 min'), 'Latin-1 as UTF8 fails');
SELECT alike(last_error('latin1'), '%The stream is read as UTF8: name the encoding that the peer sends in the stream''s option encoding%',
    'Latin-1: the hint names encoding');
\set port `printf '1\tb\n2\tcaf\351\n3\tafter\n' | perl test/pgtap/sender --stdin`
CALL run('line_end', :'port', 'a int, b text');
SELECT ok(weir.wait_for_job('line_end', 'failed', '1 min'), 'a bad character at the end of a line fails');
SELECT alike(last_error('line_end'), '%invalid byte sequence for encoding "UTF8": 0xe9' || E'\n%line 2%', 'only the bytes of its own record are shown');
\set port `printf '1\tcaf\351\n2\tafter\n' | perl test/pgtap/sender --stdin`
CALL run('read_latin1', :'port', 'a int, b text', $$, encoding 'LATIN1'$$);
SELECT ok(weir.wait_for_job('read_latin1', 'finished', '1 min'), 'with the encoding named: finished');
SELECT results_eq('SELECT b FROM read_latin1', ARRAY['café', 'after'], 'and read');
\set port `printf '\377\376a\000\n\000' | perl test/pgtap/sender --stdin`
CALL run('utf16', :'port', 'l text');
SELECT ok(weir.wait_for_job('utf16', 'failed', '1 min'), 'UTF-16 fails');
SELECT alike(last_error('utf16'), '%UTF-16%Have it send UTF8%', 'UTF-16: the hint says that it cannot be had');
\set port `perl test/pgtap/sender 'a\rb\n'`
CALL run('cr', :'port', 'l text');
SELECT ok(weir.wait_for_job('cr', 'failed', '1 min'), 'a carriage return in format text fails');
SELECT alike(last_error('cr'), '%literal carriage return found in data%format to ''line''%', 'a carriage return: the hint names line');
-- Empty records are passed over, and counted as records of the stream.
\set port `perl test/pgtap/sender '\r\n\n1,x\r\n\r\n' --sleep 0.2 '\n\n2,y\n\nz\n\n'`
CALL run('skips', :'port', 'a int, b text', $$, delimiter ',', skip_empty 'on', on_error 'dead_letter'$$);
SELECT ok(weir.wait_for_job('skips', 'finished', '1 min'), 'skip_empty: finished');
SELECT results_eq('TABLE skips', $$VALUES (1, 'x'), (2, 'y')$$, 'skip_empty: what is left');
SELECT alike((SELECT letters('skips')), '9 %', 'skip_empty: a letter''s line counts the empty ones');
SELECT results_eq($$SELECT * FROM weir.try_job('skips', ARRAY['', '1,x', ''], NULL::skips)$$, $$VALUES (1, 'x')$$, 'skip_empty: try_job');

\set port `perl test/pgtap/sender 'id,val\n1,10\n'`
CALL run('named', :'port', 'id int, val int', $$, format 'csv'$$);
SELECT ok(weir.wait_for_job('named', 'failed', '1 min'), 'a header in csv fails');
SELECT alike(last_error('named'), '%option header to ''on''%', 'a header: the hint names header');

\set port `perl test/pgtap/sender '1,5" pipe\n2,b\n3,c\n'`
CALL run('inches', :'port', 'a int, b text', $$, format 'csv'$$);
SELECT ok(weir.wait_for_job('inches', 'failed', '1 min'), 'a quote that is data: its record fails with those behind it');
SELECT alike(last_error('inches'), '%line 1%option quote to a byte%', 'a quote that is data: the hint names quote');

-- A header is no record of a connection, each time; a byte order mark none of its first.
\set port `printf '\357\273\277"id",val\n1,10\n' | perl test/pgtap/sender --stdin --close 'id,val\n2,20\n' --close 'id,val\n'`
CALL run('headers', :'port', 'id int, val int', $$, format 'csv', header 'on'$$, $$, max_retries '2', retry_delay '10 ms'$$);
SELECT ok(weir.wait_for_job('headers', 'finished', '1 min'), 'header: finished');
SELECT results_eq('TABLE headers', 'VALUES (1, 10), (2, 20)', 'header: the first record of each connection is passed over');
\set port `printf '\357\273\2771,10\n\357\273\2772,20\n' | perl test/pgtap/sender --stdin`
CALL run('marked', :'port', 'a text, b int', $$, format 'csv'$$);
SELECT ok(weir.wait_for_job('marked', 'finished', '1 min'), 'byte order mark: finished');
SELECT results_eq('TABLE marked', $$VALUES ('1', 10), (U&'\FEFF2', 20)$$, 'byte order mark: dropped at the begin of the connection, data behind');
\set port `printf '\357\273\277{"a":1}\n' | perl test/pgtap/sender --stdin`
CALL run('marked_json', :'port', 'a int, b int', $$, format 'jsonl'$$);
SELECT ok(weir.wait_for_job('marked_json', 'finished', '1 min'), 'byte order mark before JSON: finished');
SELECT results_eq('SELECT a FROM marked_json', 'VALUES (1)', 'byte order mark before JSON: dropped');
\set port `printf '\357\273\277a\n' | perl test/pgtap/sender --stdin`
CALL run('marked_latin1', :'port', 'l text', $$, format 'line', encoding 'LATIN1'$$);
SELECT ok(weir.wait_for_job('marked_latin1', 'finished', '1 min'), 'the same bytes in LATIN1: finished');
SELECT results_eq('TABLE marked_latin1', $$VALUES ('ï»¿a')$$, 'the same bytes in LATIN1: characters');

SELECT * FROM finish();

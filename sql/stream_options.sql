-- Options of a stream's server and table, and reading a stream outside a job.
SET client_min_messages = warning;
CREATE EXTENSION weir;
RESET client_min_messages;

-- server: host and port
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket;
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (port '9999');
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1');
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host '', port '9999');
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '0');
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '65536');
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port 'http');
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '9999', delimiter ' ');

-- everything a server takes
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '9999', record_delimiter E'\x1e', max_retries '-1',
             retry_delay '50 ms', protocol 'none', journal 'off', journal_flush '5 ms',
             max_journal '10GB');

-- one by one
ALTER SERVER s OPTIONS (DROP host);
ALTER SERVER s OPTIONS (SET record_delimiter '');
ALTER SERVER s OPTIONS (SET record_delimiter 'seventeen bytes!!');
ALTER SERVER s OPTIONS (SET record_delimiter '\n');
ALTER SERVER s OPTIONS (SET record_delimiter E'\r\n');
ALTER SERVER s OPTIONS (SET record_delimiter '\0');
ALTER SERVER s OPTIONS (ADD partial 'keep');
ALTER SERVER s OPTIONS (ADD partial 'join');
ALTER SERVER s OPTIONS (ADD framing 'lines');
ALTER SERVER s OPTIONS (ADD framing 'octet_counted');
ALTER SERVER s OPTIONS (DROP record_delimiter, ADD framing 'json_seq');
ALTER SERVER s OPTIONS (ADD record_delimiter E'\n', SET framing 'delimiter');
ALTER SERVER s OPTIONS (SET max_retries '-2');
ALTER SERVER s OPTIONS (SET max_retries 'many');
ALTER SERVER s OPTIONS (SET retry_delay '9 ms');
ALTER SERVER s OPTIONS (SET retry_delay '2 days');
ALTER SERVER s OPTIONS (SET retry_delay 'soon');
ALTER SERVER s OPTIONS (SET protocol 'resume');
ALTER SERVER s OPTIONS (SET protocol 'tls');
ALTER SERVER s OPTIONS (SET journal 'maybe');
ALTER SERVER s OPTIONS (SET journal 'true');
ALTER SERVER s OPTIONS (SET journal_flush '0');
ALTER SERVER s OPTIONS (SET journal_flush '-1 s');
ALTER SERVER s OPTIONS (SET max_journal '1kB');
ALTER SERVER s OPTIONS (SET max_journal 'unlimited');
ALTER SERVER s OPTIONS (SET max_journal '1.5GB');

-- table
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (host 'x');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (heading 'on');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (header 'match');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (skip_empty 'maybe');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (format 'json');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (format 'jsonl', delimiter ',');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS ("null" '-', format 'jsonl');
CREATE FOREIGN TABLE t (a text) SERVER s OPTIONS (format 'line', quote '''');
CREATE FOREIGN TABLE t (a text) SERVER s OPTIONS (format 'line', escape '''');
CREATE FOREIGN TABLE t (a text) SERVER s OPTIONS (format 'line', encoding 'SJIS');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (encoding 'UTF-16');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (encoding 'utf32le');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (encoding 'UCS_2');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (delimiter '\t');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (format 'binary');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (delimiter E'\n');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (delimiter ',,');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (delimiter 'a');
-- what COPY says to these differs from version to version
DO $$
DECLARE options text;
BEGIN
    FOREACH options IN ARRAY ARRAY['quote ''!''', 'escape ''!''', 'delimiter '','', "null" '',''']
    LOOP
        BEGIN
            EXECUTE format('CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (%s)', options);
        EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN
            RAISE NOTICE 'refused: %', options;
        END;
    END LOOP;
END $$;
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (format 'csv', quote ',');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (format 'csv', quote 'ab');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (encoding 'martian');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (encoding 'SJIS');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (on_error 'ignore');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (max_record '0');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (max_record '1GB');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (max_dead_letters '-1');
CREATE FOREIGN TABLE t (a int OPTIONS (format 'csv'), b text) SERVER s;
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (password 'x');

-- everything a table takes
CREATE FOREIGN TABLE t (a int, b text) SERVER s
    OPTIONS (format 'csv', delimiter ';', quote '''', escape '!', "null" '-', encoding 'LATIN1',
             on_error 'dead_letter', max_record '64kB', max_dead_letters '10');
SELECT ftoptions FROM pg_foreign_table WHERE ftrelid = 't'::regclass;

-- outside a job
EXPLAIN (COSTS OFF) SELECT b FROM t WHERE a = 1;
SELECT * FROM t;
SELECT count(*) FROM t;
INSERT INTO t VALUES (1, 'x');
UPDATE t SET a = 1;
DELETE FROM t;
TRUNCATE t;

-- what fits, but may not be meant
CREATE FOREIGN TABLE docs (doc jsonb) SERVER s;
CREATE TABLE kept (doc jsonb);
BEGIN;
SELECT weir.create_job('docs', 'INSERT INTO kept SELECT * FROM docs');
SELECT weir.start_job('docs');
ROLLBACK;
BEGIN;
ALTER FOREIGN TABLE docs OPTIONS (format 'jsonl');
SELECT weir.create_job('docs', 'INSERT INTO kept SELECT * FROM docs');
SELECT weir.start_job('docs');
ROLLBACK;
-- a line is one value
ALTER FOREIGN TABLE docs OPTIONS (format 'line');
ALTER FOREIGN TABLE docs ADD COLUMN more text;
SELECT weir.create_job('docs', 'INSERT INTO kept SELECT doc FROM docs');
DROP TABLE kept;
DROP FOREIGN TABLE docs;

DROP SERVER s CASCADE;
DROP EXTENSION weir;

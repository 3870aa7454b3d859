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
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '9999', nonsense 'x');

-- what is no host
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host 'a:9999');
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host 'tcp://a', port '9999');
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host '[::1]:9999', port '9999');
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host '/run/x.sock', port '9999');
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host 'a b', port '9999');
CREATE SERVER v6 FOREIGN DATA WRAPPER weir_socket OPTIONS (host '[::1]', port '9999');
ALTER SERVER v6 OPTIONS (SET host '::1');
ALTER SERVER v6 OPTIONS (SET host 'fe80::1%eth0');
DROP SERVER v6;

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

-- the connection
ALTER SERVER s OPTIONS (ADD connect_timeout '1 ms');
ALTER SERVER s OPTIONS (ADD connect_timeout '5 s');
ALTER SERVER s OPTIONS (ADD keepalive_idle '500 ms');
ALTER SERVER s OPTIONS (ADD keepalive_idle '-1 s');
ALTER SERVER s OPTIONS (ADD keepalive_idle '10 h');
ALTER SERVER s OPTIONS (ADD keepalive_idle '0');
ALTER SERVER s OPTIONS (SET keepalive_idle '15 s');
ALTER SERVER s OPTIONS (ADD idle_timeout '50 ms');
ALTER SERVER s OPTIONS (ADD idle_timeout '2 years');
ALTER SERVER s OPTIONS (ADD idle_timeout '0');
ALTER SERVER s OPTIONS (SET idle_timeout '5 min');
ALTER SERVER s OPTIONS (ADD greeting 'hello\n');
ALTER SERVER s OPTIONS (SET protocol 'none');
ALTER SERVER s OPTIONS (ADD greeting 'hello\q');
ALTER SERVER s OPTIONS (ADD greeting 'hello\x4');
ALTER SERVER s OPTIONS (ADD greeting 'hello\');
DO $$BEGIN
    EXECUTE format('ALTER SERVER s OPTIONS (ADD greeting %L)', repeat('x', 8193));
EXCEPTION WHEN invalid_parameter_value THEN
    RAISE NOTICE '%', left(sqlerrm, 60);
END$$;
ALTER SERVER s OPTIONS (ADD greeting E'hello\n');
ALTER SERVER s OPTIONS (SET greeting 'hello\r\n\t\0\x7F\xff\\');
ALTER SERVER s OPTIONS (SET protocol 'resume');
ALTER SERVER s OPTIONS (DROP greeting);

-- TLS
ALTER SERVER s OPTIONS (ADD ssl 'on');
ALTER SERVER s OPTIONS (ADD sslmode 'prefer');
ALTER SERVER s OPTIONS (ADD sslmode 'require');
ALTER SERVER s OPTIONS (SET sslmode 'verify-ca');
ALTER SERVER s OPTIONS (SET sslmode 'verify-full');
ALTER SERVER s OPTIONS (SET sslmode 'disable');
ALTER SERVER s OPTIONS (ADD sslrootcert '');
ALTER SERVER s OPTIONS (ADD sslcert '/x/client.crt');
ALTER SERVER s OPTIONS (ADD sslkey '/x/client.key');
ALTER SERVER s OPTIONS (ADD sslcert '/x/client.crt', ADD sslkey '/x/client.key', ADD sslrootcert '/x/ca.crt');
ALTER SERVER s OPTIONS (DROP sslmode);

-- listening: what is needed, what there is, what is of no use
CREATE SERVER l FOREIGN DATA WRAPPER weir_socket OPTIONS (listen 'maybe', port '9999');
CREATE SERVER l FOREIGN DATA WRAPPER weir_socket OPTIONS (listen 'on');
CREATE SERVER l FOREIGN DATA WRAPPER weir_socket OPTIONS (listen 'on', port '9999');
ALTER SERVER l OPTIONS (ADD host '*', ADD max_connections '200', ADD allow '10.0.0.0/8, 192.168.1.7 ,fe80::/10,::1');
ALTER SERVER l OPTIONS (SET max_connections '0');
ALTER SERVER l OPTIONS (SET max_connections '201');
ALTER SERVER l OPTIONS (SET allow '');
ALTER SERVER l OPTIONS (SET allow '10.0.0.1, ');
ALTER SERVER l OPTIONS (SET allow 'localhost');
ALTER SERVER l OPTIONS (SET allow '10.0.0.1/8');
ALTER SERVER l OPTIONS (ADD max_retries '0');
ALTER SERVER l OPTIONS (ADD retry_delay '1 s');
ALTER SERVER l OPTIONS (ADD connect_timeout '1 s');
ALTER SERVER l OPTIONS (ADD protocol 'resume');
ALTER SERVER l OPTIONS (ADD partial 'join');
ALTER SERVER l OPTIONS (ADD protocol 'none', ADD partial 'discard', ADD greeting 'hello', ADD keepalive_idle '5 s', ADD idle_timeout '1 h');
ALTER SERVER l OPTIONS (ADD sslmode 'require');
ALTER SERVER l OPTIONS (ADD sslrootcert '/x/ca.crt');
ALTER SERVER l OPTIONS (ADD sslcert '/x/server.crt', ADD sslkey '/x/server.key');
ALTER SERVER l OPTIONS (ADD sslmode 'verify-ca');
ALTER SERVER l OPTIONS (ADD sslmode 'verify-full', ADD sslrootcert 'system');
ALTER SERVER l OPTIONS (ADD sslmode 'verify-full', ADD sslrootcert '/x/ca.crt');
ALTER SERVER l OPTIONS (SET listen 'off');
ALTER SERVER l OPTIONS (SET listen 'off', DROP allow);
DROP SERVER l;

-- who may name files, which the operating system's user of the server reads
CREATE ROLE weir_test_files;
GRANT USAGE ON FOREIGN DATA WRAPPER weir_socket TO weir_test_files;
ALTER SERVER s OWNER TO weir_test_files;
SET ROLE weir_test_files;
CREATE SERVER f FOREIGN DATA WRAPPER weir_socket OPTIONS (host 'a', port '1', sslrootcert '/etc/passwd');
CREATE SERVER f FOREIGN DATA WRAPPER weir_socket OPTIONS (host 'a', port '1', sslcert '/a', sslkey '/b');
ALTER SERVER s OPTIONS (SET host 'mine');
CREATE SERVER f FOREIGN DATA WRAPPER weir_socket OPTIONS (host 'a', port '1', sslrootcert 'system');
CREATE SERVER g FOREIGN DATA WRAPPER weir_socket OPTIONS (host 'a', port '1', sslmode 'verify-full');
RESET ROLE;
GRANT pg_read_server_files TO weir_test_files;
SET ROLE weir_test_files;
ALTER SERVER s OPTIONS (DROP sslrootcert, DROP sslcert, DROP sslkey);
RESET ROLE;
ALTER SERVER s OWNER TO CURRENT_USER;
DROP OWNED BY weir_test_files CASCADE;
DROP ROLE weir_test_files;

-- column
CREATE FOREIGN TABLE t (a int OPTIONS (lateness '1 s')) SERVER s;
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (lateness '1 s');
CREATE FOREIGN TABLE t (a int OPTIONS (nonsense 'x')) SERVER s;
CREATE FOREIGN TABLE t (a int OPTIONS (metadata 'offset')) SERVER s;
CREATE FOREIGN TABLE t (a int OPTIONS (format 'csv')) SERVER s;
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (metadata 'peer');
CREATE FOREIGN TABLE t (a int, n bigint OPTIONS (metadata 'line_number'), t timestamptz OPTIONS (metadata 'arrival'),
    s text OPTIONS (metadata 'stream'), p text OPTIONS (metadata 'peer')) SERVER s;
ALTER FOREIGN TABLE t ALTER COLUMN p OPTIONS (SET metadata 'host');
ALTER FOREIGN TABLE t ALTER COLUMN p OPTIONS (DROP metadata);
DROP FOREIGN TABLE t;

-- table
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (host 'x');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (record_delimiter ';');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (format 'csv', quote '\x01');
CREATE FOREIGN TABLE t (a int, b text) SERVER s OPTIONS (format 'csv', escape '\b');
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
DROP FOREIGN TABLE docs;

-- event time
CREATE FOREIGN TABLE timed (a int OPTIONS (watermark '5 s')) SERVER s;
SELECT weir.create_job('timed', 'INSERT INTO kept SELECT to_jsonb(a) FROM timed');
DROP FOREIGN TABLE timed;
CREATE FOREIGN TABLE timed (a timestamptz OPTIONS (watermark '-1 s')) SERVER s;
CREATE FOREIGN TABLE timed (a timestamptz OPTIONS (watermark '1 month')) SERVER s;
CREATE FOREIGN TABLE timed (a timestamptz OPTIONS (watermark 'soon')) SERVER s;
CREATE FOREIGN TABLE timed (a timestamptz OPTIONS (watermark '300000000 days')) SERVER s;
CREATE FOREIGN TABLE timed (a timestamptz) SERVER s OPTIONS (watermark '1 s');
CREATE FOREIGN TABLE timed (a timestamptz) SERVER s OPTIONS (late 'never');
CREATE FOREIGN TABLE timed (a timestamp OPTIONS (watermark '1 day 1 ms'), "B" timestamptz(0) OPTIONS (watermark '0')) SERVER s
    OPTIONS (late 'drop');
ALTER FOREIGN TABLE timed OPTIONS (SET late 'stop');
ALTER FOREIGN TABLE timed OPTIONS (SET late 'dead_letter');
SELECT weir.create_job('timed', 'INSERT INTO kept SELECT to_jsonb(a) FROM timed');
ALTER FOREIGN TABLE timed ALTER COLUMN "B" OPTIONS (DROP watermark);
BEGIN;
SELECT weir.create_job('timed', 'INSERT INTO kept SELECT to_jsonb(a) FROM timed');
ROLLBACK;
CREATE FOREIGN TABLE fed (a timestamptz OPTIONS (watermark '1 s')) SERVER weir_feed OPTIONS (late 'dead_letter', idle_timeout '1 s');
ALTER FOREIGN TABLE fed OPTIONS (SET idle_timeout '1 ms');
ALTER SERVER weir_feed OPTIONS (ADD idle_timeout '2 s');
ALTER SERVER weir_feed OPTIONS (DROP idle_timeout);
DROP FOREIGN TABLE fed;
DROP TABLE kept;

DROP SERVER s CASCADE;
DROP EXTENSION weir;

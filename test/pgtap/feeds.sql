-- Streams fed from SQL: what INSERT and COPY put into them, and who reads it.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT no_plan();

CREATE FOREIGN TABLE readings (id bigint, value text) SERVER weir_feed;
CREATE TABLE seen (id bigint, value text);

SELECT throws_like('INSERT INTO readings VALUES (1, ''x'')', 'no job reads stream "readings"', 'nobody reads it: refused');

SELECT weir.create_job('copy', 'INSERT INTO seen SELECT * FROM readings') \g /dev/null
SELECT weir.enable_checkpointing('copy', every => '1 h') \g /dev/null
INSERT INTO readings VALUES (1, 'before it starts');
SELECT weir.start_job('copy') \g /dev/null
SELECT weir.trigger_checkpoint('copy') \g /dev/null
SELECT results_eq('TABLE seen', $$VALUES (1::bigint, 'before it starts')$$, 'rows that were there before the job are read');

INSERT INTO readings SELECT i, 'row ' || i FROM generate_series(2, 3000) i;
BEGIN;
INSERT INTO readings VALUES (-1, 'rolled back');
ROLLBACK;
BEGIN;
INSERT INTO readings VALUES (3001, 'kept');
SAVEPOINT s;
INSERT INTO readings VALUES (-2, 'rolled back');
ROLLBACK TO s;
INSERT INTO readings VALUES (3002, NULL);
COMMIT;
COPY readings FROM stdin;
3003	copied
3004	a\tb
\.
SELECT weir.trigger_checkpoint('copy') \g /dev/null
SELECT results_eq('SELECT id FROM seen', 'SELECT generate_series(1, 3004)::bigint', 'each committed row once, in order, no other');
SELECT results_eq('SELECT value FROM seen WHERE id > 3000 ORDER BY id', $$VALUES ('kept'), (NULL), ('copied'), (E'a\tb')$$, 'with their values');

-- A writer that has not ended: what it wrote, and what came after it, is not read.
CREATE EXTENSION dblink;
SELECT dblink_connect('other', 'host=' || split_part(current_setting('unix_socket_directories'), ',', 1)
    || ' port=' || current_setting('port') || ' dbname=' || current_database()) \g /dev/null
TRUNCATE seen;
SELECT dblink_exec('other', $$BEGIN; INSERT INTO readings VALUES (1, 'open')$$) \g /dev/null
INSERT INTO readings VALUES (2, 'behind it');
SELECT weir.enable_checkpointing('copy', timeout => '300 ms') \g /dev/null
SELECT throws_like($$SELECT weir.trigger_checkpoint('copy')$$, '%was not read within timeout', 'a checkpoint waits for an older writer');
SELECT is((SELECT count(*) FROM seen), 0::bigint, 'nothing is read');
SELECT weir.enable_checkpointing('copy', timeout => '1 min') \g /dev/null
SELECT dblink_exec('other', 'COMMIT') \g /dev/null
SELECT weir.trigger_checkpoint('copy') \g /dev/null
SELECT results_eq('TABLE seen', $$VALUES (1::bigint, 'open'), (2, 'behind it')$$, 'then both are, in the order in which they were written');
SELECT * FROM finish();

-- Streams fed from SQL: what INSERT and COPY put into them, and who reads it.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION dblink;
CREATE EXTENSION weir;
SELECT no_plan();

SELECT dblink_connect('other', 'host=' || split_part(current_setting('unix_socket_directories'), ',', 1)
    || ' port=' || current_setting('port') || ' dbname=' || current_database()) \g /dev/null

-- start(name, query): a job that takes no checkpoint but those it is asked for
CREATE PROCEDURE start(name text, query text, mode text DEFAULT 'exactly_once') LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.create_job(name, query);
    PERFORM weir.enable_checkpointing(name, every => '1 h', mode => mode);
    PERFORM weir.start_job(name);
END $$;

CREATE FOREIGN TABLE readings (id bigint, value text) SERVER weir_feed;
CREATE TABLE seen (id bigint, value text);

SELECT throws_like('INSERT INTO readings VALUES (1, ''x'')', 'no job reads stream "readings"', 'nobody reads it: refused');
SELECT throws_like('COPY readings FROM PROGRAM ''echo 1''', 'no job reads stream "readings"', 'so is COPY');

SELECT weir.create_job('copy', 'INSERT INTO seen SELECT * FROM readings') \g /dev/null
INSERT INTO readings VALUES (1, 'before it starts');
SELECT weir.enable_checkpointing('copy', every => '1 h') \g /dev/null
SELECT weir.start_job('copy') \g /dev/null
SELECT weir.trigger_checkpoint('copy') \g /dev/null
SELECT results_eq('TABLE seen', $$VALUES (1::bigint, 'before it starts')$$, 'rows that were there before the job are read');
SELECT results_eq($$SELECT stream, status, peer, records, journal_bytes > 0 FROM weir.sources$$,
    $$VALUES ('public.readings', 'listening', NULL, 1::bigint, true)$$, 'weir.sources has it');

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

SELECT throws_like('SELECT * FROM readings', 'cannot read stream "readings" outside a job', 'no rows are read outside a job');
SELECT throws_like('UPDATE readings SET id = 1', 'cannot update or delete rows of stream "readings"', 'none are updated');
SELECT throws_like('DELETE FROM readings', 'cannot update or delete rows of stream "readings"', 'nor deleted');
SELECT throws_ok('DROP FOREIGN TABLE readings', '2BP01', NULL, 'the stream of a job is not dropped');

-- A writer that has not ended: what it wrote, and what came after it, is not read.
TRUNCATE seen;
SELECT dblink_exec('other', $$BEGIN; INSERT INTO readings VALUES (1, 'open')$$) \g /dev/null
INSERT INTO readings VALUES (2, 'behind it');
SELECT weir.enable_checkpointing('copy', timeout => '300 ms') \g /dev/null
SELECT throws_like($$SELECT weir.trigger_checkpoint('copy')$$, '%was not read within timeout', 'a checkpoint waits for an older writer');
DO $$
DECLARE
    detail text;
BEGIN
    PERFORM weir.create_savepoint('copy', 'waits');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    PERFORM set_config('test.detail', detail, false);
END $$;
SELECT is(current_setting('test.detail'), format('The transaction of process %s, which writes to stream public.readings, has not ended.',
    (SELECT pid FROM dblink('other', 'SELECT pg_backend_pid()') AS t (pid int))), 'the error names its process');
SELECT matches((SELECT last_error FROM weir.sources), 'rows wait for the transaction of process \d+, which writes to the stream', 'so does weir.sources');
SELECT is((SELECT count(*) FROM seen), 0::bigint, 'nothing is read');
SELECT weir.enable_checkpointing('copy', timeout => '1 min') \g /dev/null
SELECT dblink_exec('other', 'COMMIT') \g /dev/null
SELECT weir.trigger_checkpoint('copy') \g /dev/null
SELECT results_eq('TABLE seen', $$VALUES (1::bigint, 'open'), (2, 'behind it')$$, 'then both are, in the order in which they were written');

-- One that is prepared.
TRUNCATE seen;
BEGIN;
INSERT INTO readings VALUES (3, 'prepared');
PREPARE TRANSACTION 'writer';
INSERT INTO readings VALUES (4, 'behind it');
SELECT weir.enable_checkpointing('copy', timeout => '300 ms') \g /dev/null
SELECT throws_like($$SELECT weir.trigger_checkpoint('copy')$$, '%was not read within timeout', 'a checkpoint waits for a prepared one');
SELECT weir.enable_checkpointing('copy', timeout => '1 min') \g /dev/null
COMMIT PREPARED 'writer';
SELECT weir.trigger_checkpoint('copy') \g /dev/null
SELECT results_eq('TABLE seen', $$VALUES (3::bigint, 'prepared'), (4, 'behind it')$$, 'until it is committed');

-- Two jobs read it, each all of it from its create_job on.
TRUNCATE seen;
CREATE TABLE seen_too (id bigint);
CALL start('another', 'INSERT INTO seen_too SELECT id FROM readings WHERE id > 0');
INSERT INTO readings SELECT i, 'x' FROM generate_series(1, 10) i;
SELECT weir.trigger_checkpoint('copy') \g /dev/null
SELECT weir.trigger_checkpoint('another') \g /dev/null
SELECT is((SELECT count(*) FROM seen), 10::bigint, 'two jobs: one has them all');
SELECT is((SELECT count(*) FROM seen_too), 10::bigint, 'two jobs: and so has the other');
SELECT weir.drop_job('another') \g /dev/null

-- A job that is stopped finds what came meanwhile; a savepoint is gone back to.
TRUNCATE seen;
SELECT weir.create_savepoint('copy', 'before') \g /dev/null
SELECT weir.stop_job('copy') \g /dev/null
INSERT INTO readings VALUES (11, 'while it is stopped');
SELECT weir.start_job('copy') \g /dev/null
SELECT weir.trigger_checkpoint('copy') \g /dev/null
SELECT results_eq('TABLE seen', $$VALUES (11::bigint, 'while it is stopped')$$, 'rows wait for a job that is stopped');
SELECT weir.stop_job('copy') \g /dev/null
SELECT weir.start_job('copy', from_savepoint => 'before') \g /dev/null
INSERT INTO readings VALUES (12, 'later');
SELECT weir.trigger_checkpoint('copy') \g /dev/null
SELECT results_eq('SELECT id FROM seen ORDER BY id', $$VALUES (11::bigint), (11), (12)$$, 'from a savepoint they are read again');

-- A drain ends it; it goes on from there.
TRUNCATE seen;
INSERT INTO readings VALUES (13, 'drained');
SELECT weir.stop_job('copy', drain => true) \g /dev/null
SELECT is((SELECT status FROM weir.jobs WHERE name = 'copy'), 'finished', 'a drain finishes the job');
INSERT INTO readings VALUES (14, 'after the end');
SELECT weir.start_job('copy') \g /dev/null
SELECT weir.trigger_checkpoint('copy') \g /dev/null
SELECT results_eq('SELECT id FROM seen ORDER BY id', $$VALUES (13::bigint), (14)$$, 'and it goes on behind it');

-- A drain waits for writers that rows committed before it wait for.
TRUNCATE seen;
SELECT dblink_connect('third', 'host=' || split_part(current_setting('unix_socket_directories'), ',', 1)
    || ' port=' || current_setting('port') || ' dbname=' || current_database()) \g /dev/null
SELECT dblink_exec('other', $$BEGIN; INSERT INTO readings VALUES (15, 'open')$$) \g /dev/null
INSERT INTO readings VALUES (16, 'committed before the drain');
SELECT dblink_send_query('third', $$SELECT weir.stop_job('copy', drain => true)$$) \g /dev/null
CREATE FUNCTION comes_true(condition text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    holds boolean;
BEGIN
    FOR i IN 1 .. 3000 LOOP
        EXECUTE 'SELECT ' || condition INTO holds;
        EXIT WHEN holds;
        PERFORM pg_sleep(0.02);
    END LOOP;
    RETURN holds;
END $$;
SELECT ok(comes_true($$EXISTS (SELECT FROM weir.jobs WHERE name = 'copy' AND status IN ('stopping', 'finished'))$$), 'a drain begins');
SELECT matches((SELECT last_error FROM weir.sources), 'rows wait for the transaction of process \d+', 'and waits for a writer');
SELECT dblink_exec('other', 'COMMIT') \g /dev/null
SELECT is((SELECT count(*) FROM dblink_get_result('third') AS t (r text)), 1::bigint, 'until that has ended');
SELECT dblink_disconnect('third') \g /dev/null
SELECT results_eq('SELECT id FROM seen ORDER BY id', $$VALUES (15::bigint), (16)$$, 'all rows that were committed before it are read');
SELECT weir.drop_job('copy') \g /dev/null
CREATE FUNCTION nothing_left() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM pg_class WHERE relnamespace = 'weir_internal'::regnamespace AND relname ~ '^feed_\d'
$$;
DO $$
BEGIN
    FOR i IN 1 .. 500 LOOP
        EXIT WHEN nothing_left() = 0;
        PERFORM pg_sleep(0.02);
    END LOOP;
END $$;
SELECT is(nothing_left(), 0::bigint, 'the journal goes with its job');
SELECT throws_like('INSERT INTO readings VALUES (1, ''x'')', 'no job reads stream "readings"', 'and nobody reads the stream any more');

-- A job is dropped while a transaction writes, with the tables in the other order.
SELECT weir.create_job('dropped', 'INSERT INTO seen SELECT * FROM readings') \g /dev/null
UPDATE weir_internal.feed SET slot = 1;
BEGIN;
INSERT INTO readings VALUES (1, 'x');
SELECT dblink_send_query('other', $$SELECT weir.drop_job('dropped')$$) \g /dev/null
SELECT ok(comes_true('EXISTS (SELECT FROM pg_locks WHERE NOT granted)'), 'a drop waits for who writes');
SELECT lives_ok($$INSERT INTO readings VALUES (2, 'y')$$, 'who may write on');
COMMIT;
SELECT is((SELECT count(*) FROM dblink_get_result('other') AS t (r text)), 1::bigint, 'and is done then');
SELECT is((SELECT count(*) FROM dblink_get_result('other') AS t (r text)), 0::bigint, 'without an error');

-- A position that the WAL has not come to, as after pg_resetwal.
TRUNCATE seen;
SELECT weir.create_job('ahead', 'INSERT INTO seen SELECT * FROM readings') \g /dev/null
SELECT weir.enable_checkpointing('ahead', every => '1 h') \g /dev/null
SELECT weir.set_restart_strategy('ahead', 'none') \g /dev/null
INSERT INTO readings VALUES (1, 'kept');
UPDATE weir_internal.feed SET forgotten = decode(rpad('01' || '0000ffff00000000', 68, '0'), 'hex');
SELECT weir.start_job('ahead') \g /dev/null
SELECT ok(weir.wait_for_job('ahead', 'failed', '1 min'), 'a position ahead of the WAL');
SELECT matches((SELECT last_error FROM weir.jobs WHERE name = 'ahead'), 'position in stream public.readings lies ahead of the WAL.*FFFF/0, and the WAL stands at', 'the job says so');
SELECT weir.start_job('ahead', allow_gap => true) \g /dev/null
SELECT weir.trigger_checkpoint('ahead') \g /dev/null
SELECT weir.stop_job('ahead') \g /dev/null
INSERT INTO readings VALUES (2, 'later');
SELECT weir.start_job('ahead') \g /dev/null
SELECT weir.trigger_checkpoint('ahead') \g /dev/null
SELECT results_eq('SELECT id FROM seen', 'VALUES (1::bigint), (2)', 'with allow_gap it goes on with the first row kept');
SELECT weir.drop_job('ahead') \g /dev/null

-- What the table demands of a row, and what it adds.
CREATE FOREIGN TABLE demanding (
    id bigint NOT NULL DEFAULT 7,
    price numeric CHECK (price > 0),
    twice numeric GENERATED ALWAYS AS (price * 2) STORED,
    tags text[],
    doc jsonb,
    line bigint OPTIONS (metadata 'line_number')
) SERVER weir_feed;
CREATE TABLE demanded (id bigint, price numeric, twice numeric, tags text[], doc jsonb, line bigint);
CALL start('demanding', 'INSERT INTO demanded SELECT * FROM demanding');
SELECT throws_ok('INSERT INTO demanding (id) VALUES (NULL)', '23502', NULL, 'NOT NULL');
SELECT throws_ok('INSERT INTO demanding (price) VALUES (-1)', '23514', NULL, 'CHECK');
SELECT throws_ok($$COPY demanding (price) FROM PROGRAM 'echo -1'$$, '23514', NULL, 'CHECK in COPY');
PREPARE returning_one AS INSERT INTO demanding (price, tags, doc) VALUES (2.5, '{a,NULL,"b c"}', '{"k": [1, 2]}') RETURNING id, twice;
SELECT results_eq('returning_one', 'VALUES (7::bigint, 5.0)', 'RETURNING: a default, a generated value');
CREATE FUNCTION add_ten() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.price := new.price + 10; RETURN new; END $$;
CREATE TABLE noted (id bigint);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO noted VALUES (new.id); RETURN NULL; END $$;
CREATE TRIGGER add_ten BEFORE INSERT ON demanding FOR EACH ROW EXECUTE FUNCTION add_ten();
CREATE TRIGGER note AFTER INSERT ON demanding FOR EACH ROW EXECUTE FUNCTION note();
INSERT INTO demanding (id, price) VALUES (8, 1);
COPY demanding (id) FROM stdin;
9
\.
SELECT weir.trigger_checkpoint('demanding') \g /dev/null
SELECT results_eq('TABLE demanded', $$VALUES (7::bigint, 2.5, 5.0, '{a,NULL,"b c"}'::text[], '{"k": [1, 2]}'::jsonb, 1::bigint),
    (8, 11, 22, NULL, NULL, 2), (9, NULL, NULL, NULL, NULL, 3)$$, 'rows as triggers and table have made them');
SELECT results_eq('SELECT id FROM noted ORDER BY id', 'VALUES (8::bigint), (9)', 'AFTER triggers fire');
SELECT weir.drop_job('demanding') \g /dev/null

-- Values that need more than a page, and those that lie in another table's TOAST.
CREATE FOREIGN TABLE wide (id int, value text) SERVER weir_feed;
CREATE TABLE widths (id int, value text);
CREATE TABLE origin (id int, value text);
ALTER TABLE origin ALTER value SET STORAGE EXTERNAL;
INSERT INTO origin SELECT i, repeat(md5(i::text), i * 10) FROM generate_series(1, 120) i;
INSERT INTO origin SELECT 1000, string_agg(md5(i::text), '') FROM generate_series(1, 40000) i;
CALL start('wide', 'INSERT INTO widths SELECT * FROM wide');
INSERT INTO wide SELECT * FROM origin ORDER BY id;
SELECT weir.trigger_checkpoint('wide') \g /dev/null
SELECT results_eq('TABLE widths', 'SELECT * FROM origin ORDER BY id', 'long values');
SELECT weir.drop_job('wide') \g /dev/null

-- The table is altered while rows wait.
CREATE FOREIGN TABLE changing (a int, b text, c int) SERVER weir_feed;
CREATE TABLE changed (a int, c int, d text);
SELECT weir.create_job('changing', 'INSERT INTO changed SELECT a, c, NULL FROM changing') \g /dev/null
SELECT weir.enable_checkpointing('changing', every => '1 h') \g /dev/null
SELECT weir.set_restart_strategy('changing', 'none') \g /dev/null
INSERT INTO changing VALUES (1, 'x', 10), (2, NULL, 20);
ALTER FOREIGN TABLE changing DROP COLUMN b, ADD COLUMN d text;
SELECT weir.alter_job('changing', 'INSERT INTO changed SELECT a, c, d FROM changing') \g /dev/null
INSERT INTO changing VALUES (3, 30, 'new');
SELECT weir.start_job('changing') \g /dev/null
SELECT weir.trigger_checkpoint('changing') \g /dev/null
SELECT results_eq('TABLE changed', $$VALUES (1, 10, NULL), (2, 20, NULL), (3, 30, 'new')$$, 'a column dropped, one added while rows wait');
SELECT weir.stop_job('changing') \g /dev/null
INSERT INTO changing VALUES (4, 40, 'int');
ALTER FOREIGN TABLE changing ALTER c TYPE bigint;
SELECT weir.start_job('changing') \g /dev/null
SELECT ok(weir.wait_for_job('changing', 'failed', '1 min'), 'a type changed while rows wait');
SELECT matches((SELECT last_error FROM weir.jobs WHERE name = 'changing'), 'rows that wait in stream public.changing have another type in column "c"', 'the job says so');
ALTER FOREIGN TABLE changing ALTER c TYPE int;
SELECT weir.start_job('changing') \g /dev/null
SELECT weir.trigger_checkpoint('changing') \g /dev/null
SELECT is((SELECT c FROM changed WHERE a = 4), 40, 'and reads them when it is changed back');
SELECT weir.drop_job('changing') \g /dev/null

-- A journal that is full, and space that is given back.
CREATE FOREIGN TABLE small (id int, value text) SERVER weir_feed OPTIONS (max_journal '1MB');
CREATE TABLE sum (n bigint);
SELECT weir.create_job('small', 'INSERT INTO sum SELECT id FROM small') \g /dev/null
SELECT throws_ok($$INSERT INTO small SELECT i, repeat('x', 1000) FROM generate_series(1, 2000) i$$, '53400', NULL, 'a full journal refuses rows');
SELECT weir.enable_checkpointing('small', every => '1 h') \g /dev/null
SELECT weir.start_job('small') \g /dev/null
SELECT weir.create_savepoint('small', 'empty') \g /dev/null
CREATE PROCEDURE fill_small() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 20 LOOP
        INSERT INTO small SELECT i * 1000 + j, repeat('x', 1000) FROM generate_series(1, 200) j;
        COMMIT;
        PERFORM weir.trigger_checkpoint('small');
        COMMIT;
    END LOOP;
END $$;
CALL fill_small();
SELECT is((SELECT count(DISTINCT n) FROM sum), 4000::bigint, 'four times as much as it holds has passed');
SELECT is((SELECT count(*) FROM sum), 4000::bigint, 'once');
SELECT weir.stop_job('small') \g /dev/null
SELECT throws_like($$SELECT weir.start_job('small', from_savepoint => 'empty')$$, 'journal of job "small" no longer holds what followed savepoint "empty"',
    'a savepoint whose rows are gone');
TRUNCATE sum;
SELECT weir.start_job('small', from_savepoint => 'empty', allow_gap => true) \g /dev/null
INSERT INTO small VALUES (100000);
SELECT weir.trigger_checkpoint('small') \g /dev/null
SELECT is((SELECT count(*) < 4000 AND max(n) = 100000 FROM sum), true, 'with allow_gap it goes on with the oldest there is');
SELECT weir.drop_job('small') \g /dev/null

-- Records at fault are dead letters, in COPY's format; they come again.
CREATE FOREIGN TABLE divisors (id int, by int, note text) SERVER weir_feed OPTIONS (on_error 'dead_letter');
CREATE TABLE divided (id int, result int);
CREATE TABLE shift (by int);
INSERT INTO shift VALUES (0);
CALL start('divide', 'INSERT INTO divided SELECT d.id, 100 / (d.by + s.by) FROM divisors d, shift s');
INSERT INTO divisors VALUES (1, 5, 'x'), (2, 0, E'a\tb\\'), (3, NULL, NULL), (4, 0, NULL);
SELECT weir.trigger_checkpoint('divide') \g /dev/null
SELECT results_eq('TABLE divided', 'VALUES (1, 20), (3, NULL)', 'rows that can be processed are');
SELECT results_eq('SELECT line_number, line, sqlstate FROM weir.dead_letters ORDER BY line_number',
    $$VALUES (2::bigint, E'2\t0\ta\\tb\\\\', '22012'), (4, E'4\t0\t\\N', '22012')$$, 'the others are dead letters');
UPDATE shift SET by = 25;
SELECT is(weir.retry_dead_letters('divide'), 2::bigint, 'they are fed again');
SELECT weir.trigger_checkpoint('divide') \g /dev/null
SELECT results_eq('SELECT * FROM divided ORDER BY id', 'VALUES (1, 20), (2, 4), (3, NULL), (4, 4)', 'and are processed');
SELECT weir.drop_job('divide') \g /dev/null

-- Lines that are given.
CREATE TABLE tried (id bigint, value text);
SELECT weir.create_job('try', 'INSERT INTO tried SELECT id * 2, value FROM readings') \g /dev/null
SELECT results_eq($$SELECT * FROM weir.try_job('try', ARRAY[E'1\tone', E'2\t\\N']) AS t (id bigint, value text)$$,
    $$VALUES (2::bigint, 'one'), (4, NULL)$$, 'try_job takes lines as COPY would');
SELECT weir.drop_job('try') \g /dev/null

-- Without checkpoints, and at most once, what was handed out is not handed out again.
CREATE PROCEDURE wait_for(query text) LANGUAGE plpgsql AS $$
DECLARE
    done boolean;
BEGIN
    FOR i IN 1 .. 1000 LOOP
        EXECUTE query INTO done;
        COMMIT;
        EXIT WHEN done;
        PERFORM pg_sleep(0.01);
    END LOOP;
END $$;
TRUNCATE seen;
SELECT weir.create_job('plain', 'INSERT INTO seen SELECT * FROM readings') \g /dev/null
INSERT INTO readings VALUES (1, 'x');
SELECT weir.start_job('plain') \g /dev/null
CALL wait_for('SELECT count(*) = 1 FROM seen');
SELECT weir.stop_job('plain', cancel => true) \g /dev/null
INSERT INTO readings VALUES (2, 'y');
SELECT weir.start_job('plain') \g /dev/null
CALL wait_for('SELECT count(*) = 2 FROM seen');
SELECT results_eq('SELECT id FROM seen', 'VALUES (1::bigint), (2)', 'without checkpoints');
SELECT weir.drop_job('plain') \g /dev/null
TRUNCATE seen;
CALL start('most', 'INSERT INTO seen SELECT * FROM readings', mode => 'at_most_once');
INSERT INTO readings VALUES (1, 'x');
CALL wait_for('SELECT count(*) = 1 FROM seen');
SELECT weir.stop_job('most', cancel => true) \g /dev/null
INSERT INTO readings VALUES (2, 'y');
SELECT weir.start_job('most') \g /dev/null
CALL wait_for('SELECT count(*) = 2 FROM seen');
SELECT results_eq('SELECT id FROM seen', 'VALUES (1::bigint), (2)', 'at most once');
SELECT weir.drop_job('most') \g /dev/null

-- Who may write; a writer needs to see nothing of Weir's.
CREATE ROLE feed_writer;
CALL start('rights', 'INSERT INTO seen SELECT * FROM readings');
SET ROLE feed_writer;
SELECT throws_ok('INSERT INTO readings VALUES (5, ''x'')', '42501', NULL, 'INSERT is needed');
RESET ROLE;
GRANT INSERT ON readings TO feed_writer;
SET ROLE feed_writer;
SELECT lives_ok('INSERT INTO readings VALUES (5, ''mine'')', 'and is enough');
SELECT throws_ok('TABLE weir_internal.feed', '42501', NULL, 'the journal is nobody''s to see');
RESET ROLE;
SELECT weir.trigger_checkpoint('rights') \g /dev/null
SELECT is((SELECT value FROM seen WHERE id = 5), 'mine', 'its row is read');
SELECT is((SELECT has_server_privilege('feed_writer', 'weir_feed', 'USAGE') AND has_server_privilege('feed_writer', 'weir_blackhole', 'USAGE')),
    true, 'anybody may make tables on weir_feed and weir_blackhole');

SELECT weir.drop_job('rights') \g /dev/null
DROP OWNED BY feed_writer;
DROP ROLE feed_writer;

-- Batches that end where what was read ahead does.
TRUNCATE seen;
CALL start('even', 'INSERT INTO seen SELECT * FROM readings');
SELECT weir.stop_job('even') \g /dev/null
INSERT INTO readings SELECT i, 'even' FROM generate_series(1, 4096) i;
INSERT INTO readings SELECT i, 'even' FROM generate_series(4097, 8192) i;
SELECT weir.enable_checkpointing('even', every => '1 h', timeout => '10 s'), weir.start_job('even') \g /dev/null
SELECT lives_ok($$SELECT weir.trigger_checkpoint('even')$$, 'the position moves on behind them, too');
SELECT is((SELECT count(*) FROM seen), 8192::bigint, 'all rows are read');
SELECT weir.drop_job('even') \g /dev/null
TRUNCATE seen;

-- A stream as a partition.
CREATE TABLE events (id bigint, value text) PARTITION BY RANGE (id);
CREATE TABLE events_old PARTITION OF events FOR VALUES FROM (MINVALUE) TO (1000);
ALTER TABLE events ATTACH PARTITION readings FOR VALUES FROM (1000) TO (MAXVALUE);
CALL start('partition', 'INSERT INTO seen SELECT * FROM readings');
INSERT INTO events VALUES (1, 'old'), (1001, 'routed'), (1002, 'routed');
COPY events FROM stdin;
1003	copied
2	old
\.
SELECT weir.trigger_checkpoint('partition') \g /dev/null
SELECT results_eq('SELECT id FROM seen WHERE id > 1000 ORDER BY id', 'VALUES (1001::bigint), (1002), (1003)', 'rows are routed into a stream');
SELECT throws_ok('INSERT INTO readings VALUES (3, ''x'')', '23514', NULL, 'whose bounds hold');
SELECT weir.drop_job('partition') \g /dev/null

SELECT throws_ok('ALTER FOREIGN TABLE small OPTIONS (SET max_journal ''1kB'')', '22023', NULL, 'a value out of range');
SELECT throws_ok('ALTER FOREIGN TABLE small OPTIONS (ADD format ''csv'')', 'HV00D', NULL, 'an option of other streams');
SELECT * FROM finish();

-- What a job says of errors, and whose fault it thinks they are.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(13);

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1', max_retries '-1');
CREATE FOREIGN TABLE readings (k bigint, v text) SERVER here OPTIONS (delimiter ' ');
CREATE TABLE output (k bigint, v text);

-- Texts longer than there is place for end with a character. One of them begins
-- with a byte more, so that one of the two would be cut within one.
SELECT is(pg_encoding_to_char(encoding), 'UTF8', 'characters have several bytes') FROM pg_database WHERE datname = current_database();
CREATE FUNCTION long_error(v text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RAISE '%', v || repeat(U&'\20AC', 2000) USING DETAIL = v || repeat(U&'\20AC', 2000);
END $$;
CREATE FUNCTION is_text(value text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN length(convert_from(textsend(value), 'UTF8')) > 300;
EXCEPTION WHEN character_not_in_repertoire THEN
    RETURN false;
END $$;
CREATE FUNCTION told(name text, query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.create_job(name, query);
    PERFORM weir.start_job(name);
    RETURN name;
END $$;
\set port `perl test/pgtap/sender '1 x\n'`
ALTER SERVER here OPTIONS (SET port :'port');
SELECT told('one', 'INSERT INTO output SELECT k, long_error(v) FROM readings') \g /dev/null
SELECT ok(weir.wait_for_job('one', 'failed', '1 min'), 'a long error');
\set port `perl test/pgtap/sender '1 xx\n'`
ALTER SERVER here OPTIONS (SET port :'port');
SELECT told('two', 'INSERT INTO output SELECT k, v FROM readings WHERE long_error(v) IS NOT NULL') \g /dev/null
SELECT ok(weir.wait_for_job('two', 'failed', '1 min'), 'a byte longer');
SELECT bag_eq('SELECT is_text(last_error), is_text(status_reason) AS reason FROM weir.jobs', 'VALUES (true, true), (true, true)', 'are cut between characters');

-- What is missing inside a function is not the record's fault: the job restarts until it is there.
DROP ROLE IF EXISTS weir_plain;
CREATE ROLE weir_plain LOGIN;
GRANT ALL ON readings, output TO weir_plain;
GRANT CREATE ON SCHEMA public TO weir_plain;
ALTER FOREIGN TABLE readings OPTIONS (ADD on_error 'dead_letter');
CREATE TABLE lookup (k bigint, v text);
INSERT INTO lookup VALUES (1, 'one'), (2, 'two');
CREATE FUNCTION looked_up(k bigint) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT l.v FROM lookup l WHERE l.k = looked_up.k);
END $$;
CREATE FUNCTION keyed(r readings) RETURNS TABLE (k bigint, v text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT r.k, looked_up(r.k);
END $$;
CREATE PROCEDURE start_plain(name text, port text, query text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER SERVER here OPTIONS (SET port %L)', port);
    EXECUTE 'SET LOCAL ROLE weir_plain';
    PERFORM weir.create_job(name, query);
    PERFORM weir.enable_checkpointing(name, every => '50 ms');
    PERFORM weir.set_restart_strategy(name, 'fixed_delay', attempts => -1, delay => '10 ms');
    PERFORM weir.start_job(name);
END $$;
CREATE FUNCTION restarts_until(job text, pattern text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    deadline timestamptz := clock_timestamp() + '1 min';
BEGIN
    WHILE clock_timestamp() < deadline LOOP
        IF (SELECT restarts > 3 AND last_error ~ pattern FROM weir.jobs WHERE name = job) THEN
            RETURN true;
        END IF;
        PERFORM weir.wait_for_job(job, 'failed', '20 ms');
    END LOOP;
    RETURN false;
END $$;
-- Its output is there; an attempt that runs may have begun before, and fail yet.
CREATE FUNCTION comes_through(job text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    deadline timestamptz := clock_timestamp() + '1 min';
BEGIN
    WHILE clock_timestamp() < deadline LOOP
        IF (SELECT count(*) = 2 FROM output) THEN
            RETURN true;
        END IF;
        PERFORM weir.wait_for_job(job, 'failed', '20 ms');
    END LOOP;
    RETURN false;
END $$;

\set port `perl test/pgtap/sender '1 x\n2 y\n'`
CALL start_plain('in_select', :'port', 'INSERT INTO output SELECT k, looked_up(k) FROM readings');
SELECT ok(restarts_until('in_select', 'permission denied for table lookup'), 'a privilege that a function in the select list lacks restarts the job');
GRANT SELECT ON lookup TO weir_plain;
SELECT ok(comes_through('in_select'), 'until it is granted');
SELECT is((SELECT count(*) FROM weir.dead_letters), 0::bigint, 'no record is put aside');
SELECT weir.stop_job('in_select', drain => true) \g /dev/null
SELECT bag_eq('TABLE output', $$VALUES (1::bigint, 'one'), (2, 'two')$$, 'all come through');

ALTER TABLE lookup RENAME TO elsewhere;
TRUNCATE output;
\set port `perl test/pgtap/sender '1 x\n2 y\n'`
CALL start_plain('in_keyed', :'port', 'INSERT INTO output SELECT a.* FROM readings r JOIN LATERAL keyed(r) a ON weir.key_by(r.k) WHERE r.k > 0');
SELECT ok(restarts_until('in_keyed', 'relation "lookup" does not exist'), 'a table that is missing in a keyed function, likewise');
ALTER TABLE elsewhere RENAME TO lookup;
SELECT ok(comes_through('in_keyed'), 'until it is there');
SELECT is((SELECT count(*) FROM weir.dead_letters), 0::bigint, 'no record is put aside');
SELECT weir.stop_job('in_keyed', drain => true) \g /dev/null
SELECT bag_eq('TABLE output', $$VALUES (1::bigint, 'one'), (2, 'two')$$, 'all come through');
SELECT is((SELECT count(*) FROM pg_prepared_xacts), 0::bigint, 'nothing is left prepared');

SELECT * FROM finish();
DO $$
BEGIN
    PERFORM weir.drop_job(name) FROM weir.jobs;
END $$;
DROP OWNED BY weir_plain;
DROP ROLE weir_plain;

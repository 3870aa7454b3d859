-- Queries of the keyed function that only compute (SELECT without FROM) return in a
-- task, which keeps what the executor would set up for each, what they return in
-- weir.try_job, which does not.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(6);

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (k bigint, v bigint) SERVER here OPTIONS (delimiter ' ');
CREATE TYPE pair AS (n bigint, last text);
CREATE DOMAIN even AS bigint CHECK (VALUE % 2 = 0);

-- Its query runs while it runs.
CREATE FUNCTION depth(n bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    below bigint;
    own bigint;
BEGIN
    IF n > 0 THEN
        SELECT depth(n - 1), n INTO below, own;
        RETURN below + own;
    END IF;
    RETURN 0;
END $$;
CREATE FUNCTION deeper(n bigint) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
    IF n > 0 THEN
        RETURN QUERY SELECT n * 10;
        RETURN QUERY EXECUTE 'SELECT * FROM deeper($1)' USING n - 1;
        RETURN QUERY SELECT n * 100;
    END IF;
END $$;
CREATE FUNCTION who() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    name text;
BEGIN
    SELECT current_user::text INTO name;
    RETURN name;
END $$;
CREATE FUNCTION version_of(v bigint) RETURNS text LANGUAGE sql AS $$ SELECT 'first ' || v $$;
-- One that the executor runs, and that an error may leave half way.
CREATE FUNCTION quotient(v bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT 100 / v FROM (VALUES (1)) one LIMIT 1 $$;
CREATE FUNCTION divides(v bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    result bigint;
BEGIN
    SELECT quotient(v) INTO result;
    RETURN result;
END $$;
CREATE FUNCTION checked(v bigint) RETURNS even LANGUAGE plpgsql AS 'BEGIN RETURN v; END';

CREATE FUNCTION every_way(r readings) RETURNS TABLE (k bigint, what text, result text) LANGUAGE plpgsql AS $$
DECLARE
    kept pair := weir.state_value('kept', NULL::pair);
    rows bigint;
    a text;
    b bigint;
    list bigint[] := '{}';
    any_row record;
BEGIN
    k := r.k;
    kept.n := coalesce(kept.n, 0) + 1;
    kept.last := concat(kept.last, r.v);
    PERFORM weir.state_update('kept', kept);
    RETURN QUERY SELECT r.k, 'found'::text, FOUND::text;
    RETURN QUERY SELECT r.k, 'state', weir.state_value('kept', NULL::pair)::text;
    SELECT r.v * 2, 'x' || r.v INTO b, a;
    GET DIAGNOSTICS rows = ROW_COUNT;
    RETURN QUERY SELECT r.k, 'into', format('%s %s %s', b, a, rows);
    SELECT kept.n AS n, kept AS whole INTO any_row;
    RETURN QUERY SELECT r.k, 'record', any_row::text;
    FOR i IN 1 .. 4 LOOP
        SELECT list || i::bigint || r.v INTO list;
        PERFORM pg_sleep(0);
    END LOOP;
    RETURN QUERY SELECT r.k, 'array', list::text;
    RETURN QUERY SELECT r.k, 'recursion', depth(r.v % 4)::text;
    RETURN QUERY SELECT r.k, 'recursive set', d::text FROM deeper(r.v % 3) d;
    RETURN QUERY SELECT r.k, 'user', who();
    RETURN QUERY SELECT r.k, 'version', version_of(r.v);
    RETURN QUERY SELECT r.k, 'quotient', divides(r.v % 3 + 1)::text;
    BEGIN
        PERFORM divides(0);
    EXCEPTION WHEN division_by_zero THEN
        RETURN QUERY SELECT r.k, 'no quotient', SQLERRM;
    END;
    RETURN QUERY SELECT r.k, 'quotient again', divides(7)::text;
    FOR i IN 1 .. 3 LOOP
        BEGIN
            PERFORM checked(r.v + i);
            RETURN QUERY SELECT r.k, 'even', (r.v + i)::text;
            PERFORM weir.state_update('kept', ROW(i, 'undone')::pair), 1 / (i - 2);
        EXCEPTION WHEN division_by_zero OR check_violation THEN
            RETURN QUERY SELECT r.k, 'error', SQLSTATE || SQLERRM;
        END;
    END LOOP;
    what := 'next';
    result := (SELECT max(x) FROM unnest(list) x);
    RETURN NEXT;
    RETURN QUERY SELECT r.k, 'null', NULL::text WHERE r.v > 5;
    RETURN QUERY SELECT r.k, 'state at last', weir.state_value('kept', NULL::pair)::text;
END $$;
SELECT weir.create_value_state('every_way(readings)', 'kept', 'pair') \g /dev/null

CREATE TABLE results (no bigint GENERATED ALWAYS AS IDENTITY, k bigint, what text, result text);
SELECT weir.create_job('every', 'INSERT INTO results (k, what, result) SELECT e.* FROM readings r JOIN LATERAL every_way(r) e ON weir.key_by(r.k)') \g /dev/null
SELECT weir.enable_checkpointing('every', mode => 'at_least_once', sink_flush => '10 ms') \g /dev/null
CREATE FUNCTION lines(first int, last int) RETURNS text[] LANGUAGE sql AS
$$ SELECT array_agg(n % 3 || ' ' || n ORDER BY n) FROM generate_series(first, last) n $$;
\setenv FIRST `perl -e 'print map { $_ % 3 . " $_\\n" } 1 .. 40'`
\setenv SECOND `perl -e 'print map { $_ % 3 . " $_\\n" } 41 .. 80'`
\setenv PIPE `mktemp -u`

-- a function that is called changes meanwhile
\set change 'CREATE OR REPLACE FUNCTION version_of(v bigint) RETURNS text LANGUAGE sql AS ''SELECT ''''second '''' || v'';'
BEGIN;
SELECT count(*) FROM weir.try_job('every', lines(1, 40), NULL::results) \g /dev/null
:change
SELECT count(*) FROM weir.try_job('every', lines(41, 80), NULL::results) \g /dev/null
CREATE TABLE tried AS TABLE results;
TRUNCATE results;
CREATE OR REPLACE FUNCTION version_of(v bigint) RETURNS text LANGUAGE sql AS $$ SELECT 'first ' || v $$;
COMMIT;

-- the second lines come when they are written into the pipe
\! mkfifo "$PIPE"
\set port `perl test/pgtap/sender "$FIRST" --file "$PIPE"`
ALTER SERVER here OPTIONS (SET port :'port');
SELECT weir.start_job('every') \g /dev/null
CREATE FUNCTION wait_for(line text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    until timestamptz := clock_timestamp() + '1 min';
BEGIN
    WHILE NOT EXISTS (SELECT FROM results WHERE what = 'version' AND result LIKE '% ' || line) LOOP
        IF clock_timestamp() > until THEN
            RETURN false;
        END IF;
        PERFORM pg_sleep(0.02);
    END LOOP;
    RETURN true;
END $$;
SELECT ok(wait_for('40'), 'the job works');
:change
\! printf "$SECOND" > "$PIPE"; rm -f "$PIPE"
SELECT ok(weir.wait_for_job('every', 'finished', '1 min'), 'to the end');
SELECT cmp_ok(count(*), '>', 1000::bigint, 'there is much to compare') FROM tried;
SELECT bag_eq('SELECT k, what, result FROM results', 'SELECT k, what, result FROM tried', 'a task and weir.try_job agree');
SELECT is((SELECT array_agg(result ORDER BY no) FROM results WHERE k = 1),
          (SELECT array_agg(result ORDER BY no) FROM tried WHERE k = 1), 'on the order, too');
SELECT is(count(*), 40::bigint, 'a function that has changed is called as it is now')
FROM results WHERE what = 'version' AND result LIKE 'second %';
SELECT * FROM finish();

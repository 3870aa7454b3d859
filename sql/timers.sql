-- Timers of keyed functions: what is refused, and where.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS weir;
CREATE SCHEMA timers;
SET search_path = timers;
SET timezone = 'UTC';

CREATE SERVER readers FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (k bigint, at timestamptz OPTIONS (watermark '1 s'), v int) SERVER readers;
CREATE FOREIGN TABLE plain (k bigint, at timestamptz, v int) SERVER readers;
CREATE TABLE results (k bigint, v int);
CREATE FUNCTION f(r readings) RETURNS SETOF int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION p(r plain) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION pair(r readings) RETURNS TABLE (a int, b text) LANGUAGE sql AS $$SELECT 1, ''$$;
CREATE FUNCTION h(k bigint, moment timestamptz) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION h2(k bigint, l int, moment timestamptz) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION no_key(moment timestamptz) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION no_moment(k bigint, moment timestamp) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION other_result(k bigint, moment timestamptz) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
CREATE FUNCTION pair_h(k bigint, moment timestamptz) RETURNS TABLE (a int, b int) LANGUAGE sql AS 'SELECT 1, 1';
CREATE PROCEDURE proc(k bigint, moment timestamptz) LANGUAGE sql AS 'SELECT 1';

-- create_timer
SELECT weir.create_timer('f(readings)', 't', NULL);
SELECT weir.create_timer('f(readings)', '', 'h(bigint, timestamptz)');
SELECT weir.create_timer('f(readings)', 't', 'h(bigint, timestamptz)', clock => 'wall');
SELECT weir.create_timer('f(readings)', 't', 'h');
SELECT weir.create_timer('f(readings)', 't', 'nothing(bigint, timestamptz)');
SELECT weir.create_timer('nothing(readings)', 't', 'h(bigint, timestamptz)');
SELECT weir.create_timer('f(readings)', 't', 'proc(bigint, timestamptz)');
SELECT weir.create_timer('f(readings)', 't', 'no_key(timestamptz)');
SELECT weir.create_timer('f(readings)', 't', 'no_moment(bigint, timestamp)');
SELECT weir.create_timer('f(readings)', 't', 'other_result(bigint, timestamptz)');
SELECT weir.create_timer('f(readings)', 't', 'h(bigint, timestamptz)');
SELECT weir.create_timer('f(readings)', 't', 'h(bigint, timestamptz)', 'arrival');
SELECT weir.create_value_state('f(readings)', 't', 'int');
SELECT weir.create_value_state('f(readings)', 'v', 'int');
SELECT weir.drop_timer('f(readings)', 'v');
SELECT weir.drop_timer('f(readings)', 'w');
CREATE ROLE timers_other;
GRANT USAGE ON SCHEMA timers TO timers_other;
SET ROLE timers_other;
SELECT weir.create_timer('f(readings)', 'mine', 'h(bigint, timestamptz)');
SELECT weir.drop_timer('f(readings)', 't');
SELECT * FROM weir.timers;
RESET ROLE;
SELECT * FROM weir.timers WHERE function LIKE 'timers.%';

-- create_job
SELECT weir.create_job('two_keys', 'INSERT INTO results SELECT r.k, f FROM readings r JOIN LATERAL f(r) ON weir.key_by(r.k, r.v)');
SELECT weir.create_job('text_key', 'INSERT INTO results SELECT 1, f FROM readings r JOIN LATERAL f(r) ON weir.key_by(r.k::text)');
SELECT weir.create_job('beside', 'INSERT INTO results SELECT r.v, f FROM readings r JOIN LATERAL f(r) ON weir.key_by(r.k)');
SELECT weir.create_job('condition', 'INSERT INTO results SELECT r.k, f FROM readings r JOIN LATERAL f(r) ON weir.key_by(r.k) WHERE f > r.v');
SELECT weir.create_timer('pair(readings)', 't', 'pair_h(bigint, timestamptz)');
SELECT weir.create_job('pair', 'INSERT INTO results SELECT r.k, p.a FROM readings r JOIN LATERAL pair(r) p ON weir.key_by(r.k)');
SELECT weir.create_timer('p(plain)', 't', 'h(bigint, timestamptz)');
SELECT weir.create_job('plain', 'INSERT INTO results SELECT r.k, p FROM plain r JOIN LATERAL p(r) ON weir.key_by(r.k)');
SELECT weir.create_timer('p(plain)', 'later', 'h(bigint, timestamptz)', 'arrival');
SELECT weir.create_job('both', $$
INSERT INTO results SELECT r.k, p
FROM (SELECT k, weir.watermark(at, '1 s') AS at, v FROM plain) r JOIN LATERAL p(ROW(r.k, r.at, r.v)::plain) ON weir.key_by(r.k)$$);
SELECT weir.drop_timer('p(plain)', 't');
SELECT weir.create_job('plain', 'INSERT INTO results SELECT r.k, p FROM plain r JOIN LATERAL p(r) ON weir.key_by(r.k)');
SELECT * FROM weir.explain_job('plain');

-- a handler that is gone
SELECT weir.create_job('gone', 'INSERT INTO results SELECT r.k, f FROM readings r JOIN LATERAL f(r) ON weir.key_by(r.k)');
DROP FUNCTION h(bigint, timestamptz);
SELECT weir.drop_job('gone'), weir.drop_job('plain');
DROP FUNCTION h(bigint, timestamptz);
SELECT weir.create_job('gone', 'INSERT INTO results SELECT r.k, f FROM readings r JOIN LATERAL f(r) ON weir.key_by(r.k)');

-- outside a job
SELECT weir.timer_set('t', now());
SELECT weir.timer_clear('t');
SELECT weir.timer_clear('t', now());

DROP SCHEMA timers CASCADE;
DROP SERVER readers;
DROP ROLE timers_other;

-- weir.try_job: what it refuses, and how its errors tell the line.
SET client_min_messages = warning;
CREATE EXTENSION weir;
RESET client_min_messages;
CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER here OPTIONS (delimiter ' ', max_record '20B');
CREATE FOREIGN TABLE others (f0 bigint) SERVER here;
CREATE FOREIGN TABLE words (word text) SERVER here OPTIONS (format 'csv');
CREATE TABLE sink (f0 bigint, f1 bigint CHECK (f1 < 100));
CREATE TABLE said (word text);
SELECT weir.create_job('plain', 'INSERT INTO sink SELECT f0, f1 FROM readings');
SELECT weir.create_job('words', 'INSERT INTO said SELECT word FROM words');

-- arguments
SELECT weir.try_job(NULL, '{}');
SELECT weir.try_job('nobody', '{}');
SELECT weir.try_job('plain', NULL);
SELECT weir.try_job('plain', ARRAY['1 1', NULL]);
SELECT weir.try_job('plain', '{}', 'others');
SELECT weir.try_job('plain', '{}', 'nowhere.at all');
SELECT weir.try_job('plain', '{}', stream => 'public.readings');
SELECT weir.try_job('plain', '{}', at => 'infinity');
SELECT weir.try_job('plain', ARRAY['1 1', '2 2'], NULL::text[]);
SELECT weir.try_job('plain', ARRAY['1 1', '2 2'], ARRAY['readings']);
SELECT weir.try_job('plain', ARRAY['1 1', '2 2'], stream => ARRAY['readings', NULL]);
SELECT weir.try_job('plain', ARRAY['1 1', '2 2'], ARRAY['readings', 'others']);
SELECT * FROM weir.try_job('plain', '{}') AS t(f0 bigint);
-- the detail names the column, from PostgreSQL 18 on by its name
\set VERBOSITY terse
SELECT * FROM weir.try_job('plain', '{}') AS t(f0 bigint, f1 text);
SELECT * FROM weir.try_job('plain', '{}', NULL::said);
\set VERBOSITY default
SELECT * FROM weir.try_job('plain', '{}', NULL::bigint);

-- records
SELECT weir.try_job('plain', ARRAY['1 1', '2']);
SELECT weir.try_job('plain', ARRAY['1 1', '2 2', 'x 3']);
SELECT weir.try_job('plain', ARRAY['1 1', '2 200', '3 3']);
SELECT weir.try_job('plain', ARRAY['1 1', E'2 2\n3 3']);
SELECT weir.try_job('plain', ARRAY[E'1 1\n']);
SELECT weir.try_job('plain', ARRAY['1 1', '2 2\']);
SELECT weir.try_job('plain', ARRAY['1 1', '2 1234567890123456789012345']);
SELECT weir.try_job('plain', ARRAY['1 1', '\.', '2 2']);
SELECT weir.try_job('words', ARRAY[E'"a\nb"', '"c']);
SELECT weir.try_job('words', ARRAY['"c', '"']);
TABLE sink;

-- rights: the owner's and its members'; what the job does is the owner's
CREATE ROLE regress_try_owner;
CREATE ROLE regress_try_member IN ROLE regress_try_owner;
CREATE ROLE regress_try_other;
GRANT USAGE ON FOREIGN SERVER here TO regress_try_owner;
CREATE SCHEMA theirs AUTHORIZATION regress_try_owner;
SET ROLE regress_try_owner;
SET search_path = theirs;
CREATE FOREIGN TABLE numbers (n bigint) SERVER here;
CREATE TABLE seen (n bigint, who name DEFAULT current_user, path text DEFAULT current_setting('search_path'));
SELECT weir.create_job('theirs', 'INSERT INTO seen (n) SELECT n FROM numbers');
RESET ROLE;
RESET search_path;
SET ROLE regress_try_other;
SELECT weir.try_job('theirs', ARRAY['1']);
SET ROLE regress_try_member;
SELECT weir.try_job('theirs', ARRAY['1'], 'numbers');
RESET ROLE;
SELECT weir.try_job('theirs', ARRAY['2']);
SELECT current_user = session_user AS same_user, current_setting('search_path') AS path;
-- RETURNING wants SELECT on the table
GRANT INSERT ON sink TO regress_try_owner;
SET ROLE regress_try_owner;
SET search_path = theirs;
SELECT weir.create_job('insert_only', 'INSERT INTO public.sink (f0) SELECT n FROM numbers');
SELECT weir.try_job('insert_only', ARRAY['1']);
-- print and blackhole hold nothing that could be seen
SELECT weir.create_job('printed', 'INSERT INTO weir.print SELECT n::text FROM numbers');
SELECT weir.try_job('printed', ARRAY['1']);
-- what the job calls cannot get at the session it is tried in
CREATE FUNCTION escape(n bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RESET ROLE;
    RETURN n;
END $$;
SELECT weir.create_job('escape', 'INSERT INTO seen (n) SELECT escape(n) FROM numbers');
RESET ROLE;
RESET search_path;
SELECT weir.try_job('escape', ARRAY['1', '2']);

-- read-only transactions; steps other than the sink are read only in any
BEGIN READ ONLY;
SELECT weir.try_job('plain', ARRAY['1 1']);
ROLLBACK;
CREATE FUNCTION writes(r readings) RETURNS TABLE (n bigint) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sink VALUES (r.f0, r.f1);
END $$;
SELECT weir.create_job('writes', 'INSERT INTO sink (f0) SELECT w.n FROM readings r
    JOIN LATERAL writes(r) w ON weir.key_by(r.f0)');
SELECT weir.try_job('writes', ARRAY['1 1']);

-- misuse of state; a job in a job
CREATE FUNCTION counts(r readings) RETURNS TABLE (n bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.state_update('n', weir.state_value('n', NULL::bigint) + 1);
    RETURN QUERY SELECT weir.state_value('n', NULL::bigint);
END $$;
SELECT weir.create_job('counts', 'INSERT INTO sink (f0) SELECT c.n FROM readings r
    JOIN LATERAL counts(r) c ON weir.key_by(r.f0)');
SELECT weir.try_job('counts', ARRAY['1 1', '1 1']);
SELECT weir.create_value_state('counts(readings)', 'n', 'bigint', default_value => '0');
SELECT weir.state_value('n', NULL::bigint);
BEGIN;
SELECT weir.try_job('counts', ARRAY['1 1', '1 1']);
SAVEPOINT one;
SELECT weir.alter_state('counts(readings)', 'n', default_value => '10');
SELECT weir.try_job('counts', ARRAY['1 1']);
ROLLBACK TO one;
SELECT weir.try_job('counts', ARRAY['1 1']);
SELECT weir.state_value('n', NULL::bigint);
ROLLBACK;
BEGIN;
SAVEPOINT one;
SELECT weir.alter_state('counts(readings)', 'n', default_value => '10');
SELECT weir.try_job('counts', ARRAY['1 1']);
ROLLBACK TO one;
SELECT weir.try_job('counts', ARRAY['1 1']);
ROLLBACK;
CREATE FUNCTION tries(r readings) RETURNS TABLE (n bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.try_job('plain', ARRAY['1 1']);
END $$;
SELECT weir.create_job('tries', 'INSERT INTO sink (f0) SELECT t.n FROM readings r
    JOIN LATERAL tries(r) t ON weir.key_by(r.f0)');
SELECT weir.try_job('tries', ARRAY['1 1']);
SELECT weir.try_job('counts', ARRAY['1 1']);
CREATE FUNCTION tries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.try_job('plain', ARRAY['1 1']);
END $$;
CREATE TRIGGER tries BEFORE INSERT ON said FOR EACH ROW EXECUTE FUNCTION tries();
SELECT weir.try_job('words', ARRAY['a', 'b']);

-- where no set fits
SELECT 1 WHERE weir.try_job('plain', ARRAY['1 1']) IS NOT NULL;

DROP OWNED BY regress_try_owner;
DROP EXTENSION weir CASCADE;
DROP ROLE regress_try_owner, regress_try_member, regress_try_other;

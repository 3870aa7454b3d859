-- weir.alter_job by somebody else than the owner: whose code runs, whose names count.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(6);

CREATE ROLE weir_alter_owner LOGIN;
GRANT CREATE ON DATABASE :"DBNAME" TO weir_alter_owner;
GRANT USAGE ON FOREIGN DATA WRAPPER weir_socket TO weir_alter_owner;
SET ROLE weir_alter_owner;
CREATE SCHEMA theirs;
SET search_path = theirs;
\set port `perl test/pgtap/sender '1 2\n1 3\n'`
CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port :'port');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER here OPTIONS (delimiter ' ');
CREATE FUNCTION is_mine() RETURNS boolean LANGUAGE sql AS $$ SELECT current_user = 'weir_alter_owner' $$;
CREATE DOMAIN amount AS bigint CHECK (theirs.is_mine());
CREATE FUNCTION totals(r readings) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.state_update('total', (weir.state_value('total', NULL::amount) + r.f1)::amount);
    RETURN weir.state_value('total', NULL::amount);
END $$;
SELECT weir.create_value_state('totals(readings)', 'total', 'amount', default_value => '0') \g /dev/null
CREATE TABLE sums (total bigint);
SELECT weir.create_job('theirs', 'INSERT INTO sums SELECT t FROM readings r JOIN LATERAL totals(r) t ON weir.key_by(r.f0)') \g /dev/null
SELECT weir.enable_checkpointing('theirs') \g /dev/null
SELECT weir.start_job('theirs') \g /dev/null
SELECT weir.wait_for_job('theirs', 'finished', '1 min') AS finished \gset
RESET ROLE;
SET search_path = public;
SELECT ok(:'finished', 'finished');

SELECT lives_ok($$SELECT weir.alter_job('theirs', query =>
    'INSERT INTO sums SELECT 10 * t FROM readings r JOIN LATERAL totals(r) t ON weir.key_by(r.f0)')$$,
    'a default of the owner''s type is checked as the owner');
SELECT results_eq($$SELECT key, value FROM weir.state('theirs')$$, $$VALUES ('1'::jsonb, '5'::jsonb)$$, 'so it is read');

-- names are those of the job
SET search_path = theirs, public;
SELECT weir.drop_state('totals(readings)', 'total') \g /dev/null
SELECT weir.create_value_state('totals(readings)', 'total', 'text') \g /dev/null
CREATE OR REPLACE FUNCTION theirs.totals(r readings) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN length(weir.state_value('total', NULL::text));
END $$;
SET search_path = public;
CREATE FUNCTION as_text(bigint) RETURNS text LANGUAGE sql AS $$ SELECT 'public ' || $1 $$;
SELECT throws_ok($$SELECT weir.alter_job('theirs', migrate => 'as_text')$$, '42883', NULL,
    'a function that is not in the job''s search_path');
CREATE FUNCTION theirs.as_text(bigint) RETURNS text LANGUAGE sql AS $$ SELECT 'theirs ' || $1 || ' ' || current_user $$;
SELECT lives_ok($$SELECT weir.alter_job('theirs', migrate => 'as_text')$$, 'one that is');
SELECT results_eq($$SELECT value FROM weir.state('theirs')$$, $$VALUES ('"theirs 5 weir_alter_owner"'::jsonb)$$,
    'runs as the owner');

SELECT weir.drop_job('theirs') \g /dev/null
DROP OWNED BY weir_alter_owner CASCADE;
DROP ROLE weir_alter_owner;
SELECT * FROM finish();

-- Declaring keyed state, and its accessors outside a job.
SET client_min_messages = warning;
CREATE EXTENSION weir;
RESET client_min_messages;
CREATE ROLE regress_state_owner;
CREATE ROLE regress_state_member IN ROLE regress_state_owner;
CREATE ROLE regress_state_other;
CREATE SCHEMA shop;
GRANT ALL ON SCHEMA shop TO PUBLIC;
SET ROLE regress_state_owner;
SET search_path = shop;
CREATE TYPE running_sum AS (n bigint, total bigint);
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE readings (f0 bigint, f1 bigint);
CREATE FUNCTION average(r readings) RETURNS TABLE (f0 bigint, average bigint)
LANGUAGE plpgsql AS $$
DECLARE
    sum running_sum := weir.state_value('sum', NULL::running_sum);
BEGIN
    RETURN QUERY SELECT r.f0, sum.total;
END $$;
CREATE FUNCTION "Odd, name"(text, numeric[]) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$;

-- weir.ttl
SELECT '10 s'::weir.ttl, weir.state_ttl('10 s'), interval '10 s'::weir.ttl;
SELECT '1 day, 2 hours'::weir.ttl, '1 month,on_read_and_write'::weir.ttl;
SELECT ' 5 min , disabled , return_expired_if_not_cleaned_up '::weir.ttl;
SELECT weir.state_ttl('10 s', update_type => 'on_read_and_write',
    visibility => 'return_expired_if_not_cleaned_up');
SELECT weir.state_ttl('10 s', visibility => 'return_expired_if_not_cleaned_up')::text::weir.ttl;
SELECT weir.state_ttl('0 s');
SELECT weir.state_ttl('-1 s');
SELECT weir.state_ttl('1 month -31 days');
SELECT weir.state_ttl('400000 years');
SELECT weir.state_ttl('soon');
SELECT weir.state_ttl('10 s', 'on_write');
SELECT weir.state_ttl('10 s', visibility => 'sometimes');
SELECT weir.state_ttl('10 s', visibility => NULL);
SELECT weir.state_ttl(NULL);
SELECT '10 s,on_write'::weir.ttl;
SELECT '10 s,disabled,always'::weir.ttl;
SELECT '10 s,disabled,never_return_expired,x'::weir.ttl;
SELECT 'never'::weir.ttl;

-- create_value_state
SELECT weir.create_value_state('average(readings)', 'sum', 'running_sum',
    default_value => '(0,0)',
    ttl => weir.state_ttl('10 s', update_type => 'on_create_and_write',
                                  visibility  => 'never_return_expired'));
SELECT weir.create_value_state('shop.average(shop.readings)', 'rate', 'percent', '50', ttl => '1 h');
SELECT weir.create_value_state('average(readings)', 'label', 'varchar(3)[]', ttl => interval '1 h');
SELECT weir.create_value_state('"Odd, name"(text, numeric[])', 'a "state"', 'timestamptz', 'epoch');
RESET ROLE;
SELECT function, name, kind, type, default_value, has_default, ttl, update_type, visibility,
    owner
FROM weir_internal.state ORDER BY function COLLATE "C", name COLLATE "C";
SET ROLE regress_state_owner;
SELECT * FROM weir_internal.state;

-- refused
SELECT weir.create_value_state(NULL, 'x', 'int');
SELECT weir.create_value_state('average(readings)', NULL, 'int');
SELECT weir.create_value_state('average(readings)', 'x', NULL);
SELECT weir.create_value_state('average(readings)', 'sum', 'bigint');
SELECT weir.create_value_state('average', 'x', 'int');
SELECT weir.create_value_state('average(text)', 'x', 'int');
SELECT weir.create_value_state('average(nothing)', 'x', 'int');
SELECT weir.create_value_state('average(readings)', '', 'int');
SELECT weir.create_value_state('average(readings)', repeat('x', 64), 'int');
SELECT weir.create_value_state('average(readings)', 'x', 'nothing');
SELECT weir.create_value_state('average(readings)', 'x', 'int, int');
SELECT weir.create_value_state('average(readings)', 'x', 'record');
SELECT weir.create_value_state('average(readings)', 'x', 'anyelement');
SELECT weir.create_value_state('average(readings)', 'x', 'cstring');
SELECT weir.create_value_state('average(readings)', 'x', 'bigint', 'many');
SELECT weir.create_value_state('average(readings)', 'x', 'running_sum', '(0)');
SELECT weir.create_value_state('average(readings)', 'x', 'percent', '101');
SELECT weir.create_value_state('average(readings)', 'x', 'int', ttl => '0 s');
SELECT weir.create_value_state('average(readings)', 'x', 'int', ttl => '10 s,on_write');
BEGIN READ ONLY;
SELECT weir.create_value_state('average(readings)', 'x', 'int');
ROLLBACK;
CREATE AGGREGATE total(bigint) (SFUNC = int8pl, STYPE = bigint);
SELECT weir.create_value_state('total(bigint)', 'x', 'int');
SET ROLE regress_state_other;
SELECT weir.create_value_state('average(readings)', 'x', 'int');
SELECT weir.drop_state('average(readings)', 'sum');
SELECT weir.drop_state('shop.average(shop.readings)', 'sum');

-- a member of the owner may; all of it follows the transaction
SET ROLE regress_state_member;
BEGIN;
SELECT weir.create_value_state('average(readings)', 'x', 'int');
SELECT weir.drop_state('average(readings)', 'sum');
ROLLBACK;
SELECT weir.drop_state('average(readings)', 'x');
SELECT weir.drop_state('average(readings)', 'label');
SELECT weir.drop_state('average(readings)', 'label');
SELECT weir.drop_state('average(text)', 'x');
SELECT weir.drop_state(NULL, 'x');
SELECT weir.drop_state('average(readings)', NULL);

-- accessors outside a job
SET ROLE regress_state_owner;
SELECT weir.state_value('sum', NULL::running_sum);
SELECT weir.state_update('sum', '(1,1)');
SELECT weir.state_clear('sum');
SELECT weir.state_value(NULL, 1);
SELECT * FROM average(ROW(1, 2));

-- a function that is dropped takes its declarations along
DROP FUNCTION average(readings);
SELECT weir.drop_state('shop.average(shop.readings)', 'sum');
CREATE FUNCTION average(r readings) RETURNS bigint LANGUAGE sql AS $$ SELECT 1::bigint $$;
SELECT weir.create_value_state('average(readings)', 'sum', 'bigint');

RESET ROLE;
SELECT function, name, type FROM weir_internal.state ORDER BY function COLLATE "C", name COLLATE "C";

-- a function that gets another name, schema or owner, or whose arguments do, keeps them
SET ROLE regress_state_owner;
CREATE FUNCTION h(text) RETURNS int LANGUAGE sql AS $$ SELECT weir.state_value('n', 0) $$;
CREATE TYPE shop.tag AS (t text);
CREATE FUNCTION h(shop.tag) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
SELECT weir.create_value_state('h(text)', 'n', 'int', default_value => '42'),
    weir.create_list_state('h(shop.tag)', 'n', 'text');
ALTER FUNCTION h(text) RENAME TO g;
CREATE FUNCTION h(text) RETURNS int LANGUAGE sql AS $$ SELECT weir.state_value('n', 0) $$;
SELECT weir.alter_state('h(text)', 'n', ttl => '1 h');
SELECT weir.drop_state('shop.h(text)', 'n');
SELECT weir.create_value_state('h(text)', 'n', 'int', default_value => '7');
SELECT weir.create_value_state('g(text)', 'n', 'int');
SELECT weir.alter_state('shop.g(text)', 'n', ttl => '1 h');
ALTER TYPE shop.tag RENAME TO label;
DO $$ BEGIN EXECUTE 'ALTER FUNCTION h(shop.label) RENAME TO tagged'; END $$;
RESET ROLE;
CREATE SCHEMA yard;
ALTER TYPE shop.label SET SCHEMA yard;
ALTER SCHEMA yard RENAME TO court;
ALTER FUNCTION shop.g(text) SET SCHEMA court;
ALTER FUNCTION court.g(text) OWNER TO regress_state_other;
CREATE VIEW declared AS
SELECT function, function_oid::regprocedure = function::regprocedure AS same, name, default_value, ttl, owner
FROM weir_internal.state ORDER BY function COLLATE "C", name COLLATE "C";
SELECT * FROM declared;
BEGIN;
ALTER FUNCTION court.g(text) RENAME TO undone;
ROLLBACK;
-- one name for the other
ALTER FUNCTION shop.h(text) RENAME TO i;
ALTER FUNCTION court.g(text) SET SCHEMA shop;
ALTER FUNCTION shop.g(text) RENAME TO h;
SELECT * FROM declared;
DROP FUNCTION shop.h(text);
SELECT * FROM declared;

-- elsewhere the signature counts, of a function of the owner's: as in a database that was restored
UPDATE weir_internal.state SET system_identifier = 1, function_oid = 1 WHERE name = 'n';
SELECT weir.drop_state('shop.i(text)', 'n');
DROP FUNCTION shop.tagged(court.label);
SET ROLE regress_state_owner;
CREATE FUNCTION h(text) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
SELECT weir.create_value_state('h(text)', 'n', 'int', default_value => '8');
RESET ROLE;
UPDATE weir_internal.state SET system_identifier = 1 WHERE name = 'n';
ALTER FUNCTION shop.h(text) RENAME TO j;
SELECT * FROM declared;
-- not of another's by that name
UPDATE weir_internal.state SET system_identifier = 1, function = 'shop.k(pg_catalog.text)' WHERE name = 'n';
GRANT CREATE, USAGE ON SCHEMA shop TO regress_state_other;
SET ROLE regress_state_other;
CREATE FUNCTION shop.k(text) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
SELECT weir.create_value_state('shop.k(text)', 'n', 'int', default_value => '9');
SELECT weir.drop_state('shop.k(pg_catalog.text)', 'n');
SELECT weir.drop_state('shop.k(pg_catalog.text)', 'n');
RESET ROLE;
DROP FUNCTION shop.k(text);
SELECT function, name, default_value, owner FROM weir_internal.state ORDER BY function COLLATE "C", name COLLATE "C";
SELECT weir.drop_state('shop.k(pg_catalog.text)', 'n');
DROP VIEW declared;
SET client_min_messages = warning;
DROP EXTENSION weir CASCADE;
DROP SCHEMA shop, court CASCADE;
DROP ROLE regress_state_owner, regress_state_member, regress_state_other;

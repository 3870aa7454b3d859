-- What a job uses cannot be dropped, directly or by a cascade.
SET client_min_messages = warning;
CREATE EXTENSION weir;
\set SHOW_CONTEXT never
CREATE ROLE regress_weir_dependent;
CREATE ROLE regress_weir_successor;
GRANT CREATE ON DATABASE :DBNAME TO regress_weir_dependent;

CREATE SCHEMA shop;
CREATE SERVER tills FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '9');
GRANT USAGE ON FOREIGN SERVER tills TO regress_weir_dependent;
CREATE TYPE shop.currency AS ENUM ('EUR', 'USD');
CREATE DOMAIN shop.amount AS bigint CHECK (VALUE >= 0);
CREATE FOREIGN TABLE shop.sales (item bigint, price bigint, unit text) SERVER tills;
CREATE TABLE shop.items (item bigint, name text);
CREATE VIEW shop.named AS SELECT * FROM shop.items WHERE name <> '';
CREATE FUNCTION shop.taxed(bigint) RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT $1 * 119 / 100';
CREATE FUNCTION shop.per_item(s shop.sales) RETURNS TABLE (item bigint, total bigint)
LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT s.item, s.price; END $$;
CREATE TABLE shop.totals (item bigint, name text, total shop.amount, unit shop.currency);
SELECT weir.create_job('totals', $$
    INSERT INTO shop.totals
    SELECT a.item, n.name, shop.taxed(a.total)::shop.amount, s.unit::shop.currency
    FROM shop.sales s
    JOIN shop.named n ON n.item = s.item
    JOIN LATERAL shop.per_item(s) a ON weir.key_by(s.item)$$);

-- each of them
DROP TABLE shop.totals;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE shop.totals CASCADE;
DROP FOREIGN TABLE shop.sales CASCADE;
DROP SERVER tills CASCADE;
DROP VIEW shop.named;
DROP TABLE shop.items CASCADE;
DROP FUNCTION shop.taxed(bigint);
DROP TYPE shop.currency CASCADE;
DROP DOMAIN shop.amount CASCADE;
DROP SCHEMA shop CASCADE;
DROP FOREIGN DATA WRAPPER weir_socket CASCADE;

-- a second job that uses the same
SELECT weir.create_job('list', 'INSERT INTO shop.items SELECT item, unit FROM shop.sales');
DROP SERVER tills CASCADE;
SELECT weir.drop_job('list');

-- what is not used, and what may be changed
CREATE TABLE shop.other (item bigint);
DROP TABLE shop.other;
CREATE TEMP TABLE items (item bigint);
DROP TABLE items;
CREATE OR REPLACE FUNCTION shop.taxed(bigint) RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT $1 * 107 / 100';
ALTER TABLE shop.totals ADD COLUMN note text;
ALTER TABLE shop.totals DROP COLUMN note;
ALTER TABLE shop.totals RENAME TO sums;
DROP TABLE shop.sums;
ALTER TABLE shop.sums RENAME TO totals;

-- the keyed function may go and come back while the job does not run
DROP FUNCTION shop.per_item(shop.sales);
CREATE FUNCTION shop.per_item(s shop.sales) RETURNS TABLE (item bigint, total bigint)
LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT s.item, s.price; END $$;

-- in one transaction with the job
BEGIN;
SELECT weir.drop_job('totals');
DROP SCHEMA shop CASCADE;
ROLLBACK;
SELECT name FROM weir.jobs;

-- partitions come and go
CREATE TABLE shop.daily (item bigint, total bigint) PARTITION BY LIST (item);
CREATE TABLE shop.monday PARTITION OF shop.daily FOR VALUES IN (1);
CREATE TABLE shop.tuesday PARTITION OF shop.daily FOR VALUES IN (2);
SELECT weir.create_job('daily', 'INSERT INTO shop.daily SELECT item, price FROM shop.sales');
DROP TABLE shop.monday;
DROP TABLE shop.daily;
SELECT weir.drop_job('daily');
DROP TABLE shop.daily;

-- the aggregates of a window
CREATE AGGREGATE shop.product(bigint) (SFUNC = int8mul, STYPE = bigint, INITCOND = '1');
SELECT weir.create_job('products', $$
    INSERT INTO shop.totals (item, total)
    SELECT item, shop.product(price) FROM shop.sales GROUP BY item, weir.count_window(2)$$);
DROP AGGREGATE shop.product(bigint);
SELECT weir.drop_job('products');

-- owners
SET ROLE regress_weir_dependent;
CREATE SCHEMA stall;
CREATE FOREIGN TABLE stall.sales (item bigint, price bigint) SERVER tills;
CREATE TABLE stall.sold (item bigint, price bigint);
SELECT weir.create_job('stall', 'INSERT INTO stall.sold SELECT * FROM stall.sales');
RESET ROLE;
DROP ROLE regress_weir_dependent;
\echo :LAST_ERROR_SQLSTATE
REASSIGN OWNED BY regress_weir_dependent TO regress_weir_successor;
SELECT name, owner FROM weir.jobs ORDER BY name;
DROP OWNED BY regress_weir_dependent;
DROP ROLE regress_weir_dependent;
-- another's job keeps the stream from a plain drop, not from CASCADE
SELECT weir.create_job('more', 'INSERT INTO shop.items SELECT item, price::text FROM stall.sales');
BEGIN;
DROP OWNED BY regress_weir_successor;
ROLLBACK;
SET client_min_messages = notice;
SET ROLE regress_weir_successor;
DROP FOREIGN TABLE stall.sales;
BEGIN;
SELECT weir.drop_job('stall');
DROP FOREIGN TABLE stall.sales;
DROP FOREIGN TABLE stall.sales CASCADE;
ROLLBACK;
BEGIN;
SELECT weir.drop_job('stall');
SAVEPOINT before;
DROP FOREIGN TABLE stall.sales;
ROLLBACK TO before;
DROP FOREIGN TABLE stall.sales CASCADE;
RESET ROLE;
SELECT name, status, status_reason FROM weir.jobs WHERE name = 'more';
ROLLBACK;
RESET ROLE;
BEGIN;
DROP OWNED BY regress_weir_successor CASCADE;
SELECT name, status, status_reason FROM weir.jobs WHERE name = 'more';
ROLLBACK;
SET client_min_messages = warning;
SELECT name, owner = current_user AS mine, status FROM weir.jobs ORDER BY name;
SELECT weir.drop_job('more');
SET ROLE regress_weir_successor;
DROP OWNED BY regress_weir_successor;
RESET ROLE;
SELECT name FROM weir.jobs;
DROP ROLE regress_weir_successor;

-- with the extension everything goes
DROP EXTENSION weir;
DROP SCHEMA weir CASCADE;
SELECT name FROM weir.jobs;
BEGIN;
DROP EXTENSION weir CASCADE;
DROP SCHEMA shop CASCADE;
ROLLBACK;
SELECT name FROM weir.jobs;
DROP EXTENSION weir CASCADE;
CREATE EXTENSION weir;
SELECT name FROM weir.jobs;

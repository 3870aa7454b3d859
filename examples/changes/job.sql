-- What the shop writes, and a job that follows it: how many orders each customer has,
-- and what they come to, kept up to date with every order that is placed, changed or
-- taken back.
SET client_min_messages = warning;
CREATE EXTENSION weir;

CREATE TABLE orders (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer int NOT NULL,
    amount   numeric(10, 2) NOT NULL,
    changed  timestamptz NOT NULL DEFAULT now());
-- so that a change tells what the row was before
ALTER TABLE orders REPLICA IDENTITY FULL;
INSERT INTO orders (customer, amount)
SELECT 1 + i % 200, (100 + i * 7919 % 50000) / 100.0 FROM generate_series(1, 20000) i;

-- The server named by no option is this one.
CREATE SERVER shop FOREIGN DATA WRAPPER weir_changes;
CREATE USER MAPPING FOR CURRENT_USER SERVER shop;
CREATE FOREIGN TABLE order_changes (
    customer  int,
    amount    numeric,
    operation text OPTIONS (metadata 'operation'))
SERVER shop OPTIONS (table_name 'orders', updates 'pair');

CREATE TABLE customers (customer int PRIMARY KEY, orders bigint, total numeric);

-- An update is two records, the row before and the row after: what was is taken off.
SELECT weir.create_job('customers', $$
    INSERT INTO customers
    SELECT customer, sum(sign), sum(sign * amount)
    FROM (SELECT customer, amount,
                 CASE WHEN operation IN ('delete', 'update_before') THEN -1 ELSE 1 END AS sign
          FROM order_changes) c
    GROUP BY customer
    ON CONFLICT (customer) DO UPDATE SET orders = excluded.orders, total = excluded.total
$$, parallelism => 2);
SELECT weir.enable_checkpointing('customers', every => '200 ms');
SELECT weir.set_restart_strategy('customers', 'fixed_delay', attempts => -1, delay => '200 ms');
SELECT weir.start_job('customers');

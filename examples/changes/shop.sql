-- One transaction of a shop, for pgbench: an order is placed, changed, given to another
-- customer, or taken back.  Some are rolled back.
\set kind random(1, 100)
\set customer random(1, 200)
\set cents random(100, 50000)
\set share random(0, 1000)
BEGIN;
\if :kind <= 60
INSERT INTO orders (customer, amount) VALUES (:customer, :cents / 100.0);
\elif :kind <= 80
UPDATE orders SET amount = :cents / 100.0, changed = now() WHERE id = (SELECT max(id) * :share / 1000 FROM orders);
\elif :kind <= 85
UPDATE orders SET customer = :customer, changed = now() WHERE id = (SELECT max(id) * :share / 1000 FROM orders);
\else
DELETE FROM orders WHERE id = (SELECT max(id) * :share / 1000 FROM orders);
\endif
\if :kind % 10 = 0
ROLLBACK;
\else
COMMIT;
\endif

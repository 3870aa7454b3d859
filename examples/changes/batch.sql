-- The same question asked in plain SQL over the table.
\pset footer off
CREATE TEMP VIEW asked AS
    SELECT customer, count(*) AS orders, sum(amount) AS total FROM orders GROUP BY customer;
CREATE TEMP VIEW kept AS
    SELECT customer, orders, total FROM customers WHERE orders <> 0;
SELECT (SELECT count(*) FROM asked) AS customers, (SELECT sum(orders) FROM asked) AS orders, (SELECT sum(total) FROM asked) AS total,
       CASE WHEN EXISTS (TABLE asked EXCEPT TABLE kept) OR EXISTS (TABLE kept EXCEPT TABLE asked)
            THEN 'different' ELSE 'identical' END AS result;

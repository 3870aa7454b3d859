-- The same question in plain SQL over the file: batch(tail, average).
\set ON_ERROR_STOP on
CREATE TEMP TABLE flights (
    line        bigint GENERATED ALWAYS AS IDENTITY,
    scheduled   timestamp,
    tail        text,
    carrier     text,
    origin      text,
    destination text,
    delay       bigint,
    miles       bigint
);
\copy flights (scheduled, tail, carrier, origin, destination, delay, miles) from program 'gzip -dc examples/flights/flights.csv.gz' with (format csv)

CREATE TEMP VIEW batch AS
SELECT tail, div(sum(delay), 2)::bigint AS average
FROM (SELECT tail, delay, (row_number() OVER (PARTITION BY tail ORDER BY line) + 1) / 2 AS pair
      FROM flights) f
GROUP BY tail, pair
HAVING count(*) = 2;

\pset footer off
SELECT count(*) AS "rows of the job" FROM averages;
SELECT count(*) AS "rows of plain SQL" FROM batch;
\pset tuples_only on
SELECT CASE
    WHEN NOT EXISTS (TABLE batch EXCEPT ALL TABLE averages)
     AND NOT EXISTS (TABLE averages EXCEPT ALL TABLE batch)
    THEN 'identical' ELSE 'DIFFERENT' END;

-- The average delay of every 2 departures of an aircraft, as they come out of Kafka.
\set ON_ERROR_STOP on
CREATE EXTENSION weir;
CREATE EXTENSION weir_kafka;

-- A stream is a foreign table over a topic; its server is the cluster of brokers.
CREATE SERVER airports FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers :'brokers');
CREATE FOREIGN TABLE departures (
    scheduled   timestamp,
    tail        text,
    carrier     text,
    origin      text,
    destination text,
    delay       bigint,
    miles       bigint
) SERVER airports OPTIONS (topic 'departures', format 'csv', source_parallelism '2');

-- The job. Kafka keeps the order of what has the same key, and so does Weir.
CREATE TABLE averages (tail text, average bigint);
SELECT weir.create_job('flights', $$
    INSERT INTO averages
    SELECT tail, div(sum(delay), 2)::bigint
    FROM departures
    GROUP BY tail, weir.count_window(2)
$$, parallelism => 2);

SELECT weir.enable_checkpointing('flights', every => '1 s', mode => 'exactly_once');
SELECT weir.start_job('flights');

-- Servers that share a topic: what needs neither a broker nor another server.
SET client_min_messages = warning;
CREATE EXTENSION weir;
CREATE EXTENSION weir_kafka;
RESET client_min_messages;

-- options
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', group 'g');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', member 'm');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', group 'g h', peers '');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', group 'g', member '', peers '');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', group 'g', peers 'host=b; nosuch=1');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', group 'g', peers 'host=b dbname=x; postgresql://c/x');
CREATE SERVER alone FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1');
CREATE ROLE regress_group;
GRANT USAGE ON FOREIGN DATA WRAPPER weir_kafka TO regress_group;
SET ROLE regress_group;
CREATE SERVER theirs FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', group 'g', peers 'host=b');
RESET ROLE;

-- which jobs can be shared
CREATE FOREIGN TABLE clicks (k int, v int, ts timestamptz OPTIONS (watermark '1 s')) SERVER k OPTIONS (topic 't');
CREATE FOREIGN TABLE part (k int, v int) SERVER k OPTIONS (topic 't', partitions '0');
CREATE FOREIGN TABLE others (k int, v int) SERVER alone OPTIONS (topic 't');
CREATE TABLE rows (k int, v int);
CREATE TABLE totals (k int PRIMARY KEY, v bigint);
SELECT weir.create_job('selects', 'INSERT INTO rows SELECT k, v FROM part');
SELECT weir.create_job('plain', 'INSERT INTO rows SELECT k, v FROM clicks');
SELECT weir.create_job('two', 'INSERT INTO rows SELECT k, v FROM clicks UNION ALL SELECT k, v FROM others');
SELECT weir.create_job('timed', 'INSERT INTO rows SELECT k, count(*) FROM clicks GROUP BY k, weir.tumble(ts, ''10 s'')');
SELECT weir.create_job('twice', 'INSERT INTO rows SELECT n, count(*) FROM
    (SELECT k, count(*) AS n FROM clicks GROUP BY k, weir.count_window(2)) c GROUP BY n, weir.count_window(2)');
SELECT weir.enable_checkpointing(name) FROM unnest(ARRAY['two', 'timed', 'twice']) name;
SELECT weir.start_job('plain');
SELECT weir.start_job('two');
SELECT weir.start_job('timed');
SELECT weir.start_job('twice');
SELECT weir.enable_checkpointing('plain', unaligned_after => '1 s');
SELECT weir.start_job('plain');
SELECT weir.enable_checkpointing('plain', unaligned_after => '1 day', mode => 'at_most_once');
SELECT weir.start_job('plain');
SELECT weir.disable_checkpointing('plain');
SELECT weir.enable_checkpointing('plain', mode => 'exactly_once');
SELECT weir.start_job('plain', fresh => true);

-- what other servers ask: of a job that was never started in the group there is nothing
SELECT * FROM weir.group_offer('plain', 'g');
SELECT * FROM weir.group_offer('nosuch', 'g');
SELECT * FROM weir.group_take('plain', 'g', 0, 'b');
SELECT * FROM weir.group_state('plain', 'g', 0, 'b');
SELECT weir.group_clear('plain', 'g', 0);
SELECT * FROM weir.group_offer('plain', 'g');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM weir.group_take('plain', 'g', 0, 'b');
ROLLBACK;
SET ROLE regress_group;
SELECT * FROM weir.group_take('plain', 'g', 0, 'b');
RESET ROLE;
SELECT * FROM weir.group;

SELECT weir.drop_job(name) FROM weir.jobs;
DROP FOREIGN TABLE clicks, part, others;
DROP SERVER k, alone;
REVOKE USAGE ON FOREIGN DATA WRAPPER weir_kafka FROM regress_group;
DROP ROLE regress_group;

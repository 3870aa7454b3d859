-- Options of servers, user mappings and tables of weir_kafka, which need no broker.
SET client_min_messages = warning;
CREATE EXTENSION weir;
CREATE EXTENSION weir_kafka;
RESET client_min_messages;

-- servers
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka;
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1,:2');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', topic 't');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', "no.such" '1');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', nosuch '1');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', "isolation.level" 'none');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', "bootstrap.servers" 'b:1');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', "group.id" 'g');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', "enable.auto.commit" 'true');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', "auto.offset.reset" 'earliest');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', "transactional.id" 'x');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', "plugin.library.paths" '/tmp/x.so');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', "sasl.password" 'secret');
CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka
	OPTIONS (brokers 'kafka1:9092,kafka2', "security.protocol" 'sasl_ssl', "isolation.level" 'read_uncommitted',
		"fetch.max.bytes" '1000000', idle_timeout '1 min');
ALTER SERVER k OPTIONS (SET "isolation.level" 'read_committed');
ALTER SERVER k OPTIONS (DROP brokers);


-- user mappings
CREATE USER MAPPING FOR CURRENT_USER SERVER k OPTIONS ("fetch.max.bytes" '1000000');
CREATE USER MAPPING FOR CURRENT_USER SERVER k OPTIONS (brokers 'b');
CREATE USER MAPPING FOR CURRENT_USER SERVER k OPTIONS ("sasl.username" 'me', "sasl.password" 'secret');

-- files and programs of the database server
CREATE ROLE regress_kafka;
GRANT USAGE ON FOREIGN DATA WRAPPER weir_kafka TO regress_kafka;
GRANT USAGE ON FOREIGN SERVER k TO regress_kafka;
SET ROLE regress_kafka;
CREATE SERVER theirs FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', "ssl.ca.location" '/etc/passwd');
CREATE SERVER theirs FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', "sasl.kerberos.kinit.cmd" 'id');
CREATE SERVER theirs FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers 'a:1', "ssl.ca.pem" 'x');
CREATE USER MAPPING FOR regress_kafka SERVER theirs OPTIONS ("ssl.key.location" '/etc/passwd');
CREATE USER MAPPING FOR regress_kafka SERVER theirs OPTIONS ("sasl.kerberos.principal" 'me');
CREATE USER MAPPING FOR regress_kafka SERVER theirs OPTIONS ("sasl.kerberos.keytab" 'me.keytab');
CREATE USER MAPPING FOR regress_kafka SERVER theirs OPTIONS ("ssl.key.pem" 'x');
RESET ROLE;

-- tables
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic '');
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic 'a,b');
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic 't', partitions '3-1');
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic 't', partitions '-1');
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic 't', start 'now-ish');
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic 't', start 'infinity');
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic 't', source_parallelism '0');
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic 't', discovery_interval '1 ms');
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic 't', commit_offsets 'maybe');
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic 't', group_id '');
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic 't', format 'avro');
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic 't', header 'on');
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic 't', format 'raw', delimiter ',');
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic 't', brokers 'a');
CREATE FOREIGN TABLE t (v int) SERVER k OPTIONS (topic 't', "fetch.max.bytes" '1000000');
CREATE FOREIGN TABLE t (v int, k bytea OPTIONS (metadata 'key'), h jsonb OPTIONS (metadata 'headers'))
	SERVER k OPTIONS (topic 't', partitions '0,3-5', start '2026-01-01 00:00+00', source_parallelism '4',
		discovery_interval '5 s', commit_offsets 'off', format 'csv', idle_timeout '10 s');

-- seen where a job is made of them
CREATE TABLE copied (v int);
CREATE FOREIGN TABLE untitled (v int) SERVER k;
SELECT weir.create_job('j', 'INSERT INTO copied SELECT v FROM untitled');
CREATE FOREIGN TABLE wrong_key (v int, k int OPTIONS (metadata 'key')) SERVER k OPTIONS (topic 't');
SELECT weir.create_job('j', 'INSERT INTO copied SELECT v FROM wrong_key');
CREATE FOREIGN TABLE wrong_metadata (v int, k text OPTIONS (metadata 'peer')) SERVER k OPTIONS (topic 't');
SELECT weir.create_job('j', 'INSERT INTO copied SELECT v FROM wrong_metadata');
CREATE FOREIGN TABLE wide (v bytea, w bytea) SERVER k OPTIONS (topic 't', format 'raw');
SELECT weir.create_job('j', 'INSERT INTO copied SELECT 1 FROM wide');
CREATE FOREIGN TABLE typed (v int) SERVER k OPTIONS (topic 't', format 'raw');
SELECT weir.create_job('j', 'INSERT INTO copied SELECT v FROM typed');
SELECT weir.create_job('j', 'INSERT INTO copied SELECT v FROM t');
SELECT * FROM t;

-- tried without a broker
SELECT * FROM weir.try_job('j', ARRAY['1', E'"2\n"', '3']) AS r(v int);
SELECT weir.drop_job('j');

DROP OWNED BY regress_kafka;
DROP ROLE regress_kafka;
DROP EXTENSION weir_kafka CASCADE;

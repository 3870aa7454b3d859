-- alter_job: what it refuses, and what it changes in a job that never ran.
SET client_min_messages = warning;
CREATE EXTENSION weir;
RESET client_min_messages;
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE stream (a int, b int) SERVER s;
CREATE TABLE sink (a int, b int);
SELECT weir.create_job('j', 'INSERT INTO sink TABLE stream', parallelism => 2, max_parallelism => 4);

SELECT weir.alter_job(NULL);
SELECT weir.alter_job('none', parallelism => 1);
SELECT weir.alter_job('j', parallelism => 0);
SELECT weir.alter_job('j', parallelism => -1);
SELECT weir.alter_job('j', parallelism => 5);
SELECT weir.alter_job('j', max_parallelism => 1);
SELECT weir.alter_job('j', max_parallelism => 100000);
SELECT weir.alter_job('j', query => 'SELECT 1');
SELECT weir.alter_job('j', query => 'INSERT INTO sink SELECT a, c FROM stream');
BEGIN READ ONLY;
SELECT weir.alter_job('j', parallelism => 1);
ROLLBACK;

SELECT weir.alter_job('j', parallelism => 3);
SELECT weir.alter_job('j', max_parallelism => 8, parallelism => 8);
SELECT weir.alter_job('j', query => 'INSERT INTO sink SELECT b, a FROM stream', restart => true);
SELECT name, status, parallelism, max_parallelism, query FROM weir.jobs;

-- acts with the transaction
BEGIN;
SELECT weir.alter_job('j', parallelism => 1);
SAVEPOINT a;
SELECT weir.alter_job('j', parallelism => 2);
ROLLBACK TO a;
COMMIT;
SELECT parallelism FROM weir.jobs;

-- the owner, and members of it
CREATE ROLE weir_alter_owner;
CREATE ROLE weir_alter_stranger;
SET ROLE weir_alter_stranger;
SELECT weir.alter_job('j', parallelism => 1);
RESET ROLE;
DROP ROLE weir_alter_owner, weir_alter_stranger;

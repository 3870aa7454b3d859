-- The view of dead letters, without any: who may do what with it.
SET client_min_messages = warning;
CREATE EXTENSION weir;
\d weir.dead_letters
SELECT * FROM weir.dead_letters;
DELETE FROM weir.dead_letters;

DROP ROLE IF EXISTS regress_weir_reader;
CREATE ROLE regress_weir_reader;
SET ROLE regress_weir_reader;
SELECT * FROM weir.dead_letters;
DELETE FROM weir.dead_letters;
\set VERBOSITY sqlstate
INSERT INTO weir.dead_letters (stream) VALUES ('s');
UPDATE weir.dead_letters SET line = 'x';
TABLE weir_internal.dead_letter;
RESET ROLE;
\set VERBOSITY default
DROP ROLE regress_weir_reader;

-- every table of a database with a publication FOR ALL TABLES can be deleted from
SELECT relreplident, count(i.indexrelid) AS primary_keys
FROM pg_class c LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.oid = 'weir_internal.dead_letter'::regclass GROUP BY 1;

-- options
CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (on_error 'dead_letter', max_dead_letters '0');
CREATE FOREIGN TABLE u (a int) SERVER s OPTIONS (on_error 'skip');
CREATE FOREIGN TABLE u (a int) SERVER s OPTIONS (max_dead_letters 'many');
SELECT weir_internal.guard_dead_letter();
CREATE TABLE v (a bigint);
CREATE TRIGGER guard BEFORE DELETE ON v FOR EACH STATEMENT EXECUTE FUNCTION weir_internal.guard_dead_letter();
DELETE FROM v;

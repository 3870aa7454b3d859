-- What the owner of a job must be allowed: the same as for the statement by itself.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS weir;
CREATE ROLE regress_weir_writer;
CREATE ROLE regress_weir_viewer;
CREATE SCHEMA privileges;
GRANT USAGE ON SCHEMA privileges, weir_internal TO regress_weir_writer, regress_weir_viewer;
SET search_path = privileges;
CREATE SERVER privileges FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE lines (a bigint, b bigint) SERVER privileges;
CREATE TABLE looked (a bigint, b bigint, c bigint);
CREATE TABLE target (a bigint PRIMARY KEY, b bigint, c bigint);
CREATE VIEW shown AS SELECT a, b FROM looked;
CREATE VIEW others AS SELECT a, b FROM looked;
ALTER VIEW others OWNER TO regress_weir_viewer;
CREATE VIEW written AS SELECT a, b FROM target;

CREATE TABLE grants (no int GENERATED ALWAYS AS IDENTITY, statement text);
INSERT INTO grants (statement) VALUES
    ('GRANT SELECT ON lines, looked TO regress_weir_writer; GRANT SELECT, INSERT, UPDATE ON target TO regress_weir_writer'),
    ('GRANT SELECT ON lines, looked TO regress_weir_writer; GRANT INSERT ON target TO regress_weir_writer'),
    ('GRANT SELECT (a) ON lines, looked TO regress_weir_writer; GRANT SELECT (a), INSERT (a), UPDATE (b) ON target TO regress_weir_writer'),
    ('GRANT SELECT (a), SELECT (b) ON lines, looked TO regress_weir_writer; GRANT INSERT (a, b), UPDATE (a) ON target TO regress_weir_writer'),
    ('GRANT SELECT (b) ON lines TO regress_weir_writer; GRANT SELECT (c) ON looked TO regress_weir_writer; GRANT INSERT (c), SELECT (b, a), UPDATE (c, b) ON target TO regress_weir_writer'),
    ('GRANT INSERT, UPDATE, DELETE ON lines, looked TO regress_weir_writer; GRANT SELECT, UPDATE ON target TO regress_weir_writer'),
    ('GRANT SELECT ON lines, shown, others TO regress_weir_writer; GRANT INSERT ON written TO regress_weir_writer'),
    ('GRANT SELECT ON lines, shown, others TO regress_weir_writer; GRANT SELECT ON looked TO regress_weir_viewer; GRANT INSERT (a) ON written TO regress_weir_writer; GRANT INSERT ON target TO regress_weir_writer'),
    ('GRANT ALL ON ALL TABLES IN SCHEMA privileges TO regress_weir_writer'),
    ('GRANT SELECT ON lines TO regress_weir_viewer; GRANT regress_weir_viewer TO regress_weir_writer; GRANT INSERT ON target TO PUBLIC');

CREATE TABLE queries (no int GENERATED ALWAYS AS IDENTITY, query text);
INSERT INTO queries (query)
SELECT 'INSERT INTO ' || target || ' SELECT ' || list || ' FROM ' || source || conflict
FROM (VALUES ('target (a)'), ('target (a, b)'), ('written (a, b)'), ('target')) t(target)
JOIN (VALUES ('1', 1), ('l.a', 1), ('l.a, l.b', 2), ('l.a, x.b', 2), ('count(*) FILTER (WHERE false)', 9),
             ('(l.*)::text::bigint', 1), ('l.a, (SELECT max(c) FROM looked)', 2)) s(list, n)
  ON n = CASE WHEN target LIKE '%b)' THEN 2 WHEN target LIKE '%)' THEN 1 ELSE n END AND n < 9
JOIN (VALUES ('lines l'), ('lines l JOIN looked x ON x.a = l.a'), ('lines l JOIN shown x ON x.a = l.a'),
             ('lines l JOIN others x USING (b)'), ('lines l LEFT JOIN (SELECT b, c FROM looked) x ON x.b = l.b')) f(source)
  ON list NOT LIKE '%x.%' OR source LIKE '%x%'
CROSS JOIN (VALUES (''), (' ON CONFLICT (a) DO NOTHING'), (' ON CONFLICT (a) DO UPDATE SET b = excluded.a'),
             (' ON CONFLICT (a) DO UPDATE SET b = target.c WHERE target.b > 0')) c(conflict)
WHERE target LIKE 'target%' OR conflict = '';

-- The code of the error a statement ends with, '' if it is none.
CREATE FUNCTION code_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL ROLE regress_weir_writer;
    EXECUTE statement;
    RESET ROLE;
    RETURN '';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
CREATE FUNCTION compare() RETURNS TABLE (grants int, query text, alone text, as_job text) LANGUAGE plpgsql AS $$
DECLARE
    g grants;
BEGIN
    FOR g IN SELECT * FROM grants ORDER BY no LOOP
        EXECUTE g.statement;
        RETURN QUERY SELECT g.no, q.query, code_of('EXPLAIN ' || q.query),
            code_of(format('SELECT weir_internal.describe_query(%L)', q.query)) FROM queries q;
        REVOKE ALL ON ALL TABLES IN SCHEMA privileges FROM PUBLIC, regress_weir_writer, regress_weir_viewer;
        IF pg_has_role('regress_weir_writer', 'regress_weir_viewer', 'MEMBER') THEN
            REVOKE regress_weir_viewer FROM regress_weir_writer;
        END IF;
    END LOOP;
END $$;
CREATE TABLE compared AS SELECT * FROM compare();
SELECT count(*) > 1000 AS many, count(*) FILTER (WHERE alone = '') > 100 AS allowed,
       count(*) FILTER (WHERE alone = '42501') > 100 AS denied
FROM compared;
SELECT grants, query, alone, as_job FROM compared
WHERE alone IS DISTINCT FROM as_job
ORDER BY grants, query LIMIT 20;
SELECT as_job AS code, count(*) > 0 AS some FROM compared GROUP BY 1 ORDER BY 1;

DROP SCHEMA privileges CASCADE;
DROP SERVER privileges;
DROP OWNED BY regress_weir_writer, regress_weir_viewer;
DROP ROLE regress_weir_writer, regress_weir_viewer;

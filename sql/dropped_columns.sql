-- Row types with dropped columns, wherever a job meets one.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS weir;
CREATE SCHEMA dropped;
SET search_path = dropped;
CREATE SERVER dropped FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE TYPE pair AS (gone text, a int, lost point, b int);
ALTER TYPE pair DROP ATTRIBUTE gone, DROP ATTRIBUTE lost;
CREATE DOMAIN checked AS pair CHECK ((VALUE).a IS NOT NULL);
CREATE FOREIGN TABLE r (gone int, k int, lost text, v text, p pair) SERVER dropped OPTIONS (delimiter ' ');
ALTER FOREIGN TABLE r DROP gone, DROP lost;
CREATE TABLE o (k int, old int, v text);
ALTER TABLE o DROP old;
CREATE TABLE deep (gone int, o o, p checked, lost text, q pair[]);
ALTER TABLE deep DROP gone, DROP lost;
CREATE TABLE looked (gone text, k int, lost int, word text);
ALTER TABLE looked DROP gone, DROP lost;
INSERT INTO looked VALUES (1, 'one');
CREATE VIEW seen AS SELECT * FROM o;

-- what f returns
CREATE FUNCTION f(x r) RETURNS SETOF o LANGUAGE sql AS 'SELECT $1.k, $1.v';
CREATE FUNCTION once(x r) RETURNS o LANGUAGE sql AS 'SELECT ROW($1.k, $1.v)::o';
CREATE FUNCTION slow(x r) RETURNS SETOF o LANGUAGE plpgsql AS $$ BEGIN RETURN NEXT ROW(x.k, x.v)::o; RETURN QUERY SELECT x.k + 1, x.v; END $$;
CREATE FUNCTION nothing(x r) RETURNS SETOF o LANGUAGE sql AS 'SELECT NULL::o WHERE false';
CREATE FUNCTION nested(x r) RETURNS SETOF deep LANGUAGE sql AS $$ SELECT ROW($1.k, $1.v)::o, $1.p::checked, ARRAY[$1.p] $$;
CREATE FUNCTION in_domain(x r) RETURNS SETOF checked LANGUAGE sql AS 'SELECT $1.p::checked';
-- with state
CREATE FUNCTION kept(x r) RETURNS SETOF pair LANGUAGE plpgsql AS $$
DECLARE p pair := weir.state_value('p', NULL::pair);
BEGIN
    p.b := p.b + x.k;
    PERFORM weir.state_update('p', p), weir.list_add('l', x), weir.map_put('m', x.p, ROW(x.k, x.v)::o);
    RETURN NEXT p;
    RETURN QUERY SELECT cardinality(weir.list_get('l', NULL::r)), (weir.map_get('m', x.p, NULL::o)).k;
END $$;
SELECT weir.create_value_state('kept(r)', 'p', 'pair', default_value => '(1,2)'),
       weir.create_list_state('kept(r)', 'l', 'r'),
       weir.create_map_state('kept(r)', 'm', 'pair', 'o');

CREATE FUNCTION try(query text, target text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.create_job('j', query);
    PERFORM weir.explain_job('j');
    RETURN QUERY EXECUTE format('SELECT t::text FROM weir.try_job(''j'', ARRAY[''1 a (1,10)'', ''1 b (2,20)''], NULL::%s) t', target);
    PERFORM weir.drop_job('j');
END $$;
SELECT try('INSERT INTO o SELECT a.* FROM r JOIN LATERAL f(r) a ON weir.key_by(r.k)', 'o');
SELECT try('INSERT INTO o SELECT (a).* FROM r JOIN LATERAL f(r) a ON weir.key_by(r)', 'seen');
SELECT try('INSERT INTO seen SELECT a.v::int, a.k FROM (SELECT * FROM r WHERE false) r JOIN LATERAL f(r) a ON weir.key_by(r.k)', 'o');
SELECT try('INSERT INTO o SELECT a.* FROM r JOIN LATERAL once(r) a ON weir.key_by(r.p)', 'o');
SELECT try('INSERT INTO o (v, k) SELECT a.v, a.k FROM r JOIN LATERAL slow(r) a ON weir.key_by(r.k) WHERE a.k > 1', 'o');
SELECT try('INSERT INTO o SELECT a.* FROM r JOIN LATERAL nothing(r) a ON weir.key_by(r.k)', 'o');
SELECT try('INSERT INTO deep SELECT a.* FROM r JOIN LATERAL nested(r) a ON weir.key_by(r.k)', 'deep');
SELECT try('INSERT INTO o SELECT (a.o).k + (a.p).b, a::text FROM r JOIN LATERAL nested(r) a ON weir.key_by(r.k)', 'o');
SELECT try('INSERT INTO o SELECT d.b, d::text FROM r JOIN LATERAL in_domain(r) d ON weir.key_by(r.k)', 'o');
SELECT try('INSERT INTO o SELECT a.a, a.b::text FROM r JOIN LATERAL kept(r) a ON weir.key_by(r.k)', 'o');
-- without f
SELECT try('INSERT INTO o SELECT r.k, l::text FROM r JOIN looked l USING (k)', 'o');
SELECT try('INSERT INTO deep SELECT ROW(r.k, r.v)::o, r.p, ARRAY[r.p] FROM r', 'deep');
SELECT try('INSERT INTO o SELECT k, max(v) FROM r GROUP BY k, weir.count_window(2)', 'o');
SELECT try('INSERT INTO o SELECT k, array_agg(p ORDER BY p)::text || array_agg(r)::text FROM r GROUP BY k, weir.count_window(2)', 'o');
SELECT try('INSERT INTO o SELECT r.k, r::text FROM r', 'o');

DROP SCHEMA dropped CASCADE;
DROP SERVER dropped;

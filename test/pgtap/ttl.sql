-- Time to live follows the arrival of records.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(4);

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER here OPTIONS (delimiter ' ');

CREATE PROCEDURE run(name text, port text, query text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER SERVER here OPTIONS (SET port %L)', port);
    PERFORM weir.create_job(name, query);
    PERFORM weir.enable_checkpointing(name, every => '50 ms');
    PERFORM weir.start_job(name);
END $$;

-- What the state was before each record.
CREATE FUNCTION before_it(r readings) RETURNS TABLE (f0 bigint, f1 bigint, before bigint) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT r.f0, r.f1, weir.state_value('last', NULL::bigint);
    PERFORM weir.state_update('last', r.f1);
END $$;
SELECT weir.create_value_state('before_it(readings)', 'last', 'bigint', ttl => weir.state_ttl('2 s')) \g /dev/null

CREATE TABLE seen (f0 bigint, f1 bigint, before bigint);
\set port `perl test/pgtap/sender '1 1\n1 2\n2 1\n' --sleep 2.5 '1 3\n1 4\n2 2\n'`
CALL run('ttl', :'port', 'INSERT INTO seen SELECT s.* FROM readings r JOIN LATERAL before_it(r) s ON weir.key_by(r.f0)');
SELECT ok(weir.wait_for_job('ttl', 'finished', '1 min'), 'ttl: finished');
SELECT bag_eq('TABLE seen',
    'VALUES (1::bigint, 1::bigint, NULL::bigint), (1, 2, 1), (2, 1, NULL), (1, 3, NULL), (1, 4, 3), (2, 2, NULL)',
    'a value is there until its time is over');

-- The relaxed visibility returns an expired value once; a read renews where it should.
CREATE FUNCTION relaxed(r readings) RETURNS TABLE (f0 bigint, f1 bigint, before bigint) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT r.f0, r.f1, weir.state_value('last', NULL::bigint);
    IF r.f1 = 1 THEN
        PERFORM weir.state_update('last', r.f1);
    END IF;
END $$;
SELECT weir.create_value_state('relaxed(readings)', 'last', 'bigint',
    ttl => weir.state_ttl('1 s', visibility => 'return_expired_if_not_cleaned_up')) \g /dev/null
CREATE TABLE seen_relaxed (f0 bigint, f1 bigint, before bigint);
\set port `perl test/pgtap/sender '1 1\n' --sleep 1.5 '1 2\n1 3\n'`
CALL run('relaxed', :'port', 'INSERT INTO seen_relaxed SELECT s.* FROM readings r JOIN LATERAL relaxed(r) s ON weir.key_by(r.f0)');
SELECT ok(weir.wait_for_job('relaxed', 'finished', '1 min'), 'relaxed: finished');
SELECT ok(NOT EXISTS (SELECT FROM seen_relaxed WHERE f1 = 3 AND before IS NOT NULL),
    'an expired value is returned at most once');
SELECT * FROM finish();

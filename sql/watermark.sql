-- weir.watermark and weir.arrival in a job's query: what is refused, and where.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS weir;
RESET client_min_messages;
CREATE SCHEMA watermark;
SET search_path = watermark;
\pset format unaligned
\pset tuples_only on

CREATE FOREIGN TABLE bids (id bigint, price bigint, at timestamptz) SERVER weir_feed;
CREATE TABLE seen (id bigint, at timestamptz, price bigint);
CREATE TABLE days (id bigint, at timestamptz);
CREATE FUNCTION f(id bigint, at timestamptz) RETURNS TABLE (id2 bigint, at2 timestamptz)
    LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$;

-- the bound
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, weir.watermark(at, '-1 s') FROM bids$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, weir.watermark(at, '1 month') FROM bids$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, weir.watermark(at, price * interval '1 s') FROM bids$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, weir.watermark(at, NULL) FROM bids$$);

-- how many of one stream
SELECT weir_internal.describe_query('INSERT INTO seen ' || string_agg('SELECT id, weir.watermark(at, ''1 s'') FROM bids', ' UNION ALL '))
FROM generate_series(1, 15);

-- the place
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, weir.watermark(at, '1 s'), price FROM bids
    WHERE weir.watermark(at, '2 s') > '2026-01-01'$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, weir.watermark(at, '1 s') FROM
    (SELECT id, weir.watermark(at, '1 s') AS at FROM bids) b$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id2, weir.watermark(at2, '1 s') FROM bids b, f(b.id, b.at) x WHERE weir.key_by(b.id)$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id2, weir.watermark(at2, '1 s') FROM bids b JOIN LATERAL f(b.id, b.at) ON weir.key_by(b.id)$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, weir.watermark(at2, '1 s') FROM
    (SELECT b.id, at2 FROM bids b JOIN LATERAL f(b.id, b.at) ON weir.key_by(b.id)) x$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, (SELECT weir.watermark(d.at, '1 s') FROM days d WHERE d.id = b.id) FROM bids b$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, weir.watermark(weir.arrival(), '1 s') FROM bids$$);
SELECT weir_internal.describe_query($$INSERT INTO seen AS s SELECT id FROM bids ON CONFLICT (id) DO UPDATE SET at = weir.arrival()$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, weir.arrival(), count(*) FROM bids GROUP BY id, weir.count_window(2)$$);

-- what is taken
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, at + interval '1 h' FROM
    (SELECT id, weir.watermark(at, '90 s') AS at FROM bids) b$$, plans => true);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, at + interval '1 h' FROM
    (SELECT id, weir.watermark(at, bound => '90 s') AS at FROM bids WHERE weir.watermark(bound => '90 s', expression => at) > '2026-01-01') b$$, plans => true);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, lower(w) FROM bids, LATERAL weir.tumble(size => '1 s', ts => weir.arrival()) w GROUP BY id, w$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT b.id, weir.watermark(d.at, '1 s') FROM bids b JOIN days d USING (id)$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT b.id, weir.watermark(b.at, '1 s') FROM bids b JOIN LATERAL f(b.id, b.at) ON weir.key_by(b.id)$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT b.id, max(weir.watermark(b.at, '1 s')) FROM bids b GROUP BY id, weir.count_window(2)$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, weir.arrival() FROM bids$$, plans => true);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT b.id, weir.arrival() FROM bids b JOIN LATERAL f(b.id, weir.arrival()) ON weir.key_by(b.id)
    WHERE weir.arrival() > at2$$);
SELECT weir_internal.describe_query($$INSERT INTO seen SELECT id, weir.arrival() FROM
    (SELECT b.id, at2 FROM bids b JOIN LATERAL f(b.id, b.at) ON weir.key_by(b.id)) x$$);
SELECT weir_internal.arrival('(0,1)');

DROP SCHEMA watermark CASCADE;

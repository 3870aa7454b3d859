-- Bids of a bidder in a session that ends with 10 s of silence.
-- into: bidder bigint, bids bigint, session_start text, session_end text
-- result: q11.flink
SELECT bidder, count(*), nexmark.ms(lower(w)), nexmark.ms(upper(w))
FROM bid, LATERAL weir.session(ts, '10 s') w
GROUP BY bidder, w

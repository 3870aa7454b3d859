-- Bids of a bidder in each 10 s.
-- into: bidder bigint, bids bigint, window_start text, window_end text
SELECT bidder, count(*), nexmark.ms(lower(w)), nexmark.ms(upper(w))
FROM bid, LATERAL weir.tumble(ts, '10 s') w
GROUP BY bidder, w

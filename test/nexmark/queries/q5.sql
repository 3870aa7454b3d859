-- The auctions with the most bids of the last 10 s, every 2 s.
-- into: window_start text, window_end text, auction bigint, bids bigint
SELECT nexmark.ms(lower(w)), nexmark.ms(upper(w)), auction, bids
FROM (SELECT w, auction, bids, rank() OVER (PARTITION BY w ORDER BY bids DESC) AS place
    FROM (SELECT w, auction, count(*) AS bids FROM bid, LATERAL weir.hop(ts, '10 s', '2 s') w
        GROUP BY auction, w) counted) ranked
WHERE place = 1

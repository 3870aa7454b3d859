-- Bids of an auction on each day.
-- into: auction bigint, day text, bids bigint, rank1_bids bigint, rank2_bids bigint, rank3_bids bigint, lowest bigint, highest bigint, mean numeric, total numeric, PRIMARY KEY (auction, day)
-- conflict: (auction, day) DO UPDATE SET bids = excluded.bids, rank1_bids = excluded.rank1_bids, rank2_bids = excluded.rank2_bids, rank3_bids = excluded.rank3_bids, lowest = excluded.lowest, highest = excluded.highest, mean = excluded.mean, total = excluded.total
SELECT auction, to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD'), count(*), count(*) FILTER (WHERE price < 10000), count(*) FILTER (WHERE price >= 10000 AND price < 1000000), count(*) FILTER (WHERE price >= 1000000),
    min(price), max(price), avg(price), sum(price)
FROM bid GROUP BY 1, 2

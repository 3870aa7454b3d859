-- The same of each channel and day.
-- into: channel text, day text, minute text, bids bigint, rank1_bids bigint, rank2_bids bigint, rank3_bids bigint, bidders bigint, rank1_bidders bigint, rank2_bidders bigint, rank3_bidders bigint, auctions bigint, rank1_auctions bigint, rank2_auctions bigint, rank3_auctions bigint, PRIMARY KEY (channel, day)
-- conflict: (channel, day) DO UPDATE SET minute = excluded.minute, bids = excluded.bids, rank1_bids = excluded.rank1_bids, rank2_bids = excluded.rank2_bids, rank3_bids = excluded.rank3_bids, bidders = excluded.bidders, rank1_bidders = excluded.rank1_bidders, rank2_bidders = excluded.rank2_bidders, rank3_bidders = excluded.rank3_bidders, auctions = excluded.auctions, rank1_auctions = excluded.rank1_auctions, rank2_auctions = excluded.rank2_auctions, rank3_auctions = excluded.rank3_auctions
SELECT channel, to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD'), max(to_char(ts AT TIME ZONE 'UTC', 'HH24:MI')), count(*), count(*) FILTER (WHERE price < 10000), count(*) FILTER (WHERE price >= 10000 AND price < 1000000), count(*) FILTER (WHERE price >= 1000000),
    count(DISTINCT bidder), count(DISTINCT bidder) FILTER (WHERE price < 10000),
    count(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000), count(DISTINCT bidder) FILTER (WHERE price >= 1000000),
    count(DISTINCT auction), count(DISTINCT auction) FILTER (WHERE price < 10000),
    count(DISTINCT auction) FILTER (WHERE price >= 10000 AND price < 1000000), count(DISTINCT auction) FILTER (WHERE price >= 1000000)
FROM bid GROUP BY 1, 2

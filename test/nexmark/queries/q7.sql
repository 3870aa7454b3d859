-- The highest bids of each 10 s, both ends of which count.
-- into: auction bigint, bidder bigint, price bigint, "dateTime" text, extra text
SELECT b.auction, b.bidder, b.price, nexmark.ms(b.ts), b.extra
FROM bid b JOIN (SELECT w, max(price) AS price FROM bid, LATERAL weir.tumble(ts, '10 s') w GROUP BY w) m
    ON b.price = m.price AND b.ts BETWEEN upper(m.w) - interval '10 s' AND upper(m.w)

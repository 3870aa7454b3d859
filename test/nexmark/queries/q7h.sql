-- The highest bids of each 10 s.
-- into: auction bigint, bidder bigint, price bigint, "dateTime" text, extra text
SELECT auction, bidder, price, nexmark.ms(ts), extra
FROM (SELECT b.*, rank() OVER (PARTITION BY w ORDER BY price DESC) AS place
    FROM bid b, LATERAL weir.tumble(ts, '10 s') w) ranked
WHERE place = 1

-- The 10 highest bids of each auction.
-- into: auction bigint, bidder bigint, price bigint, channel text, url text, "dateTime" text, extra text, place bigint, PRIMARY KEY (auction, place)
-- conflict: (auction, place) DO UPDATE SET bidder = excluded.bidder, price = excluded.price, channel = excluded.channel, url = excluded.url, "dateTime" = excluded."dateTime", extra = excluded.extra
SELECT auction, bidder, price, channel, url, nexmark.ms(ts), extra, place
FROM (SELECT *, row_number() OVER (PARTITION BY auction ORDER BY price DESC, arrival) AS place FROM bid) ranked
WHERE place <= 10

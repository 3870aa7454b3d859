-- The last bid of each bidder on each auction.
-- into: auction bigint, bidder bigint, price bigint, channel text, url text, "dateTime" text, extra text, PRIMARY KEY (bidder, auction)
-- conflict: (bidder, auction) DO UPDATE SET price = excluded.price, channel = excluded.channel, url = excluded.url, "dateTime" = excluded."dateTime", extra = excluded.extra
SELECT auction, bidder, price, channel, url, nexmark.ms(ts), extra
FROM (SELECT DISTINCT ON (bidder, auction) * FROM bid ORDER BY bidder, auction, ts DESC, arrival DESC) latest

-- The winning bid of each auction.
-- into: id bigint PRIMARY KEY, "itemName" text, description text, "initialBid" bigint, reserve bigint, "dateTime" text, expires text, seller bigint, category bigint, extra text, auction bigint, bidder bigint, price bigint, "bid_dateTime" text, bid_extra text
-- conflict: (id) DO UPDATE SET "itemName" = excluded."itemName", description = excluded.description, "initialBid" = excluded."initialBid", reserve = excluded.reserve, "dateTime" = excluded."dateTime", expires = excluded.expires, seller = excluded.seller, category = excluded.category, extra = excluded.extra, auction = excluded.auction, bidder = excluded.bidder, price = excluded.price, "bid_dateTime" = excluded."bid_dateTime", bid_extra = excluded.bid_extra
SELECT id, "itemName", description, "initialBid", reserve, nexmark.ms(ts), nexmark.ms(expires), seller, category, extra,
    auction, bidder, price, nexmark.ms(bid_ts), bid_extra
FROM (SELECT DISTINCT ON (a.id) a.*, b.auction, b.bidder, b.price, b.ts AS bid_ts, b.extra AS bid_extra
    FROM auction a JOIN bid b ON a.id = b.auction AND b.ts BETWEEN a.ts AND a.expires
    ORDER BY a.id, b.price DESC, b.ts) winning

-- Bids with their auction, of one category.
-- into: auction bigint, bidder bigint, price bigint, channel text, url text, "dateTime" text, extra text, "itemName" text, description text, "initialBid" bigint, reserve bigint, "auction_dateTime" text, expires text, seller bigint, category bigint, auction_extra text
SELECT b.auction, b.bidder, b.price, b.channel, b.url, nexmark.ms(b.ts), b.extra, a."itemName", a.description, a."initialBid",
    a.reserve, nexmark.ms(a.ts), nexmark.ms(a.expires), a.seller, a.category, a.extra
FROM bid b JOIN auction a ON b.auction = a.id AND b.ts BETWEEN a.ts - interval '30 h' AND a.ts + interval '30 h'
WHERE a.category = 10

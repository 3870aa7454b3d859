-- Bids with their bidder and every auction which that bidder sells.
-- into: bidder bigint, price bigint, channel text, url text, extra text, id bigint, name text, "emailAddress" text, "creditCard" text, city text, state text, person_extra text, "itemName" text, description text, "initialBid" bigint, reserve bigint, "dateTime" text, expires text, seller bigint, category bigint, auction_extra text
SELECT b.bidder, b.price, b.channel, b.url, b.extra, b.id, b.name, b."emailAddress", b."creditCard", b.city, b.state, b.person_extra,
    a."itemName", a.description, a."initialBid", a.reserve, nexmark.ms(a.ts), nexmark.ms(a.expires), a.seller, a.category, a.extra
FROM (SELECT b.*, p.id, p.name, p."emailAddress", p."creditCard", p.city, p.state, p.extra AS person_extra
    FROM bid b JOIN person p ON b.bidder = p.id AND b.ts BETWEEN p.ts - interval '30 h' AND p.ts + interval '30 h') b
JOIN auction a ON a.seller = b.id AND a.ts BETWEEN b.ts - interval '30 h' AND b.ts + interval '30 h'

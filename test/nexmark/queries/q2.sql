-- Bids on some auctions.
-- into: auction bigint, price bigint
SELECT auction, price FROM bid WHERE auction % 123 = 0

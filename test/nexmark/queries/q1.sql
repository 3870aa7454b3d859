-- Bids with the price in another currency.
-- into: auction bigint, bidder bigint, price numeric(20, 3), "dateTime" text, extra text
SELECT auction, bidder, 0.908 * price, nexmark.ms(ts), extra FROM bid

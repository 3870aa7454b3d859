-- Every bid as it is.
-- into: auction bigint, bidder bigint, price bigint, "dateTime" text, extra text
SELECT auction, bidder, price, nexmark.ms(ts), extra FROM bid

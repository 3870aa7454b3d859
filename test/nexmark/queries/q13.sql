-- Bids with what a table that stands still says of them.
-- into: auction bigint, bidder bigint, price bigint, "dateTime" text, value text
SELECT auction, bidder, price, nexmark.ms(ts), value
FROM bid JOIN side_input ON side_input.key = auction % 10000

-- Bids with their day and minute.
-- into: auction bigint, bidder bigint, price bigint, "dateTime" text, extra text, day text, minute text
SELECT auction, bidder, price, nexmark.ms(ts), extra,
    to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD'), to_char(ts AT TIME ZONE 'UTC', 'HH24:MI')
FROM bid

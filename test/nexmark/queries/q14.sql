-- Bids of a range of prices, with the time of day, and a letter counted.
-- into: auction bigint, bidder bigint, price numeric(20, 3), "timeOfDay" text, "dateTime" text, extra text, c bigint
SELECT auction, bidder, 0.908 * price,
    CASE WHEN extract(hour FROM ts AT TIME ZONE 'UTC') BETWEEN 8 AND 18 THEN 'dayTime'
        WHEN extract(hour FROM ts AT TIME ZONE 'UTC') <= 6 OR extract(hour FROM ts AT TIME ZONE 'UTC') >= 20 THEN 'nightTime'
        ELSE 'otherTime' END,
    nexmark.ms(ts), extra, length(extra) - length(replace(extra, 'c', ''))
FROM bid
WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000

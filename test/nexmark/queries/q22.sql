-- The first three directories of the url.
-- into: auction bigint, bidder bigint, price bigint, channel text, dir1 text, dir2 text, dir3 text
SELECT auction, bidder, price, channel, split_part(url, '/', 4), split_part(url, '/', 5), split_part(url, '/', 6)
FROM bid

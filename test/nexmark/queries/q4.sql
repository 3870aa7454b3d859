-- The mean of the winning prices of a category.
-- into: category bigint PRIMARY KEY, mean numeric
-- conflict: (category) DO UPDATE SET mean = excluded.mean
SELECT category, avg(final)
FROM (SELECT a.category, max(b.price) AS final
    FROM auction a JOIN bid b ON a.id = b.auction AND b.ts BETWEEN a.ts AND a.expires
    GROUP BY a.id, a.category) winning
GROUP BY category

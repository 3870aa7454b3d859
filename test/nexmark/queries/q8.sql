-- Who opens an auction in the 10 s in which they register.
-- into: id bigint, name text, window_start text
SELECT p.id, p.name, nexmark.ms(lower(p.w))
FROM (SELECT id, name, w FROM person, LATERAL weir.tumble(ts, '10 s') w) p
JOIN (SELECT seller, w FROM auction, LATERAL weir.tumble(ts, '10 s') w GROUP BY seller, w) a
    ON p.id = a.seller AND p.w = a.w

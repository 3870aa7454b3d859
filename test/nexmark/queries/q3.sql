-- Who sells in three states, in one category.
-- into: name text, city text, state text, auction bigint
SELECT p.name, p.city, p.state, a.id
FROM auction a JOIN person p ON a.seller = p.id
    AND a.ts BETWEEN p.ts - interval '30 h' AND p.ts + interval '30 h'
WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA')

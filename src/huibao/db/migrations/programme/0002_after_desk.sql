-- Why: what the older code sold and loaded while the two served side by side: policies get their frozen facts, after which
-- none may be without, and products their accounts of claims.
UPDATE policy p SET facts = jsonb_strip_nulls(jsonb_build_object(
    'age', date_part('year', age(COALESCE(p.period_from, (o.at AT TIME ZONE 'Asia/Shanghai')::date), n.born)),
    'insutype', COALESCE((SELECT e.insurance FROM enrolment e
                          WHERE e.person_id = n.id AND e.known_to IS NULL AND e.valid_from <= (o.at AT TIME ZONE 'Asia/Shanghai')::date
                          ORDER BY e.status <> '1', e.insurance LIMIT 1), ''),
    'hardship', COALESCE((SELECT s.value FROM standing s
                          WHERE s.person_id = n.id AND s.kind = 'hardship' AND s.known_to IS NULL
                            AND s.valid_from <= (o.at AT TIME ZONE 'Asia/Shanghai')::date ORDER BY s.value LIMIT 1), 'none'),
    'family_members', (SELECT count(*) FROM policy f WHERE f.order_id = p.order_id),
    'tier', p.tier))
FROM orders o, person n WHERE o.id = p.order_id AND n.id = p.insured_id AND p.facts IS NULL;
ALTER TABLE policy ALTER COLUMN facts SET NOT NULL;

INSERT INTO account (kind, product, party, overdraft)
SELECT k.kind, p.id, p.lead, k.kind <> 'claims' FROM product p, (VALUES ('claims'), ('claimant')) AS k (kind)
ON CONFLICT DO NOTHING;
INSERT INTO account (kind, product, party, overdraft) SELECT DISTINCT 'insurer', product, insurer, true FROM pool_share
ON CONFLICT DO NOTHING;

-- Why: a hospital's own system has an address, so that what it never said can be asked.

ALTER TABLE provider ADD COLUMN endpoint text;          -- where its system answers; none: it is asked by people

"""The yardstick of a file: the plan of `city` written by hand as window SQL, as an analyst at an insurer would."""

from pathlib import Path

import duckdb

_SQL = """
COPY (
  WITH bases AS (
    SELECT psn_no, setl_id, accept_seq, preexisting,
           CAST(in_scope_self_pay * 100 AS BIGINT) AS a0, CAST(preselfpay_amt * 100 AS BIGINT) AS p0,
           CAST(overlmt_selfpay * 100 AS BIGINT) AS o0, CAST(fulamt_ownpay_amt * 100 AS BIGINT) AS f0
    FROM read_parquet(?)
  ), costs AS (
    SELECT psn_no, setl_id, accept_seq, preexisting, (a0 * 10000 + p0 * 5000 + 5000) // 10000 AS x1, o0 + f0 AS x2 FROM bases
  ), seen AS (
    SELECT *, sum(x1) OVER person - x1 AS s1, sum(x2) OVER person - x2 AS s2 FROM costs
    WINDOW person AS (PARTITION BY psn_no ORDER BY accept_seq ROWS UNBOUNDED PRECEDING)
  ), covered AS (
    SELECT psn_no, setl_id, accept_seq, preexisting, x1, x2,
           greatest(0, s1 + x1 - 900000) - greatest(0, s1 - 900000) AS y1, greatest(0, s1 - 900000) AS u1,
           greatest(0, s2 + x2 - 1200000) - greatest(0, s2 - 1200000) AS y2, greatest(0, s2 - 1200000) AS u2
    FROM seen
  ), payable AS (
    SELECT psn_no, setl_id, accept_seq, x1, x2, y1, y2,
           ((greatest(0, least(u1 + y1, 2000000) - u1)) * (CASE WHEN preexisting THEN 3000 ELSE 5000 END)
            + greatest(0, u1 + y1 - greatest(u1, 2000000)) * (CASE WHEN preexisting THEN 4000 ELSE 7000 END) + 5000) // 10000 AS q1,
           ((greatest(0, least(u2 + y2, 3000000) - u2)) * (CASE WHEN preexisting THEN 2000 ELSE 4000 END)
            + greatest(0, u2 + y2 - greatest(u2, 3000000)) * (CASE WHEN preexisting THEN 3000 ELSE 6000 END) + 5000) // 10000 AS q2
    FROM covered
  ), used AS (
    SELECT *, sum(q1) OVER person - q1 AS b1, sum(q2) OVER person - q2 AS b2 FROM payable
    WINDOW person AS (PARTITION BY psn_no ORDER BY accept_seq ROWS UNBOUNDED PRECEDING)
  ), paid AS (
    SELECT *, least(6000000, b1 + q1) - least(6000000, b1) AS p1, least(8000000, b2 + q2) - least(8000000, b2) AS p2 FROM used
  ), long AS (
    SELECT setl_id, unnest(['in-scope', 'out-of-scope']) AS benefit, unnest([x1, x2]) AS base, unnest([x1 - y1, x2 - y2]) AS deductible,
           unnest([y1, y2]) AS covered, unnest([q1, q2]) AS payable, unnest([p1, p2]) AS pay
    FROM paid
  )
  SELECT setl_id, benefit, CAST(CAST(base AS DECIMAL(18, 0)) / 100 AS DECIMAL(18, 2)) AS base,
         CAST(CAST(deductible AS DECIMAL(18, 0)) / 100 AS DECIMAL(18, 2)) AS deductible,
         CAST(CAST(covered AS DECIMAL(18, 0)) / 100 AS DECIMAL(18, 2)) AS covered,
         CAST(CAST(payable AS DECIMAL(18, 0)) / 100 AS DECIMAL(18, 2)) AS payable,
         CAST(CAST(pay AS DECIMAL(18, 0)) / 100 AS DECIMAL(18, 2)) AS pay
  FROM long
) TO '{out}' (FORMAT parquet, COMPRESSION snappy)
"""


def settle(claims: Path, out: Path) -> None:
    """The payments of a file, by cumulative sums over each person's rows; DuckDB chooses its threads and memory."""
    with duckdb.connect() as connection:
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(_SQL.replace("{out}", str(out)), [str(claims)])

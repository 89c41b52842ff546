"""The fold on Spark: the same compiled pass over Arrow batches, partitioned by person, for files beyond one machine."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from huibao.benefits import loading, outputs
from huibao.benefits.columns import ColumnFold

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: The columns of the answer, for Spark.
SCHEMA = "setl_id string, benefit string, " + ", ".join(f"{name} decimal(18,2)" for name in outputs.FIGURES) + (
    ", status string, provisional boolean")
REJECTED_SCHEMA = "line long, setl_id string, code string, reason string, reason_en string"


def settle(claims: "DataFrame", plan_text: str, acct_inside_fund: bool = False) -> "DataFrame":
    """The payments of settlements in a data frame of national fields, by `accept_seq` within each person or household.

    Rows that can't be read are not in the answer: `rejected` has them.
    """
    return _partitioned(claims, plan_text).mapInArrow(_fold(plan_text, acct_inside_fund), SCHEMA)


def rejected(claims: "DataFrame", plan_text: str, acct_inside_fund: bool = False) -> "DataFrame":
    """The rows that were not taken up, with reasons; `line` is the row's place within its partition."""
    return _partitioned(claims, plan_text).mapInArrow(_refuse(plan_text, acct_inside_fund), REJECTED_SCHEMA)


def _partitioned(claims: "DataFrame", plan_text: str) -> "DataFrame":
    """Whole persons (or households) together, in acceptance order, a bill before its lines. Raises `ValueError` where there
    is no `accept_seq`: a data frame has no order of its own."""
    from pyspark.sql import functions as sql  # noqa: PLC0415 - Spark is not needed to import this module

    if "accept_seq" not in claims.columns:
        raise ValueError("claims need accept_seq: a data frame has no order of its own")
    group = ColumnFold(loading.load_text("plan", plan_text)).group
    order = [sql.col(group).asc(), sql.col("accept_seq").cast("long").asc_nulls_last(), sql.col("setl_id").asc()]
    if "feedetl_sn" in claims.columns:
        order.append(sql.when(sql.coalesce(sql.col("feedetl_sn"), sql.lit("")) == "", "").otherwise(sql.col("feedetl_sn")).asc())
    return claims.repartition(group).sortWithinPartitions(*order)


def _fold(plan_text: str, acct_inside_fund: bool) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def fold(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        plan = loading.load_text("plan", plan_text)
        schema = outputs.schema(pa.decimal128(18, 2), pa.string())
        for table, folded in ColumnFold(plan, acct_inside_fund).stream(batches):
            for part in outputs.tables([b.id for b in plan.benefits], table["setl_id"].combine_chunks(), folded, schema):
                yield from part.to_batches()

    return fold


def _refuse(plan_text: str, acct_inside_fund: bool) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def refuse(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        names = ["line", "setl_id", "code", "reason", "reason_en"]
        for _, folded in ColumnFold(loading.load_text("plan", plan_text), acct_inside_fund).stream(batches):
            rows = [(r.line, r.setl_id, r.refusal.code, r.refusal.zh, r.refusal.en) for r in folded.rejected]
            if rows:
                yield pa.RecordBatch.from_arrays([pa.array(column) for column in zip(*rows, strict=True)], names=names)

    return refuse

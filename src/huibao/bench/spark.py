"""`huibao bench spark`: the fold through `mapInArrow` on local Spark, beside `huibao settle`, equal to the fen."""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from huibao.bench import city, sql
from huibao.benefits import loading
from huibao.benefits.settle import settle_file

NO_JAVA = ("没有 Java：请安装后再试，例如 apt-get install openjdk-17-jre-headless。"
           " (Java is missing: install it, such as openjdk-17-jre-headless.)")
NO_SPARK = "没有 PySpark：请按 requirements.lock 安装。 (PySpark is missing: install requirements.lock.)"


def bench(rows: int, console: Console) -> bool:
    """Settles one file both ways and compares; answers False, with a sentence, where Java or PySpark is absent."""
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        console.print(NO_JAVA, highlight=False)
        return False
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - a sentence where it is absent
    except ImportError:
        console.print(NO_SPARK, highlight=False)
        return False
    from huibao.gateways import spark  # noqa: PLC0415 - after the sentences above

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with tempfile.TemporaryDirectory(prefix="huibao-spark-") as scratch:
        claims, alone, together = (Path(scratch) / name for name in ("claims.parquet", "alone.parquet", "spark"))
        city.write(claims, rows)
        plan = loading.load_text("bench.toml", city.PLAN)
        settle_file(plan, claims, alone)
        start = time.perf_counter()
        settle_file(plan, claims, alone)
        alone_s = time.perf_counter() - start
        session = (SparkSession.builder.master(f"local[{os.cpu_count()}]").appName("huibao").config("spark.ui.enabled", "false")
                   .config("spark.sql.shuffle.partitions", str(4 * (os.cpu_count() or 1))).config("spark.log.level", "ERROR")
                   .config("spark.driver.memory", "4g").config("spark.driver.bindAddress", "127.0.0.1")
                   .config("spark.driver.host", "127.0.0.1").getOrCreate())
        try:
            spark.settle(session.read.parquet(str(claims)).limit(1000), city.PLAN).count()
            start = time.perf_counter()
            spark.settle(session.read.parquet(str(claims)), city.PLAN).write.parquet(str(together))
            spark_s = time.perf_counter() - start
        finally:
            session.stop()
        differ = sql.count(
            f"SELECT count(*) FROM '{alone}' a FULL JOIN '{together}/*.parquet' b USING (setl_id, benefit) "  # noqa: S608
            "WHERE (a.base, a.deductible, a.covered, a.payable, a.pay, a.difference, a.status) IS DISTINCT FROM "
            "(b.base, b.deductible, b.covered, b.payable, b.pay, b.difference, b.status)")
    if differ:
        raise AssertionError(f"Spark and the file settle {differ} rows differently")
    console.print(f"{rows:,} 笔逐分相等", highlight=False)
    console.print(f"spark ratio={alone_s / spark_s:.2f} ours={rows / spark_s:,.0f}/s yardstick={rows / alone_s:,.0f}/s "
                  f"(huibao settle on the same file; Spark local[{os.cpu_count()}])", highlight=False)
    return True

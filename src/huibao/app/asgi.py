"""What each worker process of the service runs."""

import gc
import logging
import sys

from huibao.app.engine import Engine
from huibao.app.settings import read
from huibao.web import logs
from huibao.web.app import build
from huibao.web.service import Service


def application() -> Service:
    """The application of one process, with its own lanes and readers."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    logs.to_stderr()
    engine = Engine(read())
    # What is here now stays: the collector need not look at it again, and batches make many objects that die by count.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    return build(engine, started=(engine.start,), stopped=(engine.stop,))

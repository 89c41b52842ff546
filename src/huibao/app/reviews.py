"""What the service does about reviews by itself: makes a case of those that are late, gives up those whose time is over.

Both are read off rows that are there, and each step has one key: done twice, it is done once.
"""

from huibao.app.duties import Round, one
from huibao.catalogue.model import Programme
from huibao.enrolment import own
from huibao.enrolment.loading import SQL
from huibao.web.engine import Engine


class Reviews:
    """The duties of one process about reviews, while it has the turn."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._round = Round(engine)

    async def look_after(self, programme: Programme) -> None:
        """One turn: first what becomes a case, then what becomes void, which is somebody's case by then."""
        at = self._engine.clock.now()
        async for order, due in self._round.each(programme, SQL["reviews_escalating"], at=at):
            await one(self._engine, programme, f"the review of order {order}", own.escalated(order, due))
        async for order, due in self._round.each(programme, SQL["reviews_over"], at=at):
            await one(self._engine, programme, f"the review of order {order}", own.unreviewed(order, due))

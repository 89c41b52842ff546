"""A process that approves a correction and is killed on the way, as HUIBAO_DIE_AT says: python -m tests.endorsements.dying URL CODE ENDORSEMENT KEY."""

import sys

from huibao.benefits import loading as plans
from huibao.endorsements.model import Answer
from huibao.scheme import loading as schemes
from tests.books import City
from tests.endorsements.office import SECOND, Office


def main() -> None:
    url, code, endorsement, key = sys.argv[1:]
    with Office(City(url, code, schemes.builtin("liuzhou"), plans.builtin("liuzhou-example-2026"))) as office:
        office.run(Answer(SECOND, int(endorsement), True), keys=[key])


if __name__ == "__main__":
    main()

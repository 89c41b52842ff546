"""The pages of the demonstration in a real browser: the service's health, the simulated till."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from tests.demo.browsing import DESK, PHONE, browser, needs_browser, stands_well
from tests.demo.running import Demo, bearer, commands, demo_of_its_own, told
from tests.demo.test_service import until

pytestmark = needs_browser


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with demo_of_its_own(250) as made:
        yield made


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_health_fits_its_window_and_speaks_two_languages(demo: Demo, size: tuple[int, int]) -> None:
    with browser(size) as page:
        page.goto(f"{demo.url}/health")
        stands_well(page)
        expect(page.get_by_role("heading")).to_have_text("运行正常 serving")
        assert page.locator("tr").count() == 6
        assert "540000 西藏" in page.inner_text("table")


def test_the_cash_part_is_paid_on_a_phone(demo: Demo) -> None:
    command = commands(demo.said)["try-210100-2"]
    order, member = told(command)["order"], {"Authorization": f"Bearer {bearer(command)}"}
    path = f"{demo.url}/v1/210100/orders/{order}"
    opened = httpx.post(f"{path}/payments", headers=member, trust_env=False).json()
    with browser(PHONE) as page:
        page.goto(opened["url"])
        stands_well(page)
        expect(page.get_by_text("不是真实支付")).to_be_visible()
        expect(page.get_by_text("¥ 99.00")).to_be_visible()
        page.get_by_role("button", name="立即支付").click()
        expect(page.get_by_text("已支付")).to_be_visible()
        stands_well(page)
    until(lambda: httpx.get(path, headers=member, trust_env=False).json()["state"] == "completed")

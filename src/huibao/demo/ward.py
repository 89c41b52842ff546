"""`huibao demo ward`: a day of a simulated hospital against the running demonstration, told line by line."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import httpx
from rich.console import Console

from huibao.app.settings import Settings
from huibao.core.money import yuan
from huibao.core.time import business_date
from huibao.db.connect import connect_owner
from huibao.demo.logins import Login
from huibao.demo.people import SQL
from huibao.gateways.hospital import HospitalRefused, HospitalUnreachable
from huibao.gateways.simulators.hospital import Deduction, tell_deduction
from huibao.gateways.simulators.ward import Patient, Ward

#: Patients of a ward at most: few enough that their stays meet.
MOST_PATIENTS: Final = 12


def patients(settings: Settings, programme: str) -> list[Patient]:
    """Insured people of a programme."""
    with connect_owner(settings.database_url, "huibao demo") as connection, connection.transaction():
        connection.execute(SQL["enter"], {"schema": f"p_{programme}"})
        rows = connection.execute(SQL["patients"], {"on": business_date(settings.clock.now()), "most": MOST_PATIENTS}).fetchall()
    return [Patient(psn_no) for (psn_no,) in rows]


def run(console: Console, url: str, login: Login, settings: Settings, seed: int, stays: int) -> None:
    """One hospital's day, and what it came to. What it deducted, its own system is told, so that the platform may ask."""
    people = patients(settings, login.programme)
    if not people:
        console.print("该项目没有承保中的人员，请先运行 ./demo (nobody is insured here: run ./demo first)", highlight=False)
        return
    ward = asyncio.run(_day(url, login, people, settings, seed, stays))
    for line in ward.day.told:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    day = ward.day
    console.print(f"{login.label}：结算 {day.settled} 笔，重复 {day.repeated} 笔，被拒 {day.refused} 笔，冲销 {day.reversed} 笔；"
                  f"抵扣 {yuan(day.deducted_fen)} 元，对账 {day.compared.get('result')}。", style="bold", highlight=False, soft_wrap=True)


async def _day(url: str, login: Login, people: Sequence[Patient], settings: Settings, seed: int, stays: int) -> Ward:
    async with httpx.AsyncClient() as client:
        ward = Ward(client, f"{url}/v1/{login.programme}", login.token, login.provider or "", people, seed, settings.clock.now())
        await ward.run(stays)
        endpoint = f"{settings.outside_url}/hospital-{login.provider}"
        for setl_id, (state, fen) in ward.books.items():
            # A demonstration without its simulators has nobody to tell: the day is compared all the same.
            with suppress(HospitalUnreachable, HospitalRefused):
                await tell_deduction(client, endpoint, login.provider or "", settings.secrets.channel_secret, settings.clock,
                                     Deduction(login.programme, setl_id, state, fen))
        return ward

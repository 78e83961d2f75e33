"""Rows of one name are told apart where one of them is chosen, and where they are listed."""

from __future__ import annotations

import sqlalchemy as sa

from admin_views.base.values import ATHENS
from models import Event, Item
from tests.world import World, column_listed, counted


def looked_up(world: World, username: str, table: str, link: str) -> list[str]:
    found = world.client(username).get(f"/admin/{table}/ajax/lookup/?name={link}").json
    return [text for _key, text in found or ()]


def test_events_of_one_title_are_told_by_day_and_unit(calm_world: World) -> None:
    (row,) = calm_world.query(sa.select(Event).where(Event.id == calm_world.rows["main"]["event"]))
    told = f"{row.title} · {row.starts_at.astimezone(ATHENS):%d/%m/%Y}"
    assert looked_up(calm_world, "mediator.main", "event_attendance", "event_id") == [told]
    of_all = looked_up(calm_world, "coordinator", "event_attendance", "event_id")
    assert len(set(of_all)) == len(of_all) and any(text.startswith(f"{told} · ") for text in of_all)


def test_items_of_one_name_are_told_by_stock_and_unit(calm_world: World) -> None:
    (row,) = calm_world.query(sa.select(Item).where(Item.id == calm_world.rows["main"]["item"]))
    (told,) = looked_up(calm_world, "mediator.main", "distribution", "item_id")
    assert told.startswith(f"{row.name} · απόθεμα ") and told.rpartition(" ")[2].isdecimal()
    of_all = looked_up(calm_world, "coordinator", "stock_movement", "item_id")
    assert len(set(of_all)) == len(of_all) and any(text.startswith(f"{told} · ") for text in of_all)


def test_many_items_are_told_in_as_many_queries_as_one(calm_world: World) -> None:
    def asked(username: str) -> int:
        browser = calm_world.client(username)
        with counted(calm_world.app) as statements:
            browser.get("/admin/distribution/ajax/lookup/?name=item_id")
        return len(statements)

    assert 0 < asked("coordinator") == asked("mediator.main")


def test_attendance_tells_its_day(calm_world: World) -> None:
    (row,) = calm_world.query(sa.select(Event).where(Event.id == calm_world.rows["main"]["event"]))
    browser, day = calm_world.client("mediator.main"), f"{row.starts_at.astimezone(ATHENS):%d/%m/%Y}"
    assert column_listed(browser.get("/admin/event_attendance/").text, "Ημ/νία δράσης") == [day]
    person = browser.get(f"/admin/beneficiary/details/?id={calm_world.rows['main']['beneficiary']}").text
    assert "Ημ/νία δράσης" in person and day in person.partition("Ημ/νία δράσης")[2]

"""What everybody may fetch: kept for a year when it is there, for nobody when it is not."""

from __future__ import annotations

import re

import pytest

import assets
from tests.world import World


def test_bundles_are_their_parts(calm_world: World) -> None:
    for name, parts in assets.BUNDLES.items():
        with calm_world.app.test_request_context("/"):
            address = assets.asset(name)
        sent, of_before = calm_world.client().get(address), calm_world.client().get(f"/assets/{name}?v=0")
        files = b"\n".join((assets.STATIC / part).read_bytes() for part in parts)
        assert sent.data == of_before.data and sent.data.endswith(files)
        assert "immutable" in sent.headers["Cache-Control"]
        assert of_before.headers["Cache-Control"] == "no-store", "another version is not kept under this address"


def test_the_script_speaks_the_language_of_its_page(calm_world: World) -> None:
    for language, word in (("el", "Αφαίρεση"), ("en", "Remove")):
        browser = calm_world.client()
        browser.post(f"/language/{language}")
        [address] = re.findall(r'<script src="(/assets/[^"]+)"', browser.get("/login").text)
        said = browser.get(address).text.partition("\n")[0]
        assert said.startswith("const texts = {") and f'"remove": "{word}"' in said


@pytest.mark.parametrize(
    "address", ["/assets/none.css", "/assets/..%2Fapp.py", "/assets/%00", "/static/none.svg", "/static/..%2Fapp.py"]
)
def test_what_is_not_there_is_kept_by_nobody(calm_world: World, address: str) -> None:
    answer = calm_world.client().get(address)
    assert answer.status_code == 404 and answer.headers["Cache-Control"] == "no-store"

"""The servers take turns, one request in flight, so that whatever else the machine does falls on all alike."""

from __future__ import annotations

import html
import itertools
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import rig

from . import people
from .cases import PAGES, THROUGHPUT
from .servers import Server, must

BURST = 4
"""Requests of a turn that count. The one before them does not: it pays for the caches that its neighbours emptied."""
CONNECTIONS, SECONDS = 8, 2.0

Rounds = dict[tuple[str, str], list[float]]
"""Server and case, and what was measured in each round."""


class Bench:
    """Servers over the same people."""

    def __init__(self, servers: dict[str, Server], peers: str) -> None:
        self.servers, self.peers = servers, peers
        count, self.amka, self.numbers = rig.dbapi(peers)
        self.urls = {name: server.peer.list_urls(count, self.amka) for name, server in servers.items()}
        self.list_kb: dict[str, float] = {}

    def check(self, cases: list[str]) -> None:
        """Every server shows the same people in the same order, on every page that will be measured."""
        for case in {"list", *cases} & {*PAGES}:
            names = people.expected(self.peers, case, self.amka)
            for name, server in self.servers.items():
                page = server.client.get(self.urls[name][case])
                must(page.status == 200, f"{name}: {case} answered {page.status}")
                must(_stand_in(names, html.unescape(page.body.decode())), f"{name}: {case} shows other people")
                if case == "list":
                    self.list_kb[name] = len(page.body) / 1000

    def run(self, cases: list[str], rounds: int) -> Rounds:
        """Milliseconds, and lists per second for `throughput`; a first round warms up and is not counted."""
        measured: Rounds = defaultdict(list)
        for number in range(-1, rounds):
            for case in cases:
                for name in self._turns(number):
                    value = self._throughput(name) if case == THROUGHPUT else self._latency(name, case)
                    if number >= 0:
                        measured[name, case].append(value)
        return measured

    def _turns(self, number: int) -> Iterator[str]:
        """The servers, another one first in every round."""
        start = number % len(self.servers)
        return itertools.islice(itertools.cycle(self.servers), start, start + len(self.servers))

    def _latency(self, name: str, case: str) -> float:
        times = [self._ask(name, case, person) for person in self.numbers[: BURST + 1]]
        return median(times[1:])

    def _ask(self, name: str, case: str, person: int) -> float:
        if case == "save":
            return self._save(name, person)
        server = self.servers[name]
        url = server.peer.edit_url(person) if case == "edit" else self.urls[name][case]
        reply = server.client.get(url)
        must(reply.status == 200, f"{name}: {case} answered {reply.status}")
        return float(reply.secs) * 1000

    def _save(self, name: str, person: int) -> float:
        """Open the form, as a browser does, and measure the sending of it with another note."""
        server, note = self.servers[name], f"σημείωση {time.time_ns()}"
        reply = server.client.send(server.save(person, server.form(person), note))
        must(reply.status in server.peer.save_ok, f"{name}: save answered {reply.status}")
        must(server.stored(person) == note, f"{name}: what was saved is not in the database")
        return float(reply.secs) * 1000

    def _throughput(self, name: str) -> float:
        """Lists per second over several connections, each asking again as soon as it is answered."""
        began = time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            answered = sum(pool.map(self._ask_until, [name] * CONNECTIONS, [began + SECONDS] * CONNECTIONS))
        return answered / (time.perf_counter() - began)

    def _ask_until(self, name: str, end: float) -> int:
        """How many lists one connection was given."""
        server, answered = self.servers[name], 0
        client = rig.Client(server.port)
        client.cookies = dict(server.client.cookies)
        request = client.encode("GET", self.urls[name]["list"])
        while time.perf_counter() < end:
            must(client.send(request).status == 200, f"{name}: refused a list under load")
            answered += 1
        if client.sock:
            client.sock.close()
        return answered


def _stand_in(names: list[str], page: str) -> bool:
    """All of these stand in the page, in this order."""
    at = 0
    for name in names:
        at = page.find(name, at) + 1
        if not at:
            return False
    return bool(names)

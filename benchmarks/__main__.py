"""`make bench`: prepare the databases, start the servers, let them take turns, print the table."""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import rig

from . import people, servers, table
from .cases import CASES, THROUGHPUT
from .measure import BURST, Bench

ALL = [*CASES, THROUGHPUT]


def main() -> None:
    """Measure, and print the table; what stands in the way is told in one line."""
    asked = _arguments()
    kentro = people.kentro_url(asked.people)
    os.environ["PEERS_LOG"] = str(people.KEPT)
    _tell("Preparing the people (about a minute the first time)")
    try:
        peers = people.prepare(kentro, asked.flask, asked.people)
        for line in _measured(asked, kentro, peers):
            print(line)
    except (people.NotOurs, servers.Unfit, subprocess.CalledProcessError, ConnectionError) as error:
        sys.exit(f"make bench: {error}")


def _measured(asked: argparse.Namespace, kentro: str, peers: str) -> Iterator[str]:
    started = servers.start(asked.peers, asked.flask, kentro, peers)
    try:
        bench = Bench(started, peers)
        bench.check(asked.cases)
        _tell(f"Measuring {', '.join(started)}: {asked.rounds} rounds of {', '.join(asked.cases)}")
        gc.disable()  # the client must not pause in the middle of an answer
        measured = bench.run(asked.cases, asked.rounds)
    finally:
        servers.stop(started)
    database = kentro.partition(":")[0]
    yield f"{rig.dbapi(peers)[0]} people, {database}, medians of {asked.rounds} interleaved rounds of {BURST};"
    yield "in brackets, as a multiple of Django admin: the median of the rounds' ratios."
    yield ""
    yield from table.lines(bench, measured, asked.cases)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--flask", type=Path, required=True, help="the flask command of Kentro's environment")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cases", type=_among(ALL), default=ALL, help=f"some of {','.join(ALL)}")
    parser.add_argument("--peers", type=_among(rig.MAIN), default=rig.MAIN, help=f"some of {','.join(rig.MAIN)}")
    return parser.parse_args()


def _among(known: list[str]) -> Callable[[str], list[str]]:
    """Some of these, separated by commas; all of them where none is named."""

    def chosen(text: str) -> list[str]:
        names = [name for name in text.split(",") if name] or known
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: choose from {', '.join(known)}")
        return names

    return chosen


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

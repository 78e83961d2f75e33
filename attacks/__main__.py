"""`make attack`: attack, see whether the planted flaws were found, print the table, write the report."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import eyes, fields, parameters, report, source, sqlmap, wapiti
from .findings import Outcome, timed
from .site import Ground

HERE = Path(__file__).parent
JOBS = 2


def main() -> None:
    """Attack with everything, or with what is named; ends with 1 at a finding or an overlooked planted flaw."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="kentro-attack-") as folder:
        outcomes = list(_attacked(asked, Ground.lay(Path(folder))))
    print("\n".join(report.lines(outcomes)))
    if not asked.only:
        report.write(outcomes, report.versions(HERE))
    sys.exit(not all(outcome.is_passed for outcome in outcomes))


def attacks(tools: Path, ground: Ground) -> list[dict[str, Callable[[], Outcome]]]:
    """By their names; those of one stage run at once, since none of them keeps a core busy by itself."""
    return [
        {"bandit": lambda: source.bandit(tools)},
        {"semgrep": lambda: source.semgrep(tools)},
        {"fields": lambda: fields.attack(ground, JOBS)},
        {"parameters": lambda: parameters.attack(ground, JOBS)},
        {"sqlmap": lambda: sqlmap.attack(tools, ground), "wapiti": lambda: wapiti.attack(tools, ground)},
        {"eyes": lambda: eyes.attack(ground)},
    ]


def _attacked(asked: argparse.Namespace, ground: Ground) -> list[Outcome]:
    found = []
    for stage in attacks(asked.tools, ground):
        named = {name: attack for name, attack in stage.items() if not asked.only or name in asked.only}
        if named:
            print(f"Attacking: {', '.join(named)}", file=sys.stderr, flush=True)
            with ThreadPoolExecutor(len(named)) as threads:
                found += threads.map(timed, named.values())
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="attacks", description=__doc__)
    parser.add_argument("--tools", type=Path, required=True, help="the folder of wapiti, sqlmap, bandit and semgrep")
    parser.add_argument(
        "--only", type=lambda text: text.split(",") if text else [], default=[], help="some of the attacks"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Running a scanner: in a folder of its own, without our environment, and no longer than it may."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path


def run(program: Path, seconds: float, *arguments: str) -> str:
    """What a scanner says; one that is not done in its time is stopped, and what it found until then counts."""
    with tempfile.TemporaryDirectory() as home:
        own = {"HOME": home, "PATH": f"{program.parent}:/usr/bin:/bin", "LANG": "C.UTF-8", "NO_PROXY": "*"}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        try:
            done = subprocess.run([program, *arguments], cwd=home, env=own, timeout=seconds, **pipes)
        except subprocess.TimeoutExpired as error:
            return (error.stdout or b"").decode("utf-8", "replace")
    return done.stdout.decode("utf-8", "replace")

"""A program as the runtime `command` starts it: does the next thing in a folder's script.

`python command_agent.py FOLDER`. Each file in FOLDER/script is one act, taken by whoever
renames it first; FOLDER/starts, stops and problems get a line for each of theirs.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any


def main(folder: Path) -> None:
    """Take the next act and play it."""

    def note(what: str) -> None:
        with (folder / what).open("a") as file:
            file.write(f"{os.getpid()}\n")

    def stopped(number: int, frame: object) -> None:
        note("stops")
        sys.exit(143)

    signal.signal(signal.SIGTERM, stopped)
    task = json.load(sys.stdin)
    if not {"task", "instructions", "key", "input"} <= set(task):
        note("problems")
        sys.exit(f"the task lacks something: {sorted(task)}")
    act = _take(folder)
    if act is None:
        note("problems")
        sys.exit("nothing is scripted")
    note("starts")
    for piece in range(act.get("pieces", 0)):
        sys.stderr.write(f"piece {piece + 1}\n")
        sys.stderr.flush()
        time.sleep(act["pause"])
    time.sleep(act.get("seconds", 0))
    while act.get("hang") and not (folder / "released").exists():
        time.sleep(0.02)
    if act.get("exit"):
        sys.stderr.write("it went wrong\n")
        sys.exit(act["exit"])
    json.dump(act["says"], sys.stdout)


def _take(folder: Path) -> dict[str, Any] | None:
    for file in sorted((folder / "script").iterdir()):
        taken = folder / "taken" / file.name
        try:
            file.rename(taken)
        except FileNotFoundError:
            continue
        return json.loads(taken.read_text())
    return None


if __name__ == "__main__":
    main(Path(sys.argv[1]))

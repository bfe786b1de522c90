"""`rota` as a process that starts at once: forked from one that has imported everything.

A page of the documentation types dozens of commands, and each would spend most of its second on
imports. What stands on the `PATH` of a page's shell is a client of some lines; it hands its
arguments, folder, environment and standard files to the server here, which forks. So the command
is a process of its own in all that a user could see: pipes, files, signals, exit code.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from workers.cli.main import COMMANDS, main

ADDRESS = "READY_ROTA"
"""Environment variable of the client: the server's socket."""
CLIENT = """\
import json, os, signal, socket, sys
address = os.environ.pop("READY_ROTA")
request = {"arguments": sys.argv[1:], "folder": os.getcwd(), "environ": dict(os.environ)}
with socket.socket(socket.AF_UNIX) as server:
    server.connect(address)
    socket.send_fds(server, [json.dumps(request).encode() + b"\\n"], [0, 1, 2])
    answers = server.makefile()
    child = int(answers.readline())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: os.kill(child, number))
    sys.exit(int(answers.readline()))
"""


@contextmanager
def ready_rota(folder: Path) -> Iterator[Path]:
    """Serve while the block lasts; yields the folder with the client `rota`, for a `PATH`."""
    address, client = folder / "socket", folder / "bin" / "rota"
    client.parent.mkdir()
    # Neither site-packages nor variables: it starts in 15 ms.
    client.write_text(f"#!{sys.executable} -ISs\n{CLIENT}")
    client.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen(16)
        # It ends as this end of its standard input does: also if the tests are killed.
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.docs.ready_rota", str(listening.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[listening.fileno()],
            start_new_session=True,  # Ctrl-C is for the tests
            cwd=Path(__file__).parents[2],
        )
    try:
        yield client.parent
    finally:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()


def serve(listening: socket.socket) -> None:
    """Fork for each request until standard input is at its end."""
    for module in {module for module, _ in COMMANDS.values()}:
        importlib.import_module(f"workers.cli.{module}")
    for module in ("workers.cli.errors", "workers.connection", "workers.worker"):
        importlib.import_module(module)
    gc.freeze()  # nobody looks for garbage in what all of them share
    at_work: dict[int, tuple[int, socket.socket]] = {}
    while 0 not in (ready := select.select([0, listening, *at_work], [], [])[0]):
        for pipe in at_work.keys() & set(ready):
            end(*at_work.pop(pipe))
            os.close(pipe)
        if listening in ready:
            connection, _ = listening.accept()
            child, pipe = begin(connection)
            at_work[pipe] = child, connection
    os.killpg(0, signal.SIGKILL)  # with whatever was left running


def begin(connection: socket.socket) -> tuple[int, int]:
    """Run one command in a child; return its id, and a pipe that is at its end when that is."""
    request, files = received(connection)
    pipe, held = os.pipe()
    child = os.fork()
    if child == 0:
        become(request, files, held)
    for file in (held, *files):
        os.close(file)
    connection.sendall(b"%d\n" % child)
    return child, pipe


def end(child: int, connection: socket.socket) -> None:
    """Tell the client how its command has ended."""
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    connection.close()


def received(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What the client sent, and its standard files."""
    text, files, _, _ = socket.recv_fds(connection, 65536, 3)
    while not text.endswith(b"\n"):
        text += connection.recv(65536)
    return json.loads(text), files


def become(request: dict[str, Any], files: list[int], held: int) -> NoReturn:
    """Be the command: as `workers.cli.main.main` is, in the client's surroundings."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, held)  # others' sockets and pipes; `held` goes with the process
    os.closerange(held + 1, held + 256)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.argv = ["rota", *request["arguments"]]
    main()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))

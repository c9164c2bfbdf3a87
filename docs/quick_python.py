# Copyright (c) monai_r2c contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""A ``python`` for the shell that does not import torch and MONAI for each command: it forks a process that has them.

`serve` gives a folder to put first on the PATH. Its ``python -m MODULE ...`` runs in a fork of this process, with the
caller's arguments, folder, environment and streams, and ends with the command's exit status. What else ``python`` is
asked for goes to the interpreter itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

_STUB = """#!{interpreter} -SE
import json, os, socket, sys
given = sys.argv[1:]
if given[:1] != ["-m"]:
    os.execv({interpreter!r}, [{interpreter!r}, *given])
link = socket.socket(socket.AF_UNIX)
link.connect({address!r})
request = json.dumps({{"arguments": given, "folder": os.getcwd(), "environment": dict(os.environ)}}).encode()
socket.send_fds(link, [len(request).to_bytes(8, "big")], [0, 1, 2])
link.sendall(request)
answer = link.recv(1)
sys.exit(answer[0] if answer else 1)
"""


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[Path]:
    """Serve commands while the context lasts; gives the folder that holds ``python``."""
    import ignite
    import monai.bundle
    import torch

    import monai_r2c

    assert all((ignite, monai.bundle, monai_r2c))
    torch.set_num_threads(1)  # threads do not survive a fork
    folder.mkdir()
    address, stub = str(folder / "socket"), folder / "python"
    stub.write_text(_STUB.format(interpreter=sys.executable, address=address))
    stub.chmod(0o755)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    keeper = os.fork()  # forks from a process without threads
    if keeper == 0:
        _keep(listening)
    listening.close()
    try:
        yield folder
    finally:
        os.kill(keeper, 15)
        os.waitpid(keeper, 0)


def _keep(listening: socket.socket) -> None:
    while True:
        link, _ = listening.accept()
        if os.fork() == 0:  # one process waits for the command, so that the next can be taken
            listening.close()
            _answer(link)
        link.close()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _answer(link: socket.socket) -> None:
    length, streams, _, _ = socket.recv_fds(link, 8, 3)
    request, wanted = b"", int.from_bytes(length, "big")
    while len(request) < wanted:
        request += link.recv(wanted - len(request))
    child = os.fork()
    if child == 0:
        link.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        _become(json.loads(request))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    link.sendall(bytes([status if status >= 0 else 128 - status]))
    os._exit(0)


def _become(request: dict) -> None:
    """Run the command as a fresh interpreter would; never returns."""
    assert threading.active_count() == 1
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    _, module, *arguments = request["arguments"]
    sys.argv, sys.orig_argv = ["-m", *arguments], ["python", *request["arguments"]]
    sys.path[0] = os.getcwd()
    status = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)

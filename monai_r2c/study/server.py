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

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from monai_r2c.utils import InputError
from monai_r2c.utils.files import write_text_atomically

from .answers import check_record
from .extras import require
from .make import FORMAT, IMAGES, SCHEDULE
from .page import page_parts
from .questions import is_complete
from .storage import AnswerStore, answer_file

require("fastapi")
from fastapi import FastAPI, HTTPException, Request, Response  # noqa: E402
from fastapi.concurrency import run_in_threadpool  # noqa: E402
from fastapi.responses import HTMLResponse, JSONResponse  # noqa: E402

ANSWERS = "key/answers.sqlite"
LINKS = "key/links.json"
BODY_LIMIT = 64 * 1024
"""Bytes of one answer; a screen's answer has a few hundred."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def reader_links(study: Path, readers: list[str]) -> dict[str, str]:
    """The secret part of each reader's link: made once, kept beside the key, readable by the owner alone."""
    path = study / LINKS
    links = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if set(links) != set(readers):
        links = {reader: secrets.token_urlsafe(24) for reader in readers}
        write_text_atomically(path, json.dumps(links, indent=1) + "\n")
        path.chmod(0o600)
    return links


def read_schedule(study: Path) -> dict[str, Any]:
    """Read what the readers of a study may see.

    Raises:
        InputError: when the folder is no study.
    """
    path = study / SCHEDULE
    try:
        schedule = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected the folder of a study") from error
    if schedule.get("format") != FORMAT:
        raise InputError(f"{path}: is not the schedule of a study of this version")
    return schedule


def make_app(study: Path, links: dict[str, str], store: AnswerStore, hosts: list[str]) -> FastAPI:
    """The server of a study.

    Every path begins with a reader's secret and leads to that reader's page, images and answers; whatever else is asked
    is not found. No path is turned into a file's: images are looked up by name among the reader's own. The key is never
    read.

    Args:
        study: the study's folder.
        links: secret by reader, see `reader_links`.
        store: keeps the answers.
        hosts: names under which the server is called; others are refused, so that a foreign page cannot reach it
            through a name of its own.
    """
    schedule = read_schedule(study)
    readers = {_digest(secret): reader for reader, secret in links.items()}
    trials = {
        reader: {trial["id"]: sitting["task"] for sitting in plan["sittings"] for trial in sitting["trials"]}
        for reader, plan in schedule["readers"].items()
    }
    images = {
        reader: {name for s in plan["sittings"] for trial in s["trials"] for name in trial["images"]}
        for reader, plan in schedule["readers"].items()
    }
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    def known(secret: str) -> str:
        reader = readers.get(_digest(secret))
        if reader is None:
            raise HTTPException(404, "not found")
        return reader

    @app.middleware("http")
    async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        name = request.headers.get("host", "").rsplit(":", 1)[0] if "*" not in hosts else "*"
        response = await answer(request) if name in hosts else JSONResponse({"detail": "not found"}, 404)
        response.headers.update(_HEADERS)
        return response

    @app.get("/r/{secret}")
    def page(secret: str) -> HTMLResponse:
        reader = known(secret)
        own = {**schedule, "readers": {reader: schedule["readers"][reader]}, "mode": "server", "base": f"/r/{secret}"}
        return HTMLResponse("".join(page_parts(own)))

    @app.get("/r/{secret}/images/{name}")
    def image(secret: str, name: str) -> Response:
        if name not in images[known(secret)]:
            raise HTTPException(404, "not found")
        return Response((study / IMAGES / f"{name}.bin").read_bytes(), media_type="application/octet-stream")

    @app.get("/r/{secret}/answers")
    def answers(secret: str) -> JSONResponse:
        reader = known(secret)
        return JSONResponse(answer_file(schedule["study"], reader, store.get(reader)))

    @app.put("/r/{secret}/answers/{trial}")
    async def put(secret: str, trial: str, request: Request) -> JSONResponse:
        reader = known(secret)
        task = trials[reader].get(trial)
        if task is None:
            raise HTTPException(404, "not found")
        record = await _record(request, task, schedule["tasks"])
        try:
            await run_in_threadpool(store.put, reader, trial, record)
        except sqlite3.Error as error:
            raise HTTPException(507, f"the server could not keep the answer ({error})") from error
        return JSONResponse({"kept": trial})

    return app


async def _record(request: Request, task: str, asked: dict[str, Any]) -> dict[str, Any]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_LIMIT:
            raise HTTPException(413, f"an answer has at most {BODY_LIMIT} bytes")
    try:
        record = json.loads(body)
        check_record(task, record, asked, "answer")
        if record["done"] and not is_complete(task, record["answer"], asked):
            raise InputError("answer: done, but a question has no answer")
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, " ".join(str(error).split())[:300]) from error
    kept = ("answer", "done", "seconds", "changes", "shown", "at")
    return {name: record[name] for name in kept if name in record}


def _digest(secret: str) -> bytes:
    # compared by digest, so that the time of the answer tells nothing about a nearly right secret
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()

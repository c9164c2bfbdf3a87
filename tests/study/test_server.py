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

import http.client
import json
import os
import signal
import socket
import sqlite3
import threading
import time
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from serving import serving
from study_files import answer_files, ideal

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
uvicorn = pytest.importorskip("uvicorn")

from fastapi.testclient import TestClient  # noqa: E402

from monai_r2c.apps.study import study as command  # noqa: E402
from monai_r2c.study.answers import load_answers  # noqa: E402
from monai_r2c.study.questions import questions  # noqa: E402
from monai_r2c.study.server import make_app, read_schedule, reader_links  # noqa: E402
from monai_r2c.study.storage import AnswerStore, read_answers  # noqa: E402
from monai_r2c.utils import InputError  # noqa: E402

LINKS = {"R1": "secret-of-1", "R2": "secret-of-2"}
HOSTS = ["127.0.0.1", "localhost"]
COUNT = 300


def record(answer: dict[str, Any], done: bool = True) -> dict[str, Any]:
    return {"answer": answer, "done": done, "seconds": 1.5, "changes": 0, "at": "2026-01-05T09:00:00.000Z"}


@pytest.fixture
def store(study: Path, key: dict, tmp_path: Path) -> AnswerStore:
    return AnswerStore(tmp_path / "answers.sqlite", key["study"])


@pytest.fixture
def client(study: Path, store: AnswerStore) -> TestClient:
    return TestClient(make_app(study, LINKS, store, HOSTS), base_url="http://127.0.0.1")


def trial_of(key: dict, reader: str, task: str = "preference") -> str:
    return next(name for name, m in key["trials"].items() if (m["reader"], m["task"]) == (reader, task))


def test_answers_are_kept_and_given_back_to_their_reader_alone(
    client: TestClient, key: dict, store: AnswerStore
) -> None:
    trial = trial_of(key, "R1")
    for choice in ("left", "tie"):
        assert client.put(f"/r/secret-of-1/answers/{trial}", json=record({"choice": choice})).status_code == 200
    assert client.get("/r/secret-of-1/answers").json()["answers"] == {trial: record({"choice": "tie"})}
    assert client.get("/r/secret-of-2/answers").json()["answers"] == {}
    assert client.put(f"/r/secret-of-2/answers/{trial}", json=record({"choice": "left"})).status_code == 404
    assert store.get("R1")[trial]["answer"] == {"choice": "tie"}


def test_page_holds_one_readers_plan_and_neither_key_nor_images(client: TestClient, study: Path, key: dict) -> None:
    page = client.get("/r/secret-of-1")
    assert page.status_code == 200
    plan = json.loads(page.text.split('id="study">')[1].split("</script>")[0])
    assert list(plan["readers"]) == ["R1"]
    assert 'id="image-' not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    other = next(t for t, m in key["trials"].items() if m["reader"] == "R2")
    assert other not in page.text


PATHS = (
    "/ /docs /openapi.json /key/key.json /r/ /r/wrong /r/secret-of- /r/secret-of-1/ /r/secret-of-1/key "
    "/r/../key/key.json /r/secret-of-1/images/..%2f..%2fkey%2fkey.json /r/secret-of-1/images/../../key/key.json "
    "/r/secret-of-1/images/%2e%2e%2f%2e%2e%2fschedule.json /r/secret-of-1/images//etc/passwd "
    "/r/secret-of-1/images/x%00.bin /r/secret-of-1/answers/../../../key/key.json /r/%00 /r/%ff%fe /images/ "
    "/schedule.json /r/secret-of-2/../secret-of-1/../../key/answers.sqlite //key/links.json"
)


def test_no_path_leads_to_the_key_or_to_another_file(study: Path, store: AnswerStore) -> None:
    """Sent as written: a client would clean the path first."""
    with serving(make_app(study, LINKS, store, HOSTS)) as port:
        for path in PATHS.split():
            with closing(socket.create_connection(("127.0.0.1", port), 5)) as plain:
                plain.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                answer = b"".join(iter(lambda: plain.recv(65536), b""))
            assert answer.split()[1] in (b"404", b"400", b"307"), path
            assert b"conditions" not in answer


def test_images_are_those_of_the_readers_own_screens(client: TestClient, study: Path, key: dict) -> None:
    schedule = read_schedule(study)
    name = schedule["readers"]["R1"]["sittings"][0]["trials"][0]["images"][0]
    assert client.get(f"/r/secret-of-1/images/{name}").content == (study / "images" / f"{name}.bin").read_bytes()
    assert client.get("/r/secret-of-1/images/0000000000000000").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * 10_000_000, 413),
        (b"[" * 60_000, 422),
        (b"not json", 422),
        (b"\xff\xfe", 422),
        (b"{}", 422),
        (json.dumps(record({"choice": "up"})).encode(), 422),
        (json.dumps(record({"choice": "left", "more": 1})).encode(), 422),
        (json.dumps(record({})).encode(), 422),
        (json.dumps(record({"choice": "left"}) | {"seconds": float("nan")}).encode(), 422),
        (json.dumps(record({"choice": ["left"]})).encode(), 422),
    ],
)
def test_bad_answers_are_refused_and_change_nothing(
    client: TestClient, key: dict, store: AnswerStore, body: bytes, status: int
) -> None:
    trial = trial_of(key, "R1")
    client.put(f"/r/secret-of-1/answers/{trial}", json=record({"choice": "left"}))
    assert client.put(f"/r/secret-of-1/answers/{trial}", content=body).status_code == status
    assert store.get("R1") == {trial: record({"choice": "left"})}


def test_foreign_host_names_are_refused(client: TestClient) -> None:
    assert client.get("/r/secret-of-1", headers={"host": "evil.example"}).status_code == 404


def test_full_disk_is_told_and_earlier_answers_stay(client: TestClient, key: dict, store: AnswerStore) -> None:
    trial = trial_of(key, "R1", "diagnosis")
    assert client.put(f"/r/secret-of-1/answers/{trial}", json=record({"class": "ill"}, False)).status_code == 200
    (pages,) = store._database.execute("pragma page_count").fetchone()
    store._database.execute(f"pragma max_page_count={pages}")
    large = record({"class": "ill", "confidence": 1, "marks": [[1.5, 2.5]] * 100})
    answers = [
        client.put(f"/r/secret-of-1/answers/{name}", json=large)
        for name, m in key["trials"].items()
        if (m["reader"], m["task"]) == ("R1", "diagnosis")
    ]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    assert all(answer.status_code == 507 and "full" in answer.json()["detail"] for answer in refused)
    store._database.execute("pragma max_page_count=1000000")
    assert trial in store.get("R1")
    assert client.put(f"/r/secret-of-1/answers/{trial}", json=large).status_code == 200


def test_links_are_made_once_and_are_the_owners(study: Path, tmp_path: Path) -> None:
    links = reader_links(tmp_path, ["R1", "R2"])
    assert reader_links(tmp_path, ["R1", "R2"]) == links
    assert len(set(links.values())) == 2
    assert all(len(secret) >= 32 for secret in links.values())
    assert (tmp_path / "key/links.json").stat().st_mode & 0o077 == 0


def test_database_of_another_study_is_refused(store: AnswerStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds answers to study"):
        AnswerStore(store.path, "another")
    (tmp_path / "text.sqlite").write_text("no database, but long enough to look like a file" * 10)
    with pytest.raises(InputError, match="cannot be used to keep answers"):
        AnswerStore(tmp_path / "text.sqlite", "x")


def test_database_is_analysed_like_the_files(study: Path, key: dict, store: AnswerStore, tmp_path: Path) -> None:
    files = answer_files(key, tmp_path / "files", ideal(key))
    for file in files:
        content = json.loads(file.read_text())
        for trial, one in content["answers"].items():
            store.put(content["reader"], trial, one)
    assert load_answers(study, [store.path]).readings == load_answers(study, files).readings


def test_server_listens_on_this_machine_alone_unless_told_otherwise() -> None:
    assert {option.name: option.default for option in command.commands["serve"].params}["host"] == "127.0.0.1"


def test_serve_refuses_a_port_in_use_in_one_line(study: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("monai_r2c.study.server.ANSWERS", str(tmp_path / "answers.sqlite"))
    monkeypatch.setattr("monai_r2c.study.server.LINKS", str(tmp_path / "links.json"))
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        result = CliRunner().invoke(command, ["serve", str(study), "--port", str(taken.getsockname()[1])])
    assert isinstance(result.exception, InputError)
    assert "cannot listen there" in str(result.exception)


def test_killed_in_the_middle_of_answers_none_is_lost_and_none_doubled(tmp_path: Path) -> None:
    trials = [f"{number:016x}" for number in range(COUNT)]
    sitting = {"task": "rating", "trials": [{"id": trial, "images": []} for trial in trials]}
    schedule = {"format": 1, "study": "s", "tasks": questions([]), "readers": {"R1": {"sittings": [sitting]}}}
    (tmp_path / "schedule.json").write_text(json.dumps(schedule))
    keys = ("noise", "contrast", "sharpness", "artefacts", "usefulness")
    path, port = tmp_path / "answers.sqlite", free_port()
    kept: list[str] = []

    def answer_all() -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for number, trial in enumerate(trials):
            body = json.dumps(record(dict.fromkeys(keys, 1 + number % 5)))
            while True:
                try:
                    line.request("PUT", f"/r/secret/answers/{trial}", body)
                    answer = line.getresponse()
                    answer.read()
                    assert answer.status == 200
                    kept.append(trial)
                    break
                except (OSError, http.client.HTTPException):
                    line.close()
                    time.sleep(0.05)

    reader = threading.Thread(target=answer_all)
    server = start_server(tmp_path, path, port)
    reader.start()
    for stop in (COUNT // 3, 2 * COUNT // 3):
        while len(kept) < stop:
            time.sleep(0.005)
        os.kill(server.pid, signal.SIGKILL)
        server.join()
        before = list(kept)
        with closing(sqlite3.connect(path)) as database:
            on_disk = {trial for (trial,) in database.execute("select trial from answers")}
        assert set(before) <= on_disk
        server = start_server(tmp_path, path, port)
    reader.join()
    os.kill(server.pid, signal.SIGKILL)
    server.join()
    (file,) = read_answers(path)  # as it was left, with its log
    assert list(file["answers"]) == trials
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("select trial, record, revision from answers order by trial").fetchall()
    assert [trial for trial, _, _ in rows] == trials == kept
    assert all(json.loads(text)["answer"]["noise"] == 1 + i % 5 for i, (_, text, _) in enumerate(rows))
    assert sum(revision for _, _, revision in rows) <= COUNT + 2  # what was on its way at a kill was sent again


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return found.getsockname()[1]


def start_server(study: Path, path: Path, port: int) -> Any:
    """A server in a process of its own, which can be killed."""

    def run() -> None:
        app = make_app(study, {"R1": "secret"}, AnswerStore(path, "s"), HOSTS)
        uvicorn.Server(uvicorn.Config(app, port=port, log_level="error")).run()

    server = get_context("fork").Process(target=run, daemon=True)
    server.start()
    return server

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

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .beds import Bed
from .judge import load_judge
from .method import bed_to_learn_from, find_method, method_names
from .results import commit, host, result_path, write_result
from .settings import HERE, Settings

_POLL_SECONDS = 2.0
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class Job:
    """One method with one seed on one bed, in a process of its own with one thread."""

    bed: str
    method: str
    seed: int
    process: subprocess.Popen | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return f"{self.bed}/{self.method}/{self.seed}"


def jobs_of(bed: str, methods: Sequence[str], seeds: Sequence[int], settings: Settings) -> list[Job]:
    """All jobs of a bed: seed by seed, in each the methods in the order of `config.yaml`; filters have one seed."""
    if methods:
        return [
            Job(bed, name, seed) for seed in seeds for name in methods if seed == seeds[0] or find_method(name).random
        ]
    return [
        Job(bed, name, seed)
        for seed in seeds
        for name in all_methods(settings)
        if seed in wanted(name, bed, seeds, settings)
    ]


def all_methods(settings: Settings) -> list[str]:
    """Names in the order of `config.yaml`, then those that it does not have."""
    return [*settings.methods, *(name for name in method_names() if name not in settings.methods)]


def wanted(name: str, bed: str, seeds: Sequence[int], settings: Settings) -> Sequence[int]:
    """The seeds that a method is to have on a bed: all, one for filters, and one on the first bed for variants."""
    if name in settings.variants:
        return seeds[:1] if bed == next(iter(settings.beds)) else []
    return seeds if find_method(name).random else seeds[:1]


def run_jobs(
    jobs: Sequence[Job],
    side_by_side: int,
    work: Path,
    results: Path,
    settings: Settings,
    minutes: float | None = None,
) -> int:
    """Run the jobs that have no result yet; return how many failed. A failure is a result that says so.

    `minutes` is what the settings were read with, and `results` the folder for it.
    """
    waiting = [job for job in jobs if not result_path(results, job.bed, job.method, job.seed).is_file()]
    if waiting:
        first = next(iter(settings.beds))
        load_judge(work / "judge.pt", Bed(work / "beds" / first, settings))
    _tell(f"{len(jobs) - len(waiting)} of {len(jobs)} are done, about {_left(waiting, side_by_side, work, settings)}")
    running: list[Job] = []
    failed = 0
    while waiting or running:
        while waiting and len(running) < side_by_side:
            job = waiting.pop(0)
            job.process = _start(job, work, results, minutes)
            running.append(job)
            _tell(f"{job.name} starts")
        time.sleep(_POLL_SECONDS)
        for job in [job for job in running if job.process is not None and job.process.poll() is not None]:
            running.remove(job)
            failed += _finish(job, work, results, settings)
            left = _left([*waiting, *running], side_by_side, work, settings)
            _tell(f"{job.name} ends; {len(waiting) + len(running)} to go, about {left}")
    return failed


def log_of(job: Job, work: Path) -> Path:
    return work / "logs" / job.bed / f"{job.method}-{job.seed}.txt"


def _start(job: Job, work: Path, results: Path, minutes: float | None) -> subprocess.Popen:
    log = log_of(job, work)
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.restoration", "job", "--bed", job.bed, "--method", job.method]
    command += ["--seed", str(job.seed), "--work", str(work), "--results", str(results)]
    command += [] if minutes is None else ["--minutes", str(minutes)]
    one_thread = dict.fromkeys(_THREADS, "1")
    with log.open("ab") as file:
        return subprocess.Popen(
            command, cwd=HERE.parents[1], stdout=file, stderr=file, env={**os.environ, **one_thread}
        )


def _finish(job: Job, work: Path, results: Path, settings: Settings) -> bool:
    """Write a result that says why, when the job left none; return whether it failed."""
    if result_path(results, job.bed, job.method, job.seed).is_file():
        return False
    assert job.process is not None
    lines = [line for line in log_of(job, work).read_text(encoding="utf-8", errors="replace").splitlines() if line]
    reason = lines[-1].strip() if lines else "it wrote nothing"
    if job.process.returncode < 0:
        reason = f"ended by signal {-job.process.returncode}"
        _tell(f"{job.name}: {reason}; run again to go on")
        return True
    method = find_method(job.method)
    failure = {"bed": job.bed, "method": job.method, "seed": job.seed, "title": method.title, "kind": method.kind}
    digest = Bed(work / "beds" / job.bed, settings).digest
    write_result(results, {**failure, "images": digest, "commit": commit(), "host": host(), "error": reason})
    _tell(f"{job.name} failed: {reason}")
    return True


def _left(jobs: Sequence[Job], side_by_side: int, work: Path, settings: Settings) -> str:
    """Minutes that the trainings of these jobs still need, from their budgets and checkpoints."""
    minutes = 0.0
    seen = set()
    for job in jobs:
        method = find_method(job.method)
        source = bed_to_learn_from(method, job.bed, settings)
        folder = work / "learned" / source / f"{job.method}-{job.seed}"
        if (
            method.kind == "filter"
            or (folder / f"learned_{settings.bed(source)['minutes']:g}.pt").is_file()
            or folder in seen
        ):
            continue
        seen.add(folder)
        spent = folder / "checkpoint.minutes"
        minutes += settings.bed(source)["minutes"] - (float(spent.read_text()) if spent.is_file() else 0.0)
    return f"{minutes / side_by_side:.0f} min of training left"


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)

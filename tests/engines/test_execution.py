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

import json
import logging
import time
from pathlib import Path

import pytest
import torch
import torch.nn as nn

from monai_r2c.engines import choose_execution, execution
from monai_r2c.networks import NativeGenerator, R2CGenerator, WrappedGenerator

WAYS = [(p, f) for p in ("fp32", "bf16") for f in ("contiguous", "channels_last")]


def pretend(monkeypatch: pytest.MonkeyPatch, cost: dict[tuple[str, str], float], log: list | None = None) -> None:
    """Let a pass take so many microseconds a pixel, by the clock that the choice reads."""
    clock = [0.0]

    def a_pass(network: nn.Module, precision: str, images: torch.Tensor, watch: object) -> float:
        weight = next(p for p in network.parameters() if p.dim() == 4 and min(p.shape[:2]) > 1)
        way = (precision, "contiguous" if weight.is_contiguous() else "channels_last")
        seconds = 1e-6 * cost[way] * images[0].numel()
        clock[0] += seconds
        if log is not None:
            log.append((*way, images.shape[-1]))
        return seconds

    monkeypatch.setattr(execution, "_seconds_of_a_pass", a_pass)
    monkeypatch.setattr(execution.time, "thread_time", lambda: clock[0])


def network() -> R2CGenerator:
    return R2CGenerator(2, features=4)


@pytest.mark.parametrize("fastest", WAYS)
def test_fastest_way_is_taken_and_logged_in_one_line(fastest, monkeypatch, caplog) -> None:
    pretend(monkeypatch, {way: 1.0 if way == fastest else 2.0 for way in WAYS})
    with caplog.at_level(logging.INFO, "monai_r2c.training"):
        found = choose_execution(network(), 64, "cpu")
    assert (found.precision, found.memory_format) == fastest
    assert found.measured[f"{fastest[0]} {fastest[1]} 64"] == pytest.approx(1e-6 * 64 * 64)
    (line,) = caplog.messages
    assert line.startswith(f"{fastest[0]} {fastest[1]} is fastest here")
    assert "8.19 in" in line
    assert "\n" not in line


def test_float32_stays_where_the_gain_is_small(monkeypatch) -> None:
    pretend(monkeypatch, {way: 1.0 if way[0] == "fp32" else 0.96 for way in WAYS})
    assert choose_execution(network(), 64, "cpu").precision == "fp32"


def test_usual_format_stays_where_the_gain_is_small(monkeypatch) -> None:
    pretend(monkeypatch, {way: 1.0 if way[1] == "contiguous" else 0.92 for way in WAYS})
    assert choose_execution(network(), 64, "cpu").memory_format == "contiguous"


def test_size_grows_within_the_time_and_without_what_is_hopeless(monkeypatch) -> None:
    log: list[tuple[str, str, int]] = []
    pretend(monkeypatch, {**dict.fromkeys(WAYS, 4.0), WAYS[2]: 2.0, WAYS[3]: 2.1}, log)
    found = choose_execution(network(), 256, "cpu", seconds=1.0)
    assert {way[:2] for way in log if way[2] == 64} == set(WAYS)
    assert {way[:2] for way in log if way[2] == 128} == set(WAYS[2:])
    assert max(size for *_, size in log) == 128, "at 256 pixels three passes of each would take 0.8 s more"
    assert found.precision == "bf16"


def test_a_precision_that_is_emulated_takes_none_of_the_time(monkeypatch) -> None:
    log: list[tuple[str, str, int]] = []
    pretend(monkeypatch, dict(zip(WAYS, (1.0, 1.2, 30.0, 20.0))), log)
    found = choose_execution(network(), 128, "cpu")
    assert (found.precision, found.memory_format) == ("fp32", "contiguous")
    assert {size for precision, _, size in log if precision == "bf16"} == {16}
    assert found.measured["bf16 channels_last 16"] == pytest.approx(20e-6 * 16 * 16)
    assert max(size for *_, size in log) == 128


def test_precisions_are_compared_at_the_larger_size_in_one_format_each(monkeypatch) -> None:
    log: list[tuple[str, str, int]] = []
    pretend(monkeypatch, dict(zip(WAYS, (1.0, 1.2, 1.2, 1.0))), log)
    choose_execution(network(), 128, "cpu")
    assert {way[:2] for way in log if way[2] == 128} == {WAYS[0], WAYS[3]}


def test_named_precision_is_taken_unmeasured(monkeypatch) -> None:
    monkeypatch.setattr(execution, "_seconds_of_a_pass", None)
    wrapped = WrappedGenerator("UNet", {"channels": (4, 8), "strides": (2,)})
    for net, size, expected in (
        (network(), 128, "channels_last"),
        (network(), 64, "contiguous"),
        (wrapped, 256, "contiguous"),
    ):
        found = choose_execution(net, size, "cpu", "fp32")
        assert (found.precision, found.memory_format, found.measured) == ("fp32", expected, {})
    assert choose_execution(network(), 64, "cpu", "bf16", "channels_last").memory_format == "channels_last"


def test_resumed_run_keeps_its_way_unless_another_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(execution, "_seconds_of_a_pass", None)
    path = tmp_path / "configuration.json"
    path.write_text(json.dumps({"settings": {"precision": "bf16", "memory_format": "channels_last"}}))
    kept = choose_execution(network(), 64, "cpu", resumed=path)
    assert (kept.precision, kept.memory_format) == ("bf16", "channels_last")
    named = choose_execution(network(), 64, "cpu", "fp32", resumed=path)
    assert (named.precision, named.memory_format) == ("fp32", "channels_last")


@pytest.mark.parametrize("wrapped", [False, True])
def test_measuring_takes_a_second_at_most_and_leaves_network_and_random_numbers_alone(wrapped: bool) -> None:
    arguments = {"channels": (4, 8), "strides": (2,), "dropout": 0.5, "norm": "batch"}
    net = WrappedGenerator("UNet", arguments) if wrapped else network()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    torch.manual_seed(3)
    expected, _ = torch.rand(4), torch.manual_seed(3)
    threads, start = torch.get_num_threads(), time.thread_time()
    found = choose_execution(net, 256, "cpu")
    assert time.thread_time() - start < 1.5
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(4), expected)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    names = {name.rsplit(" ", 1)[0] for name in found.measured}  # bf16 in one format alone where it is emulated
    assert {"fp32 contiguous", "fp32 channels_last"} <= names
    assert any(name.startswith("bf16") for name in names)


UNET = {
    "network": "UNet",
    "arguments": {"channels": [2, 4, 8, 8, 8], "strides": [2, 2, 2, 2], "norm": "instance", "out_channels": 1},
}


@pytest.mark.parametrize("whole", [{"features": 4}, UNET], ids=["published", "deep"])
def test_native_network_keeps_its_mix_of_formats_and_is_measured_on_crops(whole) -> None:
    net = NativeGenerator({"spatial_dims": 2, "in_channels": 1, **whole}, working_size=4096, local_features=4)
    found = choose_execution(net, 32, "cpu", seconds=0.1)
    assert found.memory_format == "auto"
    names = {name.rsplit(" ", 1)[0] for name in found.measured}
    assert names == {"fp32 auto", "bf16 auto"}
    assert "fp32 auto 32" in found.measured

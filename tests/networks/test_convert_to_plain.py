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

import math

import numpy as np
import pytest
import torch
import torch.nn as nn
from monai.networks.layers.factories import Conv

from monai_r2c.networks import from_operational, to_operational
from monai_r2c.networks.convert_to_plain import fit_powers
from monai_r2c.networks.layers import OperationalConv1d, OperationalConv2d, OperationalConvTranspose2d
from monai_r2c.utils import InputError

TWO_NODES = (-1 / math.sqrt(3), 1 / math.sqrt(3))  # Gauss-Legendre: their mean is the exact mean up to degree 3


def test_lines_over_the_symmetric_range_are_the_known_ones():
    slopes, intercepts = fit_powers(5, -1.0, 1.0)
    assert slopes.tolist() == pytest.approx([1, 0, 3 / 5, 0, 3 / 7])
    assert intercepts.tolist() == pytest.approx([0, 1 / 3, 0, 1 / 5, 0])


def test_line_of_the_square_over_zero_to_one_is_the_known_one():
    slopes, intercepts = fit_powers(2, 0.0, 1.0)
    assert slopes.tolist() == pytest.approx([1, 1])
    assert intercepts.tolist() == pytest.approx([0, -1 / 6])


@pytest.mark.parametrize("limits", [(-1, 1), (0, 1), (-0.5, 2), (0.99, 1.0)])
def test_lines_are_the_least_squares_of_numpy(limits):
    slopes, intercepts = fit_powers(4, *limits)
    nodes, weights = np.polynomial.legendre.leggauss(10)
    x = (limits[0] + limits[1]) / 2 + (limits[1] - limits[0]) / 2 * nodes
    for power in range(1, 5):
        intercept, slope = np.polynomial.polynomial.polyfit(x, x**power, 1, w=np.sqrt(weights))
        assert slopes[power - 1].item() == pytest.approx(slope, abs=1e-6)
        assert intercepts[power - 1].item() == pytest.approx(intercept, abs=1e-6)


def test_no_plain_convolution_comes_nearer():
    layer = OperationalConv1d(1, 1, kernel_size=2, order=3).double()
    plain = from_operational(layer)
    nodes, weights = (torch.from_numpy(values) for values in np.polynomial.legendre.leggauss(8))
    pairs = torch.cartesian_prod(nodes, nodes)
    root = torch.outer(weights, weights).flatten().sqrt().unsqueeze(1)
    target = layer(pairs.unsqueeze(1)).view(-1, 1)
    design = torch.cat([pairs, torch.ones(len(pairs), 1)], dim=1)
    best = torch.linalg.lstsq(root * design, root * target).solution.flatten()
    torch.testing.assert_close(torch.cat([plain.weight.flatten(), plain.bias]), best)


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
def test_mean_output_is_kept(dim, groups, bias):
    layer = Conv["operational", dim](2, 4, 3, groups=groups, bias=bias, order=3).double()
    plain = from_operational(layer)
    images = [torch.full((1, 2, *[4] * dim), node, dtype=torch.float64) for node in TWO_NODES]
    torch.testing.assert_close(sum(plain(x) for x in images), sum(layer(x) for x in images))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_mean_output_of_a_strided_transposed_layer_is_kept_over_its_interleaved_positions(dim, groups):
    layer = Conv["operationaltrans", dim](2, 4, 3, stride=2, groups=groups, order=3).double()
    plain = from_operational(layer)
    images = [torch.full((1, 2, *[6] * dim), node, dtype=torch.float64) for node in TWO_NODES]
    inner = (..., *[slice(4, 8)] * dim)  # whole periods of 2, away from the border
    means = [sum(net(x)[inner] for x in images).flatten(2).mean(2) for net in (plain, layer)]
    torch.testing.assert_close(*means)


def test_zero_padding_is_off_by_the_intercept_within_its_reach_only():
    layer = OperationalConv2d(1, 1, 3, padding=1, bias=False, order=2).double()
    nn.init.ones_(layer.weight)
    images = [torch.full((1, 1, 5, 5), node, dtype=torch.float64) for node in TWO_NODES]
    plain = from_operational(layer)
    error = (sum(plain(x) for x in images) - sum(layer(x) for x in images)) / 2
    assert error[0, 0, 1:-1, 1:-1].abs().max() < 1e-12
    assert error[0, 0, 0, 2].item() == pytest.approx(3 * 1 / 3)  # three padded taps of x^2, each 1/3 instead of 0


@pytest.mark.parametrize("kind", [OperationalConv2d, OperationalConvTranspose2d])
@pytest.mark.parametrize("bias", [True, False])
def test_order_one_is_exact(kind, bias):
    layer = kind(2, 2, 3, padding=1, bias=bias, order=1)
    plain = from_operational(layer)
    x = torch.randn(1, 2, 5, 5)
    assert torch.equal(plain(x), layer(x))
    assert (plain.bias is not None) == bias


def test_bounds_stay_before_the_plain_layers():
    network = to_operational(nn.Sequential(nn.Conv2d(1, 1, 3)), 3, bounded="tanh", higher_order_scale=1.0)
    plain = from_operational(network)
    assert [type(layer) for layer in plain[0]] == [nn.Tanh, nn.Conv2d]


def test_two_calls_fit_two_ranges():
    network = nn.Sequential(OperationalConv2d(1, 1, 1, order=2), OperationalConv2d(1, 1, 1, order=2))
    first = from_operational(network, (0.0, 1.0), include="0")
    assert [type(layer) for layer in first] == [nn.Conv2d, OperationalConv2d]
    both = from_operational(first)
    (w1, w2), v = network[0].weight.flatten().tolist(), both[0].weight.item()
    assert v == pytest.approx(w1 + w2)
    assert both[1].weight.item() == pytest.approx(network[1].weight.flatten()[0].item())


@pytest.mark.parametrize("limits", [(1.0, -1.0), (0.0, 0.0), (0.0, math.inf), (math.nan, 1.0)])
def test_wrong_range_is_refused(limits):
    with pytest.raises(InputError, match="input_range must be two finite numbers in rising order"):
        from_operational(OperationalConv2d(1, 1, 1), limits)


def test_network_without_operational_layers_is_refused():
    with pytest.raises(InputError, match="Conv2d has no layer to convert"):
        from_operational(nn.Conv2d(1, 1, 1))

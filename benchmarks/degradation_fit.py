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

"""Prints whether `fit_degradation` finds known faults of phantom radiographs again, from unpaired images.

python benchmarks/degradation_fit.py [--evaluations 600] [--size 96]; a few minutes on one core.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from monai_r2c.data import PhantomChest
from monai_r2c.data.degradation_fit import fit_degradation
from monai_r2c.data.degradation_fit.fit import degrade_all

TRUTH = {
    "focal_sigma": (0.5, 1.5),
    "motion": (0.0, 0.0),
    "scatter_fraction": (0.2, 0.5),
    "stops": (-0.2, 0.8),
    "photons": (150.0, 600.0),
    "gamma": (0.8, 1.25),
    "quality": (20.0, 60.0),
    "fault_prob": 1.0,
    "compression_prob": 1.0,
}
BODIES = 80


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluations", type=int, default=600)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    bodies = [PhantomChest(0, i, i % 2 == 1, size=options.size).radiograph() for i in range(2 * BODIES)]
    films = np.stack(bodies).astype(np.float32)
    poor = degrade_all(films[:BODIES], TRUTH, seed=5)
    start = time.process_time()
    found = fit_degradation(poor, films[BODIES:], options.evaluations, per_evaluation=40, seed=options.seed)
    print(f"{options.evaluations} evaluations, {time.process_time() - start:.0f} s of one core")
    print(
        f"distance: {found.distance_before:.3f} before, {found.distance_after:.3f} after, "
        f"{found.distance_poor:.3f} between the halves of the poor images"
    )
    print("| fault | truth | found |\n| --- | --- | --- |")
    for name, truth in TRUTH.items():
        print(f"| {name} | {truth} | {found.severity[name]} |")


if __name__ == "__main__":
    main()

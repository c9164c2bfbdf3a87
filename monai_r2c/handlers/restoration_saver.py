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
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

import monai_r2c
from monai_r2c.data.radiograph_writer import encode_radiograph
from monai_r2c.data.restorations import ForeignFileError, RestorationFolder
from monai_r2c.inferers import RestorationInferer
from monai_r2c.networks import model_digest, read_settings
from monai_r2c.transforms import LoadRadiograph, RadiographKeys
from monai_r2c.utils import InputError, RunError, describe_error
from monai_r2c.utils import R2CKeys as Keys
from monai_r2c.utils.background import Background
from monai_r2c.utils.faults import explain_fault
from monai_r2c.utils.metadata import plain_tensor
from monai_r2c.utils.processes import gather_from_processes, process_count, process_rank

from .engine_state import items_of, sees_all
from .restoration_flags import describe_flags, flag_text
from .restoration_size import SizeNotes, size_columns


class RestorationSaver:
    """Writes every restored image of an `R2CEvaluator` in the kind of its source, and a table of predictions.

    Images keep their place below the folder that all sources share. The table has the columns ``file``, ``class``, one
    ``probability_<class>`` each, where the items have them ``class_restored`` (the class of the restored image),
    ``label``, what `RestorationFlags` added and `size_columns`, then ``seconds``, ``sha256`` of the image, ``model``
    (its SHA-256) and ``error``. Nothing is replaced that was not written here, and image, row and model agree at every
    moment, see `RestorationFolder`. An image that cannot be written, and an output item with ``error``, gets a row that
    says why; the others go on.

    Args:
        items: the evaluated items, with ``image`` (path of the source) and ``file``; the engine's output items hold
            ``file``, ``restored`` ``(channels, rows, columns)`` in [0, 1] at the source's size, and ``probabilities``.
        classes: names of the classes.
        output_dir: folder of the restored images.
        predictions: path of the table.
        model: path of the model file, which the table and DICOM files name by its SHA-256.
        inferer: of the evaluator; its size, passes and tone are part of what an image is made with.
        precision: of the evaluator.
        overwrite: restore again what is done, and take over a folder that was made with another model, size, number of
            passes or precision; else such a folder is refused, and `remaining` leaves out what is done.
        file_is_place: whether ``file`` is the place in `output_dir`, instead of that below the shared folder.

    Raises:
        InputError: when two items have the same ``file``, or as `RestorationFolder`.
        RunError: during a run, when the disk takes no more.
    """

    def __init__(
        self,
        items: Sequence[Mapping[str, Any]],
        classes: Sequence[str],
        output_dir: str | Path,
        predictions: str | Path,
        model: str | os.PathLike | None = None,
        inferer: RestorationInferer | None = None,
        precision: str = "fp32",
        overwrite: bool = True,
        file_is_place: bool = False,
    ) -> None:
        self.items, self.classes = list(items), list(classes)
        self.sources = {item["file"]: Path(item["image"]) for item in items}
        if len(self.sources) < len(self.items):
            raise InputError("two images of the datalist have the same file; each may stand there once.")
        self.places = {file: file for file in self.sources}
        if self.sources and not file_is_place:
            shared = os.path.commonpath({str(path.parent) for path in self.sources.values()})
            self.places = {file: path.relative_to(shared).as_posix() for file, path in self.sources.items()}
        settings = restoration_settings(model, inferer, precision)
        self.description = describe_restoration(model, settings)
        self.folder = RestorationFolder(output_dir, classes, settings, overwrite, predictions)
        self.restored = 0
        self.failed: dict[str, str] = {}
        self.flagged: dict[str, str] = {}
        self.inferer = inferer or RestorationInferer()
        self.sizes = SizeNotes()
        self._to_do: set[str] = set()
        self._begun, self._started = False, 0.0
        self._writer = Background()

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self._begin)
        engine.add_event_handler(Events.ITERATION_STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._save)
        engine.add_event_handler(Events.COMPLETED, self.close)

    def remaining(self) -> list[Mapping[str, Any]]:
        """Open the folder and return this process's share of the items that are left to restore."""
        to_do = self._begin()
        share = [item for item in self.items if self.places[item["file"]] in to_do][process_rank() :: process_count()]
        left = []
        for item in share:
            try:
                self.folder.check(self.places[item["file"]])
            except ForeignFileError as error:
                self._refuse(item["file"], str(error))
            else:
                left.append(item)
        return left

    def close(self) -> None:
        """Write the table of all processes, each of which calls this; the first then knows what all did."""
        if not self._begun:
            return
        self._writer.finish()
        self._begun = False
        self.folder.close()
        parts = gather_from_processes((self.restored, self.failed, self.flagged, self.sizes))
        self.restored = sum(restored for restored, *_ in parts)
        self.failed = {file: reason for _, failed, *_ in parts for file, reason in failed.items()}
        self.flagged = {file: flags for _, _, flagged, _ in parts for file, flags in flagged.items()}
        self.sizes = SizeNotes.joined([sizes for *_, sizes in parts])

    def abandon(self) -> None:
        """Leave the folder in order after an error, without waiting for the other processes."""
        self._writer.abandon()
        self.folder.abandon()

    def report(self) -> None:
        """Print what the processes did; the first one does.

        Raises:
            RunError: when images were refused.
        """
        if process_rank() > 0:
            return
        done = len(self.items) - self.restored - len(self.failed)
        print(
            f"{len(self.items)} images: {self.restored} restored, {len(self.failed)} refused, {done} already done; "
            f"see {self.folder.table}"
        )
        for line in describe_flags(self.flagged):
            print(line)
        self.warn()
        for reason in self.failed.values():
            raise RunError(f"{len(self.failed)} of {len(self.items)} images were refused, such as {reason}")

    def warn(self) -> None:
        """Print what people should know of the images' sizes, in a line each; the first process does."""
        for line in self.sizes.describe(self.inferer) if process_rank() == 0 else ():
            print(line)

    def _begin(self) -> set[str]:
        if not self._begun:
            self.restored, self.failed, self.flagged, self.sizes = 0, {}, {}, SizeNotes()
            self._to_do = set(self.folder.begin(list(self.places.values())))
            self._begun = True
        return self._to_do

    def _start(self) -> None:
        self._started = time.perf_counter()

    def _save(self, engine: Engine) -> None:
        if process_rank() > 0 and sees_all(engine):
            return  # the first process saves the few images that all were given
        outputs = items_of(engine, self, Keys.FILE, Keys.RESTORED, Keys.PROBABILITIES)
        batch: Any = engine.state.batch
        elapsed = (time.perf_counter() - self._started) / max(len(outputs), 1)
        for index, item in enumerate(outputs):
            # decollated where the engine has a postprocessing
            read = batch[index].get(Keys.SECONDS, 0.0) if isinstance(batch, list) else _at(batch, Keys.SECONDS, index)
            restoring = float(item.get(Keys.SECONDS, elapsed))
            self._writer.do(partial(self._save_safely, item, float(read) + restoring))

    def _save_safely(self, item: Mapping[str, Any], seconds: float) -> None:
        try:
            self._save_item(item, seconds)
        except OSError as error:
            reason = explain_fault(error)
            if reason is None:
                self._refuse(item[Keys.FILE], describe_error(error, self.sources[item[Keys.FILE]]))
                return
            raise RunError(
                f"{self.folder.folder}: {reason}; what is restored is safe, mend that and give the same command again."
            ) from error

    def _save_item(self, item: Mapping[str, Any], seconds: float) -> None:
        file = item[Keys.FILE]
        source, place = self.sources[file], self.places[file]
        if Keys.ERROR in item:
            self._refuse(file, item[Keys.ERROR])
            return
        row = {"file": file, "class": self._most_probable(item[Keys.PROBABILITIES]), "seconds": f"{seconds:.3f}"}
        row |= {f"probability_{n}": f"{p:.6f}" for n, p in zip(self.classes, item[Keys.PROBABILITIES].tolist())}
        if Keys.RESTORED_PROBABILITIES in item:
            row["class_restored"] = self._most_probable(item[Keys.RESTORED_PROBABILITIES])
        if "label" in item:
            row["label"] = self.classes[int(item["label"])]
        row |= flag_text(item)
        try:
            meta = getattr(item[Keys.RESTORED], "meta", {})
            if RadiographKeys.KIND not in meta:
                meta = LoadRadiograph(modalities=None)(source).meta
            image = plain_tensor(item[Keys.RESTORED]).mean(0)
            row |= size_columns(self.inferer, meta, image.shape)
            write = partial(_write, image=image, meta=meta, description=self.description)
            self.folder.place(place, write, row)
        except (InputError, ValueError) as error:
            self._refuse(file, describe_error(error, source))
        else:
            self.restored += 1
            self.sizes.note(file, self.inferer, meta, image.shape)
            if item.get("flags"):
                self.flagged[file] = item["flags"]

    def _refuse(self, file: str, reason: str) -> None:
        self.failed[file] = reason
        self.folder.refuse(self.places[file], reason, file)

    def _most_probable(self, probabilities: torch.Tensor) -> str:
        return self.classes[int(probabilities.argmax())]


def restoration_settings(
    model: str | os.PathLike | None, inferer: RestorationInferer | None, precision: str
) -> dict[str, Any]:
    """Return what decides how an image is restored: the model's SHA-256, working size, passes, tone, precision."""
    digest = "" if model is None else model_digest(model)
    inferer = inferer or RestorationInferer()
    settings = {"model": digest, "size": inferer.size, "passes": inferer.passes, "keep_tone": inferer.keep_tone}
    return {**settings, "precision": precision}


def describe_restoration(model: str | os.PathLike | None, settings: Mapping[str, Any]) -> str:
    """Say in a sentence how an image was restored, for the header of a DICOM file."""
    if model is None:
        return ""
    trained, passes = read_settings(model), settings["passes"]
    at = "native size" if settings["size"] == "native" else f"{settings['size']} pixels"
    at += ", in the tone of the source" * settings["keep_tone"]
    return (
        f"Restored by monai_r2c {monai_r2c.__version__}: {trained.variant} restorer of order {trained.order}, "
        f"model {settings['model'][:12]}, {passes} pass{'es' * (passes > 1)} at {at}, {settings['precision']}"
    )


def _write(path: Path, image: torch.Tensor, meta: Mapping[str, Any], description: str) -> None:
    encode_radiograph(image, meta, path, description)


def _at(batch: Mapping[str, Any], key: str, index: int) -> Any:
    return batch[key][index] if key in batch else 0.0

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

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import PathLike
from monai.data import MetaTensor
from monai.transforms import Transform
from monai.utils import ImageMetaKey, MetaKeys
from monai.utils.enums import StrEnum

from .checks import check_values
from .dicom import MODALITIES, read_dicom
from .formats import RadiographKind, require_kind
from .raster import read_raster
from .spacing import stated_spacing
from .volumes import read_metaimage, read_nifti

_READERS = {
    RadiographKind.PNG: read_raster,
    RadiographKind.TIFF: read_raster,
    RadiographKind.JPEG: read_raster,
    RadiographKind.NIFTI: read_nifti,
    RadiographKind.METAIMAGE: read_metaimage,
}


class RadiographKeys(StrEnum):
    """What `LoadRadiograph` writes into the meta data beside MONAI's own keys; always all of them."""

    KIND = "radiograph_kind"
    SPACING = "spacing"
    SPACING_SOURCE = "spacing_source"
    SPACING_NOTE = "spacing_note"
    ORIGINAL_SIZE = "original_size"
    BITS = "bits"
    POLARITY = "polarity"
    VALUE_RANGE = "value_range"


class LoadRadiograph(Transform):
    """Read a radiograph from PNG, TIFF, JPEG, DICOM, NIfTI or MetaImage as a display would show it.

    The format is told by the file's content; NIfTI and MetaImage files must also be named so. Black is air, whatever a
    DICOM file's photometric interpretation. A DICOM image passes the modality LUT, the VOI LUT or window and the
    inversion of MONOCHROME1, and is scaled from the range of the last of them (see `grayscale.presentation_table`).
    Other images are scaled to [0, 1] from, in this order: `value_range`; a NIfTI file's display range (cal_min,
    cal_max); the whole range of 8, 12 or 16 unsigned bits; for signed and float values [0, 1] when all lie in it, else
    their own minimum and maximum.

    The affine of the MetaTensor holds the spacing, 1 mm where it is not known; where it comes from (empty: unknown)
    and what is wrong with it stand in the meta data. The affine of a NIfTI image whose rows and columns lie in the
    plane of the first two axes holds its orientation and place too.

    Args:
        reader: "pydicom" or "itk", what decodes DICOM pixels. Both load alike.
        modalities: DICOM modalities admitted; None admits any.
        value_range: (black, white) of files other than DICOM, for example (0, 4095) for 12 bits in a 16-bit PNG;
            what lies outside is clipped.
        spacing: distance of pixels in mm, one number or (row, column), of files that state none that can be believed.

    Raises:
        ValueError, InputError: at construction, when an argument is not one of those above.
        InputError: on a call, with the file's name and why it is refused: missing, of another format or modality, no
            image, several frames, colour, constant or not finite pixels, truncated or corrupt, above 64 Mi pixels or
            256 MiB.

    Example:
        >>> image = LoadRadiograph()("chest.dcm")  # MetaTensor (1, rows, columns), float32 in [0, 1]
        >>> image.meta["original_size"], image.meta["bits"], image.meta["polarity"]
        ((1955, 1841), 15, 'MONOCHROME1')
    """

    def __init__(
        self,
        reader: str = "pydicom",
        modalities: Sequence[str] | None = MODALITIES,
        value_range: tuple[float, float] | None = None,
        spacing: float | Sequence[float] | None = None,
    ) -> None:
        if reader not in ("pydicom", "itk"):
            raise ValueError(f"reader must be 'pydicom' or 'itk', got {reader!r}.")
        if isinstance(modalities, str):
            raise ValueError(f"modalities must be a sequence of modalities or None, got the string {modalities!r}.")
        if value_range is not None and not value_range[0] < value_range[1]:
            raise ValueError(f"value_range must be (black, white) with black < white, got {value_range}.")
        self.reader = reader
        self.modalities = None if modalities is None else tuple(modalities)
        self.value_range = value_range
        self.spacing = stated_spacing(spacing)

    def __call__(self, filename: PathLike) -> MetaTensor:
        path = Path(filename).expanduser()
        kind = require_kind(path)
        if kind == RadiographKind.DICOM:
            stored = read_dicom(path, self.reader, self.modalities)
            value_range = stored.value_range
        else:
            stored = _READERS[kind](path)
            value_range = self.value_range or stored.value_range
        check_values(path, stored.values)
        value_range = value_range or _own_range(stored.values)
        if kind == RadiographKind.DICOM:  # as a display shows it, in [0, 1] already
            image = stored.values
        else:
            image = _scaled(stored.values, *value_range)
            if stored.is_inverted:
                np.subtract(1.0, image, out=image)
            check_values(path, image)
        found = self.spacing if self.spacing is not None and stored.spacing.values is None else stored.spacing
        spacing = found.values or (1.0, 1.0)
        affine = np.diag([*spacing, 1.0, 1.0]) if stored.affine is None else stored.affine
        meta: dict[str, Any] = {
            ImageMetaKey.FILENAME_OR_OBJ: str(path),
            MetaKeys.ORIGINAL_CHANNEL_DIM: float("nan"),  # how MONAI says that the file has none
            MetaKeys.SPATIAL_SHAPE: np.asarray(image.shape),
            MetaKeys.ORIGINAL_AFFINE: affine,
            RadiographKeys.KIND: str(kind),
            RadiographKeys.SPACING: spacing,
            RadiographKeys.SPACING_SOURCE: found.source,
            RadiographKeys.SPACING_NOTE: found.note,
            RadiographKeys.ORIGINAL_SIZE: tuple(image.shape),
            RadiographKeys.BITS: stored.bits,
            RadiographKeys.POLARITY: stored.polarity,
            RadiographKeys.VALUE_RANGE: value_range,
        }
        return MetaTensor(torch.from_numpy(image)[None], affine=torch.tensor(affine), meta=meta)


def _own_range(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (0.0, 1.0) if low >= 0.0 and high <= 1.0 else (low, high)


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    image = values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)
    np.subtract(image, low, out=image)
    np.divide(image, high - low, out=image)
    return np.clip(image, 0.0, 1.0, out=image).astype(np.float32, copy=False)

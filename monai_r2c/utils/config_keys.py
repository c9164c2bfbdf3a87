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

import difflib
import inspect
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from pydoc import locate
from typing import Any

import yaml
from monai.bundle import ConfigComponent, ConfigExpression, ConfigParser, ConfigWorkflow, ReferenceResolver
from monai.bundle.utils import merge_kv

from .errors import InputError

_SEPARATOR = ReferenceResolver.sep
_NAMES_OF_MONAI = {"imports", "bundle_root", "run"}  # MONAI looks for them itself


def check_keys(*files: str) -> None:
    """Refuse keys of the running config that nothing reads, such as a mistyped one, which MONAI would pass over.

    Meant for ``initialize`` of a bundle's config. A key is known when it stands in the bundle's own files, when
    something in the config refers to it with ``@``, or when the run is called by it; so an override file may bring
    entries of its own and refer to them. In a section such as ``train`` the same holds for its entries. Arguments of a
    component must be those that its class or function takes. Keys like ``_this_`` are left alone.

    Args:
        files: names of the bundle's own config files, in the folder of the run's first config file. Where they are not
            there, as for a config under another name, arguments alone are checked.

    Raises:
        InputError: at the first key that is not known, with the nearest known ones.
    """
    parser, workflow = _called_by(ConfigParser), _called_by(ConfigWorkflow)
    if parser is None or workflow is None:
        return
    paths = [workflow.config_root_path / file for file in files]
    entries = {workflow.init_id, workflow.run_id, workflow.final_id}
    if all(path.is_file() for path in paths) and not _all_are_used(parser.get(), entries):
        _check_sections(parser.get(), _read_quickly(paths), entries)
    for id_, component in _components(parser.get()):
        _check_arguments(parser, id_, component)


def _all_are_used(config: Mapping[str, Any], entries: Collection[str]) -> bool:
    """Whether no key can be a mistyped one, whichever file it came from; the bundle's own are then not read again."""
    references = list(_references(config))
    read = {id_ for to, source in references for id_ in _up_from(to) if not _is_within(source, id_)}
    whole = {to for to, source in references if not _is_within(source, to)}
    known = read | set(entries) | _NAMES_OF_MONAI
    return all(id_ in known or _hands_on(id_, value, whole) for id_, value in _section_entries(config))


def _hands_on(id_: str, value: Any, whole: Collection[str]) -> bool:
    """Whether this is the like of ``order: '@order'``, in a section that something takes as a whole."""
    section, _, key = id_.rpartition(_SEPARATOR)
    return section in whole and value == f"{ReferenceResolver.ref}{key}"


def _up_from(id_: str) -> Iterator[str]:
    """This id and those of the sections around it."""
    while id_:
        yield id_
        id_ = id_.rpartition(_SEPARATOR)[0]


def _is_within(id_: str, section: str) -> bool:
    return f"{id_}{_SEPARATOR}".startswith(f"{section}{_SEPARATOR}")


def _read_quickly(paths: Iterable[Path]) -> dict[str, Any]:
    """Read config files as MONAI does, but in C, where that is there: MONAI has parsed and checked them by now."""
    parser = ConfigParser(config={})
    for path in paths:
        config = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        for key, value in config.items():
            merge_kv(parser, key, value)
    return parser.get()


def _check_sections(config: Mapping[str, Any], own: Mapping[str, Any], entries: Collection[str]) -> None:
    references = list(_references(config))
    own_keys = [id_ for id_, value in _section_entries(own) if not ConfigExpression.is_import_statement(value)]
    known = own_keys + [id_ for id_, _ in references]
    for id_, in_own_section in _unknown(config, own, ""):
        if id_ not in entries and not any(_reads(to, source, id_, in_own_section) for to, source in references):
            hint = _hint(id_, known, "see the settings at the top of the config.")
            raise InputError(f"{id_}: there is no such key, and nothing in the config refers to it{hint}")


def _check_arguments(parser: ConfigParser, id_: str, component: Mapping[str, Any]) -> None:
    target = component["_target_"]
    if not isinstance(target, str) or target.startswith(("$", "@")):
        return
    name = ConfigComponent(component, id_, parser.locator).resolve_module_name()
    try:
        parameters = inspect.signature(locate(name)).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):  # not found, which building it will say, or written in C
        return
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    taken = [parameter.name for parameter in parameters if parameter.kind is not parameter.POSITIONAL_ONLY]
    for key in component:
        if key not in taken and not _is_special(key):
            short = target.rpartition(".")[2]
            hint = _hint(key, taken, f"it takes {', '.join(taken)}.")
            raise InputError(f"{id_}{_SEPARATOR}{key}: {short} takes no argument of this name{hint}")


def _unknown(section: Mapping[str, Any], own: Mapping[str, Any] | None, prefix: str) -> Iterator[tuple[str, bool]]:
    """Ids that the bundle's own files do not have, and whether the section they stand in is one of these files."""
    for key, value in section.items():
        if _is_special(key):
            continue
        id_, there = f"{prefix}{key}", own is not None and key in own
        if not there:
            yield id_, own is not None
        if isinstance(value, Mapping) and not ConfigComponent.is_instantiable(value):
            within = own[key] if own is not None and there and isinstance(own[key], Mapping) else None
            yield from _unknown(value, within, f"{id_}{_SEPARATOR}")


def _reads(to: str, source: str, id_: str, in_own_section: bool) -> bool:
    """Whether a reference from elsewhere is to this id, within it, or to a section of the user's own around it."""
    if _is_within(source, id_):
        return False
    around = not in_own_section and _is_within(id_, to)
    return around or _is_within(to, id_)


def _hint(id_: str, known: Iterable[str], otherwise: str) -> str:
    """Say which of the known ids end most like this one."""
    key = id_.rpartition(_SEPARATOR)[2]
    by_end: dict[str, list[str]] = {}
    for other in dict.fromkeys(known):
        by_end.setdefault(other.rpartition(_SEPARATOR)[2].lower(), []).append(other)
    ends = difflib.get_close_matches(key.lower(), by_end, n=3, cutoff=0.6)
    nearest = [other for end in ends for other in sorted(by_end[end], key=len)][:3]
    return f"; did you mean {' or '.join(nearest)}?" if nearest else f"; {otherwise}"


def _references(config: Any, source: str = "") -> Iterator[tuple[str, str]]:
    """All ids that the config refers to, each with the id of the place where it does."""
    if isinstance(config, str):
        yield from ((id_, source) for id_ in ReferenceResolver.match_refs_pattern(config))
    elif isinstance(config, (Mapping, list)):
        for _, id_, value in ReferenceResolver.iter_subconfigs(source, config):
            yield from _references(value, id_)


def _components(config: Any, id_: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if ConfigComponent.is_instantiable(config):
        yield id_, config
    if isinstance(config, (Mapping, list)):
        for _, sub_id, value in ReferenceResolver.iter_subconfigs(id_, config):
            if sub_id != ConfigParser.meta_key:
                yield from _components(value, sub_id)


def _section_entries(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All keys that are no argument of a component, by id, with their values."""
    for key, value in section.items():
        if _is_special(key):
            continue
        yield f"{prefix}{key}", value
        if isinstance(value, Mapping) and not ConfigComponent.is_instantiable(value):
            yield from _section_entries(value, f"{prefix}{key}{_SEPARATOR}")


def _is_special(key: str) -> bool:
    return key.startswith("_") and key.endswith("_")


def _called_by(kind: type) -> Any:
    """The object of this kind whose method is running: MONAI gives an expression no other way to its config."""
    frame = sys._getframe(1)
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, kind):
            return caller
        frame = frame.f_back  # type: ignore[assignment]
    return None

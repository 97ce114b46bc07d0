"""Records kept as JSON: one reader for runs, jobs, cards, manifests and thresholds, typed and tolerant.

A field that this version does not know is kept, so that an older program never loses what a newer one wrote. A value of
another kind than its field is damage: a `LabError` that names the file. A list of records names what is damaged and goes
on with the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from core.errors import LabError


@dataclass(frozen=True, slots=True)
class Stored:
    """What every stored record has beside its own fields.

    Args:
        extra: Fields that this version does not know, as they were read.
    """

    extra: Mapping[str, Any] = field(default_factory=dict, kw_only=True, repr=False)

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values, unknown fields included."""
        values = asdict(self)
        unknown = values.pop("extra")
        return {**values, **unknown}


Record = TypeVar("Record", bound=Stored)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """What a folder of records holds.

    Args:
        whole: The readable ones.
        damaged: A sentence for each of the others, which names it.
    """

    whole: list[Item]
    damaged: list[str]


def read_stored(kind: type[Record], path: Path, *, remedy: str = "Delete it; the others are not affected.") -> Record:
    """Read a record from its file.

    Raises:
        LabError: The file is absent, is not JSON, or a field is missing or of another kind; `remedy` says what to do.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise LabError(f"Cannot read {path}: {error.strerror}.", remedy) from error
    except UnicodeDecodeError as error:
        raise LabError(f"{path} is damaged: byte {error.start} is not UTF-8.", remedy) from error
    return restore(kind, text, origin=str(path), remedy=remedy)


def restore(kind: type[Record], text: str, *, origin: str, remedy: str = "") -> Record:
    """Return the record that a JSON text holds, fields that this version does not know included.

    Raises:
        LabError: The text is not JSON, or a field is missing or of another kind; `origin` is named.
    """
    record = parse_value(kind, text, origin=origin, remedy=remedy)
    known = {item.name for item in fields(kind)} - {"extra"}
    return replace(record, extra={name: value for name, value in json.loads(text).items() if name not in known})


def parse_value(kind: type[Item], text: str, *, origin: str, remedy: str = "") -> Item:
    """Return the value of a dataclass that a JSON text holds; other fields than its own are dropped.

    Raises:
        LabError: The text is not JSON, or a field is missing or of another kind; `origin` is named.
    """
    from pydantic import ValidationError

    try:
        json.loads(text)  # Says in plainer words than pydantic where a text stops being JSON.
        reader: Any = _reader(cast("Any", kind))
        value: Item = reader.validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise LabError(f"{origin} is damaged: {place}: {first['msg']}.", remedy) from error
    except LabError as error:  # A value that its class refuses.
        raise LabError(f"{origin} is damaged: {error.happened}", remedy) from error
    except (ValueError, RecursionError) as error:
        raise LabError(f"{origin} is damaged: {error}.", remedy) from error
    return value


def read_each(sources: Iterable[Path], read: Callable[[Path], Item]) -> Listing[Item]:
    """Read records one by one; what is damaged is named and left out."""
    whole, damaged = [], []
    for source in sources:
        try:
            whole.append(read(source))
        except LabError as error:
            damaged.append(f"{source.name}: {error}")
    return Listing(whole, damaged)


@lru_cache(maxsize=32)
def _reader(kind: Any) -> Any:
    """Return pydantic's reader of a dataclass; making one takes milliseconds."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)

"""JSON documents from outside, read as data: size limits, no repeated keys, exact numbers; written atomically."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from tabular.errors import FileFormatError, InvalidArgumentError
from tabular.rationals import MAX_DIGITS, parse_fraction

__all__ = ["MAX_BYTES", "read_document", "require", "write_text"]

MAX_BYTES = 256 * 2**20


def read_document(path: Path, form: str) -> dict[str, Any]:
    """Return the JSON object in `path`; decimal numbers are exact `Fraction`, integers are `int`.

    Parameters
    ----------
    path : Path
    form : str
        The required value of its ``"format"`` field.

    Raises
    ------
    FileFormatError
        Naming the file, the line where there is one, and what is wrong.
    """
    text = _read_text(path)

    def refuse(message: str) -> FileFormatError:
        return FileFormatError(f"{path}: {message}")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in items:
            if key in result:
                raise refuse(f"key {key!r} is given twice in one object; give it once.")
            result[key] = value
        return result

    def number(literal: str) -> Fraction:
        return parse_fraction(literal, "number")

    def integer(literal: str) -> int:
        if len(literal) > MAX_DIGITS:
            raise refuse(f"a number of {len(literal)} digits is too long (limit {MAX_DIGITS}).")
        return int(literal)

    def constant(literal: str) -> Any:
        raise refuse(f"{literal} is not a number; probabilities and rewards must be finite.")

    try:
        document = json.loads(
            text, object_pairs_hook=pairs, parse_float=number, parse_int=integer, parse_constant=constant
        )
    except json.JSONDecodeError as error:
        raise refuse(
            f"not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}; is the file complete?"
        ) from None
    except RecursionError:
        raise refuse("objects are nested too deeply; this format needs three levels.") from None
    except InvalidArgumentError as error:
        raise error if isinstance(error, FileFormatError) else refuse(str(error)) from None
    if not isinstance(document, dict):
        raise refuse(f"expected a JSON object, but got {type(document).__name__}.")
    if document.get("format") != form:
        raise refuse(f'expected "format": "{form}", but got {document.get("format")!r}; add or mend the tag.')
    return document


def _read_text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise FileFormatError(f"{path}: {size} bytes is over the limit of {MAX_BYTES}; split the problem.")
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"{path}: not a text file (byte {error.start} is not UTF-8); expected a JSON document."
        ) from None
    except IsADirectoryError:
        raise FileFormatError(f"{path}: is a directory; expected a JSON file.") from None
    except FileNotFoundError:
        raise FileFormatError(f"{path}: no such file; check the path.") from None
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read: {error.strerror}.") from None


def require(document: Mapping[str, Any], key: str, kind: type | tuple[type, ...], where: str) -> Any:
    """Return ``document[key]``, checked to be of type `kind`.

    Raises
    ------
    FileFormatError
        If the field is missing or of another type.
    """
    if key not in document:
        raise FileFormatError(f'{where}: the field "{key}" is missing; add it.')
    value = document[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise FileFormatError(f'{where}: the field "{key}" has the wrong type {type(value).__name__}; mend it.')
    return value


def write_text(path: Path, text: str) -> None:
    """Write a file atomically: it has the old content or the new, never half of it.

    Raises
    ------
    InvalidArgumentError
        If the folder does not exist or cannot be written.
    """
    folder = path.parent
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise InvalidArgumentError(f"Cannot write {path}: {error.strerror}; check the folder.") from None

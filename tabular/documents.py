"""JSON documents from outside, read as data: size limits, no repeated keys, exact numbers; written
atomically."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import re
import tempfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from metaregret.tabular.errors import FileFormatError, InvalidArgumentError
from metaregret.tabular.rationals import MAX_DIGITS, parse_fraction

__all__ = [
    "MAX_BYTES",
    "abridged",
    "check_writable",
    "json_text",
    "read_bytes",
    "read_document",
    "require",
    "write_arrays",
    "write_bytes",
    "write_text",
]

_SURROGATE = re.compile(r"\\u[dD][89abAB]|\\u[dD][c-fC-F]")
_SURROGATE_PAIRS = re.compile(
    r"(?:[^\\]|\\[^u]|\\u(?![dD][89a-fA-F])|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*",
    re.DOTALL,
)
"""JSON text whose surrogate escapes, if any, come in pairs."""

MAX_BYTES = 256 * 2**20
CHUNK = 2**20


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

    if _SURROGATE.search(text) and not _SURROGATE_PAIRS.fullmatch(text):
        raise refuse("a \\ud800 to \\udfff escape stands alone, which is no character; mend the name.")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in items:
            if key in result:
                raise refuse(f"key {abridged(key)} is given twice in one object; give it once.")
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
        raise refuse(
            f'expected "format": "{form}", but got {abridged(document.get("format"))}; add or mend the tag.'
        )
    return document


def _read_text(path: Path) -> str:
    content = read_bytes(path)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise FileFormatError(f"{path}: begins with the byte order mark of UTF-16; save it as UTF-8.")
    try:
        return content.decode("utf-8-sig")  # the byte order mark that some editors write is no content
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"{path}: not a text file (byte {error.start} is not UTF-8); expected a JSON document."
        ) from None


def read_bytes(path: Path) -> bytes:
    """Return the content of a file of at most `MAX_BYTES` bytes.

    Raises
    ------
    FileFormatError
        If it is larger, missing or cannot be read.
    """
    try:
        content = bytearray()
        with path.open("rb") as stream:  # devices and pipes tell no size: read no more than the limit
            while chunk := stream.read(CHUNK):
                content += chunk
                if len(content) > MAX_BYTES:
                    raise FileFormatError(
                        f"{path}: more than the limit of {MAX_BYTES} bytes; split the problem."
                    )
        return bytes(content)
    except FileFormatError:
        raise
    except IsADirectoryError:
        raise FileFormatError(f"{path}: is a directory; expected a file.") from None
    except FileNotFoundError:
        raise FileFormatError(f"{path}: no such file; check the path.") from None
    except OSError as error:
        raise FileFormatError(
            f"{str(path)[:200]}: cannot be read: {error.strerror}; check the path."
        ) from None
    except ValueError:
        raise FileFormatError(f"{str(path)[:200]!r} is not the name of a file; check the path.") from None


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
        kinds = " or ".join(_SPELLED[one] for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise FileFormatError(
            f'{where}: expected the field "{key}" to be {kinds}, but got {abridged(value)}; mend it.'
        )
    return value


_SPELLED = {int: "a whole number", list: "a list", dict: "an object", str: "a string"}


def abridged(value: object, width: int = 80) -> str:
    """Return a short spelling of a value from a document, for messages."""
    if isinstance(value, Fraction):
        return str(value)[:width]
    if isinstance(value, (list, dict)):
        return f"a {'list' if isinstance(value, list) else 'JSON object'} of length {len(value)}"
    text = json.dumps(value) if isinstance(value, (bool, type(None))) else repr(value)
    return text if len(text) <= width else f"{text[:width]}..."


def check_writable(files: Mapping[str, Path]) -> None:
    """Find out, before the work whose results they are to hold, that files can be written; writes nothing.

    Parameters
    ----------
    files : mapping
        Files by what they are for, such as the option that names them.

    Raises
    ------
    InvalidArgumentError
        If one is a folder, its folder does not exist or cannot be written, or two are the same file.
    """
    taken: dict[Path, str] = {}
    for what, path in files.items():
        try:
            device = path.exists() and not path.is_file() and not path.is_dir()
            place = _followed(path)
            folder = place.parent
            if not str(path) or place.is_dir():
                wrong = "is a folder; name a file"
            elif not folder.is_dir():
                wrong = f"there is no folder {str(folder)[:200]}; make it"
            elif not os.access(place if device else folder, os.W_OK):
                wrong = "no permission; choose another place"
            elif not device and place in taken:
                wrong = f"{taken[place]} is the same file; name two"
            else:
                taken[place] = what
                continue
        except (OSError, ValueError):
            wrong = "that is not the name of a file; check the path"
        raise InvalidArgumentError(f"Cannot write {what} {str(path)[:200]!r}: {wrong}.")


class _Encoder(json.JSONEncoder):
    def default(self, o: Any) -> Any:
        if isinstance(o, np.generic):
            return o.item()
        if isinstance(o, np.ndarray):
            return o.tolist()
        return str(o)


_PLAIN = (str, int, bool, type(None))


def _finite(value: Any) -> Any:
    """Replace infinities by the strings "inf" and "-inf", which JSON can carry."""
    if type(value) in _PLAIN:  # most of a long policy; the tests below cost more than writing it
        return value
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, (float, np.floating)) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def json_text(document: Mapping[str, Any]) -> str:
    """Return a document as JSON text; infinities are the strings "inf" and "-inf"."""
    return json.dumps(_finite(document), indent=2, cls=_Encoder, allow_nan=False) + "\n"


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a compressed NPZ file without pickles, atomically; see `write_bytes`."""
    stream = io.BytesIO()
    savez: Any = np.savez_compressed  # its stub takes the names of arrays for options
    savez(stream, **arrays)
    write_bytes(path, stream.getbuffer())


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8, atomically; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def _followed(path: Path) -> Path:
    """Return where links lead; a loop of them, of which versions of Python think differently, is refused."""
    place = Path(os.path.realpath(path))
    if place.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return place


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file atomically: it has the old content or the new, never half of it.

    A symbolic link is followed, and devices and pipes (such as ``/dev/stdout``) are written to, not replaced.

    Raises
    ------
    InvalidArgumentError
        If the folder does not exist or cannot be written.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(content)
            return
        path = _followed(path)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".metaregret.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise InvalidArgumentError(
            f"Cannot write {str(path)[:200]}: {error.strerror}; check the folder."
        ) from None
    except ValueError:
        raise InvalidArgumentError(
            f"{str(path)[:200]!r} is not the name of a file; check the path."
        ) from None

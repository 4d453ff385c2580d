"""Numbers of named things: a mapping over the names that is an array as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, overload

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from metaregret.tabular.errors import InvalidArgumentError, UnknownNameError
from metaregret.tabular.labels import Labels
from metaregret.tabular.rationals import fraction_text

__all__ = ["ByName", "NamedArray", "OptionalNamedArray"]


class ByName(NDArrayOperatorsMixin, Mapping[str, "float | Fraction"]):
    """One number per name, such as the probability of every task.

    Looked up by name it gives the rational number where that is known, else a float; by position, a slice
    or a mask, floats; arithmetic and NumPy's functions take it as the array it carries.

    Parameters
    ----------
    names : sequence of str, length K
    values : array_like, shape (K,)
    exact : sequence of Fraction (or infinite floats), length K, optional
        The same numbers, exactly.

    Examples
    --------
    >>> weights = ByName(["left", "right"], [0.25, 0.75], [Fraction(1, 4), Fraction(3, 4)])
    >>> weights["left"], weights.array.tolist(), float(weights.sum())
    (Fraction(1, 4), [0.25, 0.75], 1.0)
    """

    __slots__ = ("_labels", "array", "exact", "names")

    def __init__(self, names: Sequence[str], values: object, exact: Sequence[Any] | None = None) -> None:
        array = np.asarray(values, dtype=float).view()
        if array.shape != (len(names),):
            raise InvalidArgumentError(
                f"Expected one number per name, shape ({len(names)},), but got {array.shape}."
            )
        array.setflags(write=False)
        self.names, self.array = names, array
        self.exact = None if exact is None else tuple(exact)
        self._labels: Labels | None = names if isinstance(names, Labels) else None

    @overload
    def __getitem__(self, key: str) -> float | Fraction: ...
    @overload
    def __getitem__(self, key: Any) -> Any: ...
    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return self.array[key]
        if self._labels is None:
            self._labels = Labels(self.names, "name")
        try:
            position = self._labels.position(key)
        except InvalidArgumentError as error:
            raise UnknownNameError(str(error)) from None
        return float(self.array[position]) if self.exact is None else self.exact[position]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name!r}: {self[name]!s:.12}" for name in list(self.names[:6]))
        return f"<ByName {{{shown}{', ...' if len(self) > 6 else ''}}}, {len(self)} in all>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.array, dtype=dtype) if copy else np.asarray(self.array, dtype=dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [item.array if isinstance(item, ByName) else item for item in inputs]
        return getattr(ufunc, method)(*plain, **options)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(K,)``."""
        return self.array.shape

    def tolist(self) -> list[float]:
        """The numbers as floats, in order."""
        return self.array.tolist()

    def sum(self) -> float:
        """Their sum."""
        return float(self.array.sum())

    def max(self) -> float:
        """The largest of them."""
        return float(self.array.max())

    def min(self) -> float:
        """The smallest of them."""
        return float(self.array.min())

    def argmax(self) -> int:
        """The position of the largest."""
        return int(self.array.argmax())

    def floats(self) -> dict[str, float]:
        """The numbers by name, as floats."""
        return dict(zip(self.names, self.tolist(), strict=True))

    def fractions(self) -> dict[str, str] | None:
        """The numbers by name as text ``"p/q"``, or None where they are known in floating point only."""
        if self.exact is None:
            return None
        return {
            name: fraction_text(x) if isinstance(x, Fraction) else str(x)
            for name, x in zip(self.names, self.exact, strict=True)
        }


class _Field:
    """What the two kinds of fields share: a slot of the object that holds the array, then its `ByName`.

    Parameters
    ----------
    read : callable
        From the object to the names and, where known, the rational numbers.
    """

    def __init__(self, read: Callable[[Any], tuple[Sequence[str], Sequence[Any] | None]]) -> None:
        self._read = read

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = f"_{name}"

    def _look(self, instance: object | None) -> ByName | None:
        if instance is None:
            raise AttributeError(self._slot)  # tells dataclass that the field has no default
        stored = instance.__dict__[self._slot]
        if stored is not None and not isinstance(stored, ByName):
            names, exact = self._read(instance)
            stored = instance.__dict__[self._slot] = ByName(names, stored, exact)
        return stored


class NamedArray(_Field):
    """A field of a dataclass that is given an array and read as `ByName`."""

    def __get__(self, instance: object | None, owner: type) -> ByName:
        found = self._look(instance)
        assert found is not None
        return found

    def __set__(self, instance: object, value: np.ndarray | ByName) -> None:
        instance.__dict__[self._slot] = np.asarray(value)


class OptionalNamedArray(_Field):
    """The same for a field that may be None."""

    def __get__(self, instance: object | None, owner: type) -> ByName | None:
        return self._look(instance)

    def __set__(self, instance: object, value: np.ndarray | ByName | None) -> None:
        instance.__dict__[self._slot] = None if value is None else np.asarray(value)

"""`check`: the stand-alone checker as a call whose result can be asked for what was proved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.choices import expect
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.certificates import check as checker
from metaregret.theory.results import Result

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CheckResult", "check"]


def check(path: Path | str, *, budget: int | None = None) -> CheckResult:
    """Prove the bracket of a certificate again, in rational arithmetic, trusting nothing.

    Parameters
    ----------
    path : Path or str
        A file that `certificate` of a result wrote.
    budget : int, optional
        Units of work, a microsecond each or less.

    Returns
    -------
    CheckResult
        True where the certificate proves what it claims.

    Raises
    ------
    InvalidArgumentError
        If the file cannot be read.

    Examples
    --------
    >>> import metaregret as mr, pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "c.json"
    >>> document = mr.solve(mr.goals(mr.make("line:3", horizon=2)), exact=True).certificate(file)
    >>> bool(mr.check(file)), mr.check(file).value.exact
    (True, Fraction(2, 1))
    """
    expect((Path, str), path, "path", "name a certificate file")
    if budget is not None and (isinstance(budget, bool) or not isinstance(budget, int) or budget < 1):
        raise InvalidArgumentError(f"Expected a budget of at least 1 unit of work, but got {budget!r:.60}.")
    try:
        claim, lower, upper = checker.check(Path(path), checker.BUDGET if budget is None else budget)
    except checker.CertificateError as reason:
        return CheckResult(accepted=False, reason=str(reason))
    except OSError as error:
        raise InvalidArgumentError(f"{path}: cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise InvalidArgumentError(f"{str(path)[:200]!r}: cannot be read: {error}.") from None
    return CheckResult(accepted=True, claim=claim, lower=lower, upper=upper)


@dataclass(frozen=True)
class CheckResult(Result):
    """What the checker says; true where it accepts.

    Attributes
    ----------
    accepted : bool
    claim : str
        What was proved, in words.
    reason : str
        The first thing that failed; empty where accepted.
    lower, upper : Fraction or infinite float, or None
        The proved bounds.

    Examples
    --------
    >>> import metaregret as mr, pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "c.json"
    >>> document = mr.solve(mr.goals(mr.make("line:3", horizon=2)), exact=True).certificate(file)
    >>> result = mr.check(file)
    >>> result.accepted, str(result.lower), str(result.upper)
    (True, '2', '2')
    """

    accepted: bool
    claim: str = ""
    reason: str = ""
    lower: Fraction | float | None = None
    upper: Fraction | float | None = None

    def __bool__(self) -> bool:
        return self.accepted

    @property
    def value(self) -> Bracket:
        """The proved bracket.

        Raises
        ------
        InvalidArgumentError
            If nothing was proved.
        """
        if self.lower is None or self.upper is None:
            raise InvalidArgumentError(f"Nothing was proved: {self.reason}.")
        how = "proved by the checker"
        if self.lower == self.upper and not isinstance(self.lower, float):
            return Bracket.of(self.lower, how)
        low = self.lower if isinstance(self.lower, float) else Bracket.of(self.lower).lower
        high = self.upper if isinstance(self.upper, float) else Bracket.of(self.upper).upper
        return Bracket(low, high, None, how, how)

    def parts(self) -> Iterator[str]:
        if self.accepted:
            yield f"proved: {self.claim}"
        else:
            yield f"rejected: {self.reason}".encode("ascii", "backslashreplace").decode()

    def _document(self) -> dict[str, Any]:
        document: dict[str, Any] = {"format": "metaregret-check/1", "accepted": self.accepted}
        if not self.accepted:
            return document | {"reason": self.reason}
        assert self.lower is not None
        assert self.upper is not None
        proved = {"lower": checker.text(self.lower), "upper": checker.text(self.upper)}
        return document | {"claim": self.claim, "proved": proved}

    def to_frame(self) -> pd.DataFrame:
        """Return one row: whether the certificate is accepted, and the bounds."""
        import pandas as pd

        row = {"accepted": self.accepted, "lower": self.lower, "upper": self.upper}
        return pd.DataFrame([row | {"claim": self.claim, "reason": self.reason}])

"""Files of task distributions and of polytopes that must be refused: a name, the bytes, and words that the
one error message must contain. The tasks are the states "0", "1", "2" of a line."""

from __future__ import annotations

import json
from typing import Any

from malformed import Malformed

__all__ = ["MALFORMED_DISTRIBUTIONS", "MALFORMED_POLYTOPES"]


def _polytope(*rows: Any, **changes: Any) -> bytes:
    return json.dumps({"format": "metaregret-polytope/1", "rows": list(rows)} | changes).encode()


def _distribution(tasks: Any, **changes: Any) -> bytes:
    return json.dumps({"format": "metaregret-distribution/1", "tasks": tasks} | changes).encode()


MALFORMED_POLYTOPES = tuple(
    Malformed(*entry)
    for entry in (
        ("no JSON", b"{", ("JSON", "line 1")),
        ("other format", _polytope(format="metaregret-polytope/2"), ("metaregret-polytope/1", "tag")),
        ("no rows", _polytope(), ("1 to 10000 rows", "0 rows")),
        ("rows no list", _polytope(rows={"a": 1}), ('"rows"', "list")),
        ("too many rows", _polytope(*[{"weights": {"0": 1}, "at_most": 1}] * 10_001), ("10001 rows",)),
        ("row no object", _polytope([1, 2]), ("row 0", "object")),
        ("unknown field", _polytope({"weights": {"0": 1}, "most": 1}), ("row 0", "'most'", "at_most")),
        ("no weights", _polytope({"at_most": 1}), ("row 0", '"weights"', "missing")),
        ("empty weights", _polytope({"weights": {}, "at_most": 1}), ("row 0", "name none")),
        ("unknown task", _polytope({"weights": {"7": 1}, "at_most": 1}), ("row 0", "'7'", "3 tasks")),
        ("no limit", _polytope({"weights": {"0": 1}}), ("row 0", "at_most", "add one")),
        ("bad weight", _polytope({"weights": {"0": "x"}, "at_most": 1}), ("row 0", "'0'", "'x'")),
        ("bad limit", _polytope({"weights": {"0": 1}, "at_least": [1]}), ("row 0", "at_least", "[1]")),
        ("NaN", b'{"format": "metaregret-polytope/1", "rows": [{"weights": {"0": NaN}}]}', ("NaN",)),
        ("empty set", _polytope({"weights": {"0": 1}, "at_least": 2}), ("No task distribution", "relax")),
    )
)

MALFORMED_DISTRIBUTIONS = tuple(
    Malformed(*entry)
    for entry in (
        ("other format", _distribution({"0": 1}, format="metaregret-cmp/1"), ("metaregret-distribution/1",)),
        ("tasks no object", _distribution([1]), ('"tasks"', "object")),
        ("unknown task", _distribution({"9": 1}), ("--nominal", "'9'", "3 tasks")),
        ("sum", _distribution({"0": "1/2"}), ("--nominal", "sum", "1/2", "normalise")),
        ("negative", _distribution({"0": -1, "1": 2}), ("--nominal", "-1")),
        ("no number", _distribution({"0": "half"}), ("--nominal", "'half'")),
    )
)

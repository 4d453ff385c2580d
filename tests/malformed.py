"""Process files that must be refused: what is wrong, the bytes, and words that the one error message must
contain.

The table serves the reader of files, and any command that takes a file. Every entry names the offending
item, its position and its value, and says what to do.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

__all__ = ["GOOD", "MALFORMED", "Malformed"]

GOOD: dict[str, Any] = {
    "format": "metaregret-cmp/1",
    "states": ["a", "b"],
    "actions": ["x", "y"],
    "initial": {"a": "1"},
    "horizon": 4,
    "transitions": [["a", "x", "b", "1/2"], ["a", "x", "a", "1/2"], ["a", "y", "a", 1], ["b", "x", "b", 1]],
}
"""A process that is fine; every malformed one differs from it in one respect."""


class Malformed(NamedTuple):
    """One file that must be refused."""

    name: str
    content: bytes
    words: tuple[str, ...]


def _with(**changes: Any) -> bytes:
    """The good document with fields replaced; None takes a field out."""
    document = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return json.dumps(document).encode()


def _rows(*rows: Any) -> bytes:
    """The good document with other transitions."""
    return _with(transitions=list(rows))


def _raw(old: str, new: str) -> bytes:
    """The good document as text, one piece replaced by something json.dumps would not write."""
    text = json.dumps(GOOD)
    assert text.count(old) == 1
    return text.replace(old, new).encode()


_STAY = [["a", "y", "a", 1], ["b", "x", "b", 1]]

MALFORMED: tuple[Malformed, ...] = tuple(
    Malformed(*entry)
    for entry in (
        # numbers
        (
            "row sums to less",
            _rows(["a", "x", "b", "1/3"], *_STAY),
            ("'a'", "'x'", "sum to", "0.333", "mend"),
        ),
        (
            "row sums to more",
            _rows(["a", "x", "b", 0.7], ["a", "x", "a", 0.4], *_STAY),
            ("'a'", "'x'", "1.1", "mend"),
        ),
        (
            "row almost sums to one",
            _rows(["a", "x", "b", 0.3333333], ["a", "x", "a", 0.6666666], *_STAY),
            ("'a'", "sum to", "0.99999", "mend"),
        ),
        ("NaN", _raw('"1/2"], ["a", "x", "a"', 'NaN], ["a", "x", "a"'), ("NaN", "finite")),
        ("Infinity", _raw('"1/2"], ["a", "x", "a"', 'Infinity], ["a", "x", "a"'), ("Infinity", "finite")),
        (
            "minus Infinity",
            _raw('"1/2"], ["a", "x", "a"', '-Infinity], ["a", "x", "a"'),
            ("-Infinity", "finite"),
        ),
        ("NaN as text", _rows(["a", "x", "b", "nan"], *_STAY), ("transition 0", "'nan'", "p/q")),
        (
            "negative",
            _rows(["a", "x", "b", "-1/2"], ["a", "x", "a", "3/2"], *_STAY),
            ("transition 0", "'a'", "'x'", "'b'", "-1/2", "between 0 and 1"),
        ),
        ("zero denominator", _rows(["a", "x", "b", "1/0"], *_STAY), ("transition 0", "1/0", "denominator")),
        ("bool as probability", _rows(["a", "x", "b", True], *_STAY), ("transition 0", "True", "number")),
        ("null as probability", _rows(["a", "x", "b", None], *_STAY), ("transition 0", "None", "p/q")),
        ("list as probability", _rows(["a", "x", "b", [1]], *_STAY), ("transition 0", "p/q")),
        (
            "underflowing probability",
            _rows(["a", "x", "b", "1e-999"], ["a", "x", "a", "0." + "9" * 390], *_STAY),
            ("'a'", "0.0", "positive"),
        ),
        (
            "million-digit number",
            _raw('"1/2"], ["a", "x", "a"', "1" * 10**6 + '], ["a", "x", "a"'),
            ("1000000 digits", "limit"),
        ),
        (
            "million-digit text",
            _rows(["a", "x", "b", "1" * 10**6], *_STAY),
            ("transition 0", "1000000", "shorten"),
        ),
        (
            "long decimal",
            _raw('"1/2"], ["a", "x", "a"', "0." + "1" * 10**5 + '], ["a", "x", "a"'),
            ("100002", "shorten"),
        ),
        # transitions
        ("unknown state", _rows(["c", "x", "b", 1], *_STAY), ("transitions[0]", "state", "'c'", "'a', 'b'")),
        (
            "unknown successor",
            _rows(*_STAY, ["a", "x", "z", 1]),
            ("transitions[2]", "state", "'z'", "'a', 'b'"),
        ),
        (
            "unknown action",
            _rows(["a", "q", "b", 1], *_STAY),
            ("transitions[0]", "action", "'q'", "'x', 'y'"),
        ),
        ("duplicate transition", _rows(*_STAY, ["b", "x", "b", 1]), ("transition 2", "'b'", "'x'", "once")),
        ("row of three", _rows(["a", "x", "b"], *_STAY), ("transitions[0]", "length 3", "four")),
        ("row is no list", _rows("axb1", *_STAY), ("transitions[0]", "axb1", "four")),
        (
            "empty action set",
            _rows(["a", "y", "a", 1], ["a", "x", "a", 1]),
            ("'b'", "empty action set", "at least one"),
        ),
        (
            "fewer rows than states",
            _rows(["a", "y", "a", 1]),
            ("2 states", "1 transitions", "'b'", "at least one action"),
        ),
        ("no transitions", _with(transitions=[]), ("2 states", "0 transitions", "at least one action")),
        ("all probabilities zero", _rows(["a", "x", "b", 0], *_STAY), ("'a'", "'x'", "sums to 0")),
        ("transitions is an object", _with(transitions={"a": 1}), ("transitions", "list", "object")),
        ("missing transitions", _with(transitions=None), ("transitions", "missing")),
        ("number as state", _rows(["a", "x", 0.5, 1], *_STAY), ("transitions[0]", "1/2", "name")),
        ("list as state", _rows([["a"], "x", "b", 1], *_STAY), ("transitions[0]", "name", "list")),
        ("bool as state", _rows(["a", "x", False, 1], *_STAY), ("transitions[0]", "name", "false")),
        (
            "long number as counted state",
            _with(states=2, initial={"0": 1}, transitions=[["9" * 5000, "x", "0", 1]] * 2),
            ("transitions[0]", "state", "'0', '1'"),
        ),
        # names
        ("states missing", _with(states=None), ("states", "missing")),
        ("no states", _with(states=[]), ("states", "0", "1 to")),
        ("states is text", _with(states="ab"), ("states", "'ab'", "list")),
        ("bool as count", _with(states=True), ("states", "true", "whole number")),
        ("negative count", _with(states=-3), ("states", "-3", "1 to")),
        ("huge count of states", _with(states=10**30), ("states", "1" + "0" * 30, "1 to")),
        (
            "count beyond the transitions",
            _with(states=20_000_000, initial={"0": 1}),
            ("20000000 states", "4 transitions"),
        ),
        ("huge count of actions", _with(actions=10**12), ("actions", "1000000000000", "1 to")),
        ("names that are numbers", _with(states=["a", 7]), ("state", "7", "index 1", "quote")),
        (
            "repeated state",
            _with(states=["a", "b", "a"], transitions=[*GOOD["transitions"], ["b", "y", "b", 1]]),
            ("'a'", "index 0", "index 2", "rename"),
        ),
        ("repeated action", _with(actions=["x", "y", "x"]), ("'x'", "index 0", "index 2", "rename")),
        ("name of the process is a number", _with(name=5), ("name", "5", "string")),
        # initial distribution
        ("initial missing", _with(initial=None), ("initial", "missing", "add")),
        ("initial empty", _with(initial={}), ("initial", "empty", "start")),
        ("initial is text", _with(initial="a"), ("initial", "'a'", "object")),
        ("initial unknown", _with(initial={"c": 1}), ("state", "'c'", "'a', 'b'")),
        ("initial sums to less", _with(initial={"a": "1/2"}), ("initial", "0.5", "mend")),
        (
            "initial negative",
            _with(initial={"a": "3/2", "b": "-1/2"}),
            ("Initial", "'b'", "index 1", "-0.5", "not negative"),
        ),
        ("initial not a number", _with(initial={"a": "one"}), ("initial", "'a'", "'one'", "p/q")),
        # horizon
        ("horizon missing", _with(horizon=None), ("horizon", "gamma", "exactly one")),
        ("both horizons", _with(gamma=0.5), ("horizon", "gamma", "exactly one")),
        ("horizon zero", _with(horizon=0), ("horizon=0", "at least one")),
        ("horizon negative", _with(horizon=-3), ("horizon=-3", "at least one")),
        ("horizon fraction", _with(horizon=2.5), ("horizon", "5/2", "integer")),
        ("horizon text", _with(horizon="four"), ("horizon", "'four'", "integer")),
        ("horizon bool", _with(horizon=True), ("horizon", "True", "integer")),
        ("horizon huge", _with(horizon=10**9), ("horizon=1000000000", "1000000", "gamma")),
        ("gamma one", _with(horizon=None, gamma=1), ("gamma", "1", "0 <= gamma < 1")),
        ("gamma above one", _with(horizon=None, gamma="3/2"), ("gamma", "3/2", "0 <= gamma < 1")),
        ("gamma negative", _with(horizon=None, gamma=-0.1), ("gamma", "-1/10", "0 <= gamma < 1")),
        ("gamma text", _with(horizon=None, gamma="half"), ("gamma", "'half'", "p/q")),
        # documents
        ("truncated", json.dumps(GOOD).encode()[:150], ("JSON", "line 1", "column", "complete")),
        ("truncated on line 6", json.dumps(GOOD, indent=1).encode()[:60], ("JSON", "line 6", "complete")),
        ("empty file", b"", ("JSON", "line 1", "complete")),
        ("binary file", bytes(range(256)) * 4, ("byte 128", "UTF-8", "JSON")),
        ("compressed file", b"\x1f\x8b\x08\x00" + bytes(60), ("byte 1", "UTF-8", "JSON")),
        ("UTF-16", json.dumps(GOOD).encode("utf-16"), ("byte order mark", "UTF-16", "UTF-8")),
        ("text after the end", json.dumps(GOOD).encode() + b"}", ("JSON", "line 1", "Extra data")),
        (
            "wrong format tag",
            _with(format="metaregret-cmp/2"),
            ("metaregret-cmp/1", "metaregret-cmp/2", "tag"),
        ),
        (
            "rewards instead",
            _with(format="metaregret-rewards/1"),
            ("metaregret-cmp/1", "metaregret-rewards/1", "tag"),
        ),
        ("no format tag", _with(format=None), ("format", "metaregret-cmp/1", "tag")),
        ("format is an object", _with(format={"v": 1}), ("format", "metaregret-cmp/1", "tag")),
        ("a list", b"[1, 2]", ("JSON object", "list")),
        ("a number", b"7", ("JSON object", "int")),
        ("duplicate key", _raw('"horizon": 4', '"horizon": 4, "horizon": 5'), ("'horizon'", "twice", "once")),
        ("duplicate initial state", _raw('{"a": "1"}', '{"a": "1", "a": "1"}'), ("'a'", "twice", "once")),
        ("unknown field", _with(discount=0.9), ("discount", "known are")),
        ("deep nesting", b"[" * 200_000, ("nested too deeply", "three levels")),
        (
            "deep nesting in a row",
            _raw('"1/2"], ["a", "x", "a"', "[" * 100_000 + '], ["a", "x", "a"'),
            ("nested too deeply",),
        ),
        ("picture of no state", _with(picture=[[0, 9]]), ("picture", "state indices")),
    )
)

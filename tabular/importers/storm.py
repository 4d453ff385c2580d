"""PRISM, JANI, DRN and explicit files through Storm (the extra ``storm``); `storm_files` writes them.

Storm parses and builds the model with rational numbers; here its sparse matrix becomes a process. Markov
chains have one action. Deadlocks have the self-loop that Storm gives them. Reward structures become tasks:
a state's reward is paid on leaving it, as PRISM counts ``C<=T`` and ``F``. Labels become sets of goals.

Source of the formats: Hensel et al., "The probabilistic model checker Storm" (2022).
"""

from __future__ import annotations

import tempfile
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from metaregret.tabular.documents import read_bytes
from metaregret.tabular.errors import FileFormatError, MissingExtraError, UnsupportedError
from metaregret.tabular.horizon import FiniteHorizon, Horizon
from metaregret.tabular.importers.imported import ENDINGS, MODEL_TASK, Imported, Note
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction
from metaregret.tabular.rewards import RewardTables

__all__ = ["read_storm"]

DEFAULT_HORIZON = FiniteHorizon(20)
BESIDE = (".lab", ".srew", ".rew", ".trew", ".choicelab")
"""How the files of an explicit model end that stand beside its ``.tra``."""


def storm() -> Any:
    """Return the module ``stormpy``, told to keep quiet.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import stormpy
        from stormpy import developer
    except ImportError:
        raise MissingExtraError(
            "Reading PRISM, JANI, DRN and explicit files needs Storm; install it by pip install "
            "'metaregret[storm]'."
        ) from None
    developer.set_log_level(
        developer.LogLevel.OFF
    )  # errors come as exceptions; the log would mix into the output
    return stormpy


def read_storm(
    path: Path,
    constants: Mapping[str, str] | None = None,
    *,
    format: str | None = None,
    horizon: Horizon | int = DEFAULT_HORIZON,
    name: str | None = None,
) -> Imported:
    """Read a file through Storm.

    Parameters
    ----------
    path : Path
        ``.prism``, ``.pm``, ``.nm``, ``.jani``, ``.drn``, or ``.tra`` with the ``.lab`` and, if there are
        any, ``.rew`` or ``.srew`` (state rewards), ``.trew`` (transition rewards) and ``.choicelab``
        (actions) beside it.
    constants : mapping of str to str, optional
        Values of undefined constants; rationals such as ``"1/3"`` stay exact.
    format : str, optional
        "prism", "jani", "drn" or "explicit", where the name does not tell.
    horizon : Horizon or int
    name : str, optional
        By default that of the file.

    Returns
    -------
    Imported
        Reward structures are tasks, labels are sets of states, states are called by their variables.

    Raises
    ------
    FileFormatError
        If Storm cannot read the file, or a constant is missing or unknown.
    UnsupportedError
        For continuous time, partial observation, games, and several initial states.
    MissingExtraError
        If Storm is not installed.
    """
    from metaregret.tabular.choices import one_of

    kind = one_of(
        ("prism", "jani", "drn", "explicit"), format or ENDINGS.get(path.suffix.lower(), ""), "format"
    )
    content = read_bytes(path)  # says what is wrong with a path, before Storm does
    stormpy = storm()
    given = dict(constants or {})
    if kind in ("drn", "explicit") and given:
        raise FileFormatError(
            f"{path}: {kind} files have no constants, but got {', '.join(given)}; leave them out."
        )
    try:
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / path.name if content.startswith(BOM_UTF8) else path
            if plain is not path:
                plain.write_bytes(content.removeprefix(BOM_UTF8))
            model = _built(stormpy, kind, plain, given, path)
        return _imported(stormpy, model, kind, horizon, name or path.stem)
    except (FileFormatError, UnsupportedError):
        raise
    except (RuntimeError, ValueError) as error:
        said = " ".join(str(error).split())[:400]
        raise FileFormatError(f"{path}: Storm cannot read it: {said}") from error


def _built(stormpy: Any, kind: str, path: Path, constants: dict[str, str], named: Path) -> Any:
    """The sparse model of the file at `path`, with rational numbers wherever Storm has them."""
    if kind == "drn":
        options = stormpy.io.DirectEncodingParserOptions()
        options.build_choice_labeling = True
        return stormpy.build_model_from_drn[stormpy.Rational](str(path), options=options)
    if kind == "explicit":
        beside = {ending: named.with_suffix(ending) for ending in BESIDE}
        there = {ending: file for ending, file in beside.items() if file.exists()}
        return stormpy.build_model_from_explicit(
            str(path),
            str(beside[".lab"]),
            state_rewards=there.get(".srew", there.get(".rew")),
            transition_rewards=there.get(".trew"),
            choice_labeling=there.get(".choicelab"),
        )
    if kind == "jani":
        program, _ = stormpy.parse_jani_model(str(path))
    else:
        program = stormpy.parse_prism_program(str(path))
    unknown = {constant.name for constant in program.constants if not constant.defined}
    if set(constants) != unknown:
        missing, surplus = sorted(unknown - set(constants)), sorted(set(constants) - unknown)
        raise FileFormatError(
            f"{named}: "
            + (f"the constant {missing[0]} has no value; give {missing[0]}=VALUE" if missing else "")
            + ("; " if missing and surplus else "")
            + (f"{surplus[0]} is no undefined constant" if surplus else "")
            + f" (undefined: {', '.join(sorted(unknown)) or 'none'})."
        )
    if constants:
        text = ",".join(f"{key}={value}" for key, value in constants.items())
        program, _ = stormpy.instantiate_constants(program, text)
    options = stormpy.BuilderOptions()
    options.set_build_all_labels()
    options.set_build_all_reward_models()
    options.set_build_state_valuations()
    options.set_build_choice_labels()
    return stormpy.build_model[stormpy.Rational](program, options=options)


def _imported(stormpy: Any, model: Any, kind: str, horizon: Horizon | int, name: str) -> Imported:
    kinds = stormpy.models.ModelType
    if model.model_type not in (kinds.DTMC, kinds.MDP):
        raise UnsupportedError(
            f"{name}: expected a Markov chain or decision process in discrete time, but got "
            f"{str(model.model_type).rpartition('.')[2]}."
        )
    starts = list(model.initial_states) if "init" in model.labeling.get_labels() else []
    if len(starts) != 1:
        raise UnsupportedError(
            f"{name}: expected one initial state, but got {len(starts)}; mark one by init."
        )
    matrix = model.transition_matrix
    groups = [(matrix.get_row_group_start(s), matrix.get_row_group_end(s)) for s in range(model.nr_states)]
    if model.model_type == kinds.DTMC:
        groups = [(s, s + 1) for s in range(model.nr_states)]
    actions, of_row = _actions(model, groups)
    rows = [
        (s, of_row[row], entry.column, _number(entry.value))
        for s, (first, last) in enumerate(groups)
        for row in range(first, last)
        for entry in matrix.get_row(row)
    ]
    process = ControlledMarkovProcess.from_transitions(
        rows, states=_states(model), actions=actions, initial=int(starts[0]), horizon=horizon, name=name
    )
    row_of = {(s, of_row[row]): row for s, (first, last) in enumerate(groups) for row in range(first, last)}
    rewards = _rewards(model, process, row_of)
    labels = {
        label: tuple(sorted(model.labeling.get_states(label)))
        for label in sorted(model.labeling.get_labels())
        if label not in ("init", "deadlock")
    }
    return Imported(
        process, rewards, tuple(_notes(model, kind, actions)), {k: v for k, v in labels.items() if v}
    )


def _number(value: Any) -> Fraction:
    return parse_fraction(value, "number") if isinstance(value, float) else Fraction(str(value))


def _states(model: Any) -> Labels:
    """Names by the values of the variables, as ``s=0,d=3``; numbers where there are none."""
    if not model.has_state_valuations():
        return Labels(model.nr_states, "state")
    spelled = [
        [part.strip() for part in model.state_valuations.to_string(s).strip("[]").split("&")]
        for s in range(model.nr_states)
    ]
    false = {i: part[1:] for parts in spelled for i, part in enumerate(parts) if part[:1] == "!"}
    # a truth value that holds is printed as nothing; its name stands where it does not hold
    names = [",".join(part or false.get(i, "true") for i, part in enumerate(parts)) for parts in spelled]
    distinct = len(set(names)) == len(names) and all(names)
    return Labels(names, "state") if distinct else Labels(model.nr_states, "state")


def _actions(model: Any, groups: list[tuple[int, int]]) -> tuple[Labels, list[int]]:
    """Actions by their labels where each choice of a state has one of its own; else numbered within a
    state."""
    numbers = [row - first for first, last in groups for row in range(first, last)]
    if model.has_choice_labeling():
        own = [sorted(model.choice_labeling.get_labels_of_choice(row)) for row in range(len(numbers))]
        names = ["+".join(labels) or "-" for labels in own]
        if all(len(set(names[first:last])) == last - first for first, last in groups):
            numbered = all(name.isdecimal() for name in names)
            known = {
                name: i
                for i, name in enumerate(sorted(set(names), key=int) if numbered else dict.fromkeys(names))
            }
            if numbered and list(known) == list(map(str, range(len(known)))):
                return Labels(len(known), "action"), list(map(int, names))
            return Labels(list(known), "action"), [known[name] for name in names]
    return Labels(max(numbers) + 1, "action"), numbers


def _rewards(
    model: Any, process: ControlledMarkovProcess, row_of: Mapping[tuple[int, int], int]
) -> RewardTables | None:
    """Every reward structure on the transitions: of the state, of the choice, of the transition."""
    if not model.reward_models:
        return None
    choice = process.transition_choice
    keys = list(
        zip(
            process.choice_state[choice].tolist(),
            process.choice_action[choice].tolist(),
            process.successors.tolist(),
            strict=True,
        )
    )
    table = []
    names = sorted(model.reward_models)  # Storm's own order is that of a hash table
    for reward in (model.reward_models[name] for name in names):
        of_state = [_number(x) for x in reward.state_rewards] if reward.has_state_rewards else None
        of_choice = (
            [_number(x) for x in reward.state_action_rewards] if reward.has_state_action_rewards else None
        )
        moves: dict[tuple[int, int], Fraction] = {}
        if reward.has_transition_rewards:
            paid = reward.transition_rewards
            moves = {(r, e.column): _number(e.value) for r in range(paid.nr_rows) for e in paid.get_row(r)}
        table.append(
            [
                (of_state[s] if of_state else Fraction(0))
                + (of_choice[row_of[s, a]] if of_choice else Fraction(0))
                + moves.get((row_of[s, a], to), Fraction(0))
                for s, a, to in keys
            ]
        )
    tasks = Labels([name or MODEL_TASK for name in names], "task")
    return RewardTables.from_exact(process, tasks, table)


def _notes(model: Any, kind: str, actions: Labels) -> Iterator[Note]:
    if "deadlock" in model.labeling.get_labels():
        stuck = len(list(model.labeling.get_states("deadlock")))
        if stuck:
            yield Note(f"{stuck} deadlock state{'s' * (stuck > 1)} made absorbing by Storm", differs=True)
    if kind == "explicit":
        yield Note("Storm reads explicit files as floats, which are taken as the decimals that they print")
    if actions.counted and model.has_choice_labeling() and len(actions) > 1:
        yield Note("actions are numbered within each state, since their labels repeat")

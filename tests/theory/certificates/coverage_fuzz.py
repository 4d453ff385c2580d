"""Coverage-guided fuzzing of the checker with atheris (the optional extra ``fuzz``).

    pip install -e '.[fuzz,test]'
    python tests/theory/certificates/coverage_fuzz.py -max_total_time=300

Options are those of libFuzzer. It starts from valid certificates of every kind and mutates them as JSON
documents (`mutation_fuzz.mutate`) or as bytes. Two things are findings: any exception but
`CertificateError`, and an accepted certificate whose claim `truth` does not confirm.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["metaregret.theory.certificates.check"]):
    import metaregret.theory.certificates.check as checker

from mutation_fuzz import BASES, BUDGET, Harness, base, mutate, mutate_text, parsed


def main() -> None:
    """Fuzz until libFuzzer's options say stop."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = folder / "corpus"
        corpus.mkdir()
        for index, kind in enumerate(BASES):
            (corpus / f"{index}.json").write_text(base(kind))
        harness = Harness(folder)

        def one(data: bytes) -> None:
            harness.path.write_bytes(data)
            try:
                checker.check(harness.path, BUDGET)
            except checker.CertificateError:
                return
            fault = harness.fault(parsed(data.decode()))
            if fault:
                raise AssertionError(fault)

        def changed(data: bytes, most: int, seed: int) -> bytes:
            rng = random.Random(seed)
            if rng.random() < 0.3:
                return bytes(atheris.Mutate(data, most))
            try:
                text = data.decode()
                document = json.loads(text)
            except (ValueError, RecursionError):
                return base(rng.choice(list(BASES))).encode()
            if rng.random() < 0.3 or not isinstance(document, dict):
                return mutate_text(text, rng).encode("utf-8", "replace")[:most]
            return json.dumps(mutate(document, rng)).encode()[:most]

        options = [
            sys.argv[0],
            "-max_len=20000",
            "-timeout=60",
            "-rss_limit_mb=4096",
            *sys.argv[1:],
            str(corpus),
        ]
        atheris.Setup(options, one, custom_mutator=changed)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

"""Why tests that set models beside Storm's are not run where it is missing."""

from __future__ import annotations

NO_STORM = (
    "Storm is not installed (pip install 'metaregret[storm]'); it has wheels for some systems only, so that "
    "the extra test does without: files of PRISM, JANI and DRN are not read here"
)

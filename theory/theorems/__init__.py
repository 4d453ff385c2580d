"""One file per theorem; each defines ``THEOREM``. Start a new one from ``_template.py``."""

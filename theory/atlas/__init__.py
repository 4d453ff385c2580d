"""Published claims, one per file: ``aNN_<slug>.py`` from ``_template.py``; witnesses in ``witnesses/``."""

"""Published claims, one a file: ``aNN_<slug>.py`` from ``_template.py``; witnesses in ``witnesses/``."""

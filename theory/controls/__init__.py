"""One file per negative control; each defines ``CONTROL`` and keeps a witness in ``witnesses/``."""

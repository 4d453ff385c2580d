"""Certificates: results that a stand-alone checker, `theory/certificates/check.py`, proves again.

Nothing is imported here: the checker's function is ``metaregret.theory.certificates.check.check``, and a
name exported here would hide the module. The format is in `docs/reference/certificates.md`.
"""

"""What a user runs: the command line, reports, figures, sweeps and studies.

>>> import metaregret as mr
>>> from metaregret.experiments.sweeps import studies
>>> "noise_gap" in studies()
True
"""

"""Studies: one file per study, each defining ``STUDY``; found automatically."""

"""What a user runs: the command line, reports, figures, sweeps and studies."""

"""Topics: one file each, found automatically, which defines ``STUDY`` (what is measured), ``FIGURE`` (how it
is drawn) or both. A figure reads stored results only."""

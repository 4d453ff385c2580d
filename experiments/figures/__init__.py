"""Figures: one file per figure, each defining ``FIGURE``; found automatically. They read stored results."""

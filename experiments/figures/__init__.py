"""Figures: how a topic's stored results become images, data, captions and a gallery."""

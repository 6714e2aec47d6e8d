"""Measurements on public material that lies outside the repository. Nothing here is part of the pipeline."""

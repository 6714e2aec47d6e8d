"""Folders that people edit or read, as a Dagster resource: questions, recipes, reports."""

from pathlib import Path

import dagster as dg
from pydantic import Field


class FoldersResource(dg.ConfigurableResource):
    """Where people put questions and recipes, and where they find reports."""

    questions: str = Field(description="Folder of *.jsonl questions.")
    recipes: str = Field(description="Folder of training recipes (*.yaml).")
    reports: str = Field(description="Folder that receives the evaluation reports.")

    @property
    def questions_path(self) -> Path:
        return Path(self.questions)

    @property
    def recipes_path(self) -> Path:
        return Path(self.recipes)

    @property
    def reports_path(self) -> Path:
        return Path(self.reports)

"""Folders that people edit, write to by a command or read, as a Dagster resource."""

from pathlib import Path

import dagster as dg
from pydantic import Field


class FoldersResource(dg.ConfigurableResource):
    """Where people put questions and recipes, where their decisions are kept, and where they find reports."""

    questions: str = Field(description="Folder of *.jsonl questions.")
    recipes: str = Field(description="Folder of training recipes (*.yaml).")
    reports: str = Field(description="Folder that receives the evaluation reports.")
    decisions: str = Field("", description="Folder of people's decisions about the champion; none if empty.")

    @property
    def questions_path(self) -> Path:
        return Path(self.questions)

    @property
    def recipes_path(self) -> Path:
        return Path(self.recipes)

    @property
    def reports_path(self) -> Path:
        return Path(self.reports)

    @property
    def decisions_path(self) -> Path | None:
        return Path(self.decisions) if self.decisions else None

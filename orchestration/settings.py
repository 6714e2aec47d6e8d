"""Every knob: raftline.yaml, the environment, and where the home is. Unknown keys and bad ranges are errors.

The file is found by walking up from the working directory; RAFTLINE_CONFIG names it outright. A nested setting
is overridden by the environment as RAFTLINE_<SECTION>__<KEY>.
"""

import os
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import yaml
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableEnvironment

from resources.errors import SettingsError
from resources.llm.resource import ROLES, Role, check_provider
from resources.options import (
    BatchOptions,
    ChunkOptions,
    EvaluationOptions,
    QuestionOptions,
    RetrainingOptions,
    SplitOptions,
)

FILE = "raftline.yaml"
PROJECT = Path(__file__).resolve().parent.parent
"""The tree this package was installed from; its raftline.yaml serves where no other is found."""


class Settings(BaseSettings):
    """raftline's settings. Relative paths are taken from the folder of raftline.yaml."""

    model_config = SettingsConfigDict(env_prefix="RAFTLINE_", env_nested_delimiter="__", extra="forbid")

    root: Path = Field(description="Folder of raftline.yaml; set by `load_settings`.")
    home: Path = Field(Path(".raftline"), description="All state: lake, ledger, models, reports, Dagster's instance.")
    documents: Path | None = Field(None, description="Folder of PDFs; `documents` in the home if not set.")
    questions: Path | None = Field(None, description="Folder of *.jsonl questions; `questions` in the home if not set.")
    recipes: Path = Field(Path("recipes"), description="Folder of training recipes (*.yaml).")
    lake_url: str | None = Field(None, description="Object-store URL or folder of the lake; in the home if not set.")
    ledger_url: str | None = Field(None, description="SQLAlchemy URL of the ledger; SQLite in the home if not set.")
    owner: str = Field(
        "team:data-platform",
        pattern=r"^(team:[\w.-]+|[^@\s]+@[^@\s]+\.[^@\s]+)$",
        description="Owner shown on every asset: an e-mail or team:<name>.",
    )
    executor: Literal["in_process", "multiprocess"] = Field(
        "in_process", description="Where the steps of a run execute: in its process, or each in one of its own."
    )
    port: int = Field(3000, ge=1, le=65535, description="Port of the UI that `raftline dev` starts on 127.0.0.1.")
    scan_seconds: int = Field(30, ge=5, description="Seconds between looks at the document folder.")
    batches: BatchOptions = BatchOptions()
    chunks: ChunkOptions = ChunkOptions()
    generation: QuestionOptions = QuestionOptions()
    splits: SplitOptions = SplitOptions()
    evaluation: EvaluationOptions = EvaluationOptions()
    retraining: RetrainingOptions = RetrainingOptions()
    roles: dict[str, Role] = Field(default_factory=dict, description="Provider and price of each model role.")

    @field_validator("retraining")
    @classmethod
    def _schedule_is_cron(cls, value: RetrainingOptions) -> RetrainingOptions:
        try:
            dg.ScheduleDefinition(name="probe", job_name="probe", cron_schedule=value.schedule)
        except dg.DagsterInvalidDefinitionError as error:
            raise ValueError(f"schedule {value.schedule!r} is not a cron expression such as '0 2 * * *'") from error
        return value

    @field_validator("roles")
    @classmethod
    def _roles_exist(cls, value: dict[str, Role]) -> dict[str, Role]:
        for name, role in value.items():
            if name not in ROLES:
                raise ValueError(f"role {name!r} is unknown; roles are {', '.join(ROLES)}")
            try:
                check_provider(name, role)
            except SettingsError as error:
                raise ValueError(str(error)) from error
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment over the file; no .env file and no secrets folder."""
        return (env_settings, init_settings)

    def under_root(self, path: Path) -> Path:
        return (self.root / path.expanduser()).resolve()

    @property
    def home_folder(self) -> Path:
        return self.under_root(self.home)

    @property
    def documents_folder(self) -> Path:
        return self.under_root(self.documents) if self.documents else self.home_folder / "documents"

    @property
    def questions_folder(self) -> Path:
        return self.under_root(self.questions) if self.questions else self.home_folder / "questions"

    @property
    def recipes_folder(self) -> Path:
        return self.under_root(self.recipes)


def find_config(start: Path) -> Path | None:
    """The nearest raftline.yaml at or above a folder, else the one beside the installed tree."""
    named = os.environ.get("RAFTLINE_CONFIG")
    if named:
        return Path(named).resolve()
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder / FILE
    return PROJECT / FILE if (PROJECT / FILE).is_file() else None


def load_settings(start: Path | None = None) -> Settings:
    """The settings for a working directory. Raises `SettingsError` naming file, key and what is allowed."""
    start = (start or Path.cwd()).resolve()
    file = find_config(start)
    content: Any = {}
    if file:
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        except FileNotFoundError as error:
            raise SettingsError(f"RAFTLINE_CONFIG names {file}, which does not exist") from error
        except OSError as error:
            raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from error
        if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
            raise SettingsError(f"{file} must hold settings as `key: value` lines")
    values: dict[str, Any] = {**content, "root": file.parent if file else start}
    try:
        return Settings(**values)
    except UnreadableEnvironment as error:
        raise SettingsError(f"an environment variable RAFTLINE_*: {error}") from error
    except ValidationError as error:
        raise SettingsError(_explain(error, file)) from error


def _explain(error: ValidationError, file: Path | None) -> str:
    lines = [f"settings ({file or 'environment'}):"]
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        reason = "is not a setting" if problem["type"] == "extra_forbidden" else problem["msg"]
        lines.append(f"  {key}: {reason} (got {problem.get('input')!r})" if key else f"  {reason}")
    return "\n".join(lines)

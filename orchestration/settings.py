"""Every knob: raftline.yaml, the environment, and where the home is. Unknown keys and bad ranges are errors.

The file is found by walking up from the working directory; RAFTLINE_CONFIG names it outright. A nested setting
is overridden by the environment as RAFTLINE_<SECTION>__<KEY>. Relative paths start where they were written: those
of the file at its folder, those of the environment at the working directory.
"""

import os
import re
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import yaml
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableEnvironment

from orchestration.unknown_keys import unknown_key
from resources.corpus.addresses import url_problems
from resources.egress.policy import EgressOptions
from resources.errors import SettingsError, without_password
from resources.llm.roles import ROLES, Role, problems
from resources.options import (
    BatchOptions,
    BudgetOptions,
    ChunkOptions,
    ContextualizationOptions,
    EvaluationOptions,
    ExtractionOptions,
    JudgeOptions,
    Options,
    QuestionOptions,
    RetrainingOptions,
    SplitOptions,
    TranscriptionOptions,
)
from resources.training.options import ServingOptions, TrainerOptions

FILE = "raftline.yaml"
PREFIX = "RAFTLINE_"
NO_SETTINGS = frozenset({"RAFTLINE_CONFIG", "RAFTLINE_WRITE_SNAPSHOT"})
"""Variables with our prefix that are no settings: where the file is; that a test writes its snapshot anew."""

_SECRET = re.compile("key|secret|token|password|credential", re.IGNORECASE)

PROJECT = Path(__file__).resolve().parent.parent
"""The tree this package was installed from; its raftline.yaml serves where no other is found."""


class Settings(BaseSettings):
    """raftline's settings. Relative paths are taken from `root`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True, extra="forbid"
    )

    root: Path = Field(description="Folder of raftline.yaml; set by `load_settings`.")
    home: Path = Field(Path(".raftline"), description="All state: lake, ledger, models, reports, Dagster's instance.")
    documents: str | None = Field(
        None,
        description="Folder of PDFs, or URL of an S3 bucket or Azure container; `documents` in the home if not set.",
    )
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
    extraction: ExtractionOptions = ExtractionOptions()
    transcription: TranscriptionOptions = TranscriptionOptions()
    chunks: ChunkOptions = ChunkOptions()
    contextualization: ContextualizationOptions = ContextualizationOptions()
    generation: QuestionOptions = QuestionOptions()
    splits: SplitOptions = SplitOptions()
    evaluation: EvaluationOptions = EvaluationOptions()
    judge: JudgeOptions = JudgeOptions()
    retraining: RetrainingOptions = RetrainingOptions()
    trainers: TrainerOptions = TrainerOptions()
    serving: ServingOptions = ServingOptions()
    budget: BudgetOptions = BudgetOptions()
    egress: EgressOptions = EgressOptions()
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
        for name in value:
            if name not in ROLES:
                raise ValueError(f"role {name!r} is unknown; roles are {', '.join(ROLES)}")
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
    def documents_place(self) -> str:
        """The folder, or the URL of the object store, that holds the documents."""
        return self.documents if self.documents and "://" in self.documents else str(self.documents_folder)

    @property
    def documents_folder(self) -> Path:
        """The folder that holds the documents. Raises `SettingsError` if they are in an object store."""
        if self.documents and "://" in self.documents:
            raise SettingsError(f"`documents` is {self.documents}, and this needs a folder: upload the documents there")
        return self.under_root(Path(self.documents)) if self.documents else self.home_folder / "documents"

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
    _refuse_unknown_variables()
    if "root" in content:
        raise SettingsError(f"settings ({file}):\n  root: is not a setting; paths start at the file's folder")
    values: dict[str, Any] = {**content, "root": file.parent if file else start}
    try:
        settings = Settings(**values).model_copy(update=_paths_of_environment(start))
    except UnreadableEnvironment as error:
        raise SettingsError(f"an environment variable RAFTLINE_*: {error}") from error
    except ValidationError as error:
        raise SettingsError(_explain(error, file)) from None  # it holds every value that was given
    wrong = [problem for name, role in settings.roles.items() for problem in problems(name, role)]
    if settings.documents and "://" in settings.documents:
        wrong += [f"documents: {problem}" for problem in url_problems(settings.documents)]
    wrong += _shown_secrets(settings)
    if wrong:
        raise SettingsError("\n  ".join([f"settings ({file or 'environment'}):", *wrong]))
    return settings


def environment_paths() -> dict[str, Path]:
    """The settings that the environment gives as paths, by name, as they are written there."""
    values = {name.upper(): value for name, value in os.environ.items() if value and "://" not in value}
    names = {name: f"{PREFIX}{name.upper()}" for name in ("home", "documents", "questions", "recipes")}
    return {name: Path(values[variable]) for name, variable in names.items() if variable in values}


def _paths_of_environment(start: Path) -> dict[str, Any]:
    paths = {name: start / path.expanduser() for name, path in environment_paths().items()}
    return {name: str(path) if name == "documents" else path for name, path in paths.items()}


def _refuse_unknown_variables() -> None:
    """Raises `SettingsError` for a variable with our prefix that nothing reads, with the names there are."""
    plain, sections = set(NO_SETTINGS), set()
    for name, field in Settings.model_fields.items():
        nested = isinstance(field.default, Options) or name == "roles"
        if name != "root":
            (sections if nested else plain).add(f"{PREFIX}{name.upper()}")
    unknown = [
        name
        for name in sorted(os.environ)
        if name.upper().startswith(PREFIX)
        and name.upper() not in plain | sections
        and name.upper().split("__")[0] not in sections
    ]
    if unknown:
        known = [*sorted(plain - {"RAFTLINE_WRITE_SNAPSHOT"}), *(f"{name}__<KEY>" for name in sorted(sections))]
        raise SettingsError(f"no such environment variable: {', '.join(unknown)}; there are {', '.join(known)}")


def _shown_secrets(settings: Settings) -> list[str]:
    """What is wrong with URLs that the UI would show with their credentials."""
    wrong = []
    lake, ledger = settings.lake_url or "", settings.ledger_url or ""
    if "://" in lake and (without_password(lake) != lake or "?" in lake):
        wrong.append("lake_url: must hold neither a password nor a query: credentials come from the environment")
    if without_password(ledger) != ledger and ledger != os.environ.get(f"{PREFIX}LEDGER_URL"):
        wrong.append(
            f"ledger_url: holds a password, which the UI would show; set {PREFIX}LEDGER_URL in the environment"
        )
    return wrong


def _explain(error: ValidationError, file: Path | None) -> str:
    lines = [f"settings ({file or 'environment'}):"]
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        unknown = problem["type"] == "extra_forbidden"
        reason = unknown_key(Settings, problem["loc"]) if unknown else problem["msg"].removeprefix("Value error, ")
        # What stands where no setting belongs, or in a role, may be a key.
        secret = problem["loc"][:1] == ("roles",) or (unknown and _SECRET.search(key))
        given = "" if secret else f" (got {problem.get('input')!r})"
        lines.append(f"  {key}: {reason}{given}" if key else f"  {reason}")
    return "\n".join(lines)

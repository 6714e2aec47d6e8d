"""Settings: what a file or the environment may say, and messages that name the file, the key and what is allowed."""

from pathlib import Path

import pytest

from orchestration.home import process_environment
from orchestration.settings import PROJECT, find_config, load_settings
from orchestration.wiring import build_resources
from resources.errors import SettingsError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "raftline.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_an_empty_file_means_the_defaults(folder) -> None:
    write(folder, "")
    settings = load_settings(folder)
    assert settings.home_folder == folder / ".raftline"
    assert settings.documents_folder == folder / ".raftline" / "documents"
    assert settings.questions_folder == folder / ".raftline" / "questions"
    assert settings.recipes_folder == folder / "recipes"
    assert settings.generation.per_chunk == 8


def test_the_file_of_this_repository_says_what_the_defaults_are(root, folder) -> None:
    write(folder, "")
    shipped, default = load_settings(root), load_settings(folder)
    assert shipped.model_dump(exclude={"root"}) == default.model_dump(exclude={"root"})


def test_the_file_is_found_from_any_folder_below_it(folder) -> None:
    file = write(folder, "port: 3001")
    deep = folder / "a" / "b"
    deep.mkdir(parents=True)
    assert find_config(deep) == file
    assert load_settings(deep).port == 3001
    assert load_settings(deep).home_folder == folder / ".raftline"


def test_the_nearest_file_counts(folder) -> None:
    write(folder, "port: 3001")
    (folder / "inner").mkdir()
    write(folder / "inner", "port: 3002")
    assert load_settings(folder / "inner").port == 3002


def test_without_a_file_above_the_one_of_the_installed_tree_serves(folder) -> None:
    assert find_config(folder) == PROJECT / "raftline.yaml"


def test_a_file_named_by_the_environment_counts_before_all_others(folder, monkeypatch) -> None:
    write(folder, "port: 3001")
    other = folder / "other.yaml"
    other.write_text("port: 3005")
    monkeypatch.setenv("RAFTLINE_CONFIG", str(other))
    assert load_settings(folder).port == 3005


def test_relative_paths_are_taken_from_the_file_and_absolute_ones_are_kept(folder) -> None:
    write(folder, "documents: ./pdfs\nquestions: /elsewhere/questions\nrecipes: my recipes\n")
    settings = load_settings(folder)
    assert settings.documents_folder == folder / "pdfs"
    assert settings.questions_folder == Path("/elsewhere/questions")
    assert settings.recipes_folder == folder / "my recipes"


def test_the_environment_overrides_the_file_key_by_key(folder, monkeypatch) -> None:
    write(folder, "port: 3001\ngeneration: {per_chunk: 3, chunk_sampling_rate: 0.5}\n")
    monkeypatch.setenv("RAFTLINE_PORT", "3009")
    monkeypatch.setenv("RAFTLINE_GENERATION__PER_CHUNK", "5")
    monkeypatch.setenv("RAFTLINE_HOME", str(folder / "elsewhere"))
    settings = load_settings(folder)
    assert settings.port == 3009
    assert (settings.generation.per_chunk, settings.generation.chunk_sampling_rate) == (5, 0.5)
    assert settings.home_folder == folder / "elsewhere"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("colour: red", "colour: is not a setting; there are batches, budget"),
        ("generation: {per_chunks: 3}", "generation.per_chunks: is not a setting; did you mean per_chunk? (got 3)"),
        ("port: 0", "port: Input should be greater than or equal to 1 (got 0)"),
        ("port: many", "port: "),
        ("chunks: {max_tokens: 10}", "chunks.max_tokens: Input should be greater than or equal to 50 (got 10)"),
        ("chunks: 400", "chunks: "),
        ("splits: {test: 0.5}", "splits.test: Input should be less than 0.5"),
        ("generation: {chunk_sampling_rate: 0}", "generation.chunk_sampling_rate: "),
        ("retraining: {drift_threshold: 2}", "retraining.drift_threshold: "),
        ("retraining: {schedule: nightly}", "retraining: schedule 'nightly' is not a cron expression"),
        ("executor: cluster", "executor: Input should be 'in_process' or 'multiprocess'"),
        ("owner: Ada", "owner: "),
        ("budget: {per_day_usd: 5}", "per_day_usd: is not a setting; did you mean per_run_usd?"),
        ("judge: {colour: red}", "judge.colour: is not a setting; there are conditions, limit, metrics, repeats"),
        ("roles: {teacher: {limits: {concurency: 1}}}", "concurency: is not a setting; did you mean concurrency?"),
        ("roles: {teacher: {api_key: k}}", "api_key: is not a setting: secrets come from the environment"),
        ("roles: {oracle: {}}", "roles: role 'oracle' is unknown; roles are transcriber, contextualizer"),
        ("roles: {teacher: {provider: acme}}", "roles.teacher.provider: Input should be 'embedded', 'azure_openai' or"),
        ("roles: {judge: {}}", "roles.judge.provider: embedded has no judge; choose azure_openai or openai_compatible"),
        ("roles: {judge: {provider: azure_openai}}", "roles.judge.model: name the underlying model"),
        ("roles: {teacher: {price: {prompt: -1}}}", "roles.teacher.price.prompt: "),
    ],
)
def test_a_wrong_setting_is_named_with_its_file_and_what_is_allowed(folder, text, named) -> None:
    file = write(folder, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(folder)
    assert str(file) in str(caught.value)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("roles: {teacher: {api_key: planted-secret}}", "roles.teacher.api_key: is not a setting"),
        ("roles: {teacher: {auth: planted-secret}}", "roles.teacher.auth: Input should be 'key', 'entra' or 'none'"),
        ("roles: {teacher: planted-secret}", "roles.teacher: "),
        ("azure_api_key: planted-secret", "azure_api_key: is not a setting"),
        (
            "roles: {teacher: {provider: openai_compatible, model: m, endpoint: 'http://localhost/v1', "
            "api_key_variable: planted-secret}}",
            "roles.teacher.api_key_variable: is the name of an environment variable",
        ),
        ("ledger_url: 'postgresql://ada:planted-secret@host/db'", "set RAFTLINE_LEDGER_URL in the environment"),
        ("ledger_url: 'postgresql://host/db?user=ada&password=planted-secret'", "ledger_url: holds a password"),
        ("lake_url: 'abfss://ada:planted-secret@account/lake'", "lake_url: must hold neither a password nor a query"),
        ("lake_url: 'az://container/lake?sig=planted-secret'", "lake_url: must hold neither a password nor a query"),
    ],
)
def test_a_secret_in_the_file_is_refused_without_being_shown(folder, text, named) -> None:
    write(folder, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(folder)
    assert named in str(caught.value)
    assert "planted-secret" not in str(caught.value)


def test_all_wrong_settings_are_named_at_once(folder) -> None:
    write(folder, "colour: red\nport: 0\n")
    with pytest.raises(SettingsError, match=r"(?s)colour.*port|port.*colour"):
        load_settings(folder)


@pytest.mark.parametrize("text", ["a: [", "\tport: 1", "key: value: another", "a: *nowhere"])
def test_a_file_that_is_no_yaml_is_named(folder, text) -> None:
    file = write(folder, text)
    with pytest.raises(SettingsError, match=f"{file} is not valid YAML"):
        load_settings(folder)


@pytest.mark.parametrize("text", ["- port", "just words", "1: 2", "5"])
def test_a_file_that_holds_no_settings_is_named(folder, text) -> None:
    file = write(folder, text)
    with pytest.raises(SettingsError, match=f"{file} must hold settings as `key: value` lines"):
        load_settings(folder)


def test_a_file_that_is_no_text_is_named(folder) -> None:
    file = folder / "raftline.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=str(file)):
        load_settings(folder)


def test_yaml_cannot_run_code(folder) -> None:
    write(folder, "home: !!python/object/apply:os.system ['true']")
    with pytest.raises(SettingsError, match="not valid YAML"):
        load_settings(folder)


def test_a_configuration_that_does_not_exist_or_is_a_folder_is_named(folder, monkeypatch) -> None:
    monkeypatch.setenv("RAFTLINE_CONFIG", str(folder / "gone.yaml"))
    with pytest.raises(SettingsError, match=r"RAFTLINE_CONFIG names .*gone\.yaml, which does not exist"):
        load_settings(folder)
    monkeypatch.setenv("RAFTLINE_CONFIG", str(folder))
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load_settings(folder)


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("RAFTLINE_PORT", "many", "port: "),
        ("RAFTLINE_CHUNKS__MAX_TOKENS", "1", "chunks.max_tokens: "),
        ("RAFTLINE_CHUNKS__COLOUR", "1", "chunks.colour: is not a setting"),
        ("RAFTLINE_CHUNKS", "no json", "chunks"),
    ],
)
def test_a_wrong_environment_variable_is_a_settings_error_that_names_the_key(
    folder, monkeypatch, name, value, named
) -> None:
    write(folder, "")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings(folder)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    "name", ["RAFTLINE_HOMES", "RAFTLINE_PER_CHUNK", "RAFTLINE_CHUNK__MAX_TOKENS", "RAFTLINE_PORT__X", "RAFTLINE_ROOT"]
)
def test_a_misspelt_environment_variable_is_refused_with_the_names_there_are(folder, monkeypatch, name) -> None:
    write(folder, "")
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError) as caught:
        load_settings(folder)
    assert str(caught.value).startswith(f"no such environment variable: {name}; there are ")
    assert "RAFTLINE_CONFIG, RAFTLINE_DOCUMENTS" in str(caught.value)
    assert "RAFTLINE_CHUNKS__<KEY>" in str(caught.value)


def test_every_variable_that_the_documentation_shows_is_known(folder, monkeypatch) -> None:
    write(folder, "")
    for name in ("RAFTLINE_ROLES__TEACHER__PRICE__PROMPT", "RAFTLINE_SPLITS__TEST", "raftline_port"):
        monkeypatch.setenv(name, "0.25" if "port" not in name else "3002")
    monkeypatch.setenv("RAFTLINE_WRITE_SNAPSHOT", "1")
    monkeypatch.setenv("RAFTLINE_HOME", "")
    settings = load_settings(folder)
    assert (settings.splits.test, settings.port, settings.roles["teacher"].price.prompt) == (0.25, 3002, 0.25)
    assert settings.home_folder == folder / ".raftline"


def test_a_relative_path_in_the_environment_starts_at_the_working_directory(folder, monkeypatch) -> None:
    write(folder, "home: here\n")
    deep = folder / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert load_settings().home_folder == folder / "here"
    monkeypatch.setenv("RAFTLINE_HOME", "there")
    monkeypatch.setenv("RAFTLINE_DOCUMENTS", "../pdfs")
    settings = load_settings()
    assert settings.home_folder == deep / "there"
    assert settings.documents_folder == folder / "a" / "pdfs"
    environment = process_environment(settings)
    assert environment["RAFTLINE_HOME"] == str(deep / "there")
    assert environment["RAFTLINE_DOCUMENTS"] == str(folder / "a" / "pdfs")


def test_the_folder_of_the_file_cannot_be_set(folder) -> None:
    file = write(folder, "root: /elsewhere\n")
    with pytest.raises(SettingsError, match=f"{file}.*\n  root: is not a setting"):
        load_settings(folder)


def test_everything_a_home_holds_lies_in_it_unless_it_is_set_elsewhere(project) -> None:
    settings = project()
    home = str(settings.home_folder)
    resources = build_resources(settings)
    assert resources["lake"].url.startswith(home)
    assert resources["models"].ledger_url == f"sqlite:///{home}/ledger.db"
    assert resources["corpus"].documents == f"{home}/documents"
    assert resources["trainers"].folder.startswith(home)
    assert not settings.home_folder.exists()
    elsewhere = build_resources(project(lake_url="s3://bucket/lake", ledger_url="postgresql+psycopg2://db/ledger"))
    assert elsewhere["lake"].url == "s3://bucket/lake"
    assert elsewhere["models"].ledger_url == "postgresql+psycopg2://db/ledger"


def test_every_option_of_the_settings_reaches_the_assets(project) -> None:
    settings = project(generation={"per_chunk": 3}, chunks={"max_tokens": 99}, splits={"seed": 8})
    options = build_resources(settings)["options"]
    assert (options.questions.per_chunk, options.chunks.max_tokens, options.splits.seed) == (3, 99, 8)

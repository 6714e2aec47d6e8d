"""What `raftline doctor` says about roles: asked over HTTP on the emulator, told in the user's words."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from orchestration import doctor
from orchestration.wiring import build_resources

TEACHER = {"provider": "azure_openai", "model": "gpt-4o-2024-08-06", "deployment": "gpt-4o"}
EMBEDDER = {"provider": "azure_openai", "model": "text-embedding-3-small", "deployment": "text-embedding-3-small"}
UNUSED_KEY = "planted0key0of0another0resource"


@pytest.fixture
def examined(project, emulator, monkeypatch, capsys) -> Callable[..., tuple[bool, dict[str, str]]]:
    """Runs the doctor on a project with roles: whether all is well, and its lines by what they are about."""

    def run(**roles: Mapping[str, Any]) -> tuple[bool, dict[str, str]]:
        settings = project(roles={name: {"endpoint": emulator.url, **role} for name, role in roles.items()})
        monkeypatch.setattr("orchestration.doctor.load_settings", lambda: settings)
        well = doctor.examine()
        shown = capsys.readouterr().out
        assert emulator.key not in shown
        assert UNUSED_KEY not in shown
        about = {" ".join(line.split()): line.split(maxsplit=1)[-1] for line in shown.splitlines() if line.strip()}
        names = ("teacher", "judge", "contextualizer", "transcriber", "embedder", "hosted roles")
        return well, {name: line for name in names for line, rest in about.items() if rest.startswith(name)}

    monkeypatch.setenv("AZURE_OPENAI_API_KEY", emulator.key)
    monkeypatch.setenv("OPENAI_API_KEY", emulator.key)
    return run


def test_every_configured_role_is_asked_once_and_described(examined, emulator) -> None:
    plain = {"provider": "openai_compatible", "model": "gpt-4o-mini-2024-07-18", "endpoint": emulator.compatible}
    plain |= {"deployment": "gpt-4o-mini"}
    well, lines = examined(teacher=TEACHER, judge=TEACHER, transcriber=TEACHER, contextualizer=plain, embedder=EMBEDDER)
    assert well, lines
    assert "deployment gpt-4o at http" in lines["teacher"]
    assert "structured output works (json_schema)" in lines["teacher"]
    assert "an emulator, not a real model" in lines["teacher"]
    assert "takes pictures" in lines["transcriber"]
    assert "1536 dimensions" in lines["embedder"]
    assert lines["hosted roles"].startswith("ok")
    assert "5 asked in" in lines["hosted roles"]
    assert emulator.requests() == 5


def test_a_second_visit_asks_again_and_both_are_in_the_ledger_as_paid(project, examined, emulator) -> None:
    examined(teacher=TEACHER)
    examined(teacher=TEACHER)
    assert emulator.requests() == 2
    resources = build_resources(project())
    spent = resources["models"].spend().to_pylist()
    assert [(row["stage"], row["calls"]) for row in spent] == [("teacher", 2)]
    assert spent[0]["prompt_tokens"] > 0


def test_roles_of_the_embedded_provider_are_named_and_cost_nothing(examined, emulator) -> None:
    well, lines = examined()
    assert well
    assert all("embedded" in lines[role] for role in ("teacher", "contextualizer", "embedder"))
    assert "hosted roles" not in lines
    assert emulator.requests() == 0


@pytest.mark.parametrize(
    ("settings", "faults", "words"),
    [
        ({"deployment": "nowhere"}, [], "has no deployment 'nowhere' (404): check roles.teacher.deployment"),
        ({"model": "gpt-4o-mini"}, [], "serves gpt-4o-2024-08-06, but roles.teacher.model says gpt-4o-mini"),
        ({"deployment": "text-embedding-3-small"}, [], "is a model of another kind"),
        ({"api_key_variable": "OTHER_KEY"}, [], "does not accept the key in OTHER_KEY (401)"),
        ({"api_key_variable": "NO_KEY"}, [], "the environment variable NO_KEY is not set"),
        ({"endpoint": "http://127.0.0.1:9"}, [], "nothing answers at 127.0.0.1:9"),
        ({"endpoint": "https://nobody.invalid"}, [], "the name nobody.invalid cannot be resolved"),
        ({}, [{"kind": "quota"}], "no quota or credit left for the key in AZURE_OPENAI_API_KEY"),
        ({}, [{"kind": "content_filter"}], "content filter"),
        ({}, [{"kind": "503"}], "failed (503)"),
        ({}, [{"kind": "malformed"}], "set roles.teacher.structured_output to json_object or prompt"),
    ],
)
def test_what_is_wrong_is_said_in_the_user_s_words(examined, emulator, monkeypatch, settings, faults, words) -> None:
    monkeypatch.setenv("OTHER_KEY", UNUSED_KEY)
    emulator.configure(faults=faults, echo_key=True)
    well, lines = examined(teacher={**TEACHER, **settings})
    assert not well
    assert lines["teacher"].startswith("FAILED")
    assert words in lines["teacher"]


@pytest.mark.parametrize(
    ("role", "lacks", "words"),
    [
        ("judge", {"structured_output": False}, "set roles.judge.structured_output to json_object or prompt"),
        ("transcriber", {"vision": False}, "takes no pictures: roles.transcriber.model needs vision"),
    ],
)
def test_a_model_that_lacks_what_its_role_needs_is_found_out(examined, emulator, role, lacks, words) -> None:
    emulator.configure(deployments={"small": {"model": "gpt-4o-2024-08-06", **lacks}})
    _, lines = examined(**{role: {**TEACHER, "deployment": "small"}})
    assert words in lines[role]


def test_a_recipe_whose_service_is_not_set_up_is_named(project, monkeypatch, capsys) -> None:
    settings = project()
    settings.recipes_folder.mkdir(exist_ok=True)
    for backend in ("azure_openai", "local"):
        recipe = f"name: {backend}\ntraining: {{backend: {backend}, base_model: some}}\n"
        (settings.recipes_folder / f"{backend}.yaml").write_text(recipe, encoding="utf-8")
    monkeypatch.setattr("orchestration.doctor.load_settings", lambda: settings)
    assert not doctor.examine()
    [line] = [line for line in capsys.readouterr().out.splitlines() if "recipe " in line]
    assert line.split(maxsplit=2)[2].strip() == (
        "recipe azure_openai trains at azure_openai, but trainers.azure_openai is not set"
    )


def test_one_broken_role_does_not_hide_the_others(examined, emulator) -> None:
    well, lines = examined(teacher={**TEACHER, "deployment": "nowhere"}, judge=TEACHER)
    assert not well
    assert lines["judge"].startswith("ok")


def test_a_busy_deployment_is_waited_for_once(examined, emulator) -> None:
    emulator.configure(faults=[{"kind": "429", "times": 1, "retry_after": 0.1}])
    well, _ = examined(teacher=TEACHER)
    assert well
    assert emulator.requests() == 2

"""What a probe makes of models that are real: of what they see, and of how they keep to a schema."""

from collections.abc import Callable
from pathlib import Path

import pytest

from resources.llm.gateway import Gateway
from resources.llm.ledger import Ledger
from resources.llm.models import Models
from resources.llm.probe import Finding, probe_roles
from resources.llm.roles import Role


@pytest.fixture
def probe(tmp_path: Path) -> Callable[[str, Role], Finding]:
    """Probes one role."""

    def run(role: str, settings: Role) -> Finding:
        ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
        try:
            [finding] = probe_roles(Models(Gateway(ledger), {role: settings}), [role])
            return finding
        finally:
            ledger.close()

    return run


@pytest.mark.parametrize(
    ("said", "works", "words"),
    [
        ("4072", True, "vision works"),
        ("The number is 4 072.", True, "vision works"),
        ("I see a cat.", False, "have vision?"),
    ],
)
def test_a_model_that_ignores_pictures_is_told_from_one_that_sees(service, azure, probe, said, works, words) -> None:
    service.answers(said)
    found = probe("transcriber", azure())
    assert (found.works, words in found.found) == (works, True)


@pytest.mark.parametrize(
    ("said", "finish_reason", "works", "words"),
    [
        ('{"ready": true}', "stop", True, "structured output works"),
        ("Sure, I am ready!", "stop", False, "set roles.judge.structured_output to json_object or prompt"),
        ('{"ready": "yes"}', "stop", False, "did not keep to a JSON schema"),
        ("", "length", False, "set roles.judge.parameters.temperature to null"),
        ("", "content_filter", False, "ended with content_filter"),
    ],
)
def test_a_model_that_does_not_keep_to_a_schema_is_found_out(
    service, azure, probe, said, finish_reason, works, words
) -> None:
    service.answers(said, finish_reason)
    found = probe("judge", azure())
    assert (found.works, words in found.found) == (works, True)


def test_the_probe_is_small_and_keeps_the_role_s_parameters(service, azure, probe) -> None:
    service.answers("ready")
    probe("contextualizer", azure(parameters={"temperature": 0.5, "max_tokens": 9000}))
    sent = service.asked[0].body
    assert (sent["temperature"], sent["max_completion_tokens"]) == (0.5, 32)
    assert len(sent["messages"]) == 1


def test_a_price_that_nobody_knows_is_said_to_be_unknown(service, azure, probe) -> None:
    service.answers("ready", model="house-model")
    assert "price unknown (set roles.contextualizer.price)" in probe("contextualizer", azure(model="house-model")).found

"""What is wrong with a role's settings is told by the setting, before anything is opened."""

import re

import pytest
import yaml

from resources.errors import SettingsError
from resources.llm.providers import chat_provider, embedding_provider, identity_of
from resources.llm.roles import EMBEDDED_ROLES, ROLES, Limits, Parameters, PriceOptions, Role, problems

AZURE = {"model": "gpt-4o-2024-08-06", "deployment": "gpt-4o", "endpoint": "https://name.openai.azure.com"}
PLAIN = {"model": "llama3", "endpoint": "http://localhost:11434/v1"}


def role(provider: str, **settings: str) -> Role:
    return Role.model_validate({"provider": provider, **settings})


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (role("azure_openai", **{**AZURE, "model": " "}), "roles.teacher.model: name the underlying model"),
        (role("azure_openai", **{**AZURE, "deployment": ""}), "roles.teacher.deployment: name the Azure deployment"),
        (role("azure_openai", **{**AZURE, "deployment": "a/b"}), "roles.teacher.deployment: is not the name of"),
        (role("azure_openai", **{**AZURE, "endpoint": ""}), "roles.teacher.endpoint: is not an address"),
        (role("azure_openai", **{**AZURE, "endpoint": "name.openai.azure.com"}), "roles.teacher.endpoint: is not an"),
        (role("azure_openai", **{**AZURE, "endpoint": "ftp://name"}), "roles.teacher.endpoint: is not an address"),
        (role("azure_openai", **{**AZURE, "endpoint": "https://h:port"}), "roles.teacher.endpoint: is not an address"),
        (role("azure_openai", **{**AZURE, "endpoint": "https://[::1"}), "roles.teacher.endpoint: is not an address"),
        (role("azure_openai", **{**AZURE, "endpoint": f"{AZURE['endpoint']}/openai/v1"}), "must end before /openai"),
        (role("azure_openai", **{**AZURE, "endpoint": f"{AZURE['endpoint']}?key=s3cret"}), "neither credentials nor"),
        (role("azure_openai", **AZURE, auth="none"), "roles.teacher.auth: Azure OpenAI takes key or entra"),
        (role("openai_compatible", **{**PLAIN, "model": ""}), "roles.teacher.model: "),
        (role("openai_compatible", **{**PLAIN, "endpoint": "http://ada:s3cret@host/v1"}), "neither credentials nor"),
        (role("openai_compatible", **{**PLAIN, "endpoint": "http://h/v1/chat/completions"}), "must end before"),
        (role("openai_compatible", **PLAIN, auth="entra"), "roles.teacher.auth: entra is for azure_openai"),
        (role("openai_compatible", **PLAIN, api_version="2024-10-21"), "roles.teacher.api_version: "),
    ],
)
def test_a_role_that_cannot_work_names_the_setting_without_its_secrets(settings, problem) -> None:
    [found] = problems("teacher", settings)
    assert problem in found
    assert "s3cret" not in found
    with pytest.raises(SettingsError, match=re.escape(found)):
        chat_provider("teacher", settings)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = problems("judge", role("azure_openai"))
    assert [line.split(":")[0] for line in found] == [
        "roles.judge.model",
        "roles.judge.deployment",
        "roles.judge.endpoint",
    ]


@pytest.mark.parametrize("name", ROLES)
def test_the_embedded_provider_plays_the_roles_it_says_it_plays(name) -> None:
    found = problems(name, Role())
    assert (found == []) == (name in EMBEDDED_ROLES)
    if not found:
        provider = embedding_provider(Role()) if name == "embedder" else chat_provider(name, Role())
        assert provider.identity == identity_of(name, Role())


def test_the_examples_of_the_documentation_are_valid_and_every_setting_is_in_it(root) -> None:
    text = (root / "docs" / "providers.md").read_text(encoding="utf-8")
    examples = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(roles:.*?)```", text, re.DOTALL)]
    roles = [(name, given) for example in examples for name, given in example["roles"].items()]
    assert len(roles) >= 7
    assert [problem for name, given in roles for problem in problems(name, Role.model_validate(given))] == []
    sections = {"parameters": Parameters, "limits": Limits, "price": PriceOptions}
    keys = [name for name in Role.model_fields if name not in sections]
    keys += [f"{section}.{name}" for section, options in sections.items() for name in options.model_fields]
    assert [key for key in keys if f"`{key}`" not in text] == []

"""What a question to a deployed student costs: the settings' price, else its base model's list price, else not known."""

from dataclasses import replace

from resources.llm.gateway import Gateway
from resources.llm.ledger import Ledger
from resources.llm.models import Models
from resources.llm.request import chat
from resources.training.azure_openai.deployer import AzureDeployer


def test_the_list_price_of_the_base_model_holds_where_no_price_is_set(deployer, student, data, soon) -> None:
    endpoint = deployer.deploy(student, "eval-1", "evaluation", soon, {})
    price = deployer.target(endpoint, student, data).price
    assert (price.prompt, price.completion, price.known) == (0.15, 0.60, True)


def test_a_price_of_the_settings_comes_first_and_is_what_the_ledger_books(
    options, student, data, soon, tmp_path
) -> None:
    own = {"prompt": 1000.0, "completion": 2000.0}
    deployer = AzureDeployer(options=options(price=own), owner="house")
    target = deployer.target(deployer.deploy(student, "eval-1", "evaluation", soon, {}), student, data)
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    asked = Models(Gateway(ledger), {}).target(target.provider, (), target.price)
    [said] = asked.complete([asked.request(chat("You answer.", "What is the fee?"), "test")])
    assert said.cost == (1000 * said.prompt_tokens + 2000 * said.completion_tokens) / 1e6 > 0
    assert ledger.spend().to_pylist()[0]["cost"] == said.cost
    ledger.close()


def test_a_price_that_nobody_knows_is_named_with_its_setting(options, student, data, soon, tmp_path) -> None:
    deployer = AzureDeployer(options=options(), owner="house")
    endpoint = deployer.deploy(student, "eval-1", "evaluation", soon, {})
    target = deployer.target(endpoint, replace(student, base_model="a-model-of-next-year"), data)
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    models = Models(Gateway(ledger), {})
    models.target(target.provider, (), target.price)
    assert models.usage.unpriced == {"trainers.azure_openai.price"}
    ledger.close()

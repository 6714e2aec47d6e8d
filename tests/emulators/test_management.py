"""Azure Resource Manager of the emulator: operations that take a while, tags, quota, and what a deployment costs."""

import pytest

BASE = "gpt-4o-mini"
VERSION = "2024-07-18"


@pytest.fixture
def arm(emulator, http):
    """Asks the one account: `arm("PUT", "/deployments/x", body)`."""
    place = (
        f"/subscriptions/{emulator.management['subscription']}/resourceGroups/{emulator.management['resource_group']}"
        f"/providers/Microsoft.CognitiveServices/accounts/{emulator.management['account']}"
    )

    def ask(method, path, body=None, token="entra-x"):
        headers = {"authorization": f"Bearer {token}"}
        return http.request(method, f"{place}{path}?api-version=2025-09-01", json=body, headers=headers)

    return ask


def order(name=BASE, version=VERSION, sku="Standard", capacity=10, **more):
    model = {"format": "OpenAI", "name": name, "version": version}
    return {"sku": {"name": sku, "capacity": capacity}, "properties": {"model": model}, **more}


def test_a_deployment_comes_up_is_tagged_listed_and_deleted(emulator, arm, http) -> None:
    emulator.configure(deployment_polls=2)
    made = arm("PUT", "/deployments/one", order(tags={"owner": "house"}))
    assert (made.status_code, made.json()["properties"]["provisioningState"]) == (201, "Creating")
    operation = made.headers["azure-asyncoperation"].removeprefix(emulator.url)
    states = [http.get(operation, headers={"authorization": "Bearer entra-x"}).json()["status"] for _ in range(2)]
    assert states == ["InProgress", "Succeeded"]
    assert arm("PATCH", "/deployments/one", {"tags": {"owner": "other"}}).json()["tags"] == {"owner": "other"}
    assert [one["name"] for one in arm("GET", "/deployments").json()["value"]] == ["one"]
    assert [arm("DELETE", "/deployments/one").status_code for _ in range(2)] == [202, 204]
    assert arm("GET", "/deployments/one").json()["error"]["code"] == "ResourceNotFound"


def test_chat_reaches_a_deployment_once_it_is_up(emulator, arm, say) -> None:
    emulator.configure(deployment_polls=2)
    arm("PUT", "/deployments/one", order())
    arm("GET", "/deployments/one")
    with pytest.raises(Exception, match="DeploymentNotFound"):
        say("hello", model="one")
    arm("GET", "/deployments/one")
    assert say("hello", model="one") == "ok"
    assert emulator.served()[-1]["model"] == f"{BASE}-{VERSION}"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (order(name="gpt-9"), "DeploymentModelNotSupported"),
        (order(sku="DeveloperTier"), "InvalidResourceProperties"),
        (order(capacity=101), "InsufficientQuota"),
        ({"sku": {"name": "Standard"}}, "InvalidRequestContent"),
        (order(tags={"note": "x" * 257}), "InvalidTag"),
    ],
)
def test_what_the_account_does_not_take_is_refused(emulator, arm, body, code) -> None:
    emulator.configure(capacity=100)
    assert arm("PUT", "/deployments/one", body).json()["error"]["code"] == code
    assert emulator.deployments() == []


def test_only_entra_id_that_may_deploy_does(emulator, arm) -> None:
    assert arm("GET", "/deployments", token=emulator.key).status_code == 401
    emulator.configure(may_deploy=False)
    assert arm("PUT", "/deployments/one", order()).json()["error"]["code"] == "AuthorizationFailed"
    assert arm("GET", "/deployments").status_code == 200


def test_a_base_model_costs_nothing_by_the_hour_and_lives_on(emulator, arm) -> None:
    arm("PUT", "/deployments/one", order())
    emulator.advance(hours=1000)
    assert emulator.cost_usd() == 0
    assert [one["alive"] for one in emulator.deployments()] == [True]


def test_a_deployment_remembers_all_that_it_was_told_to_load(emulator, arm) -> None:
    arm("PUT", "/deployments/one", order())
    arm("PUT", "/deployments/one", order("gpt-4o", "2024-08-06"))
    assert emulator.deployments()[0]["loaded"] == ["gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06"]

"""The door: who gets through, in which form, and what is written down about it."""

import asyncio
import json
import stat
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from resources.egress.classification import DocumentClasses
from resources.egress.door import Door
from resources.egress.identifiers import find_identifiers
from resources.egress.log import EgressLog
from resources.egress.policy import EgressDenied, EgressOptions, IdentifierFound
from resources.errors import SettingsError
from resources.llm.request import Completion, Image, ModelIdentity, Request, chat

CARD = "4111 1111 1111 1111"
HOSTED = ModelIdentity("azure_openai", "house.openai.azure.com", "gpt-4o")
LOCAL = ModelIdentity("openai_compatible", "127.0.0.1:8000", "llama")
RULES = {"classification": {"rules": [{"documents": "hr/*", "class": "restricted"}]}}


def door(folder: Path | None = None, **options: object) -> Door:
    chosen = EgressOptions.model_validate(options)
    rows = [
        {"uri": "hr/pay.pdf", "version": "secret", "tombstone": False},
        {"uri": "fees.pdf", "version": "plain", "tombstone": False},
    ]
    return Door(chosen, DocumentClasses(chosen.classification, lambda: rows), folder, "run-1")


def request(text: str, model: ModelIdentity = HOSTED, **more) -> Request:
    return Request("teacher", model, chat("You ask questions.", text), **more)


def post(client: httpx2.AsyncClient, url: str, body: object = None) -> httpx2.Response:
    async def go() -> httpx2.Response:
        async with client:
            return await client.post(url, json=body or {"n": 1})

    return asyncio.run(go())


def log_of(folder: Path) -> list[dict]:
    return EgressLog(folder).read().to_pylist()


# -- which hosts


def test_a_client_reaches_the_address_it_was_made_for_and_no_other(serve, tmp_path) -> None:
    one, other = serve(), serve()
    factory = door(tmp_path).client_factory("teacher", f"{one.url}/v1")

    assert post(factory(5), f"{one.url}/v1/chat").status_code == 200
    with pytest.raises(EgressDenied, match=r"teacher may not contact 127\.0\.0\.1.*roles\.teacher\.endpoint"):
        post(factory(5), f"{other.url}/v1/chat")
    assert (len(one.bodies), other.bodies) == (1, [])
    assert [row["refused"] for row in log_of(tmp_path)] == ["", "another host"]


def test_a_redirect_to_another_host_is_not_followed(serve) -> None:
    other = serve()
    one = serve(redirect=f"{other.url}/elsewhere")
    client = door().client_factory("teacher", one.url)(5)

    assert post(client, f"{one.url}/chat").status_code == 307
    assert other.bodies == []


def test_even_a_client_that_follows_redirects_is_held_to_its_host(serve) -> None:
    other = serve()
    one = serve(redirect=f"{other.url}/elsewhere")
    client = door().client_factory("teacher", one.url)(5)
    client.follow_redirects = True

    with pytest.raises(EgressDenied):
        post(client, f"{one.url}/chat")
    assert other.bodies == []


def test_a_configured_host_that_the_allow_list_does_not_name_is_refused() -> None:
    shut = door(allow=["*.openai.azure.com"])

    shut.client_factory("teacher", "https://house.openai.azure.com")
    shut.client_factory("judge", "http://localhost:8000/v1")
    with pytest.raises(EgressDenied, match=r"judge may not contact api\.openai\.com: egress\.allow.*roles\.judge"):
        shut.client_factory("judge", "https://api.openai.com/v1")


# -- classes


def test_a_document_above_what_its_destination_receives_stays_here(tmp_path) -> None:
    kept = door(tmp_path, **RULES).screen(request("pay scale", sources=("plain", "secret")))

    assert kept.refusal == (
        "not sent: hr/pay.pdf is restricted; teacher at house.openai.azure.com receives up to internal "
        "(egress.destinations.teacher.receives)"
    )
    [row] = log_of(tmp_path)
    assert (row["classes"], row["refused"], row["bytes"]) == ("internal,restricted", "class", 0)


@pytest.mark.parametrize("name", ["teacher", "house.openai.azure.com"])
def test_a_role_or_a_host_may_be_allowed_to_receive_more(name) -> None:
    raised = {**RULES, "destinations": {name: {"receives": "restricted"}}}

    assert door(**raised).screen(request("pay scale", sources=("secret",))).refusal == ""


def test_of_role_and_host_the_stricter_counts() -> None:
    mixed = {"teacher": {"receives": "restricted"}, "house.openai.azure.com": {"receives": "public"}}

    assert "receives up to public" in door(destinations=mixed).screen(request("fees", sources=("plain",))).refusal


def test_loopback_and_the_embedded_provider_receive_everything() -> None:
    embedded = ModelIdentity("embedded", "local", "reader")

    for model in (LOCAL, embedded):
        sent = request(f"pay {CARD}", model, sources=("secret", "unknown"))
        assert door(**RULES).screen(sent) == sent
        assert door(**RULES).screen(sent).refusal == ""


def test_an_unknown_version_is_treated_as_the_most_sensitive(tmp_path) -> None:
    assert "counts as restricted" in door(**RULES).screen(request("text", sources=("unknown",))).refusal


def test_texts_that_may_not_be_embedded_stop_the_stage_and_name_the_way_out() -> None:
    with pytest.raises(EgressDenied, match=r"hr/pay\.pdf \(restricted\).*Nothing was.*roles\.embedder\.provider"):
        door(**RULES).screen_texts(HOSTED, ["a", "b"], [("plain",), ("secret",)])


# -- redaction


def test_a_hosted_model_never_sees_an_identifier_and_its_answer_gets_it_back() -> None:
    sent = door().screen(request(f"Card {CARD}, write to me@example.org"))
    texts = " ".join(message.content for message in sent.messages)

    assert find_identifiers(texts) == []
    answer = Completion(f"The card is {sent.restorations[0][0]}.", "stop")
    assert Door.restored(sent, answer).text == f"The card is {CARD}."


def test_placeholders_are_part_of_the_key_and_originals_are_not() -> None:
    way = door()

    assert way.screen(request(CARD)).key == way.screen(request(CARD)).key
    assert CARD not in way.screen(request(CARD)).body_json
    assert CARD not in repr(way.screen(request(CARD)))


@pytest.mark.parametrize(
    ("redact", "model", "redacted"),
    [
        ("hosted", HOSTED, True),
        ("hosted", LOCAL, False),
        ("always", LOCAL, True),
        ("never", HOSTED, False),
    ],
)
def test_the_setting_says_for_whom_texts_are_redacted(redact, model, redacted) -> None:
    sent = door(redact=redact).screen(request(CARD, model))

    assert (CARD not in sent.user_text) is redacted


def test_hosted_embedders_get_redacted_texts() -> None:
    [text] = door().screen_texts(HOSTED, [f"Card {CARD}"], [("plain",)])

    assert find_identifiers(text) == []
    assert text.startswith("Card [CARD_")


def test_two_doors_of_a_home_agree_on_placeholders_and_two_homes_do_not(tmp_path) -> None:
    here, again, there = (door(tmp_path / name).screen(request(CARD)) for name in ("one", "one", "two"))

    assert here.key == again.key != there.key
    assert stat.S_IMODE((tmp_path / "one" / "placeholder.key").stat().st_mode) == 0o600


def test_a_body_that_still_holds_an_identifier_does_not_leave(serve, tmp_path) -> None:
    server = serve()
    client = door(tmp_path, redact="always").client_factory("teacher", server.url)
    body = {"messages": [{"content": [{"type": "text", "text": f"line\n{CARD}"}]}]}

    with pytest.raises(IdentifierFound, match="not sent"):
        post(client(5), server.url, body)
    assert server.bodies == []
    assert CARD not in json.dumps(log_of(tmp_path))
    assert post(client(5), server.url, {"image_url": f"data:image/png;base64,{CARD}"}).status_code == 200


# -- images


@pytest.mark.parametrize(
    ("images", "witness", "refusal"),
    [
        ("clean", "An ordinary page.", ""),
        ("clean", f"Card {CARD}", "holds an identifier"),
        ("clean", None, "no text layer"),
        ("clean", " \n", "no text layer"),
        ("allow", f"Card {CARD}", ""),
        ("refuse", "An ordinary page.", "egress.images is refuse"),
    ],
)
def test_a_page_image_leaves_only_if_its_text_layer_is_clean(images, witness, refusal) -> None:
    [system, user] = chat("Transcribe.", "This page.")
    sent = replace(request(""), messages=(system, replace(user, images=(Image("image/png", b"x"),))))
    screened = door(images=images).screen(sent, witness)

    assert refusal in screened.refusal
    assert bool(refusal) == bool(screened.refusal)
    assert screened.messages[1].images


# -- the log


def test_the_log_says_what_left_and_holds_no_text(serve, tmp_path) -> None:
    server = serve()
    way = door(tmp_path, redact="always")
    model = replace(LOCAL, endpoint=server.url.removeprefix("http://"))
    sent = way.screen(request(f"Fees of card {CARD}", model, sources=("plain",)))
    body = {"messages": [{"role": message.role, "content": message.content} for message in sent.messages]}

    post(way.client_factory("teacher", server.url)(5), server.url, body)

    [row] = log_of(tmp_path)
    assert row | {"at": "", "day": ""} == {
        "at": "",
        "day": "",
        "run_id": "run-1",
        "purpose": "teacher",
        "host": "127.0.0.1",
        "bytes": len(server.bodies[0]),
        "classes": "internal",
        "redactions": 1,
        "refused": "",
    }
    assert row["at"].startswith(row["day"])
    assert "Fees" not in "".join(path.read_text() for path in tmp_path.glob("*.jsonl"))


def test_a_torn_line_of_the_log_does_not_hide_the_others(tmp_path) -> None:
    door(tmp_path, **RULES).screen(request("pay", sources=("secret",)))
    [path] = tmp_path.glob("*.jsonl")
    path.write_text(path.read_text() + '{"purpose": "tea', encoding="utf-8")

    assert len(log_of(tmp_path)) == 1


# -- proxies and certificates


def test_a_proxy_of_the_environment_is_used_for_hosts_and_never_for_loopback(serve, monkeypatch) -> None:
    target = serve()
    proxy = serve(proxy=True)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)

    post(door().client_factory("teacher", "http://models.example")(5), "http://models.example/chat")
    post(door().client_factory("teacher", target.url)(5), f"{target.url}/chat")

    assert proxy.lines == ["POST http://models.example/chat HTTP/1.1"]
    assert len(target.bodies) == 1


def test_no_proxy_exempts_a_host(serve, monkeypatch) -> None:
    serve()
    proxy = serve(proxy=True)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "models.invalid")

    with pytest.raises(httpx2.ConnectError):
        post(door().client_factory("teacher", "http://models.invalid")(5), "http://models.invalid/chat")
    assert proxy.lines == []


def test_https_goes_through_a_proxy_as_a_tunnel_and_is_verified_at_its_end(serve, authority, monkeypatch) -> None:
    target = serve(context=authority.context)
    proxy = serve(proxy=True)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    way = door(ca_bundle=str(authority.bundle))

    answer = post(way.client_factory("teacher", "https://models.example")(5), "https://models.example/chat")

    assert answer.status_code == 200
    assert proxy.lines == ["CONNECT models.example:443 HTTP/1.1"]
    assert len(target.bodies) == 1


@pytest.mark.parametrize("way_in", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "egress.ca_bundle"])
def test_a_private_certificate_authority_can_be_named_in_three_ways(serve, authority, monkeypatch, way_in) -> None:
    server = serve(context=authority.context)
    with pytest.raises(httpx2.ConnectError, match=r"(?i)certificate"):
        post(door().client_factory("teacher", server.url)(5), server.url)

    if way_in == "egress.ca_bundle":
        trusting = door(ca_bundle=str(authority.bundle))
    else:
        monkeypatch.setenv(way_in, str(authority.bundle))
        trusting = door()

    assert post(trusting.client_factory("teacher", server.url)(5), server.url).status_code == 200


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_cannot_be_read_is_named(tmp_path, content) -> None:
    bundle = tmp_path / "ca.pem"
    if content:
        bundle.write_text(content)

    with pytest.raises(SettingsError, match=r"egress\.ca_bundle"):
        door(ca_bundle=str(bundle)).client_factory("teacher", "https://models.example")(5)

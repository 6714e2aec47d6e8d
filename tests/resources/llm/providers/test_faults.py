"""Every way in which a call can fail over real HTTP: which kind it is, and whether the words help without a secret."""

import asyncio
import socket
import ssl
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from resources.llm.provider import CallError, Misconfigured, RateLimited, Refused, Unavailable
from resources.llm.providers import chat_provider, embedding_provider
from resources.llm.providers.headers import duration, retry_after


@pytest.fixture
def fault(request_of):
    """The failure of one call in a role."""

    def send(settings, **fields) -> CallError:
        provider = chat_provider("teacher", settings)

        async def work() -> None:
            try:
                await provider.complete(request_of(provider, **fields))
            finally:
                await provider.close()

        with pytest.raises(CallError) as caught:
            asyncio.run(work())
        return caught.value

    return send


def error(message: str, code: object = None, **fields: object) -> dict[str, object]:
    return {"error": {"message": message, "code": code, "type": None, "param": None} | fields}


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry_after": "7"}, "Too many requests.", 7.0),
        ({"retry_after_ms": "250", "retry_after": "1"}, "Too many requests.", 0.25),
        ({}, "Please retry after 26 seconds.", 26.0),
        ({"retry_after": "soon"}, "Too many requests.", None),
        ({}, "Too many requests.", None),
    ],
)
def test_429_says_how_long_to_wait(service, azure, fault, headers, message, seconds) -> None:
    service.says(error(message, "429"), 429, **headers)
    found = fault(azure())
    assert isinstance(found, RateLimited)
    assert found.retry_after == seconds


def test_a_wait_may_be_given_as_a_date() -> None:
    wait = retry_after({"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)})
    assert wait is not None
    assert 25 < wait <= 30


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6m0s", 360.0), ("120ms", 0.12), ("1h2m3.5s", 3723.5), ("12", 12.0), ("x", None), (None, None)],
)
def test_the_reset_of_a_quota_is_read_in_every_spelling(text, seconds) -> None:
    assert duration(text) == seconds


def test_an_account_without_money_is_no_rate_limit(service, compatible, fault) -> None:
    service.says(error("You exceeded your current quota.", "insufficient_quota"), 429)
    found = fault(compatible())
    assert isinstance(found, Misconfigured)
    assert "no quota or credit left for the key in OPENAI_API_KEY" in str(found)


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504])
def test_faults_that_pass_are_told_from_those_that_stay(service, azure, fault, status) -> None:
    service.says("<html>upstream</html>", status, retry_after="2")
    found = fault(azure())
    assert isinstance(found, Unavailable)
    assert found.retry_after == 2.0


@pytest.mark.parametrize("body", ["", "not json", '"text"', "[]", "{}", '{"choices": []}', '{"choices": null}'])
def test_a_body_that_holds_no_answer_may_come_whole_next_time(service, azure, fault, body) -> None:
    service.says(body)
    assert isinstance(fault(azure()), Unavailable)


def test_a_torn_body_is_a_fault_that_passes(service, azure, fault) -> None:
    service.torn = True
    found = fault(azure())
    assert isinstance(found, Unavailable)
    assert "broke" in str(found)


def test_an_answer_that_takes_too_long_names_the_setting(service, azure, fault) -> None:
    service.wait = 0.5
    found = fault(azure(timeout_seconds=0.1))
    assert isinstance(found, Unavailable)
    assert str(found).endswith("did not answer within 0.1 s (roles.teacher.timeout_seconds)")


def test_a_body_that_comes_byte_by_byte_ends_at_the_timeout_too(service, azure, fault) -> None:
    service.drip = 0.05
    assert isinstance(fault(azure(timeout_seconds=0.3)), Unavailable)


@pytest.mark.parametrize("provider", ["azure", "legacy", "compatible"])
def test_a_provider_never_repeats_a_call_by_itself(service, azure, compatible, fault, provider) -> None:
    service.says(error("Busy.", "429"), 429, retry_after_ms="1")
    fault({"azure": azure, "legacy": lambda: azure(api_version="2024-10-21"), "compatible": compatible}[provider]())
    assert len(service.asked) == 1


def test_nothing_at_the_endpoint_is_said_so(azure, fault) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = fault(azure(endpoint=f"http://127.0.0.1:{port}"))
    assert isinstance(found, Unavailable)
    assert str(found).startswith(f"nothing answers at 127.0.0.1:{port}: check roles.teacher.endpoint")


def test_a_name_that_does_not_resolve_is_said_so(azure, fault) -> None:
    found = fault(azure(endpoint="https://nobody.invalid"))
    assert isinstance(found, Unavailable)
    assert "the name nobody.invalid cannot be resolved" in str(found)


def test_a_certificate_that_is_not_trusted_names_the_remedy(azure, fault, untrusted_server) -> None:
    found = fault(azure(endpoint=untrusted_server))
    assert isinstance(found, Misconfigured)
    assert "is not trusted" in str(found)
    assert "SSL_CERT_FILE" in str(found)


def test_a_proxy_that_is_not_there_is_said_so(service, azure, fault, monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    found = fault(azure(endpoint="http://models.invalid"))
    assert isinstance(found, Unavailable)
    assert service.asked == []


def test_a_redirect_is_not_followed_with_a_document_in_hand(service, azure, fault) -> None:
    service.says("", 307, location="https://elsewhere.example/openai")
    found = fault(azure())
    assert isinstance(found, Misconfigured)
    assert "elsewhere.example" in str(found)
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("settings", "status", "words"),
    [
        ({}, 401, "does not accept the key in AZURE_OPENAI_API_KEY (401): it may belong to another resource"),
        ({"api_key_variable": "OPENAI_API_KEY"}, 401, "the key in OPENAI_API_KEY"),
        ({}, 403, "the resource's network rules do not let this machine in"),
        ({}, 402, "wants to be paid first"),
    ],
)
def test_a_key_that_is_not_accepted_is_named_by_its_variable(service, azure, fault, settings, status, words) -> None:
    service.says({"statusCode": status, "message": "Access denied due to invalid subscription key."}, status)
    found = fault(azure(**settings))
    assert isinstance(found, Misconfigured)
    assert words in str(found)
    assert "Access denied" in str(found)


def test_a_server_that_wants_a_key_which_the_settings_do_not_send(service, compatible, fault) -> None:
    service.says({"detail": "Unauthorized"}, 401)
    assert "roles.teacher.auth is none" in str(fault(compatible(auth="none")))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (error("The API deployment for this resource does not exist.", "DeploymentNotFound"), "no deployment 'writer'"),
        (error("Resource not found", "404"), "roles.teacher.endpoint must be https://NAME.openai.azure.com"),
        ("<html>404</html>", "has no such address (404)"),
    ],
)
def test_a_deployment_that_is_not_there_and_an_address_that_is_wrong_differ(service, azure, fault, body, words) -> None:
    service.says(body, 404)
    found = fault(azure())
    assert isinstance(found, Misconfigured)
    assert words in str(found)


def test_a_model_that_a_server_does_not_have_is_named_with_its_setting(service, compatible, fault) -> None:
    service.says(error('model "gpt-4o-2024-08-06" not found, try pulling it first', type="not_found_error"), 404)
    assert "check roles.teacher.model" in str(fault(compatible()))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            error("Filtered.", "content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}),
            "the content filter",
        ),
        (
            error("This model's maximum context length is 8192 tokens.", "context_length_exceeded"),
            "longer than the window",
        ),
        (error("Invalid 'messages[0]'.", "invalid_value", param="messages[0]"), "does not accept the request (400)"),
        ({"object": "error", "message": "maximum context length is 4096", "code": 400}, "longer than the window"),
        (error("Could not finish the message because max_tokens or model output limit was reached."), "max_tokens"),
    ],
)
def test_a_request_that_can_never_work_is_refused_with_its_reason(service, azure, fault, body, words) -> None:
    service.says(body, 400)
    found = fault(azure())
    assert isinstance(found, Refused)
    assert words in str(found)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            error("Unsupported value: 'temperature' does not support 0 with this model.", "unsupported_value", param="temperature"),
            "set roles.teacher.parameters.temperature to null",
        ),
        (
            error("Unsupported parameter: 'max_completion_tokens' is not supported.", "unsupported_parameter",
                  param="max_completion_tokens"),
            "set roles.teacher.token_limit to max_tokens",
        ),
        (error("Unrecognized request argument supplied: seed"), "set roles.teacher.parameters.seed to null"),
        (error("Unrecognized request argument supplied: max_completion_tokens"), "set roles.teacher.token_limit to max_tokens"),
        (
            error("max_tokens is too large: 20000. This model supports at most 16384 completion tokens.", "invalid_value",
                  param="max_tokens"),
            "lower roles.teacher.parameters.max_tokens",
        ),
        (
            error("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
                  param="response_format"),
            "set roles.teacher.structured_output to json_object or prompt",
        ),
        (error("Invalid content type. image_url is only supported by certain models."), "takes no pictures"),
        (error("The chatCompletion operation does not work with the specified model.", "OperationNotSupported"),
         "a model of another kind"),
    ],
)  # fmt: skip
def test_what_a_model_does_not_take_names_the_setting_to_change(service, azure, fault, body, words) -> None:
    service.says(body, 400)
    found = fault(azure())
    assert isinstance(found, Misconfigured)
    assert words in str(found)


@pytest.mark.parametrize(
    "echo",
    [
        "Incorrect API key provided: {key}. Find yours at the console.",
        "Incorrect API key provided: sk-plan********sts4.",
        "Bearer {key} was refused",
        "There is no account for {key}",
        "Wrong key: plan********sts4",
        "api-key: {key}",
    ],
)
def test_no_message_and_no_traceback_repeats_a_key(service, azure, fault, key, echo) -> None:
    service.says(error(echo.format(key=key), "invalid_api_key"), 401)
    found = fault(azure())
    shown = "".join(traceback.format_exception(found)) + repr(found.__context__) + repr(found.__cause__)
    assert key not in shown
    assert "plan*" not in shown
    assert "sts4" not in shown


def test_a_long_message_is_cut_and_its_control_characters_are_gone(service, azure, fault) -> None:
    service.says(error("a\x1b[31m" + "x" * 5000), 400)
    assert len(str(fault(azure()))) < 600
    assert "\x1b" not in str(fault(azure()))


def test_a_denied_exit_is_said_in_the_door_s_own_words(azure, request_of) -> None:
    import httpx2

    class Door(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            raise Refused("egress: this destination is not allowed")

    role = azure()
    provider = chat_provider("teacher", role, lambda timeout: httpx2.AsyncClient(transport=Door(), timeout=timeout))
    with pytest.raises(Refused, match="egress: this destination is not allowed"):
        asyncio.run(provider.complete(request_of(provider)))


def test_vectors_that_are_not_all_there_are_asked_for_again(service, azure) -> None:
    service.says({"data": [{"index": 0, "embedding": [0.1, 0.2]}], "model": "gpt-4o-2024-08-06"})
    provider = embedding_provider(azure())
    with pytest.raises(Unavailable, match="1 usable vectors for 2 texts"):
        asyncio.run(provider.embed(["a", "b"]))


@pytest.fixture
def untrusted_server(tmp_path):
    """The address of a TLS server whose certificate nobody signed."""
    import threading

    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(private, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path / "server.pem"
    file.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            connection, _ = listener.accept()
            with connection, context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)
        except OSError:
            return

    threading.Thread(target=serve, daemon=True).start()
    yield f"https://localhost:{listener.getsockname()[1]}"
    listener.close()

"""What the service says when it refuses, in Azure's words or in the plain dialect's."""

from collections.abc import Mapping
from typing import Any


class ServiceError(Exception):
    """An answer that is an error: its status, body and headers."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None):
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def refusal(status: int, code: str, message: str, **more: Any) -> ServiceError:
    """Any error in the shape that both dialects share."""
    return ServiceError(status, {"error": {"code": code, "message": message, **more}})


def bad_request(message: str, param: str | None = None, code: str | None = None) -> ServiceError:
    body = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return ServiceError(400, {"error": body})


def unauthorized(plain: bool, key: str = "") -> ServiceError:
    if plain:
        shown = key or "********"
        message = f"Incorrect API key provided: {shown}. You can find your API key in your account settings."
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}
        return ServiceError(401, {"error": error})
    message = (
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
        "active subscription and use a correct regional API endpoint for your resource."
    )
    return refusal(401, "401", f"{message} ({key})" if key else message)


def no_such_deployment(plain: bool, name: str) -> ServiceError:
    if plain:
        message = f"The model `{name}` does not exist or you do not have access to it."
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": "model_not_found"}
        return ServiceError(404, {"error": error})
    return refusal(
        404,
        "DeploymentNotFound",
        "The API deployment for this resource does not exist. If you created the deployment within the last "
        "5 minutes, please wait a moment and try again.",
    )


def not_found(what: str = "Resource not found") -> ServiceError:
    return refusal(404, "404", what)


def too_many(limit: str, retry_after: float | None, plain: bool) -> ServiceError:
    """429. Without `retry_after` the service does not say how long to wait."""
    wait = f" Please retry after {int(-(-retry_after // 1))} seconds." if retry_after is not None else ""
    if plain:
        body = {"message": f"Rate limit reached on {limit} per min.{wait}", "type": limit, "param": None}
        return ServiceError(429, {"error": {**body, "code": "rate_limit_exceeded"}}, _wait_headers(retry_after))
    message = f"Requests to the service have exceeded the {limit} rate limit of your current pricing tier.{wait}"
    return ServiceError(429, {"error": {"code": "429", "message": message}}, _wait_headers(retry_after))


def no_quota() -> ServiceError:
    message = "You exceeded your current quota, please check your plan and billing details."
    body = {"message": message, "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}
    return ServiceError(429, {"error": body})


def filtered_prompt() -> ServiceError:
    """What Azure says about a prompt that its content filter does not let through."""
    verdict = {"filtered": True, "severity": "high"}
    safe = {"filtered": False, "severity": "safe"}
    result = {"hate": safe, "jailbreak": {"filtered": False, "detected": False}, "self_harm": safe, "sexual": safe}
    error = {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. "
        "Please modify your prompt and retry.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {**result, "violence": verdict},
        },
    }
    return ServiceError(400, {"error": error})


def injected(status: int, retry_after: float | None, plain: bool, deployment: str) -> ServiceError:
    """The error of an injected status."""
    if status == 401:
        return unauthorized(plain)
    if status == 404:
        return no_such_deployment(plain, deployment)
    if status == 429:
        return too_many("token", retry_after, plain)
    words = {500: "The server had an error while processing your request.", 503: "The service is overloaded."}
    error = refusal(status, str(status), words.get(status, "The request failed."))
    error.headers.update(_wait_headers(retry_after))
    return error


def _wait_headers(seconds: float | None) -> dict[str, str]:
    if seconds is None:
        return {}
    return {"retry-after": str(int(-(-seconds // 1))), "retry-after-ms": str(int(seconds * 1000))}

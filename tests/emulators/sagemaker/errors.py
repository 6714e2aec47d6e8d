"""What the service says when it refuses, in AWS's words and shapes."""


class ServiceError(Exception):
    """An answer that is an error: its code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status


class Reset(Exception):
    """The connection is broken off without an answer."""


def validation(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def in_use(message: str) -> ServiceError:
    return ServiceError("ResourceInUse", message)


def not_found(message: str = "Requested resource not found.") -> ServiceError:
    return ServiceError("ResourceNotFound", message)


def of_credentials(state: str) -> ServiceError | None:
    """What a request is told whose credentials are in this state; None if they are valid."""
    if state == "expired":
        return ServiceError("ExpiredTokenException", "The security token included in the request is expired", 400)
    if state == "unknown":
        return ServiceError(
            "UnrecognizedClientException", "The security token included in the request is invalid.", 400
        )
    if state == "denied":
        return denied("any operation")
    return None


def denied(operation: str) -> ServiceError:
    who = "arn:aws:sts::123456789012:assumed-role/raftline/session"
    return ServiceError("AccessDeniedException", f"User: {who} is not authorized to perform: sagemaker:{operation}")


def injected(kind: str, message: str) -> ServiceError:
    """The error of an injected fault: an HTTP status, a name of ours, or any code of the service."""
    if kind == "expired":
        return ServiceError("ExpiredTokenException", "The security token included in the request is expired", 400)
    if kind == "throttle":
        return ServiceError("ThrottlingException", message or "Rate exceeded", 400)
    if kind.isdigit():
        codes = {"503": "ServiceUnavailable", "403": "AccessDeniedException", "429": "ThrottlingException"}
        return ServiceError(codes.get(kind, "InternalFailure"), message or "The service failed.", int(kind))
    return ServiceError(kind, message or "The request cannot be served.", 400)

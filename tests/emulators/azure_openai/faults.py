"""Which fault hits a request: drawn from the request's body and the time it is seen, never from a clock."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

from azure_openai.configuration import Configuration, Fault


@dataclass
class Dice:
    """Counts how often each body came and how often each fault fired."""

    seen: Counter[str] = field(default_factory=Counter)
    fired: Counter[int] = field(default_factory=Counter)

    def roll(self, configuration: Configuration, path: str, body: bytes) -> Fault | None:
        """The first configured fault that hits this arrival of this body, if any."""
        name = hashlib.sha256(path.encode() + b"\0" + body).hexdigest()
        self.seen[name] += 1
        for index, fault in enumerate(configuration.faults):
            if fault.path not in path or fault.match.encode() not in body:
                continue
            if fault.times is not None and self.fired[index] >= fault.times:
                continue
            if _uniform(f"{configuration.seed}/{index}/{name}/{self.seen[name]}") < fault.rate:
                self.fired[index] += 1
                return fault
        return None


def _uniform(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64

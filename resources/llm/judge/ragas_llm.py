"""The judge as RAGAS sees it: every call of a metric becomes a request of ours, through gateway and ledger.

RAGAS brings an Instructor client with its own retries, cache, token limit and rules by model name. None of it is
used: parameters are those of `roles.judge`, retries and limits the gateway's, and the ledger is the only memory.
"""

from collections import Counter
from collections.abc import Sequence

from resources.errors import RaftlineError
from resources.llm.judge.schemas import Answer, UnusableAnswer, answer_schema, parse
from resources.llm.models import ChatModel
from resources.llm.request import Completion, Message

DRAWS_PER_REPEAT = 100
"""Sample indexes kept for one repeat: answer relevancy asks the same thing three times and means it."""


class JudgeFailed(RaftlineError):
    """One score cannot be had from this judge. Its row says why; other rows go on."""


class RagasLLM:
    """The judge of one score: asks, repairs once, and counts what the score rests on.

    `load_ragas` registers it as an `InstructorBaseRagasLLM`.
    """

    def __init__(self, judge: ChatModel, prompt_version: str, sources: Sequence[str], repeat: int = 0):
        self._judge = judge
        self._prompt_version = prompt_version
        self._sources = sources
        self._first_sample = repeat * DRAWS_PER_REPEAT
        self._drawn: Counter[str] = Counter()
        self.calls = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.real = True

    def generate(self, prompt: str, response_model: type[Answer]) -> Answer:
        """Refuses: a metric that asks synchronously would block the event loop."""
        raise JudgeFailed("this metric asks the judge synchronously; raftline cannot run it")

    async def agenerate(self, prompt: str, response_model: type[Answer]) -> Answer:
        """The judge's answer as a value. Raises `JudgeFailed` if there is none after one repair."""
        sample = self._first_sample + self._drawn[prompt]
        self._drawn[prompt] += 1
        question = (Message("user", prompt),)
        schema = answer_schema(response_model)
        first = await self._ask(question, schema, sample, attempt=0)
        try:
            return parse(first.text, response_model)
        except UnusableAnswer as error:
            repair = (
                *question,
                Message("assistant", first.text),
                Message("user", f"<PROBLEM>\n{error}\n</PROBLEM>\nAnswer again, with JSON that follows the schema."),
            )
        second = await self._ask(repair, schema, sample, attempt=1)
        try:
            return parse(second.text, response_model)
        except UnusableAnswer as error:
            raise JudgeFailed(f"no usable {response_model.__name__} after a repair: {error}") from error

    async def _ask(self, messages: Sequence[Message], schema: str, sample: int, attempt: int) -> Completion:
        request = self._judge.request(
            messages, self._prompt_version, schema=schema, sources=self._sources, attempt=attempt, sample=sample
        )
        completion = await self._judge.ask(request)
        self.calls += 1
        self.prompt_tokens += completion.prompt_tokens
        self.completion_tokens += completion.completion_tokens
        self.real = self.real and completion.real
        if completion.failure:
            raise JudgeFailed(completion.failure)
        if completion.finish_reason == "length":
            raise JudgeFailed("the judge's answer was cut off; raise roles.judge.parameters.max_tokens")
        if completion.finish_reason != "stop":
            raise JudgeFailed(f"the judge stopped with {completion.finish_reason}")
        return completion

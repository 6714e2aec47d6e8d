"""How a gateway answers a request through a batch: its money reserved, its answer recorded at the price of batches."""

from dataclasses import replace

from resources.llm.batch import BatchLane
from resources.llm.ledger import Entry
from resources.llm.ledger_rows import recordable
from resources.llm.provider import CallError, Refused
from resources.llm.request import Completion, Request
from resources.llm.session import Call, Reply, Session


async def answer_in_batch(session: Session, batch: BatchLane, request: Request) -> Completion:
    """The answer to a request that a batch brings: at the price of batches, recorded with the batch's id."""
    lane = batch.direct
    price = lane.price.batched
    size = lane.sizes.of(request)

    async def send() -> Reply:
        came = await batch.ask(request)
        if came.completion.failure:
            raise Refused(came.completion.failure)
        text = recordable(came.completion.text)
        answer = replace(came.completion, text=text, cost=price.cost(came.completion))
        # A batch does not tell how long a call took.
        entry = Entry(request, answer, 0.0, session.run_id, came.batch_id)
        return Reply([entry], answer.prompt_tokens + answer.completion_tokens)

    usd = price.of_tokens(size.prompt, size.most - size.prompt)
    try:
        return (await session.collect(batch, Call([request], size, usd, send)))[request.key]
    except Refused as error:
        return Completion.failed(str(error))
    except CallError as error:
        raise lane.failure(error) from error

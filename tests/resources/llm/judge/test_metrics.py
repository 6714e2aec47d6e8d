"""RAGAS's own numbers on examples small enough to check by hand. Importing RAGAS takes seconds: it all happens here."""

from collections.abc import Callable
from typing import Any

import pytest

from resources.llm.embedded.embedder import embed
from resources.llm.judge.metrics import METRICS, Case, measure
from resources.llm.judge.ragas_embeddings import RagasEmbeddings, Vectors
from resources.llm.judge.ragas_llm import JudgeFailed, RagasLLM
from resources.llm.judge.telemetry import load_ragas
from resources.options import JUDGE_METRICS

pytest.importorskip("ragas", reason="RAGAS comes with the eval extra")

CASE = Case(
    question="What does a wire transfer cost, and how long does it take?",
    response="A wire transfer costs $15, takes one day and is free on Sundays.",
    reference="A wire transfer costs $15 and takes one day.",
    contexts=("Wire transfers cost $15.", "Cards arrive in ten days.", "A wire takes one day.", "Keys cost $40."),
)
THREE = {"statements": ["It costs $15.", "It takes one day.", "It is free on Sundays."]}
TWO = {"statements": ["It costs $15.", "It takes one day."]}


def statements(**verdicts: int) -> dict[str, Any]:
    return {"statements": [{"statement": name, "reason": "", "verdict": value} for name, value in verdicts.items()]}


def named(*names: str) -> list[dict[str, str]]:
    return [{"statement": name, "reason": ""} for name in names]


def cosine(one: str, other: str) -> float:
    return float((embed(one).astype("float64") * embed(other).astype("float64")).sum())


@pytest.fixture
def take(judge, embedder) -> Callable[..., tuple[float, RagasLLM]]:
    """A metric of a case (by default CASE), and the judge that counted its calls."""
    load_ragas()

    def run(metric: str, case: Case = CASE, repeat: int = 0) -> tuple[float, RagasLLM]:
        asked = RagasLLM(judge, "test", ("version-1",), repeat)
        embeddings = RagasEmbeddings(Vectors(embedder), ("version-1",))
        return judge.run(lambda: measure(METRICS[metric], case, asked, embeddings)), asked

    return run


def test_the_settings_offer_the_metrics_that_exist() -> None:
    assert tuple(METRICS) == JUDGE_METRICS


def test_faithfulness_is_the_share_of_statements_that_the_documents_support(written, take) -> None:
    written.answers = {"StatementGeneratorOutput": [THREE], "NLIStatementOutput": [statements(a=1, b=1, c=0)]}

    value, asked = take("faithfulness")

    assert value == pytest.approx(2 / 3, abs=1e-6)
    assert (asked.calls, asked.prompt_tokens, asked.completion_tokens) == (2, 200, 20)
    assert all(context in written.asked[1].user_text for context in CASE.contexts)


def test_correctness_weighs_shared_statements_and_similarity(written, take) -> None:
    written.answers = {
        "StatementGeneratorOutput": [THREE, TWO],
        "ClassificationWithReason": [{"TP": named("a", "b"), "FP": named("c"), "FN": []}],
    }
    f1 = 2 * (2 / 3) * 1 / (2 / 3 + 1)

    value, _ = take("answer_correctness")

    assert value == pytest.approx(0.75 * f1 + 0.25 * cosine(CASE.response, CASE.reference), abs=1e-5)


def test_precision_falls_with_every_useless_document_before_a_useful_one(written, take) -> None:
    verdicts = [{"reason": "", "verdict": verdict} for verdict in (1, 0, 1, 0)]
    written.answers = {"ContextPrecisionOutput": verdicts}

    value, asked = take("context_precision")

    assert value == pytest.approx((1 / 1 + 2 / 3) / 2, abs=1e-5)
    assert asked.calls == len(CASE.contexts)


def test_recall_is_the_share_of_the_references_statements_found_in_the_documents(written, take) -> None:
    found = [{"statement": "x", "reason": "", "attributed": value} for value in (1, 0)]
    written.answers = {"ContextRecallOutput": [{"classifications": found}]}

    assert take("context_recall")[0] == 0.5


def test_relevancy_averages_three_draws_that_the_ledger_keeps_apart(written, take) -> None:
    guesses = ["What does a wire transfer cost?", "How long does a wire take?", "Is a wire free on Sundays?"]
    written.answers = {"AnswerRelevanceOutput": [{"question": guess, "noncommittal": 0} for guess in guesses]}

    value, asked = take("answer_relevancy")

    assert value == pytest.approx(sum(cosine(CASE.question, guess) for guess in guesses) / 3, abs=1e-5)
    assert asked.calls == 3
    assert [request.sample for request in written.asked] == [0, 1, 2]
    assert len({request.key for request in written.asked}) == 3


def test_an_evasive_answer_is_not_relevant(written, take) -> None:
    written.answers = {"AnswerRelevanceOutput": [{"question": CASE.question, "noncommittal": 1}]}
    assert take("answer_relevancy")[0] == 0.0


def test_similarity_comes_from_our_embedder_and_asks_no_judge(written, take) -> None:
    value, asked = take("answer_similarity")

    assert value == pytest.approx(cosine(CASE.reference, CASE.response), abs=1e-5)
    assert (asked.calls, written.asked) == (0, [])


def test_a_repeat_is_paid_for_and_a_rerun_is_not(written, take) -> None:
    written.answers = {"StatementGeneratorOutput": [THREE], "NLIStatementOutput": [statements(a=1, b=0)]}

    first = take("faithfulness")
    again, _ = take("faithfulness"), take("faithfulness", repeat=1)

    assert len(written.asked) == 4
    assert (again[0], again[1].prompt_tokens) == (first[0], first[1].prompt_tokens)


def test_a_call_is_what_the_role_says_and_names_its_documents(written, take) -> None:
    written.answers = {"StatementGeneratorOutput": [THREE], "NLIStatementOutput": [statements(a=1)]}

    take("faithfulness")

    assert {request.parameters for request in written.asked} == {(("max_tokens", 4096),)}
    assert {request.sources for request in written.asked} == {("version-1",)}
    assert {request.role for request in written.asked} == {"judge"}


def test_broken_json_is_repaired_once(written, take) -> None:
    written.answers = {
        "StatementGeneratorOutput": ['{"statements": ["It co', THREE],
        "NLIStatementOutput": [statements(a=1, b=1, c=0)],
    }

    value, asked = take("faithfulness")

    assert value == pytest.approx(2 / 3, abs=1e-6)
    assert [request.attempt for request in written.asked] == [0, 1, 0]
    assert written.asked[1].messages[1].content == '{"statements": ["It co'
    assert asked.calls == 3


@pytest.mark.parametrize(
    ("metric", "answers", "reason"),
    [
        ("faithfulness", {"StatementGeneratorOutput": ["no JSON"]}, "after a repair"),
        # RAGAS would score the next three 1.0, an average precision over 5, and a perfect match.
        ("answer_correctness", {"StatementGeneratorOutput": [{"statements": []}]}, "at least one statement"),
        (
            "answer_correctness",
            {"StatementGeneratorOutput": [THREE], "ClassificationWithReason": [{"TP": [], "FP": [], "FN": []}]},
            "at least one statement",
        ),
        ("context_precision", {"ContextPrecisionOutput": [{"reason": "", "verdict": 5}]}, "verdict must be 0 or 1"),
    ],
)
def test_what_cannot_be_scored_fails_with_the_reason(written, take, metric, answers, reason) -> None:
    written.answers = answers
    with pytest.raises(JudgeFailed, match=reason):
        take(metric)


def test_a_cut_off_answer_names_the_setting(written, take) -> None:
    written.answers, written.finish_reason = {"StatementGeneratorOutput": ['{"statements": ["It']}, "length"

    with pytest.raises(JudgeFailed, match=r"raise roles\.judge\.parameters\.max_tokens"):
        take("faithfulness")

    assert len(written.asked) == 1


def test_a_metric_that_asks_synchronously_is_refused(judge, embedder) -> None:
    with pytest.raises(JudgeFailed, match="synchronously"):
        RagasLLM(judge, "test", ()).generate("prompt", Any)
    with pytest.raises(JudgeFailed, match="synchronously"):
        RagasEmbeddings(Vectors(embedder), ()).embed_text("text")

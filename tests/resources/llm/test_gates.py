import pytest

from resources.llm.gates import GATE_NAMES, GATES, is_leaked, is_self_contained, is_supported, judge
from resources.llm.raft_text import quoted, render_answer

CHUNK = (
    "|Service|Blue account|\n|---|---|\n|Cash withdrawal|$5.00<sup>2</sup>|\n\nA card is sent within 6 working days."
)
ROW = "|Cash withdrawal|$5.00<sup>2</sup>|"


def verdict(**changes):
    draft = {
        "question": "What does a cash withdrawal cost with a Blue account?",
        "quotes": [ROW],
        "final_answer": "$5.00",
        "chunk": CHUNK,
        "title": "Fees",
        "heading_path": ["Accounts"],
    } | changes
    draft.setdefault("answer", render_answer(f"The row says {quoted(ROW)}.", draft["final_answer"]))
    return judge(**draft)


def test_a_sound_draft_passes():
    assert verdict() is None


@pytest.mark.parametrize(
    ("gate", "changes"),
    [
        ("truncated", {"finish_reason": "length"}),
        ("malformed", {"question": "Fee?"}),
        ("malformed", {"question": ""}),
        ("refusal", {"final_answer": "The documents do not answer this question."}),
        ("refusal", {"question": "I'm sorry, I cannot write a question about that."}),
        ("answer_tag_count", {"answer": f"The row says {quoted(ROW)}, so $5.00"}),
        ("answer_tag_count", {"answer": f"{quoted(ROW)} <ANSWER>: $5.00 <ANSWER>: $5.00"}),
        ("final_answer_missing", {"final_answer": "", "answer": f"{quoted(ROW)} <ANSWER>: "}),
        ("final_answer_missing", {"answer": f"{quoted(ROW)} <ANSWER>: $7.00"}),
        ("final_answer_too_long", {"final_answer": "cash " * 60}),
        ("quotes_missing", {"quotes": []}),
        ("quotes_missing", {"answer": "The row says so. <ANSWER>: $5.00"}),
        ("quote_not_verbatim", {"quotes": ["|Cash withdrawal|$5.00|"]}),
        ("quote_not_verbatim", {"answer": f"{quoted('cash costs $5.00')} <ANSWER>: $5.00"}),
        ("not_self_contained", {"question": "What does this account charge for a cash withdrawal?"}),
        ("answer_leaked", {"question": "Is it true that a cash withdrawal costs $5.00?"}),
        ("answer_not_supported", {"final_answer": "$6.00"}),
        ("answer_not_supported", {"final_answer": "ask your mother"}),
        ("duplicate", {"earlier": ["what does a CASH withdrawal cost with a blue account"]}),
    ],
)
def test_each_gate_refuses_what_it_is_named_after(gate, changes):
    assert verdict(**changes) == gate


@pytest.mark.parametrize(
    "question",
    [
        "What is the fee in the third column?",
        "How much does it cost?",
        "What does the table say about cheques?",
        "Which plan is described above?",
        "What is the fee for the second plan?",
        "According to the document, who may apply?",
        "Will you let me know if this applies?",
        "What does footnote 3 say about fees?",
        "该账户的月费是多少？",
        "上述服务收费多少？",
        "根据下表，转账多少钱？",
    ],
)
def test_a_question_that_points_at_a_page_is_not_self_contained(question):
    assert not is_self_contained(question)


@pytest.mark.parametrize(
    "question",
    [
        "How much does a cash withdrawal cost with a Blue account?",
        "If I pick the Blue Plan, does it include travel insurance?",
        "How long does it take to open a Blue account?",
        "Do customers get their money back within 30 days?",
        "What is the Blue Plan?",
        "蓝色账户的月费是多少？",
        "除此之外，蓝色账户还收其他费用吗？",
    ],
)
def test_a_question_that_names_its_subject_is_self_contained(question):
    assert is_self_contained(question)


def test_a_heading_s_own_words_are_not_held_against_a_question_that_names_it():
    question = "Who may see what a customer writes under Using this guide?"
    assert not is_self_contained(question)
    assert is_self_contained(question, "Bank guide\nUsing this guide")
    draft = {
        "answer": f"{quoted('Staff may see it')} <ANSWER>: Staff",
        "quotes": ["Staff may see it"],
        "final_answer": "Staff",
    }
    place = {"chunk": "Staff may see it.", "title": "Bank guide", "heading_path": ["Privacy", "Using this guide"]}
    assert judge(question=question, **draft, **place) is None


def test_yes_and_no_need_no_words_in_the_quote_but_numbers_do():
    assert is_supported("Yes", ROW)
    assert is_supported("5", "costs $5.00")
    assert not is_supported("between $5.00 and $9.00", ROW)


def test_a_number_of_the_answer_within_another_number_is_no_leak():
    assert not is_leaked("Which account has a limit of $5,000?", "$5")


def test_every_gate_has_a_name_and_a_line_for_the_report():
    assert len(set(GATE_NAMES)) == len(GATES)
    assert all(gate.description.endswith(".") for gate in GATES)

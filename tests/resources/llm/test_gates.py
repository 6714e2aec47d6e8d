import pytest

from resources.llm.gates import GATE_NAMES, GATES, REPAIRABLE, judge
from resources.llm.raft_text import REFUSAL, quoted, render_answer
from resources.llm.self_contained import is_self_contained, stands_alone
from resources.llm.support import gives_away, is_leaked, is_supported

CHUNK = (
    "|Service|Blue account|\n|---|---|\n|Cash withdrawal|$5.00<sup>2</sup>|\n\nA card is sent within 6 working days."
)
ROW = "|Cash withdrawal|$5.00<sup>2</sup>|"


def verdict(**changes):
    draft = {
        "question": "What does a cash withdrawal cost with a Blue account?",
        "answer": render_answer(f"The row says {quoted(ROW)}.", changes.pop("final", "$5.00")),
        "chunk": CHUNK,
        "title": "Fees",
        "heading_path": ["Accounts"],
    }
    return judge(**draft | changes)


def test_a_sound_draft_passes():
    assert verdict() is None


@pytest.mark.parametrize(
    ("gate", "changes"),
    [
        ("malformed", {"question": "Fee?"}),
        ("malformed", {"question": ""}),
        ("malformed", {"question": "I'm sorry, I cannot write a question about that."}),
        ("malformed", {"question": "What is ##begin_quote## for?"}),
        ("not_self_contained", {"question": "What does this account charge for a cash withdrawal?"}),
        ("duplicate", {"earlier": ["what does a CASH withdrawal cost with a blue account"]}),
        ("refusal", {"final": REFUSAL["en"]}),
        ("refusal", {"answer": REFUSAL["en"]}),
        ("refusal", {"answer": "文档没有回答这个问题。"}),
        ("refusal", {"answer": "I'm sorry, I can't help with that."}),
        ("answer_tag_count", {"answer": f"The row says {quoted(ROW)}, so $5.00"}),
        ("answer_tag_count", {"answer": f"{quoted(ROW)} <ANSWER>: $5.00 <ANSWER>: $5.00"}),
        ("final_answer_missing", {"answer": f"{quoted(ROW)} <ANSWER>: "}),
        ("final_answer_too_long", {"final": "cash " * 60}),
        ("final_answer_too_long", {"final": "$5.00\n\nI hope this helps."}),
        ("quotes_missing", {"answer": "The row says so. <ANSWER>: $5.00"}),
        ("quotes_missing", {"answer": f"The row {quoted(' ')} says so. <ANSWER>: $5.00"}),
        ("quote_not_verbatim", {"answer": f"{quoted('cash costs $5.00')} <ANSWER>: $5.00"}),
        ("quote_not_verbatim", {"answer": f"{quoted('|Cash withdrawal|$5')} <ANSWER>: $5"}),
        ("answer_leaked", {"question": "Is it true that a cash withdrawal costs $5.00?"}),
        ("answer_not_supported", {"final": "$6.00"}),
        ("answer_not_supported", {"final": "ask your mother"}),
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
        "Do all the listed plans offer free transfers?",
        "What is not permitted on the specified account?",
        "Does any option offer free transfers?",
        "Which section covers privacy at the bank?",
        "Who confirms my identity without a card from Section B?",
        "How do I contact you about a lost card?",
        "What does a transfer cost in scenario",
        "Are balances paid interest below?",
        "该账户的月费是多少？",
        "上述服务收费多少？",
        "根据下表，转账多少钱？",
    ],
)
def test_a_question_that_points_at_a_page_is_not_self_contained(question):
    assert not stands_alone(question)


@pytest.mark.parametrize(
    "question",
    [
        "How much does a cash withdrawal cost with a Blue account?",
        "If I pick the Blue Plan, does it include travel insurance?",
        "How long does it take to open a Blue account?",
        "Do customers get their money back within 30 days?",
        "What is the Blue Plan?",
        "Which account is the one that offers a bonus?",
        "Is the fee the same for all currencies?",
        "What does Section B of the Banking Act demand?",
        "蓝色账户的月费是多少？",
        "除此之外，蓝色账户还收其他费用吗？",
    ],
)
def test_a_question_that_names_its_subject_is_self_contained(question):
    assert stands_alone(question)


def test_a_heading_s_own_words_are_not_held_against_a_question_that_names_it():
    question = "Who may see what a customer writes under Using this guide?"
    assert not stands_alone(question)
    assert stands_alone(question, "Bank guide\nUsing this guide")
    assert stands_alone("Who may see notes, according to the Bank guide?", "Bank guide")
    assert is_self_contained(question, "Bank guide\nUsing this guide")
    draft = {"answer": f"{quoted('Staff may see it')} <ANSWER>: Staff"}
    place = {"chunk": "Staff may see it.", "title": "Bank guide", "heading_path": ["Privacy", "Using this guide"]}
    assert judge(question=question, **draft, **place) is None


def test_yes_and_no_need_no_words_in_the_quote_but_numbers_do():
    assert is_supported("Yes", ROW)
    assert is_supported("5", "costs $5.00")
    assert not is_supported("between $5.00 and $9.00", ROW)


def test_a_number_of_the_answer_within_another_number_is_no_leak():
    assert not is_leaked("Which account has a limit of $5,000?", "$5")


def test_what_an_answer_repeats_of_its_question_needs_no_quote_and_what_it_adds_does():
    question = "Does the Blue account include travel insurance?"
    assert is_supported("Yes, the Blue account includes travel insurance", "|Insurance|yes|", question)
    assert not is_supported("Yes, with rental cars and lost luggage", "|Insurance|yes|", question)
    assert is_supported("The fee is $5.00 each time", ROW, "What is the fee?")
    assert not is_supported("The fee is $6.00", ROW, "What is the fee?")


@pytest.mark.parametrize(
    ("question", "final", "given"),
    [
        ("How much is the monthly fee of the $13.95 plan?", "The monthly fee is $13.95", True),
        ("Which trade-mark of Maestro does the bank use?", "The Maestro trade-mark", True),
        ("How much is the monthly fee of the Blue plan?", "The monthly fee is $13.95", False),
        ("Is the Blue plan free?", "Yes, the Blue plan is free", False),
        ("提款五次的费用是多少元？", "五元", False),
    ],
)
def test_an_answer_that_only_repeats_its_question_is_given_away_unless_it_says_yes_or_no(question, final, given):
    assert gives_away(question, final) is given


def test_every_gate_has_a_name_and_a_line_for_the_report():
    assert len(set(GATE_NAMES)) == len(GATES)
    assert all(gate.description.endswith(".") for gate in GATES)
    assert set(GATE_NAMES) > REPAIRABLE

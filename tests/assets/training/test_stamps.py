from assets.training.stamps import emulator_stamp
from resources.lake.tables import CONTEXTUALIZED_CHUNKS, MARKDOWN_PAGES, QA_PAIRS


def made_by(lake, table, batch: str, model: str) -> None:
    lake.write(table, [], batch)
    lake.put_fingerprint(table.name, batch, {"code": "c", "model": model})


def test_a_student_whose_teacher_was_an_emulator_is_stamped_with_its_name(lake) -> None:
    made_by(lake, QA_PAIRS, "0001-a", "embedded/teacher")
    made_by(lake, QA_PAIRS, "0002-b", "azure_openai/gpt-4o at 127.0.0.1:8000")

    stamp = emulator_stamp(lake, {"azure_openai/gpt-4o at 127.0.0.1:8000"})

    assert stamp is not None and "azure_openai/gpt-4o" in stamp and "embedded" not in stamp


def test_a_contextualizer_counts_as_well(lake) -> None:
    made_by(lake, CONTEXTUALIZED_CHUNKS, "0001-a", "azure_openai/gpt-4o-mini")
    assert emulator_stamp(lake, {"azure_openai/gpt-4o-mini"})


def test_a_transcriber_counts_whatever_else_its_pages_were_made_with(lake) -> None:
    lake.write(MARKDOWN_PAGES, [], "0001-a")
    lake.put_fingerprint("markdown_pages", "0001-a", {"transcriber": "azure_openai/gpt-4o at 127.0.0.1 0f3a"})
    assert emulator_stamp(lake, {"azure_openai/gpt-4o at 127.0.0.1"})


def test_a_model_of_the_same_name_elsewhere_is_no_emulator(lake) -> None:
    made_by(lake, QA_PAIRS, "0001-a", "azure_openai/gpt-4o at name.openai.azure.com")
    assert emulator_stamp(lake, {"azure_openai/gpt-4o at 127.0.0.1:8000", "azure_openai/gpt"}) is None


def test_a_student_of_real_models_has_no_stamp_whatever_an_emulator_did_elsewhere(lake) -> None:
    made_by(lake, QA_PAIRS, "0001-a", "azure_openai/gpt-4o")

    assert emulator_stamp(lake, set()) is None
    assert emulator_stamp(lake, {"azure_openai/judge-only"}) is None

"""Which class a document version has."""

from resources.egress.classification import ClassificationOptions, DocumentClasses

OPTIONS = ClassificationOptions.model_validate(
    {
        "default": "internal",
        "rules": [
            {"documents": "hr/*", "class": "restricted"},
            {"documents": "hr/public/*", "class": "public"},
            {"documents": "press/*", "class": "public"},
        ],
    }
)


def arrival(uri: str, version: str, tombstone: bool = False) -> dict[str, object]:
    return {"uri": uri, "version": version, "tombstone": tombstone}


def test_the_most_sensitive_rule_that_fits_counts() -> None:
    uris = ("hr/deep/pay.pdf", "hr/public/jobs.pdf", "press/news.pdf", "fees.pdf")

    assert [OPTIONS.of(uri) for uri in uris] == ["restricted", "restricted", "public", "internal"]


def test_equal_bytes_in_two_places_have_the_more_sensitive_class() -> None:
    classes = DocumentClasses(OPTIONS, lambda: [arrival("press/a.pdf", "v"), arrival("hr/a.pdf", "v")])

    assert classes.of("v") == ("restricted", "hr/a.pdf")


def test_a_place_that_a_document_has_left_does_not_count_any_more() -> None:
    rows = [arrival("hr/a.pdf", "v"), arrival("press/a.pdf", "v"), arrival("hr/a.pdf", "v", tombstone=True)]

    assert DocumentClasses(OPTIONS, lambda: rows).of("v") == ("public", "press/a.pdf")
    assert DocumentClasses(OPTIONS, lambda: [rows[0], rows[2]]).of("v") == ("restricted", "hr/a.pdf")


def test_a_version_that_nobody_knows_counts_as_the_most_sensitive_class_there_is() -> None:
    assert DocumentClasses(OPTIONS, list).of("v") == ("restricted", "")
    assert DocumentClasses(ClassificationOptions(), list).of("v") == ("internal", "")


def test_a_document_that_arrives_later_is_known_when_it_is_asked_for() -> None:
    rows: list[dict[str, object]] = []
    classes = DocumentClasses(OPTIONS, lambda: list(rows))
    assert classes.of("v")[0] == "restricted"

    rows.append(arrival("press/a.pdf", "v"))

    assert classes.of("v")[0] == "public"

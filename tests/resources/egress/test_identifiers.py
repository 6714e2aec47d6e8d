"""Which texts are identifiers, and which only look like them."""

import pytest

from resources.egress.identifiers import find_identifiers, luhn


def found(text: str) -> list[tuple[str, str]]:
    return [(one.kind, text[one.start : one.end]) for one in find_identifiers(text)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("card", "4111111111111111"),
        ("card", "4111 1111 1111 1111"),
        ("card", "5500-0000-0000-0004"),
        ("card", "3782 822463 10005"),
        ("card", "4222222222222"),
        ("card", "6222021234567890128"),
        ("card", "４１１１１１１１１１１１１１１１"),
        ("card", "4111\u00a01111\u00a01111\u00a01111"),
        ("iban", "DE89370400440532013000"),
        ("iban", "GB82 WEST 1234 5698 7654 32"),
        ("iban", "no93 8601 1117 947"),
        ("email", "first.last+tag@mail.example.co.uk"),
        ("phone", "+44 20 7946 0958"),
        ("phone", "+1 (416) 555-0123"),
        ("phone", "+8613812345678"),
        ("phone", "(416) 555-0123"),
        ("phone", "1-800-555-0199"),
        ("phone", "416.555.0123"),
        ("phone", "13812345678"),
        ("phone", "010-88886666"),
        ("phone", "0800 555 0177"),
        ("national_id", "123-45-6789"),
        ("national_id", "130-692-544"),
        ("national_id", "AB 12 34 56 C"),
        ("national_id", "11010519491231002X"),
        ("api_key", "sk-abcdefghijklmnopqrstuvwx"),
        ("api_key", "AKIAIOSFODNN7EXAMPLE"),
        ("api_key", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
        ("api_key", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijklmnop"),
        ("api_key", "-----BEGIN PRIVATE KEY-----\nMIIEvQ+/=\n-----END PRIVATE KEY-----"),
    ],
)
@pytest.mark.parametrize("around", ["{}", "It is {}.", "号码：{}，有效", "({}), then", "| {} |", "a\n{}\nb"])
def test_an_identifier_is_found_whole_whatever_stands_around_it(kind, value, around) -> None:
    assert found(around.format(value)) == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "$4,111,111,111,111,111 and $1,234,567.89",
        "4111111111111112",
        "DE89370400440532013001",
        "2024-01-15, 01/02/2024, 15.01.2024, 20240115123045",
        "2019 2020 2021 2022",
        "| $5.00 | 1000 | 2000 | 3000 | 4000 |",
        "3000 2000 4000 1000 5000 6000",
        "12.50 13.40 14.50 15.60 and +12.50 13.40 14.50",
        "ISBN 978-3-16-148410-0",
        "0.4111111111111111",
        "$416-555-0123",
        "$130 692 544 and 130 692 544.00",
        "+5.25% a year, +1,000,000",
        "192.168.100.200",
        "transit 12345-678, account 1234567, section 3.2.1",
        "000-12-3456 and 666-12-3456 and 123-00-4567",
        "QQ 12 34 56 E, model BA123456Z, page AB12",
        "110105194912310021",
        "token: the quick brown fox jumps over the lazy dog",
        "sha 3f9ac0de12345678",
        "1111111111111111",
    ],
)
def test_amounts_dates_and_numbers_that_fail_their_checksum_are_left_alone(text) -> None:
    assert found(text) == []


def test_a_secret_is_found_behind_the_word_that_names_it() -> None:
    key = "0123456789abcdef0123456789abcdef"

    assert found(f'api_key: "{key}"') == [("api_key", key)]
    assert found(f"AccountKey={'aB3/' * 21}aB==") == [("api_key", f"{'aB3/' * 21}aB==")]
    assert found(f"commit {key}") == []


def test_only_the_kinds_asked_for_are_looked_for() -> None:
    text = "4111111111111111 or me@example.org"

    assert [one.kind for one in find_identifiers(text, ("email",))] == ["email"]


def test_the_check_digit_is_luhns() -> None:
    assert luhn("79927398713")
    assert not any(luhn(f"7992739871{digit}") for digit in "012456789")

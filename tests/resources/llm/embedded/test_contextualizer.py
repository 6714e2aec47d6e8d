from resources.llm.embedded.contextualizer import clean_heading, write_context


def test_a_context_is_the_title_and_the_headings_outermost_first():
    assert write_context("Fee Guide", ["Accounts", "Savings"]) == "Fee Guide > Accounts > Savings"


def test_a_heading_that_repeats_the_one_above_is_said_once():
    assert write_context("Fee Guide", ["FEE GUIDE", "Savings", "Savings"]) == "Fee Guide > Savings"


def test_markup_footnote_marks_and_control_characters_are_no_part_of_a_heading():
    heading = "**PowerPay**<sup>**2**</sup> \x07_now_ [online](https://bank.example)"
    assert clean_heading(heading) == "PowerPay now online"


def test_ids_versions_and_page_numbers_are_left_out():
    assert write_context("Guide v2.1", ["Fees (continued)", "Cards page 12"]) == "Guide > Fees > Cards"
    assert clean_heading("Terms 3f2504e0-4f89-41d3-9a0c-0305e82c3301") == "Terms"


def test_chinese_headings_keep_their_words():
    assert write_context("新移民银行服务指南", ["开户需要的材料 第 3 页"]) == "新移民银行服务指南 > 开户需要的材料"


def test_hostile_headings_cannot_forge_a_level():
    assert write_context("Guide", ["a > b", "<script>x</script>"]).count(" > ") == 2


def test_nothing_gives_nothing():
    assert write_context("", []) == ""

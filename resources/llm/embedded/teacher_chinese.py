"""Facts from Chinese sentences: the asked-for part is replaced where it stands, so word order always holds."""

import re
from collections.abc import Iterator

from resources.llm.embedded.teacher_fact import Asked
from resources.llm.embedded.values import AMOUNT, COUNT, DATE, DURATION, PERCENTAGE, Value, values

_OPEN = re.compile(
    r"^(?:该|此|其|这|那|上述|以上|以下|如下|它|他|她|本(?:条|款|节|表|页)|但|而|且|并|因此|所以|否则|同时|另外|此外|例如|见|参见|详见|注[：:])"
)
_LIMIT = r"(?:最多|最高|至少|最低|不超过|不少于|不低于|约|仅|只需)?"
_CALL = re.compile(r"^(?:请记住|请注意|注意|提示|重要)[：:，]\s*")
_PACKED = re.compile(r"(?<=[\u3400-\u9fff，。：；（）“”])\s+|\s+(?=[\u3400-\u9fff，。：；（）“”])")
_UNITS = r"(个工作日|个自然日|个营业日|工作日|个月|小时|分钟|秒|天|周|年|日)$"
_COUNTERS = r"(次|笔|张|份|个|家|名|人|台|项)$"


def chinese_facts(sentence: str) -> Iterator[Asked]:
    """What one cleaned Chinese sentence answers."""
    body = _PACKED.sub("", _CALL.sub("", sentence.strip()))
    if (
        not 8 <= len(body) <= 160
        or not re.search(r"[。！；]$", body)
        or _OPEN.match(body)
        or re.search(r"[|#<>？?]|如何|怎样|怎么|哪些|什么|多少|是否", body)
    ):
        return
    body = body.rstrip("。！；")
    if body.count("（") != body.count("）") or body.count("“") != body.count("”"):
        return
    for rule in (_definitions, _values, _conditions, _lists, _needs, _whether):
        for asked in rule(body):
            if 1 <= len(asked.final) <= 200:
                yield asked


def chinese_list_questions(intro: str) -> list[str]:
    """Questions about the list that an introduction leads into."""
    body = intro.strip("：: ")
    if _OPEN.match(body) or len(body) > 60:
        return []
    if match := re.match(
        r"^(?P<what>.{2,30}?)(?:主要)?(?:包括|包含|有|如下|涵盖)(?:以下)?(?P<kind>[^，。]{0,12})$", body
    ):
        kind = match.group("kind").strip("：:的") or "内容"
        return [
            f"{match.group('what')}包括哪些{kind}？",
            f"{match.group('what')}有哪些{kind}？",
            f"{match.group('what')}都包含什么？",
        ]
    if match := re.match(
        r"^(?P<who>.{2,30}?)(?P<must>需要|须|必须|应|可以|可)(?P<verb>提供|携带|出示|提交|准备|通过|选择|使用|办理)(?:以下|"
        r"下列)?(?P<kind>[^，。]{0,12})$",
        body,
    ):
        kind = match.group("kind") or "什么"
        what = f"哪些{kind}" if match.group("kind") else "什么"
        return [f"{match.group('who')}{match.group('must')}{match.group('verb')}{what}？"]
    return []


def _definitions(body: str) -> Iterator[Asked]:
    match = re.match(
        r"^(?P<term>[^，。；：、的]{2,18}?)(?:是指|指的是|系指|，是指|是一[种项个款类])(?P<meaning>.{4,})$", body
    )
    if not match:
        return
    term = match.group("term")
    meaning = (
        body[len(term) :]
        .removeprefix("，")
        .removeprefix("是指")
        .removeprefix("指的是")
        .removeprefix("系指")
        .removeprefix("是")
    )
    yield Asked(
        "definition", (f"什么是{term}？", f"{term}是什么？", f"{term}指的是什么？", f"能解释一下{term}吗？"), meaning
    )


def _values(body: str) -> Iterator[Asked]:
    """Amounts, durations, dates and counts, asked in place inside their clause."""
    found = values(body)
    for value in found:
        clause, offset = _clause_around(body, value)
        if sum(offset <= other.start < offset + len(clause) and other.kind == value.kind for other in found) > 1:
            continue
        asked = _asked_word(value) if re.search(r"[\d一二三四五六七八九十两]", value.text) else None
        if not asked or _OPEN.match(clause):
            continue
        kind, words = asked
        start, end = value.start - offset, value.end - offset
        before, after = clause[:start], clause[end:]
        own = re.search(r"，(?P<subject>(?!每|则|并|且|但|也|还|就)[^，]{2,12}(?:为|是|上限为|收费))$", before)
        if own and not re.search(r"(?:如果|若|当|自)", before):
            before = own.group("subject")
        limit = re.search(rf"{_LIMIT}$", before)
        literal = (limit.group(0) if limit else "") + value.text
        if len(before.strip()) + len(after.strip()) < 4:
            continue
        question = f"{before}{words}{after}"
        forms = [f"{question}？", f"请问{question}？"]
        if value.kind == AMOUNT and re.search(r"(?:收取|收费|费用?[为是]|支付|价格[为是])$", before):
            subject = re.sub(r"(?:均?为|是|收取|收费|需(?:要)?|支付|[:：])$", "", before)
            if len(subject) >= 3 and not after.strip():
                forms += [
                    f"{subject}多少钱？" if re.search(r"费$", subject) else f"{subject}要付多少？",
                    f"{subject}怎么收费？",
                ]
        yield Asked(kind, tuple(forms), literal)


def _clause_around(body: str, value: Value) -> tuple[str, int]:
    """The value's clause, with the clause before it if it is too short to say what it is about."""
    cuts = [0, *(match.end() for match in re.finditer(r"[；;。]", body)), len(body)]
    start = max(cut for cut in cuts if cut <= value.start)
    stops = [match.start() for match in re.finditer(r"[；;。]|，", body) if match.start() >= value.end]
    end = stops[0] if stops else len(body)
    if end < len(body) and body[end] == "，":
        inside = body[value.end : end]
        told = re.search(
            r"(?:为|是|至少|最多|不超过|不得超过|需要|收取|收费|长达|为期|达到?|有效期.*)$", body[start : value.start]
        )
        opens = re.match(r"(?:如果|如|若|当|自|从|在)", body[start:]) or inside.startswith(
            ("内", "后", "之后", "以前", "前", "之前", "以后")
        )
        if (not inside and not told) or opens or re.search(r"(?:后|时|前|的)$", inside):
            end = next((stop for stop in stops if body[stop] != "，"), len(body))
    return body[start:end], start


def _asked_word(value: Value) -> tuple[str, str] | None:
    if value.kind == AMOUNT:
        unit = re.search(r"(美元|欧元|英镑|加元|港元|元)$", value.text)
        return "amount", f"多少{unit.group(1) if unit else '钱'}"
    if value.kind == PERCENTAGE:
        return "amount", "百分之几"
    if value.kind == DURATION and (unit := re.search(_UNITS, value.text)):
        return "duration", f"多少{unit.group(1)}"
    if value.kind == DATE:
        return "date", "什么时间" if re.search(r":|点", value.text) else "什么时候"
    if value.kind == COUNT and (counter := re.search(_COUNTERS, value.text)):
        return "number", f"多少{counter.group(1)}"
    return None


def _conditions(body: str) -> Iterator[Asked]:
    match = re.match(r"^(?:如果|如|若|一旦|倘若)(?P<condition>[^，]{4,50})，(?:则|那么|就)?(?P<result>.{4,})$", body)
    if match and not re.search(r"该|此|其(?!他)|上述", match.group("condition")):
        condition = match.group("condition")
        told = re.match(r"(?:请|您?(?:需要?|须|应|可以?|必须))", match.group("result"))
        forms = (
            (f"如果{condition}，我该怎么办？", f"{condition}怎么办？")
            if told
            else (f"如果{condition}，会怎么样？", f"{condition}会有什么后果？")
        )
        yield Asked("condition", (*forms, f"{condition}时如何处理？"), match.group("result"))
    when = re.match(r"^(?P<condition>[^，]{4,40})(?:时|的)，(?P<result>.{4,})$", body)
    if when and not match and not re.search(r"该|此|其(?!他)|上述", when.group("condition")):
        yield Asked(
            "condition",
            (f"{when.group('condition')}时怎么办？", f"{when.group('condition')}时有什么规定？"),
            when.group("result"),
        )


def _lists(body: str) -> Iterator[Asked]:
    match = re.match(
        r"^(?P<what>[^，。；：]{2,24}?)(?:主要)?(?:包括|包含|分为)(?P<items>[^。；]*[、和及与][^。；]+)$", body
    )
    if match:
        what = match.group("what")
        yield Asked(
            "list", (f"{what}包括哪些？", f"{what}都有哪些？", f"{what}包含什么？"), match.group("items").lstrip("：:")
        )


def _needs(body: str) -> Iterator[Asked]:
    match = re.match(
        r"^(?P<before>[^；]{2,40}?(?:需要?|须|必须|应|请))(?P<verb>提供|携带|出示|提交|准备|填写|支付|联系|拨打|致电)(?P<what>[^，；]{2,60})$",
        body,
    )
    if match and not values(match.group("what")):
        yield Asked(
            "procedure",
            (
                f"{match.group('before').removesuffix('请')}{match.group('verb')}什么？",
                f"请问{match.group('before').removesuffix('请')}{match.group('verb')}什么？",
            ),
            match.group("what"),
        )
    dial = re.match(r"^(?P<before>[^；]{2,40}?)，?(?:请|可)?(?:拨打|致电)(?P<what>[^，；]{5,40})$", body)
    if dial:
        number = re.search(r"[\d-]{5,}", dial.group("what"))
        if number:
            before = dial.group("before").rstrip("，")
            yield Asked(
                "contact",
                (f"{before}应该打哪个电话？", f"{before}的电话号码是多少？", f"{before}要打什么电话？"),
                number.group(0),
            )


def _whether(body: str) -> Iterator[Asked]:
    match = re.match(
        r"^(?P<subject>[^，；]{2,26}?)(?P<word>不可以|不可|不能|不得|不会|不收取|不支持|不提供|可以|可|能够|能|支持|提供|须|必须)(?P<rest>[^，；]{3,50})$",
        body,
    )
    if (
        not match
        or re.search(r"[该此其]|不|是否|是$|如果|若", match.group("subject"))
        or re.search(r"[该此]|但|不", match.group("rest"))
    ):
        return
    word, subject, rest = match.group("word"), match.group("subject"), match.group("rest")
    if subject.endswith(("许", "认", "功", "才", "未", "仅", "只")) or rest.startswith(("能", "靠", "为")):
        return
    negative = word.startswith("不")
    plain = {
        "不可以": "可以",
        "不可": "可以",
        "不能": "能",
        "不得": "可以",
        "不会": "会",
        "不收取": "收取",
        "不支持": "支持",
        "不提供": "提供",
        "可": "可以",
        "须": "必须",
    }.get(word, word)
    forms = (f"{subject}{plain}{rest}吗？", f"{subject}是否{plain}{rest}？", f"请问{subject}{plain}{rest}吗？")
    yield Asked("yes_no", forms, "否" if negative else "是")

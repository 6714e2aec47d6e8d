"""The phrasings of the extractive teacher, English and Chinese: one tuple per kind of fact, and words to swap.

`{item}` is a table row in running words, `{who}` the product of a column with its article, `{bare}` without it,
`{term}` a defined term, `{section}` a heading. Formal, colloquial and clipped forms stand side by side, because a
reader trained on one voice fails on the others.
"""

TABLE = {
    "en": {
        "price": (
            "What is the fee for {item} with {who}?",
            "How much does {item} cost with {who}?",
            "How much do I pay for {item} if I have {who}?",
            "What would {item} cost me with {who}?",
            "I have {who}. How much is {item}?",
            "With {who}, what am I charged for {item}?",
            "{bare}: what is the price of {item}?",
            "How much is {item} on {who}?",
            "What do you charge {bare} customers for {item}?",
            "What's the charge for {item} when you use {who}?",
            "{item} with {bare}: how much?",
            "If I go for {who}, what will I pay for {item}?",
        ),
        "price_where": (
            "How much is {item} {where}?",
            "What does {item} cost {where}?",
            "What will I pay for {item} {where}?",
            "What is the charge for {item} {where}?",
            "{item} {where}: how much?",
        ),
        "named": (
            "What is the {measure} for {item} with {who}?",
            "{bare}: what {measure} applies to {item}?",
            "How high is the {measure} for {item} with {who}?",
            "I have {who}. What is my {measure} for {item}?",
        ),
        "named_where": (
            "What is the {measure} for {item} {where}?",
            "How high is the {measure} for {item} {where}?",
            "{item} {where}: what {measure} applies?",
        ),
        "rate": (
            "What is the rate for {item} with {who}?",
            "What percentage applies to {item} with {who}?",
            "{bare}: what is the rate for {item}?",
            "If I choose {who}, what rate do I get for {item}?",
            "How high is the rate for {item} with {who}?",
        ),
        "rate_where": (
            "What is the rate for {item} {where}?",
            "What percentage applies to {item} {where}?",
            "How high is the rate for {item} {where}?",
            "{item} {where}: what's the rate?",
        ),
        "available_where": (
            "Is {item} available {where}?",
            "Is {item} possible {where}?",
            "Can I get {item} {where}?",
            "Do you offer {item} {where}?",
        ),
        "price_alone": (
            "What is the fee for {item}?",
            "How much does {item} cost?",
            "How much do I pay for {item}?",
            "What will I be charged for {item}?",
            "What's the price of {item}?",
            "How much is charged for {item}?",
            "{item}: what does it cost?",
            "Is there a charge for {item}, and how much?",
        ),
        "measure": (
            "What is the {item} for {who}?",
            "How much is the {item} with {who}?",
            "What {item} does {who} have?",
            "If I choose {who}, what is the {item}?",
            "{bare}: what's the {item}?",
            "I'm thinking about {who}. What is the {item}?",
            "Tell me the {item} of {who}.",
            "For {who}, what {item} applies?",
        ),
        "measure_alone": (
            "What is the {item}?",
            "How much is the {item}?",
            "Can you tell me the {item}?",
            "What {item} applies?",
        ),
        "how_many": (
            "How many {item} do I get {period} with {who}?",
            "What number of {item} does {who} allow {period}?",
            "With {who}, how many {item} are there {period}?",
            "How many {item} come with {who} {period}?",
            "{bare}: how many {item} {period}?",
        ),
        "included": (
            "Is {item} included in {who}?",
            "Does {who} include {item}?",
            "Do I get {item} with {who}?",
            "Does {who} come with {item}?",
            "If I have {who}, is {item} covered?",
            "{item} with {bare}: is that included?",
            "I have {who}. Do I get {item}?",
        ),
        "does": (
            "Does {who} {action}?",
            "If I pick {who}, does it {action}?",
            "{bare}: does it {action}?",
            "I want something that {actions}. Would {who} do?",
        ),
        "is": (
            "Is {who} {state}?",
            "Would {who} be {state}?",
            "Can you confirm that {who} is {state}?",
        ),
        "can": (
            "Can I {action} with {who}?",
            "Does {who} let me {action}?",
            "I have {who}. Am I able to {action}?",
            "If I choose {who}, can I {action}?",
        ),
        "can_where": (
            "Can I {action} {where}?",
            "Is it possible to {action} {where}?",
            "Am I able to {action} {where}?",
        ),
        "which_can": ("With which {kinds} can I {action}?", "Which {kinds} let me {action}?"),
        "which_included": (
            "Which {kinds} include {item}?",
            "Which {kinds} come with {item}?",
            "With which {kinds} do I get {item}?",
            "What {kinds} give me {item}?",
        ),
        "which_does": (
            "Which {kinds} {action}?",
            "What {kinds} can I choose if I want one that {actions}?",
        ),
        "which_is": ("Which {kinds} are {state}?", "What {kinds} can I choose if I need one that is {state}?"),
        "text": (
            "What {be} the {item} for {who}?",
            "{bare}: what {be} the {item}?",
            "Can you tell me the {item} of {who}?",
            "If I choose {who}, what {be} the {item}?",
        ),
        "which_value": (
            "Which {kind} has {value} as its {item}?",
            "With which {kind} is the {item} {value}?",
            "For which {kind} is the {item} {value}?",
        ),
        "which_price": (
            "With which {kind} does {item} cost {value}?",
            "Which {kind} charges {value} for {item}?",
            "On which {kind} do I pay {value} for {item}?",
        ),
        "available": (
            "Is {item} available with {who}?",
            "Can I get {item} with {who}?",
            "Does {who} allow {item}?",
            "I have {who}. Is {item} possible?",
            "{item} on {bare}: is that possible?",
        ),
        "free": (
            "Is {item} free with {who}?",
            "Do I get {item} for free with {who}?",
            "With {who}, is {item} free of charge?",
            "Does {item} cost nothing with {who}?",
        ),
    },
    "zh": {
        "price": (
            "{who}的{item}收费是多少？",
            "使用{who}时，{item}要多少钱？",
            "我用的是{who}，{item}怎么收费？",
            "{who}办理{item}需要付多少费用？",
            "如果选择{who}，{item}收多少钱？",
            "{item}在{who}下的价格是多少？",
            "{who}：{item}多少钱？",
        ),
        "price_alone": (
            "{item}的费用是多少？",
            "{item}要多少钱？",
            "办理{item}怎么收费？",
            "{item}收多少钱？",
            "想问一下{item}的价格是多少？",
        ),
        "measure": (
            "{who}的{item}是多少？",
            "对于{who}，{item}是多少？",
            "如果选择{who}，{item}是多少？",
            "请问{who}的{item}为多少？",
            "{item}：{who}是多少？",
        ),
        "measure_alone": ("{item}是多少？", "请问{item}是多少？", "{item}规定是多少？"),
        "text": ("{who}的{item}是什么？", "就{who}而言，{item}是怎样的？", "{who}在{item}方面是怎么规定的？"),
        "included": (
            "{who}包含{item}吗？",
            "{who}是否包括{item}？",
            "用{who}可以享受{item}吗？",
            "如果我选择{who}，有没有{item}？",
        ),
        "which_included": ("哪些{kinds}包含{item}？", "{item}在哪些{kinds}中提供？", "选哪些{kinds}可以享受{item}？"),
        "which_value": ("哪种{kind}的{item}是{value}？", "{item}为{value}的是哪种{kind}？"),
        "which_price": ("哪种{kind}的{item}收费是{value}？", "{item}收{value}的是哪种{kind}？"),
        "available": ("{who}可以办理{item}吗？", "{who}是否提供{item}？", "我用{who}，能办{item}吗？"),
        "free": ("{who}的{item}免费吗？", "使用{who}办理{item}是不是不收费？", "{who}办{item}要不要钱？"),
    },
}
"""Questions about one cell, or one row, of a table."""

DEFINITION = {
    "en": (
        "What is {term}?",
        "What does “{term}” mean?",
        "How is “{term}” defined?",
        "What do you mean by {term}?",
        "Can you explain what {term} is?",
        "What is meant by “{term}”?",
    ),
    "zh": ("什么是{term}？", "{term}是什么意思？", "{term}指的是什么？", "{term}的定义是什么？", "请解释一下{term}。"),
}
"""Questions about a defined term."""

NAMED_BY = {
    "en": (
        "What is the term for {meaning}?",
        "What do you call {meaning}?",
        "Which term describes {meaning}?",
    ),
    "zh": ("“{meaning}”指的是哪个术语？", "哪个词的意思是“{meaning}”？"),
}
"""The inverse: from the meaning to the term."""

ANCHOR = {
    "en": (
        "I have a question about {section}. {question}",
        "When it comes to {section}, {lower}",
        "Regarding {section}, {lower}",
        "About {section}: {lower}",
        "{section}: {lower}",
    ),
    "zh": (
        "关于{section}，{question}",
        "{section}：{question}",
        "在{section}方面，{question}",
        "想了解{section}，{question}",
    ),
}
"""Ways to name the subject when the question itself does not; `{lower}` is the question in running case."""

ANCHOR_TITLE = {
    "en": ("According to {title}, {lower}", "{open}, according to {title}?", "In {title}, {lower}"),
    "zh": ("根据《{title}》，{question}", "《{title}》中，{question}", "按照《{title}》的规定，{question}"),
}
"""The same where no heading names the subject, only the document; `{open}` is the question without its mark."""

SYNONYMS = (
    (r"\b(?:a |the )?cash withdrawals?\b", ("taking out cash", "withdrawing cash", "getting cash out")),
    (r"\ba funds transfer\b", ("transferring funds", "a transfer of money", "moving money")),
    (r"\ba bill payment\b", ("paying a bill", "a payment of a bill")),
    (r"\ba debit card purchase\b", ("paying by debit card", "buying something with my debit card")),
    (r"\ban account history inquiry\b", ("asking for my recent transactions", "checking my account history")),
    (r"\ba replacement card\b", ("replacing a card", "a new card to replace mine")),
    (r"\ba stop payment\b", ("stopping a payment",)),
    (r"\ba (?:wire|bank) transfer\b", ("wiring money",)),
    (r"\bABMs?\b", ("ATM", "bank machine", "cash machine")),
    (r"\bATM\b", ("cash machine", "bank machine")),
    (r"\bcheque\b", ("check",)),
    (r"\bcheques\b", ("checks",)),
    (r"\bmonthly fee\b", ("fee per month", "cost per month")),
    (r"\bannual fee\b", ("fee per year", "yearly fee")),
    (r"\bmonthly (?=[a-z])", ("per-month ",)),
    (r"\bannual (?=[a-z])", ("yearly ",)),
    (r"\bat no (?:extra|additional) (?:charge|cost)\b", ("for free", "without paying extra")),
    (r"\bfree of charge\b", ("free", "without a fee")),
    (r"\btelephone\b", ("phone",)),
    (r"\bonline banking\b", ("internet banking",)),
    (r"\badditional\b", ("extra", "further")),
    (r"\bobtain\b", ("get",)),
    (r"\breceive\b", ("get",)),
    (r"\bpermitted\b", ("allowed",)),
    (r"\brequired\b", ("needed",)),
    (r"\bassistance\b", ("help",)),
    (r"\bterminate\b", ("end",)),
    (r"\bper annum\b", ("a year",)),
    (r"\bprior to\b", ("before",)),
    (r"\bcommences?\b", ("starts",)),
    (r"\bin excess of\b", ("over", "above")),
    (r"(?<!a )\bminimum\b(?! of)", ("lowest",)),
    (r"(?<!a )\bmaximum\b(?! of)", ("highest",)),
    (r"\bvehicle\b", ("car",)),
    (r"\bemployees\b", ("staff",)),
    (r"\bcustomers\b", ("clients",)),
    (r"\bWhat is the\b", ("What's the",)),
    (r"手续费", ("服务费", "费用")),
    (r"提取现金|现金取款", ("取现金", "取现")),
    (r"多少钱", ("什么价钱",)),
    (r"办理", ("申请",)),
    (r"每月", ("一个月",)),
)
"""What people say instead: a pattern over the question and its replacements, one of which a seed may choose."""

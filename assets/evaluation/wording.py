"""Numbers as the report writes them: rates, differences and their intervals in words a reader can check."""

from resources.statistics import Interval

MINUS = "\u2212"
NOT_MEASURED = "not measured"
NO_BOUNDS = "[no interval: one group]"


def number(value: float) -> str:
    """Two decimals, with a real minus sign; never a negative zero."""
    text = f"{abs(value):.2f}"
    return f"{MINUS}{text}" if value < 0 and float(text) else text


def signed(value: float) -> str:
    text = number(value)
    return text if text.startswith(MINUS) or not float(text) else f"+{text}"


def percent(value: float) -> str:
    return f"{value * 100:.0f} %"


def rate_bounds(interval: Interval) -> str:
    """The interval of a share in per cent: `[52 to 71]`."""
    if interval.low is None or interval.high is None:
        return NO_BOUNDS
    return f"[{interval.low * 100:.0f} to {interval.high * 100:.0f}]"


def level_bounds(interval: Interval) -> str:
    """The interval of a mean that is no share: `[0.30 to 0.52]`."""
    if interval.low is None or interval.high is None:
        return NO_BOUNDS
    return f"[{number(interval.low)} to {number(interval.high)}]"


def rate(interval: Interval) -> str:
    """A share with its interval: `62 % [52 to 71]`."""
    return NOT_MEASURED if interval.mean is None else f"{percent(interval.mean)} {rate_bounds(interval)}"


def gap(interval: Interval) -> str:
    """A difference with its interval: `+0.12 [+0.03 to +0.21]`."""
    if interval.mean is None:
        return NOT_MEASURED
    if interval.low is None or interval.high is None:
        return f"{signed(interval.mean)} {NO_BOUNDS}"
    return f"{signed(interval.mean)} [{signed(interval.low)} to {signed(interval.high)}]"


def counted(count: int, noun: str) -> str:
    """`1 question`, `12 questions`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

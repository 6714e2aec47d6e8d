"""What a training job tells: its status changes and the end of its log as events, its losses as a curve."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from resources.text import one_line
from resources.training.base import JobEvent, MetricRow, TrainingRejected, in_words
from resources.training.sagemaker_jumpstart.aws import Aws
from resources.training.sagemaker_jumpstart.faults import told
from resources.training.sagemaker_jumpstart.states import spot_saving

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
NAMESPACE = "/aws/sagemaker/TrainingJobs"
LINES_AT_ONCE = 500
LINE_CHARACTERS = 600
_PERIOD = 60
_LATE = timedelta(minutes=10)


def events_after(aws: Aws, job: Mapping[str, Any], seen: str) -> tuple[Sequence[JobEvent], str]:
    """Status changes and log lines after a cursor, oldest first, and the new one. A log that cannot be read is no event."""
    cursor = _cursor(seen)
    changes = list(job.get("SecondaryStatusTransitions") or ())
    timed = [
        (one["StartTime"].timestamp() * 1000, _change(number, one))
        for number, one in enumerate(changes)
        if number >= cursor["changes"]
    ]
    lines = _lines(aws, str(job["TrainingJobName"]), cursor)
    timed += [
        (line["timestamp"], JobEvent(str(line["eventId"]), _level(line["message"]), _shown(line["message"])))
        for line in lines
    ]
    events = [event for _, event in sorted(timed, key=lambda pair: pair[0])]
    cursor["changes"] = max(cursor["changes"], len(changes))
    if lines:
        newest = max(int(line["timestamp"]) for line in lines)
        told_before = cursor["ids"] if newest == cursor["at"] else []
        last = {str(line["eventId"]) for line in lines if int(line["timestamp"]) == newest}
        cursor |= {"at": newest, "ids": sorted(last | set(told_before))}
    return events, json.dumps(cursor, sort_keys=True)


def curve_of(aws: Aws, job: Mapping[str, Any]) -> tuple[MetricRow, ...]:
    """The losses that CloudWatch has of a job, a row per minute; empty if it has none, or may not be asked."""
    metrics = [str(one["Name"]) for one in job["AlgorithmSpecification"].get("MetricDefinitions") or ()]
    roles = {name: role for name in metrics if (role := _role(name))}
    start, end = job.get("TrainingStartTime"), job.get("TrainingEndTime")
    if not roles or start is None or end is None:
        return ()
    host = [{"Name": "Host", "Value": f"{job['TrainingJobName']}/algo-1"}]
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {"Namespace": NAMESPACE, "MetricName": name, "Dimensions": host},
                "Period": _PERIOD,
                "Stat": "Average",
            },
        }
        for number, name in enumerate(roles)
    ]
    try:
        pages = aws.pages(
            "cloudwatch",
            "GetMetricData",
            MetricDataQueries=queries,
            StartTime=start - _LATE,
            EndTime=end + _LATE,
            ScanBy="TimestampAscending",
        )
        results = [one for page in pages for one in page["MetricDataResults"]]
    except TrainingRejected:
        return ()
    values: dict[Any, dict[str, float]] = {}
    names = list(roles)
    for result in results:
        role = roles[names[int(result["Id"].removeprefix("m"))]]
        for moment, value in zip(result["Timestamps"], result["Values"], strict=False):
            values.setdefault(moment, {})[role] = float(value)
    return tuple(MetricRow(step, **found) for step, (_, found) in enumerate(sorted(values.items()), 1))


def final_metrics(job: Mapping[str, Any]) -> dict[str, float]:
    """The last value of every metric of a job by its name at the service, its times, and what spot training saved."""
    found = job.get("FinalMetricDataList") or ()
    metrics = {str(one["MetricName"]): float(one["Value"]) for one in found if one.get("Value") is not None}
    times = {"billable_seconds": "BillableTimeInSeconds", "training_seconds": "TrainingTimeInSeconds"}
    metrics |= {name: float(job[key]) for name, key in times.items() if job.get(key) is not None}
    saving = spot_saving(job)
    return metrics if saving is None else metrics | {"spot_saving": saving}


def _lines(aws: Aws, name: str, cursor: Mapping[str, Any]) -> list[dict[str, Any]]:
    try:
        streams = aws.read("logs", "DescribeLogStreams", logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/")
        names = [str(one["logStreamName"]) for one in streams["logStreams"]]
        if not names:
            return []
        found: list[dict[str, Any]] = []
        request = {"logGroupName": LOG_GROUP, "logStreamNames": names, "startTime": cursor["at"]}
        for page in aws.pages("logs", "FilterLogEvents", **request):
            found += [
                line
                for line in page["events"]
                if int(line["timestamp"]) > cursor["at"] or str(line["eventId"]) not in cursor["ids"]
            ]
            if len(found) >= LINES_AT_ONCE:
                break
    except TrainingRejected:
        return []
    return sorted(found, key=lambda line: int(line["timestamp"]))[:LINES_AT_ONCE]


def _cursor(seen: str) -> dict[str, Any]:
    try:
        found = json.loads(seen or "{}")
        return {
            "changes": int(found.get("changes", 0)),
            "at": int(found.get("at", 0)),
            "ids": list(found.get("ids", [])),
        }
    except (ValueError, AttributeError, TypeError):
        return {"changes": 0, "at": 0, "ids": []}


def _change(number: int, change: Mapping[str, Any]) -> JobEvent:
    status = str(change.get("Status") or "")
    words = told(change.get("StatusMessage") or "")
    level = "error" if status == "Failed" else "warning" if status in ("Interrupted", "MaxRuntimeExceeded") else "info"
    return JobEvent(f"status-{number}", level, in_words(status, words))


def _role(metric: str) -> str:
    """Which column of a curve a metric is; empty if none."""
    name = metric.lower().replace("_", "-")
    if "loss" not in name or "perplexity" in name:
        return ""
    return "validation_loss" if "eval" in name or "valid" in name else "train_loss"


def _level(line: str) -> Any:
    start = line[:200].lower()
    if "error" in start or "traceback" in start:
        return "error"
    return "warning" if "warn" in start else "info"


def _shown(line: str) -> str:
    return told(one_line(line, LINE_CHARACTERS))

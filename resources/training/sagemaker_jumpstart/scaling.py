"""Asynchronous endpoints scaled to none when idle, and to one when somebody asks: through application-autoscaling."""

import contextlib
from typing import Any

from resources.training.sagemaker_jumpstart.aws import Aws
from resources.training.sagemaker_jumpstart.faults import NotThere
from resources.training.sagemaker_jumpstart.hosting import VARIANT

_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_IDLE_SECONDS = 300
_BACKLOG = 5.0


def scale_to_zero(aws: Aws, name: str) -> None:
    """Lets an endpoint that is up have no instance while nobody asks. May be repeated."""
    target = _target(name)
    aws.order("application-autoscaling", "RegisterScalableTarget", **target, MinCapacity=0, MaxCapacity=1)
    aws.order(
        "application-autoscaling",
        "PutScalingPolicy",
        **target,
        PolicyName=f"{name}-backlog",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": _BACKLOG,
            "CustomizedMetricSpecification": {
                "MetricName": "ApproximateBacklogSizePerInstance",
                "Namespace": "AWS/SageMaker",
                "Dimensions": _dimensions(name),
                "Statistic": "Average",
            },
            "ScaleInCooldown": _IDLE_SECONDS,
            "ScaleOutCooldown": _IDLE_SECONDS,
        },
    )
    # Target tracking divides by the number of instances, so it never leaves zero: a step does.
    step = aws.order(
        "application-autoscaling",
        "PutScalingPolicy",
        **target,
        PolicyName=f"{name}-first",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": _IDLE_SECONDS,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    aws.order(
        "cloudwatch",
        "PutMetricAlarm",
        AlarmName=_alarm(name),
        Namespace="AWS/SageMaker",
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=_dimensions(name),
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        AlarmActions=[step["PolicyARN"]],
    )


def forget_scaling(aws: Aws, name: str) -> None:
    """Removes what `scale_to_zero` made. Harmless where there is nothing."""
    with contextlib.suppress(NotThere):
        aws.order("application-autoscaling", "DeregisterScalableTarget", **_target(name))
    aws.order("cloudwatch", "DeleteAlarms", AlarmNames=[_alarm(name)])


def _target(name: str) -> dict[str, Any]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/{VARIANT}",
        "ScalableDimension": _DIMENSION,
    }


def _dimensions(name: str) -> list[dict[str, str]]:
    return [{"Name": "EndpointName", "Value": name}]


def _alarm(name: str) -> str:
    return f"raftline-{name}-first"

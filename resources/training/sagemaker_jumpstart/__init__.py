"""SageMaker JumpStart: fine-tunes models of Amazon's hub and serves them, with boto3, and the SageMaker SDK where it is right.

Whatever contacts AWS is boto3: describing the hub, training jobs, models, endpoints, storage, logs. Names are then ours
(a job is named after the hash of its specification, so it is found again and never made twice), one call does one thing,
and every call passes our egress rules, time limits and error messages. The SDK's own trainer and model builder are not
used: version 3 names jobs by the time of day, checks the role through IAM and STS before each job, reports its use unless
told not to, leaves models and configurations behind, and its builder deployed the hub's base weights in place of the
tuned ones.

The SDK (`sagemaker-core`, the extra `sagemaker`) is right where it holds Amazon's own rules and tables, which nobody should
write down a second time: how a hub document's settings per instance type override one another, and the registries of
container images per region. `variants.py` uses both. Neither contacts anyone, so its telemetry has nothing to tell.
"""

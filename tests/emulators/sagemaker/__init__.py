"""A SageMaker emulator: a real HTTP server that speaks AWS's protocols. Nothing that it trains or serves is a real model.

Training jobs, the JumpStart hub, models, endpoints, tags and the runtime are here; object storage, logs, metrics and
autoscaling are moto's. Requests are validated against botocore's own service descriptions.
"""

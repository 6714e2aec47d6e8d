"""Settings of SageMaker JumpStart training."""

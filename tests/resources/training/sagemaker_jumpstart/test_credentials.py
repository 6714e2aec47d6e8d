"""Credentials that expire in the middle, come back, lack a permission, and never show up in what is told."""

import pytest

from resources.training.base import TrainingRejected, TrainingUnreachable

SECRET = "emulator-secret-key"


def test_credentials_that_expire_are_waited_for_and_the_job_goes_on(sagemaker, trainer, spec, data) -> None:
    following = trainer()
    handle = following.submit(spec(), data, {})
    sagemaker.configure(credentials="expired")
    for ask in (lambda: following.poll(handle), lambda: following.events(handle, ""), lambda: following.find(spec())):
        with pytest.raises(TrainingUnreachable, match="renew them, what runs at AWS goes on"):
            ask()
    sagemaker.configure(credentials="valid")
    while not (state := following.poll(handle)).terminal:
        pass
    assert state.phase == "succeeded"
    assert len(sagemaker.state()["jobs"]) == 1


def test_credentials_renewed_in_a_file_are_found_without_a_restart(
    sagemaker, trainer, spec, data, monkeypatch, tmp_path
) -> None:
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = AKIAFORMER\naws_secret_access_key = x\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    following = trainer()
    handle = following.submit(spec(), data, {})
    sagemaker.configure(expired_keys=["AKIAFORMER"])
    with pytest.raises(TrainingUnreachable):
        following.poll(handle)
    file.write_text("[default]\naws_access_key_id = AKIARENEWED\naws_secret_access_key = y\n")
    assert following.poll(handle).phase in ("pending", "running")


def test_no_credentials_at_all_are_told_in_words(sagemaker, trainer, spec, monkeypatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(TrainingUnreachable, match="no usable AWS credentials"):
        trainer().find(spec())


def test_a_permission_lost_while_a_job_runs_does_not_fail_it(sagemaker, trainer, spec, data) -> None:
    handle = trainer().submit(spec(), data, {})
    sagemaker.configure(denied=["DescribeTrainingJob"])
    with pytest.raises(TrainingUnreachable, match="not permitted"):
        trainer().poll(handle)


def test_a_permission_that_is_missing_refuses_the_submission(sagemaker, trainer, spec, data) -> None:
    sagemaker.configure(denied=["CreateTrainingJob"])
    with pytest.raises(TrainingRejected, match="CreateTrainingJob is not permitted"):
        trainer().submit(spec(), data, {})


def test_no_secret_is_in_what_is_told(sagemaker, trainer, deployer, spec, data, monkeypatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "emulator-session-token")
    leak = f"bad signature {SECRET} of AKIAIOSFODNN7EXAMPLE with emulator-session-token"
    for kind in ("ValidationException", "ExpiredTokenException", "InternalFailure", "ResourceLimitExceeded"):
        sagemaker.configure(faults=[{"kind": kind, "operation": "CreateTrainingJob", "message": leak, "times": 1}])
        with pytest.raises(Exception, match="CreateTrainingJob") as told:
            trainer().submit(spec(dataset_version=kind), data, {})
        chain: BaseException | None = told.value
        while chain is not None:
            assert not any(
                secret in str(chain) for secret in (SECRET, "AKIAIOSFODNN7EXAMPLE", "emulator-session-token")
            )
            chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)

"""What lies in S3: datasets under the hash of their content, uploaded once, and the models that jobs leave there."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from resources.egress.door import Door
from resources.hashing import content_hash
from resources.training.base import TrainingFailed
from resources.training.sagemaker_jumpstart.aws import Aws
from resources.training.sagemaker_jumpstart.faults import NotThere, asked
from resources.training.sagemaker_jumpstart.options import SECTION
from resources.training.sagemaker_jumpstart.requests import Uploaded

_BYTES = {"jsonl": "application/jsonl", "json": "application/json"}


@dataclass(frozen=True)
class Storage:
    """The bucket of the settings, and the door that everything uploaded passes."""

    aws: Aws
    door: Door

    def upload(self, files: Mapping[str, bytes]) -> Uploaded:
        """Puts a dataset under its hash; what is there already is not sent again."""
        folder = self.folder_of(files)
        for name in sorted(files):
            part = "validation" if name.startswith("validation") else "train"
            self._put(f"{folder}{part}/{name}", name, files[name])
        return Uploaded(f"{folder}train/", f"{folder}validation/" if files.get("validation.jsonl") else "")

    def folder_of(self, files: Mapping[str, bytes]) -> str:
        """Where a dataset lies."""
        digest = content_hash([[name, content_hash(files[name].decode("utf-8"))] for name in sorted(files)])[:16]
        return f"{self.aws.options.folder}/data/{digest}/"

    def read(self, uri: str) -> bytes | None:
        """An object's bytes; None if it is not there."""
        bucket, key = split(uri)
        try:
            return asked("s3 GetObject", self.aws.read("s3", "GetObject", Bucket=bucket, Key=key)["Body"].read)
        except NotThere:
            return None

    def manifest(self, uri: str) -> str:
        """A hash of names, sizes and entity tags of what a job left at an address.

        Raises `TrainingFailed` if nothing is there.
        """
        bucket, key = split(uri)
        found: list[list[str | int]] = []
        try:
            for page in self.aws.pages("s3", "ListObjectsV2", Bucket=bucket, Prefix=key):
                found += [
                    [one["Key"].removeprefix(key), int(one["Size"]), str(one["ETag"])]
                    for one in page.get("Contents", [])
                ]
        except NotThere:
            found = []
        is_file = uri.endswith(".tar.gz")
        files = [one for one in found if (one[0] == "" if is_file else one[1])]
        if not files:
            raise TrainingFailed(f"the model at {uri} is gone: the job names it, but there is no such object")
        return content_hash(sorted(files, key=str))[:32]

    def listed(self) -> None:
        """Looks into the folder of the settings; raises what AWS says if it may not be read."""
        bucket, key = split(self.aws.options.folder)
        self.aws.read("s3", "ListObjectsV2", Bucket=bucket, Prefix=f"{key}/" if key else "", MaxKeys=1)

    def remove(self, uri: str) -> bool:
        """Deletes what lies at or below an address of ours; whether there was anything."""
        if not uri.startswith(f"{self.aws.options.folder}/"):
            return False
        bucket, key = split(uri)
        pages = self.aws.pages("s3", "ListObjectsV2", Bucket=bucket, Prefix=key)
        found = [one["Key"] for page in pages for one in page.get("Contents", [])]
        for name in found:
            self.aws.order("s3", "DeleteObject", Bucket=bucket, Key=name)
        return bool(found)

    def _put(self, uri: str, name: str, content: bytes) -> None:
        bucket, key = split(uri)
        try:
            there = self.aws.read("s3", "HeadObject", Bucket=bucket, Key=key)
            if int(there["ContentLength"]) == len(content):
                return
        except NotThere:
            pass
        options = self.aws.options
        kind = _BYTES.get(name.rsplit(".", 1)[-1], "application/octet-stream")
        self.door.release("training", self.aws.address("s3"), content, kind, f"{SECTION}.prefix")
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": options.kms_key} if options.kms_key else {}
        # The same bytes under the same name: a put may be repeated.
        self.aws.read("s3", "PutObject", Bucket=bucket, Key=key, Body=content, ContentType=kind, **encryption)


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an s3:// address."""
    parts = urlsplit(uri)
    return parts.netloc, parts.path.lstrip("/")

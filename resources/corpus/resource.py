"""The corpus as a Dagster resource: the configured source, and the batches that are planned from it."""

import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
from pydantic import Field

from resources.corpus.batches import current_entries, plan_batches
from resources.corpus.bucket import BucketSource
from resources.corpus.erased import ErasedDocuments
from resources.corpus.folder import FolderSource
from resources.corpus.manifest import Entry, Manifest, Manifests
from resources.corpus.received import Receipts
from resources.corpus.source import DocumentSource, SourceUnavailable
from resources.corpus.withheld import with_refusals
from resources.egress.policy import EgressOptions, admit
from resources.errors import without_password

SECONDS_PER_TURN = 30
"""Scans within so many seconds ask for the same withheld documents."""


class CorpusResource(dg.ConfigurableResource):
    """The document source and the batches planned from it."""

    documents: str = Field(description="Folder or object-store URL whose PDF files are the corpus.")
    state: str = Field(description="Folder that holds the manifests, the receipts and the listing's memory.")
    egress: EgressOptions = EgressOptions()

    def source(self) -> DocumentSource:
        """The source. Raises `EgressDenied` if `egress.allow` does not name its host."""
        if "://" not in self.documents:
            return FolderSource(Path(self.documents), Path(self.state) / "listing.json")
        admit(self.documents, "the document source", "documents", self.egress)
        return BucketSource(self.documents)

    def manifests(self) -> Manifests:
        return Manifests(Path(self.state) / "manifests")

    def receipts(self) -> Receipts:
        return Receipts(Path(self.state) / "received")

    def erased(self) -> ErasedDocuments:
        return ErasedDocuments(Path(self.state) / "erased.json")

    def before(self, manifest: Manifest) -> dict[str, Entry]:
        """What was known of every document when a batch arrived, but for those that a later batch changes."""
        manifests = self.manifests().load()
        earlier = [one for one in manifests if one.sequence < manifest.sequence]
        later = {entry.uri for one in manifests if one.sequence > manifest.sequence for entry in one.entries}
        known = current_entries(earlier, self.receipts().load())
        return {uri: entry for uri, entry in known.items() if uri not in later}

    def pending(self, max_documents: int, now: Callable[[], float] = time.time) -> list[Manifest]:
        """The batches that a scan would freeze now. Raises `SourceUnavailable` if the source cannot be listed."""
        # What is known is read before the listing: if another scan freezes a batch in between, this one's numbers
        # are taken, and its older listing changes nothing.
        known = self.manifests().load()
        received = self.receipts().load()
        source = self.source()
        listing = source.list()
        if listing.documents is None:
            raise SourceUnavailable(listing.problem)
        erased = self.erased().marks()
        wanted = [one for one in listing.documents if not erased.cover(one)]
        before = current_entries(known, received)
        return plan_batches(
            with_refusals(wanted, before, source.readable, int(now() / SECONDS_PER_TURN)),
            before,
            max((manifest.sequence for manifest in known), default=0) + 1,
            max_documents,
            without_password(self.documents),
            self.egress.classification.of,
        )

    def scan(self, max_documents: int) -> list[Manifest]:
        """Lists the source and freezes a manifest for every batch that is new. Returns the new ones."""
        return self.manifests().freeze(self.pending(max_documents))

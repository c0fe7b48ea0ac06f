"""Pages under AppTest share a process with TensorFlow, which tests of training load."""

from collections.abc import Iterator

import pytest
from streamlit import config


@pytest.fixture(autouse=True)
def _no_collection_after_each_run() -> Iterator[None]:
    """Streamlit collects garbage after every run; among TensorFlow's objects that takes most of a test's time."""
    before = config.get_option("runner.postScriptGC")
    config.set_option("runner.postScriptGC", False)
    yield
    config.set_option("runner.postScriptGC", before)

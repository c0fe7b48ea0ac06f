"""Settings that make AppTest fast. Its pages share a process with TensorFlow, which the training tests load."""

from collections.abc import Iterator

import pytest
from streamlit import config
from streamlit.components.v2 import manifest_scanner


@pytest.fixture(scope="session", autouse=True)
def _scan_packages_once() -> Iterator[None]:
    """Search the installed packages for Streamlit components once, not for each AppTest."""
    manifests = manifest_scanner.scan_component_manifests()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", lambda: manifests)
        yield


@pytest.fixture(autouse=True)
def _no_collection_after_each_run() -> Iterator[None]:
    """Switch off Streamlit's garbage collection after every run, which is slow with TensorFlow's many objects."""
    before = config.get_option("runner.postScriptGC")
    config.set_option("runner.postScriptGC", False)
    yield
    config.set_option("runner.postScriptGC", before)

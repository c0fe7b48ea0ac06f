"""Columns that keep room for a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

# Streamlit sets columns below each other on phones only: on a tablet, or enlarged twice, a third of the page is too
# little for a chart. Keyed containers carry their key as a class, which is documented; that of columns is not.
_ROOMY = """<style>
div[class*="st-key-roomy-"] > div > .stHorizontalBlock > .stColumn { min-width: min(20rem, 100%); }
</style>"""


def roomy_columns(widths: Sequence[int], *, key: str, **options: Any) -> list[DeltaGenerator]:
    """Columns beside each other, or below each other where one of them would be narrower than a phone.

    Args:
        widths: of the columns, in parts.
        key: of these columns on their page.
        options: as `st.columns` takes them.
    """
    with st.container(key=f"roomy-{key}"):
        st.html(_ROOMY)
        return st.columns(widths, **options)

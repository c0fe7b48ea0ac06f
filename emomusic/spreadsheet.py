"""What a cell must not do to the spreadsheet that opens it."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def disarmed(text: str) -> str:
    """A cell that a spreadsheet would run as a formula, behind an apostrophe (OWASP, "CSV Injection")."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text

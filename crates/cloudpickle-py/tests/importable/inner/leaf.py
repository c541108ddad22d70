"""A module three deep."""

LEAF = "leaf"


def leaf():
    """The constant."""
    return LEAF

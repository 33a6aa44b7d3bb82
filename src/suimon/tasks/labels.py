"""What tasks share that learn labels: their order, and how messages list them."""

from collections.abc import Iterable


def rank(label: str) -> tuple[bool, float, str]:
    """What labels are sorted by: numbers by size, then all others as text.

    Example:
        >>> sorted(["b", "10", "9"], key=rank)
        ['9', '10', 'b']
    """
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label


def listed(names: Iterable[str], most: int = 10) -> str:
    """Names in a line, no more than ``most``.

    Example:
        >>> listed("abc", most=2)
        'a, b and 1 more'
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more

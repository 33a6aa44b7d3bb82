"""The weights of a cell's matrix products, laid out and named as in ``torch.nn``."""


def product_shapes(rows: int, bias: bool, **widths: int) -> dict[str, tuple[int, ...]]:
    """Name to shape of the matrix and bias of each product, all matrices first.

    Args:
        rows: width of a product's result, all gates together: G*H.
        bias: whether each product has a bias.
        widths: suffix of a product's weights to the width of what it reads: ``ih`` reads the
            input, ``hh`` the state.

    Example:
        >>> product_shapes(15, False, ih=3, hh=5)
        {'weight_ih': (15, 3), 'weight_hh': (15, 5)}
    """
    shapes: dict[str, tuple[int, ...]] = {
        f"weight_{suffix}": (rows, width) for suffix, width in widths.items()
    }
    if bias:
        shapes |= {f"bias_{suffix}": (rows,) for suffix in widths}
    return shapes

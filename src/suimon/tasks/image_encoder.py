"""What a network makes of an image before anything recurrent: vectors of its places."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FIRST_CHANNELS, CHANNELS = 32, 64
_LEAST_HALVINGS = 2
_MOST_POSITIONS = 8
"""Places along a side: larger images are halved more often."""
_GROUPS = 8


class ImageEncoder(nn.Module):
    r"""A small convolutional network.

    ::

        x_{k+1} = relu(pool(norm(conv(x_k))))   3 x 3, then the largest of each 2 x 2;
                                                no norm for k = 0
        x       = relu(norm(conv(x_K)))
        m_s     = [x + relu(norm(conv(x))) at place s, y, x, y^2, x^2]   (S, B, M)

    Halved twice at least, and until neither side has more than eight places. Each place's own
    coordinates, -1 to 1, stand beside what is seen there, so that attention can look for a side;
    and their squares, without which a score that is linear could not look for the middle.

    Shapes: B images of C x height x width, S places, M = 64 channels, 2 coordinates, 2 squares.

    Args:
        height: rows of an image.
        width: pixels of a row.
        channels: C, 1 or 3.

    Source: Y. Wu and K. He (2018), Group Normalization; coordinates: R. Liu and others (2018), An
        Intriguing Failing of Convolutional Neural Networks and the CoordConv Solution.

    Example:
        >>> encoder = ImageEncoder(32, 20, 3)
        >>> encoder(torch.zeros(5, 32, 20, 3)).shape, encoder.positions
        (torch.Size([40, 5, 68]), 40)
    """

    places: Tensor

    def __init__(self, height: int, width: int, channels: int) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        sides = (height, width)
        given, made = channels, FIRST_CHANNELS
        while len(blocks) < _LEAST_HALVINGS or max(sides) > _MOST_POSITIONS:
            # Normalised at once, an image of one brightness would be as any other.
            norm = nn.GroupNorm(_GROUPS, made) if blocks else nn.Identity()
            blocks.append(
                nn.Sequential(
                    nn.Conv2d(given, made, 3, padding=1),
                    norm,
                    # Before relu, which comes to the same and then has a quarter to do.
                    nn.MaxPool2d(2, ceil_mode=True),
                    nn.ReLU(),
                )
            )
            given, made = made, CHANNELS
            sides = tuple(-(-side // 2) for side in sides)
        self.blocks = nn.Sequential(*blocks, _seen_around(given))
        self.wider = _seen_around(CHANNELS)
        self.positions = sides[0] * sides[1]
        self.size = CHANNELS + 4
        axes = [torch.linspace(-1, 1, side) if side > 1 else torch.zeros(1) for side in sides]
        places = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)  # (h, w, 2)
        places = torch.cat([places, places.square()], dim=-1).reshape(-1, 1, 4)
        self.register_buffer("places", places, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Vectors of places.

        Args:
            images: ``(B, height, width, C)`` in 0 to 1.

        Returns:
            ``(S, B, M)``.
        """
        found = self.blocks(images.permute(0, 3, 1, 2) - 0.5)  # (B, 64, h, w)
        found = found + self.wider(found)
        seen = found.flatten(2).permute(2, 0, 1)  # (S, B, 64)
        return torch.cat([seen, self.places.to(seen.dtype).expand(-1, seen.shape[1], -1)], dim=-1)


def _seen_around(channels: int) -> nn.Sequential:
    """``relu(norm(conv(x)))`` without halving."""
    return nn.Sequential(
        nn.Conv2d(channels, CHANNELS, 3, padding=1), nn.GroupNorm(_GROUPS, CHANNELS), nn.ReLU()
    )


class FeatureEncoder(nn.Module):
    """Features that another network has made of images, brought to one width.

    ::

        m_s = relu(W f_s + b)       (S, B, M)

    Args:
        positions: S.
        width: numbers of a feature.

    Example:
        >>> FeatureEncoder(9, 100)(torch.zeros(5, 9, 100)).shape
        torch.Size([9, 5, 64])
    """

    def __init__(self, positions: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, CHANNELS), nn.ReLU())
        self.positions = positions
        self.size = CHANNELS

    def forward(self, features: Tensor) -> Tensor:
        """``(S, B, M)`` from ``(B, S, width)``."""
        return self.layers(features).transpose(0, 1).contiguous()

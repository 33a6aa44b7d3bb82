"""What a network makes of the frames of videos before anything recurrent: a vector a frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from suimon.tasks.image_encoder import ImageEncoder

LEVELS = 255
PIXELS_AT_ONCE = 2**18
"""Of frames side by side: what lies between the layers takes some 500 bytes a pixel."""


class FrameEncoder(nn.Module):
    """Every frame through the same small convolutional network, and what has changed since.

    ::

        m_t = [m_t1 … m_tS],  m_t1 … m_tS = encoder(frame_t)    (B, S*M), the frame's places
        v_t = relu(norm(U m_t))                                 (B, A), what is where
        d_t = relu(norm(W (m_t - m_{t-1})))                     (B, A), what has moved; d_1 = 0
        x_t = [v_t, d_t]                                        (B, 2A)

    U and W see every place by itself: a mean over places would not know where things are. Without
    d_t the recurrent layers would have to find movement as the product of v_t and what they
    remember of v_{t-1}, to which no gradient leads at first: the loss stays that of guessing for
    hundreds of steps. And the norm is of the difference, not the difference of norms, for most of a
    frame stays as it is, and what moves is little beside it.

    Frames behind a video's end are not looked at. Many frames are read part by part, and in
    training each part once more on the way back, so that memory does not grow with what lies
    between the layers.

    Shapes: T time, B batch, S places, M width of a place's vector, A of a frame's.

    Args:
        height: rows of a frame.
        width: pixels of a row.
        channels: 1 or 3.
        size: A.

    Source: J. Donahue and others (2015), Long-term Recurrent Convolutional Networks for Visual
        Recognition and Description, section 3; differences: S. Furui (1986), Speaker-Independent
        Isolated Word Recognition Using Dynamic Features of Speech Spectrum, here of one step;
        checkpointing: T. Chen and others (2016), Training Deep Nets with Sublinear Memory Cost.

    Example:
        >>> encoder = FrameEncoder(16, 20, 3, 5)
        >>> frames = torch.zeros(7, 2, 16, 20, 3, dtype=torch.uint8)
        >>> encoder(frames, torch.tensor([7, 4])).shape
        torch.Size([7, 2, 10])
    """

    def __init__(self, height: int, width: int, channels: int, size: int) -> None:
        super().__init__()
        self.encoder = ImageEncoder(height, width, channels)
        places = self.encoder.positions * self.encoder.size
        self.projection = nn.Linear(places, 2 * size, bias=False)  # U and W
        self.norm_seen, self.norm_moved = nn.LayerNorm(size), nn.LayerNorm(size)
        self.output_size = 2 * size
        self.at_once = max(1, PIXELS_AT_ONCE // (height * width))

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Vectors of frames.

        Args:
            frames: ``(T, B, height, width, channels)`` uint8.
            lengths: ``(B,)``, each video's frames.

        Returns:
            ``(T, B, 2A)``, zeros behind each end.
        """
        steps = torch.arange(len(frames), device=frames.device)
        inside = steps[:, None] < lengths.to(frames.device)  # (T, B)
        parts = frames[inside].split(self.at_once)  # (N, height, width, channels) in all
        again = len(parts) > 1 and torch.is_grad_enabled()
        vectors = torch.cat(
            [
                checkpoint(self._seen, part, use_reentrant=False, preserve_rng_state=False)
                if again
                else self._seen(part)
                for part in parts
            ]
        )  # (N, 2A)
        padded = vectors.new_zeros(*inside.shape, vectors.shape[-1])
        seen, there = padded.index_put((inside,), vectors).chunk(2, dim=-1)  # (T, B, A) each
        moved = F.pad(there[1:] - there[:-1], (0, 0, 0, 0, 1, 0))
        found = torch.cat([self.norm_seen(seen), self.norm_moved(moved)], dim=-1).relu()
        return found * inside.unsqueeze(-1)

    def _seen(self, frames: Tensor) -> Tensor:
        """``(N, 2A)``, U m and W m, from ``(N, height, width, channels)``."""
        dtype = self.encoder.places.dtype
        places = self.encoder(frames.to(dtype) / LEVELS)  # (S, N, M)
        return self.projection(places.transpose(0, 1).flatten(1))

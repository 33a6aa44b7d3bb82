"""Options of a recurrent network that every task has."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from suimon.tasks.cell_names import cell_names

if TYPE_CHECKING:
    CellName = str
else:  # whatever cells there are
    CellName = Literal[*cell_names()]


CELL = "Recurrent cell; rnn is another name of elman."

# Elman's network is also called rnn, as in torch.nn; config.toml of older runs calls it so.
_ACCEPTED = {"rnn": "elman", **{name.lower(): name for name in cell_names()}}


def canonical_cell(value: Any) -> Any:
    """A cell's own name, however its letters are written."""
    return _ACCEPTED.get(value.lower(), value) if isinstance(value, str) else value


class NetworkOptions(BaseModel):
    """The recurrent stack and its regularisation. ``None``: chosen by the task's rule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cell: Annotated[CellName, BeforeValidator(canonical_cell)] = Field(
        default="lstm", description=CELL
    )
    layers: int | None = Field(
        default=None, ge=1, le=64, description="Recurrent layers, one upon another."
    )
    hidden: int | None = Field(
        default=None, ge=1, le=65_536, description="Hidden units of each recurrent layer."
    )
    dropout: float | None = Field(
        default=None,
        ge=0.0,
        lt=1.0,
        description="Dropout on each layer's output, the last one's too.",
    )
    input_dropout: float | None = Field(
        default=None, ge=0.0, lt=1.0, description="Dropout on the embedding's output."
    )
    recurrent_dropout: float = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="Dropout on the hidden state inside the recurrence, one mask a window.",
    )
    weight_dropout: float = Field(
        default=0.0, ge=0.0, lt=1.0, description="Dropout on the hidden-to-hidden weights."
    )
    zoneout: float = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="Chance that a state's unit keeps its previous value.",
    )
    layer_norm: bool = Field(
        default=False, description="Layer normalisation inside the cell, for one that takes it."
    )
    norm_between: bool = Field(default=False, description="Layer normalisation between layers.")
    residual: bool = Field(default=False, description="Add each layer's input to its output.")
    forget_bias: float | None = Field(
        default=None,
        ge=-10.0,
        le=10.0,
        description="Initial bias of the forget gate, for a cell that takes one.",
    )

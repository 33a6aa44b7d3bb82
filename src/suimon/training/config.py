"""How a model is trained: every option of the loop, flat, with its range and unit.

No torch is imported here: command line flags, help pages and forms are made from this class.
"""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

DEFAULT_MINUTES = 10.0
BUDGETS = ("minutes", "epochs", "steps")


class TrainingConfig(BaseModel):
    """Options of the training loop.

    Build it from a user's values with :func:`suimon.training.options.parse_options`, which turns
    pydantic's errors into one-line :class:`~suimon.errors.ConfigError`. ``model_fields_set`` holds
    the options that were given, so that a task's recipe may choose the others.

    At most one of ``minutes``, ``epochs`` and ``steps`` is given; with none, ``minutes`` is 10.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    minutes: float | None = Field(
        None,
        gt=0,
        le=1_000_000,
        description="Train for this long, start-up, loading and the last evaluation included "
        f"(the default budget: {DEFAULT_MINUTES:g}, where the task has no rule for it).",
        json_schema_extra={"unit": "minutes"},
    )
    epochs: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Train for this many passes over the training data.",
        json_schema_extra={"unit": "passes"},
    )
    steps: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000,
        description="Train for this many optimiser steps.",
        json_schema_extra={"unit": "steps"},
    )
    batch_size: int = Field(
        32,
        ge=1,
        le=65_536,
        description="Sequences side by side in one step, over all processes together.",
        json_schema_extra={"unit": "sequences"},
    )
    tbptt_steps: int = Field(
        64,
        ge=1,
        le=65_536,
        description="Time steps that a gradient flows back through (truncated backpropagation).",
        json_schema_extra={"unit": "time steps"},
    )
    optimizer: Literal["adamw", "muon", "adam", "sgd", "rmsprop"] = Field(
        "adamw",
        description="How gradients become updates; muon moves the recurrent layers' matrices by "
        "orthogonalised momentum, and the rest as adamw does.",
    )
    learning_rate: float = Field(
        3e-3, gt=0, le=100, description="Highest step size, reached after the warm-up."
    )
    weight_decay: float = Field(
        0.01,
        ge=0,
        le=10,
        description="Pull of the weight matrices towards zero; biases and gains are left alone.",
    )
    momentum: float = Field(
        0.9,
        ge=0,
        lt=1,
        description="Share of the previous direction kept: Adam's beta1, Muon's and SGD's "
        "momentum.",
    )
    beta2: float = Field(
        0.99,
        gt=0,
        lt=1,
        description="Share of the previous squared gradient kept: Adam's beta2, RMSprop's alpha.",
    )
    schedule: Literal["cosine", "plateau", "constant"] = Field(
        "cosine",
        description="How the learning rate falls after the warm-up: along a cosine over the "
        "budget, by steps where the validation loss stops falling, or not at all.",
    )
    warmup_fraction: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Share of the budget over which the learning rate rises from zero.",
        json_schema_extra={"unit": "share of the budget"},
    )
    final_learning_rate_fraction: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Where the cosine ends and the plateau schedule stops, as a share of "
        "learning_rate.",
        json_schema_extra={"unit": "share of learning_rate"},
    )
    plateau_factor: float = Field(
        0.5, gt=0, lt=1, description="What the plateau schedule multiplies the learning rate by."
    )
    plateau_patience: int = Field(
        1,
        ge=1,
        le=1_000_000,
        description="Evaluations without improvement after which the plateau schedule acts.",
        json_schema_extra={"unit": "evaluations"},
    )
    clip_grad_norm: float = Field(
        1.0,
        ge=0,
        le=1e6,
        description="Longest gradient let through, by its Euclidean norm; 0 switches it off.",
    )
    averaging: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Judge and keep a running mean of the weights, over about 1/(1 - averaging) "
        "steps; 0 switches it off.",
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="Arithmetic of the forward and backward pass; weights are kept in fp32.",
    )
    patience: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Stop after this many evaluations in a row without improvement; left out: "
        "never.",
        json_schema_extra={"unit": "evaluations"},
    )
    evaluate_every: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000,
        description="Evaluate after this many steps; left out: about twenty times in a run, "
        "less often where that would take more than 3 % of the time.",
        json_schema_extra={"unit": "steps"},
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**32 - 1,
        description="Decides the first weights, the order of the data and dropout.",
    )
    threads: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="Processor threads for one process; left out: torch's own choice.",
        json_schema_extra={"unit": "threads"},
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where to compute; auto takes a GPU where there is one."
    )

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        """At most one budget; where none is given the default one, which counts as left out."""
        given = [name for name in BUDGETS if getattr(self, name) is not None]
        if len(given) > 1:
            listed = " and ".join(f"{name} = {getattr(self, name)}" for name in given)
            raise ValueError(f"{listed} are both given: give one budget only")
        if not given:
            vars(self)["minutes"] = DEFAULT_MINUTES  # frozen, and not to be among the fields set
        return self

    def overridden(self, changes: dict[str, Any]) -> Self:
        """This configuration with some options changed, as for a resumed run.

        A new budget takes the place of the old one. Values of ``None`` change nothing.
        """
        from suimon.training.options import parse_options

        changes = {name: value for name, value in changes.items() if value is not None}
        values = self.model_dump(exclude_unset=True, exclude_none=True)
        if any(name in changes for name in BUDGETS):
            values = {name: value for name, value in values.items() if name not in BUDGETS}
        return parse_options(type(self), {**values, **changes})

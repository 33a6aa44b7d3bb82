"""How near translations come to their references, as sacrebleu counts it."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from suimon.errors import ConfigError


def scored(written: Sequence[str], expected: Sequence[str]) -> dict[str, Any]:
    """BLEU, also of small letters, and chrF of translations, with sacrebleu's signatures.

    Args:
        written: the translations.
        expected: one reference each.

    Returns:
        ``bleu``, ``bleu_lowercase`` (``None`` where no translation has four words) and ``chrf``,
        each from 0 to 100, and for each its signature.

    Raises:
        ConfigError: sacrebleu is not installed.

    Source: M. Post (2018), A Call for Clarity in Reporting BLEU Scores; M. Popović (2015), chrF:
        character n-gram F-score for automatic MT evaluation.
    """
    package = _sacrebleu()
    found: dict[str, Any] = {}
    metrics = {  # by force: without it texts cut into words are warned of, line after line
        "bleu": package.BLEU(force=True),
        "bleu_lowercase": package.BLEU(lowercase=True, force=True),
        "chrf": package.CHRF(),
    }
    for name, metric in metrics.items():
        score = metric.corpus_score(list(written), [list(expected)])
        # Of texts without four words in a row there is nothing to count, and not nothing right.
        counted = name == "chrf" or score.totals[-1] > 0
        found[name] = score.score if counted else None
        found[f"{name}_signature"] = str(metric.get_signature())
    return found


def _sacrebleu() -> ModuleType:
    try:
        import sacrebleu.metrics
    except ImportError:
        raise ConfigError(
            "judging translations needs sacrebleu; install with: pip install 'suimon[text]'"
        ) from None
    return sacrebleu.metrics

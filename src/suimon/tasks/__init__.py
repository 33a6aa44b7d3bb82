"""The tasks suimon knows: one folder each, found by its ``config`` module.

Reading the list imports config modules only, and these import no torch, so that a command line
can name every task and every option at once. What a task can *do* is imported when it is asked
for: a task folder holds

===================  =====================================================================
``config.py``        ``DESCRIPTION``, a :class:`~suimon.tasks.description.TaskDescription`
``train.py``         ``train(paths, out, …)``: from data files to a run directory
``infer.py``         ``load(run)``: from a run directory to a trained model
``example_data.py``  ``files(seed)``: a small data set, made by rule
===================  =====================================================================
"""

from suimon.tasks.description import TaskDescription
from suimon.tasks.discovery import by_command, by_name, discover, example_data, load

__all__ = ["TaskDescription", "by_command", "by_name", "discover", "example_data", "load"]

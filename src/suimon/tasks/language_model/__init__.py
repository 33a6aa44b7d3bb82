"""The language-model task: read a text, learn to predict its next unit, write like it.

Imports nothing here, so that reading the task's options costs no torch. The parts, in the order
in which data flows: ``config`` (options), ``data`` (text to tokens), ``recipe`` (options left
out), ``model`` (the network), ``objective`` (its loss), ``train`` (all of it into a run
directory), ``infer`` (a trained model at work), ``estimator`` (the same in three lines).
"""

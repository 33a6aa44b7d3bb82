"""The command line: thin adapters over the functions that Python users call, one file a command.

Nothing here imports torch at module level, so that ``suimon --help`` answers at once.
"""

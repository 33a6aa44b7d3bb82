"""What pages include from the code is what the code says now."""

from docs import fragments


def test_fragments_are_up_to_date():
    assert fragments.stale() == [], "run: python docs/fragments.py"


def test_every_command_has_its_help_page():
    text = fragments.command_line()
    for command in ("train text", "generate", "chat", "evaluate", "runs", "info", "plot"):
        assert f"## `suimon {command}`" in text


def test_a_stale_fragment_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(fragments, "FOLDER", tmp_path)
    (tmp_path / "cells.md").write_text(fragments.cells() + "\n", encoding="utf-8")
    assert "cells.md" in fragments.stale()

"""The notebook of the examples runs from top to end."""

from __future__ import annotations

from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

NOTEBOOK = Path(__file__).resolve().parents[1] / "examples" / "recognize.ipynb"


@pytest.mark.slow
def test_it_runs_from_top_to_end(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs for cell in code)  # none is kept: answers change with the model
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=where).execute()
    printed = "".join(output.get("text", "") for cell in code for output in cell.outputs)
    assert "Talking" in printed
    assert "0.0 to " in printed

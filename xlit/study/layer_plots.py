"""Scores by layer as a drawing: layers across, plain lines and dashed centred ones.

matplotlib is an extra; it is imported when something is drawn. The same scores give the same file.
"""

import io
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from xlit.errors import MissingError, UsageError
from xlit.evaluation.layer_tables import LayerMeans, layer_means
from xlit.study.collect import Entry

FORMS = (".svg", ".pdf", ".png")
PANEL = (4.2, 3.2)  # inches
TITLES = {"dev": "picks", "reported": "reported"}


def check_plot(path: Path) -> None:
    """Raises UsageError for a form that is not drawn, MissingError without matplotlib."""
    if path.suffix.lower() not in FORMS:
        raise UsageError(f"--plot {path}: a plot is {', '.join(FORMS)}", hint="--plot layers.svg")
    if find_spec("matplotlib") is None:
        raise MissingError(
            "matplotlib is not installed: --plot needs it", hint="pip install 'xlit[plot]'"
        )


def plot_layers(entries: Sequence[Entry], form: str) -> bytes:
    """A file in the form "svg", "pdf" or "png": a row a task, on the left the mean that picks a
    layer and on the right the mean that is reported, of the metric that counts.

    A result has a colour; the dot is the layer that was picked. Raises UsageError where no result
    has scores by layer.
    """
    found = [
        (entry.label, means) for entry in entries for means in layer_means(entry.artefact.path)
    ]
    if not found:
        raise UsageError(
            "--plot draws scores by layer, and none of these has any",
            hint="xlit retrieve ENCODER --task tatoeba --layer all makes them",
        )
    import matplotlib as mpl
    from matplotlib.figure import Figure  # without pyplot: no window and no global state

    tasks = list(dict.fromkeys(means.task for _, means in found))
    # text stays text, and ids are hashed with a salt of our own rather than a random one
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "xlit"}):
        figure = Figure(figsize=(2 * PANEL[0], PANEL[1] * len(tasks)), layout="constrained")
        panels = figure.subplots(len(tasks), 2, squeeze=False, sharey="row")
        for row, task in zip(panels, tasks, strict=True):
            of_task = [(label, means) for label, means in found if means.task == task]
            for panel, use in zip(row, TITLES, strict=True):
                _draw(panel, of_task, use)
        page = io.BytesIO()
        figure.savefig(page, format=form, metadata=_undated(form))
    return page.getvalue()


def _draw(panel: Any, found: Sequence[tuple[str, LayerMeans]], use: str) -> None:
    for number, (label, means) in enumerate(found):
        for curve in means.curves:
            if curve.use != use or curve.metric != means.metric:
                continue
            name = f"{label}, centred" if curve.centred else label
            style = {"color": f"C{number}", "linestyle": "--" if curve.centred else "-"}
            panel.plot(means.layers, curve.values, label=name, **style)
            if curve.centred is means.centred:
                height = curve.values[means.layers.index(means.picked)]
                panel.plot([means.picked], [height], "o", color=f"C{number}")
    metrics = dict.fromkeys(means.metric for _, means in found)
    panel.set_title(f"{found[0][1].task}: {TITLES[use]}")
    panel.set_xlabel("layer")
    panel.set_ylabel(", ".join(metrics))
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.grid(alpha=0.3)
    if panel.has_data():
        panel.legend(fontsize="small")


def _undated(form: str) -> dict[str, None]:
    """The field that would hold the time of drawing, where the form has one."""
    return {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form, {})

"""From scores per language to a task's number, the groups and the overall score.

Source: google-research/xtreme `evaluate.py:evaluate`. All means are plain means: over languages
within a task, and over tasks (not over groups) for the overall score.
"""

from collections.abc import Mapping
from statistics import fmean

from xlit.errors import UsageError
from xlit.tasks.suite import Metric, Suite

# the metrics of which the mean is a task's number
MAIN_METRICS: dict[Metric, tuple[str, ...]] = {
    "accuracy": ("accuracy",),
    "tatoeba": ("accuracy",),
    "chunk_f1": ("f1",),
    "bucc": ("f1",),
    "squad": ("exact_match", "f1"),
    "mlqa": ("exact_match", "f1"),
    "mrr": ("map@20",),
}


def average_languages(
    metric: Metric, languages: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """`avg_<name>` of every value over the languages, and `avg_metric`, the task's number.

    Raises UsageError without languages.
    """
    if not languages:
        raise UsageError("no languages to average over")
    names = next(iter(languages.values()))
    averages = {
        f"avg_{name}": fmean(values[name] for values in languages.values()) for name in names
    }
    averages["avg_metric"] = fmean(averages[f"avg_{name}"] for name in MAIN_METRICS[metric])
    return averages


def aggregate(suite: Suite, numbers: Mapping[str, float]) -> dict[str, float]:
    """The overall score and the groups from task name -> task's number.

    Each is there only if all its tasks have a number.
    """
    everything = {suite.overall: tuple(task.name for task in suite.tasks)} | suite.groups
    return {
        name: fmean(numbers[task] for task in members)
        for name, members in everything.items()
        if all(task in numbers for task in members)
    }

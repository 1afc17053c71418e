"""The benchmarks run, count and reckon as they say; what they measure is no test's business."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import BertConfig

from tests.benchmarks import table
from tests.benchmarks.__main__ import parser
from tests.benchmarks.driver import ROOT, rotated
from tests.benchmarks.records import (
    BEST,
    DEFAULTS,
    OURS,
    Benchmark,
    Limits,
    Measured,
    Run,
    join,
    read,
)
from xlit.kinds.registry import find_kind

MACHINE = {
    "processor": "a processor",
    "cores": 2,
    "memory_gib": 16.0,
    "system": "Linux",
    "python": "3.11",
    "versions": {"torch": "2"},
    "environment": {},
}


def a_run(contestant: str, round_: int = 0) -> Run:
    return Run(contestant, "pairs", "pocket-nli", "tiny", rows=24, round=round_)


def a_benchmark(rates: dict[str, float]) -> Benchmark:
    """One round: every contestant's 100 timed examples of 10 pieces took 100 / rate seconds."""
    return Benchmark(
        machine=MACHINE,
        commands=["the command"],
        runs=[
            (
                a_run(name),
                Measured(examples=100, tokens=1000, tokens_each=10.0, seconds=100 / rate),
            )
            for name, rate in rates.items()
        ],
        limits=[Limits("pairs", 2e9, 1.5e9, 10.0, {"bf16": 100e9, "float32": 40e9})],
    )


def test_the_script_trains_with_xlit_and_writes_a_table_and_json(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "benchmark.json"
    command = [sys.executable, "-m", "tests.benchmarks", "train", "--workload", "pairs"]
    command += ["--task", "pocket-nli", "--encoder", str(tiny_encoder), "--contestants", OURS]
    command += ["--rows", "26", "--batch-size", "4", "--warm", "2", "--rounds", "1", "--dev", "8"]
    done = subprocess.run(
        [*command, "--no-limits", "--out", str(out)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "| `xlit` |" in done.stdout
    ((run, got),) = read(out).runs
    assert run.rows == 26
    assert got.steps == 5  # seven, of which two are warm-up
    assert got.examples in (18, 20)  # the odd batch of two is anywhere
    assert got.rate > 0
    assert got.score is not None and 0 <= got.score <= 100
    assert 0 < got.peak_training <= got.peak


def test_the_trainer_is_timed_on_the_same_rows(tiny_encoder: Path) -> None:
    from tests.benchmarks.with_trainer import measure

    run = replace(a_run(BEST), encoder=str(tiny_encoder), rows=26, batch_size=4, warm=2, dev=8)
    got = measure(run, time.time())
    assert got.steps == 5
    assert got.examples in (18, 20)
    assert got.padding is not None and 0 <= got.padding < 0.2  # sorted by length
    assert got.score is not None


@pytest.mark.parametrize("kind", ["classification", "span_qa", "multiple_choice"])
def test_the_work_of_a_sequence_is_that_of_its_products(kind: str) -> None:
    from tests.benchmarks.flops import flops_by_length

    config = BertConfig(
        vocab_size=100,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        num_labels=1 if kind == "multiple_choice" else 2,
    )
    square, linear, constant = flops_by_length(find_kind(kind).auto_class, config)
    # forward once and backward twice: four maps of 32 x 32 and two of 32 x 64 in each layer,
    # 2 FLOPs a weight; scores and weighted values are 2 x 32 FLOPs for every pair of pieces
    head = 2 * 32 * 2 if kind == "span_qa" else 0
    assert linear == pytest.approx(3 * (2 * 2 * (4 * 32 * 32 + 2 * 32 * 64) + head))
    assert square == pytest.approx(3 * 2 * 2 * 2 * 32)
    assert constant >= -1e-3  # the pooler and the head, where they read the first piece alone


def test_a_ratio_is_taken_within_a_round() -> None:
    one, two = a_benchmark({BEST: 10.0, OURS: 20.0}), a_benchmark({BEST: 5.0, OURS: 20.0})
    whole = join([one, two])
    assert table.ratios(whole.runs, OURS, BEST) == [2.0, 4.0]
    assert table.ratios(whole.runs, OURS, DEFAULTS) == []


def test_the_share_of_the_limit_is_work_done_over_the_product_measured() -> None:
    bench = a_benchmark({OURS: 20.0})
    ((run, got),) = bench.runs
    (limits,) = bench.limits
    # 20 examples of 2 GFLOP are 40 GFLOP a second, of 100
    assert table.reached(limits, got) == pytest.approx(0.4)
    assert table.reached(replace(limits, peak=400e9), got) == pytest.approx(0.1)
    assert "| 40 |" in table.markdown(bench)
    assert run.sort == OURS


def test_a_table_tells_the_limits_of_its_own_rounds() -> None:
    small, large = a_benchmark({OURS: 20.0}), a_benchmark({OURS: 20.0})
    large.runs = [(replace(run, encoder="large"), got) for run, got in large.runs]
    large.limits = [replace(one, flops=50e9, tokens=11.0) for one in large.limits]
    text = table.markdown(join([small, large]))
    assert "10.0 pieces and 2.00 GFLOP an example" in text
    assert "11.0 pieces and 50.00 GFLOP an example" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--contestants", "trainer-bets"], "'trainer-bets' is none of trainer, trainer-best"),
        (["--rows", "320"], "320 rows have no step behind --warm 10"),
    ],
)
def test_what_could_not_be_measured_is_refused_before_it_is_run(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        options = parser().parse_args(["train", "--dry-run", "--workload", "pairs", *arguments])
        options.act(options)
    assert said in f"{left.value} {capsys.readouterr().err}"


@pytest.mark.parametrize(
    "act",
    [
        ["train", "--workload", "pairs"],
        ["profile", "--workload", "pairs"],
        ["start", "--workload", "pairs"],
        ["encode"],
        ["mine"],
        ["vectors"],
    ],
)
def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    act: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    options = parser().parse_args([*act, "--dry-run", "--out", str(out)])
    options.act(options)
    told = capsys.readouterr()
    assert told.out + told.err and not out.exists()


def test_uneven_warm_up_changes_no_rate() -> None:
    short = Measured(examples=10, tokens=50, tokens_each=10.0, seconds=1.0)
    long = Measured(examples=5, tokens=50, tokens_each=10.0, seconds=1.0)
    assert short.rate == long.rate == 5.0


def test_a_profile_is_told_for_an_example_of_the_mean_length() -> None:
    bench = a_benchmark({OURS: 20.0})
    run = replace(a_run(OURS), profile=2)
    # 400 pieces are 40 examples of 10: 2 s of products are 50 ms of each, 4 parts of 5
    times = {"matmul": 2.0, "dropout": 0.5}
    got = Measured(tokens_each=10.0, tokens_profiled=400, groups=times, others={"aten::mul": 0.2})
    bench.runs = [(run, got)]
    text = table.markdown(bench)
    assert "| matmul | 50.00 (80 %) |" in text
    assert "| **all** | 62.50 |" in text
    assert "aten::mul 5.00" in text


def test_a_benchmark_is_read_as_it_was_written(tmp_path: Path) -> None:
    bench = a_benchmark({BEST: 10.0, OURS: 20.0})
    bench.save(tmp_path / "b.json")
    assert read(tmp_path / "b.json").as_json() == bench.as_json()
    assert json.loads((tmp_path / "b.json").read_text())["runs"][0]["measured"]["rate"] == 10.0


def test_benchmarks_of_two_machines_are_not_joined() -> None:
    other = a_benchmark({OURS: 20.0})
    other.machine = {**MACHINE, "cores": 4}
    with pytest.raises(SystemExit, match="different machines"):
        join([a_benchmark({OURS: 20.0}), other])


def test_every_contestant_is_first_in_some_round() -> None:
    names = [DEFAULTS, BEST, OURS]
    assert [rotated(names, i)[0] for i in range(3)] == names
    assert all(sorted(rotated(names, i)) == sorted(names) for i in range(3))


@pytest.mark.parametrize(
    ("names", "group"),
    [
        (["aten::mm", "aten::matmul", "aten::linear"], "matmul"),
        (["aten::bmm", "aten::_scaled_dot_product_attention_math"], "attention"),
        (["aten::bernoulli_", "aten::dropout"], "dropout"),
        (["aten::mul", "aten::dropout", "aten::scaled_dot_product_attention"], "dropout"),
        (["aten::copy_", "aten::_to_copy", "aten::to"], "casts"),
        (["aten::gelu_backward", "GeluBackward0"], "GELU"),
        (["aten::native_layer_norm"], "LayerNorm"),
        (["aten::_fused_adamw_", "Optimizer.step#AdamW.step"], "optimiser"),
        (["aten::_log_softmax", "aten::cross_entropy_loss"], "loss"),
        (["aten::mul"], "other"),
    ],
)
def test_an_op_is_counted_by_what_it_is_for(names: list[str], group: str) -> None:
    from tests.benchmarks.profiling import group_of

    assert group_of(names) == group

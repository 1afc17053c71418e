"""The command line of `encode`, `mine` and `vectors`."""

import argparse
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import table
from tests.benchmarks.driver import encoder_at, say, scratch
from tests.benchmarks.records import Benchmark, describe_machine, this_command
from tests.benchmarks.sentences import SETS
from tests.benchmarks.shapes import RANDOM

# seconds a sentence, and nanoseconds a pair of vectors, for the estimate printed beforehand:
# roughly, with e5-small on two cores of a server of 2023
ENCODING = {
    "sentence-transformers": 0.009,
    "sentence-transformers bf16": 0.004,
    "sentence-transformers fp16": 0.04,
    "xtreme": 0.014,
    "xlit": 0.0025,
    "xlit float32": 0.006,
    "xlit padded": 0.004,
}
PACKAGED = ("sentence-transformers", "sentence-transformers bf16", "xtreme", "xlit", "xlit float32")
MINING = {"faiss": 7.5, "xlit Flat": 8.0, "xlit exact": 2.2}
ENCODE_PARTS = ("speed", "accuracy", "flat", "profile")
MINE_PARTS = ("speed", "profile")
ALL_TATOEBA = 66_000  # different texts of all local languages
SHORT = 0.5  # of a sentence of Tatoeba, or of the pool, against one of NTREX


def add_parsers(acts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    encode = acts.add_parser("encode", help="texts a second, 1 - cosine, accuracy, cost a token")
    _shared(encode)
    encode.add_argument("--contestants", nargs="+", choices=ENCODING, default=list(PACKAGED))
    encode.add_argument("--parts", nargs="+", choices=ENCODE_PARTS, default=list(ENCODE_PARTS))
    encode.add_argument("--sets", nargs="+", choices=SETS, default=["ntrex", "tatoeba"])
    encode.add_argument("--size", type=int, default=1000, help="texts of a round, other ones each")
    encode.add_argument("--rounds", type=int, default=5)
    encode.add_argument("--tatoeba", type=int, help="sentences of a language, all if not said")
    encode.add_argument("--flat-sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    encode.add_argument("--profile-size", type=int, default=500)
    encode.set_defaults(act=_encode)
    mine = acts.add_parser("mine", help="two-way mining of real sentence vectors")
    _shared(mine)
    mine.add_argument("--contestants", nargs="+", choices=MINING, default=["faiss", "xlit exact"])
    mine.add_argument("--parts", nargs="+", choices=MINE_PARTS, default=list(MINE_PARTS))
    mine.add_argument(
        "--sizes", type=int, nargs="+", default=[10_000, 50_000, 100_000], help="vectors a side"
    )
    mine.add_argument("--rounds", type=int, nargs="+", default=[5, 3, 2], help="of each size")
    mine.add_argument("--profile-size", type=int, default=20_000)
    mine.set_defaults(act=_mine)
    vectors = acts.add_parser("vectors", help="encode what `mine` reads, once, below the run root")
    _shared(vectors)
    vectors.set_defaults(act=_vectors)


def _shared(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--encoder", default="e5-small", help=f"{', '.join(RANDOM)} have random weights"
    )
    one.add_argument("--out", type=Path, default=Path("benchmark.json"))
    one.add_argument("--scratch", type=Path, help="where an encoder's directory goes meanwhile")
    one.add_argument("--dry-run", action="store_true", help="print what would be run, and leave")


def _encode(options: argparse.Namespace) -> None:
    seconds = {
        "speed": sum(ENCODING[name] for name in options.contestants) * options.size * options.rounds
        + 2 * options.rounds,
        "accuracy": sum(ENCODING[name] for name in _judged(options))
        * SHORT
        * min(ALL_TATOEBA, 2 * 37 * (options.tatoeba or ALL_TATOEBA)),
        "flat": SHORT * ENCODING["xlit"] * sum(_often(s, options) for s in options.flat_sizes),
        "profile": 10.0,
    }
    for part in options.parts:
        say(f"encode {part}: about {seconds[part] / 60:.1f} min on two CPU cores")
    if options.dry_run:
        return
    from tests.benchmarks import encoding

    bench = _new()
    save = _saver(bench, options.out)
    with scratch(options.scratch) as work:
        encoder = encoder_at(options.encoder, work)
        if "speed" in options.parts:
            encoding.speed(
                bench,
                options.contestants,
                encoder=encoder,
                size=options.size,
                rounds=options.rounds,
                sets=options.sets,
                work=work,
                save=save,
            )
        if "accuracy" in options.parts:
            encoding.accuracy(
                bench,
                _judged(options),
                encoder=encoder,
                limit=options.tatoeba,
                work=work,
                save=save,
            )
        if "flat" in options.parts:
            encoding.flat(
                bench, "xlit", encoder=encoder, sizes=options.flat_sizes, work=work, save=save
            )
        if "profile" in options.parts:
            encoding.profile(
                bench,
                "xlit",
                encoder=encoder,
                size=options.profile_size,
                sets=options.sets,
                work=work,
            )
    _end(bench, options.out)


def _judged(options: argparse.Namespace) -> list[str]:
    """The contestants of the accuracies: XTREME's loop computes what the reference does."""
    others = [name for name in options.contestants if name.startswith("xlit")]
    return ["sentence-transformers", *others]


def _often(size: int, options: argparse.Namespace) -> int:
    """Texts that a size of `flat` encodes in all."""
    return size * min(3, max(options.flat_sizes) // size)


def _mine(options: argparse.Namespace) -> None:
    if len(options.rounds) not in (1, len(options.sizes)):
        raise SystemExit("--rounds takes one number, or as many as --sizes")
    rounds = options.rounds * (1 if len(options.rounds) > 1 else len(options.sizes))
    each = sum(MINING[name] for name in options.contestants) * 1e-9
    if "speed" in options.parts:
        for size, often in zip(options.sizes, rounds, strict=True):
            about = often * each * size * size / 60
            say(f"mine {size} x {size}: {often} rounds, about {about:.1f} min on two CPU cores")
    if "profile" in options.parts:
        say(f"mine: a profile at {options.profile_size} x {options.profile_size}, a minute")
    if options.dry_run:
        return
    from tests.benchmarks import mining

    bench = _new()
    save = _saver(bench, options.out)
    with scratch(options.scratch) as work:
        encoder = encoder_at(options.encoder, work)
        if "speed" in options.parts:
            for size, often in zip(options.sizes, rounds, strict=True):
                mining.speed(
                    bench,
                    options.contestants,
                    encoder=encoder,
                    size=size,
                    rounds=often,
                    save=save,
                )
        if "profile" in options.parts:
            for name in options.contestants:
                if name.startswith("xlit"):
                    mining.profile(bench, name, encoder=encoder, size=options.profile_size)
    _end(bench, options.out)


def _vectors(options: argparse.Namespace) -> None:
    say("vectors: some 230,000 sentences, about 10 min on two CPU cores the first time")
    if options.dry_run:
        return
    from tests.benchmarks import mining

    with scratch(options.scratch) as work:
        sources, _ = mining.sides(encoder_at(options.encoder, work), 1)
    say(f"vectors of {sources.shape[1]} dimensions are there")


def _new() -> Benchmark:
    return Benchmark(machine=describe_machine(), commands=[this_command()])


def _saver(bench: Benchmark, out: Path) -> Callable[[], None]:
    return lambda: bench.save(out)


def _end(bench: Benchmark, out: Path) -> None:
    """The table; and an error where something that was found is not as it should be."""
    bench.save(out)
    print(table.markdown(bench), end="")
    broken = [check for check in bench.checks if not check.holds]
    if broken:
        raise SystemExit(
            "; ".join(
                f"{check.bench} {check.size}: {check.contestant} is not as {check.against}"
                for check in broken
            )
        )

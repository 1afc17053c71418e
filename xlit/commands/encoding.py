"""How texts become vectors, from the flags, the encoder's name and this machine."""

from typing import TYPE_CHECKING, Any, Literal

from xlit.commands.running import split_list
from xlit.errors import UsageError

if TYPE_CHECKING:
    from xlit.artefacts.store import Artefact
    from xlit.models.encoders import EncoderRef
    from xlit.models.pooling import Pooling
    from xlit.retrieval.encode import LayersOptions

Layers = list[int] | Literal["all"] | None


def layers_asked(text: str | None) -> Layers:
    """The layers of `--layer`; None where it is left to the encoder. Raises UsageError."""
    if text is None or text == "all":
        return "all" if text else None
    numbers = []
    for item in split_list(text, "--layer"):
        try:
            numbers.append(int(item))
        except ValueError:
            raise UsageError(
                f"--layer {text}: {item!r} is no layer", hint="a number, 6,9,12, or all"
            ) from None
    return numbers


def several(layers: Layers) -> bool:
    """Whether one has to be picked."""
    return layers == "all" or (layers is not None and len(layers) > 1)


def one_layer(layers: Layers, usual: "Pooling") -> int:
    """The layer where none has to be picked: the one asked for, or the encoder's usual one."""
    return int(layers[0]) if layers else usual.layer


def usual_pooling(ref: "EncoderRef", origin: "Artefact | None") -> "Pooling":
    """The pooling and layer of an encoder; a checkpoint counts as the one at its root, unless it
    was trained to rank by other vectors."""
    from xlit.models.interchange import usual_pooling_of
    from xlit.models.pooling import TRAINED_TO_RANK

    if origin is not None and "ranking" in origin.manifest.settings.get("kinds", ()):
        return TRAINED_TO_RANK
    root = origin.manifest.encoder if origin is not None else None
    return usual_pooling_of(ref, root)


def usable(usual: "Pooling") -> "Pooling":
    """The same. Raises UsageError where the encoder's own vectors cannot be made here."""
    if usual.refused:
        raise UsageError(
            f"the encoder's own vectors cannot be made here: {usual.refused} ({usual.source})",
            hint="--pooling mean, or cls, takes the hidden states of its encoder alone",
        )
    return usual


def encoding_of(options: Any, usual: "Pooling") -> "LayersOptions":
    """What `encode` is told but for the layer, by the flags of a stage that encodes.

    Raises UsageError as `usable`, unless a pooling was asked for.
    """
    from xlit import console, device

    if usual.prompt and not options.prefix:
        console.notice(
            f"the encoder's own prompt is not put before texts: --prefix {usual.prompt!r} does that"
        )
    where = device.pick()
    return {
        "pooling": usable(usual).how if options.pooling == "auto" else options.pooling,
        "prefix": options.prefix,
        "max_length": min(options.max_length, usual.max_length or options.max_length),
        "device": where,
        "precision": device.precision(options.precision, where),
        "packing": options.packing,
    }

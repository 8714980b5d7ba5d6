"""The style layers of an optimisation, as they are written: names between commas."""

from nst_rt.errors import InputError


def parse_layers(text: str) -> tuple[str, ...]:
    """`relu1_1, relu2_1` as names.

    Raises:
        InputError: none in it.
    """
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise InputError(f"--style-layers {text!r}: no layer. Name some with commas, like relu1_1,relu2_1")
    return names

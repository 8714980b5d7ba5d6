"""What the command line adds to an error of the library: the option that stands for the parameter to blame."""

from nst_rt.cli.options import OPTIONS
from nst_rt.errors import DependencyError, NstError

_OTHERS = {
    "audio": "--no-audio",
    "compare": "--compare",
    "contenders": "--contender",
    "crf": "--crf",
    "duration": "--duration",
    "flicker_to": "--flicker-to",
    "format": "--format",
    "fps": "--fps",
    "frame_rate": "--rate",
    "frames": "--frames",
    "height": "--height",
    "held_out_every": "--held-out-every",
    "leave_out": "--leave-out",
    "length": "--duration",
    "long_side": "--size",
    "loss_network": "--loss-network",
    "matrix": "--matrix",
    "method": "--method",
    "name": "--name",
    "output": "--output",
    "output_format": "--output-format",
    "overwrite": "--overwrite",
    "painting": "--painting",
    "photographs": "--photographs",
    "preset": "--preset",
    "quality": "--quality",
    "range": "--range",
    "record": "--record",
    "recursive": "--recursive",
    "side": "--side",
    "size": "--size",
    "slots": "--slots",
    "source": "--source",
    "start": "--start",
    "steps": "--steps",
    "sweeps": "--sweep",
    "tune": "--tune",
    "tuned": "--tuned",
    "variants": "--variant",
    "video": "--video",
    "virtual_camera": "--virtual-camera",
    "width": "--width",
    "window": "--no-window",
    "without": "--without",
}
"""Options of single commands, by the parameters of the library that they stand for."""

_MORE = {
    "model": "`nst-rt styles` lists the models",
    "style": "`nst-rt styles` lists the styles",
}
"""What else helps with a parameter."""


def with_hint(error: NstError) -> str:
    """The error's message, with the option that it is about."""
    said, parameter = str(error), error.parameter
    option = OPTIONS[parameter].default if parameter in OPTIONS else _OTHERS.get(parameter)
    # An install line ends with a comment, and nothing that is to be pasted may follow it.
    if option is None or option in said or isinstance(error, DependencyError):
        return said
    hints = [f"option {option}", *([_MORE[parameter]] if parameter in _MORE else [])]
    return f"{said.rstrip('.')} ({'; '.join(hints)})"

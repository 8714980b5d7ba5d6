"""nst-rt: neural style transfer, fast.

from nst_rt import Stylizer
stylizer = Stylizer.load(style="gogh", device="auto")
stylized = stylizer(frame)                      # uint8 (H, W, 3) BGR in, the same shape out
"""

from typing import TYPE_CHECKING, Any

from nst_rt.errors import (
    CutFrameError,
    DependencyError,
    DeviceError,
    DisplayError,
    ExpressionError,
    FrameStreamError,
    InputError,
    ModelError,
    NstError,
    OutputError,
    ReaderGoneError,
    RoleTakenError,
    ServerGoneError,
    ShareError,
    ShareTimeoutError,
    SourceError,
    StyleError,
)

if TYPE_CHECKING:
    from nst_rt.stylizer.stylizer import Stylizer

__version__ = "0.1.0"

__all__ = [
    "CutFrameError",
    "DependencyError",
    "DeviceError",
    "DisplayError",
    "ExpressionError",
    "FrameStreamError",
    "InputError",
    "ModelError",
    "NstError",
    "OutputError",
    "ReaderGoneError",
    "RoleTakenError",
    "ServerGoneError",
    "ShareError",
    "ShareTimeoutError",
    "SourceError",
    "StyleError",
    "Stylizer",
    "__version__",
]


def __getattr__(name: str) -> Any:
    # Stylizer pulls in numpy and ONNX Runtime; `nst-rt --help` must not wait for them.
    if name == "Stylizer":
        from nst_rt.stylizer.stylizer import Stylizer

        return Stylizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The public API: its names, their examples, and a program that uses nothing else."""

import doctest
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import nst_rt
import numpy as np
import pytest
from video_files import make_video

PROGRAM = Path(__file__).parents[1] / "fixtures" / "public_api_program.py"

NAMES = """
    AudioReader Camera CameraSettings Capture Device Frame GridSummary Image ImagesSummary LiveFrame LiveLoop Mask
    MaskedStylizer ModelFiles ModelRecord PreparedFrame PreparedMaskedFrame Progress Recorder Region ShareClient
    ShareServer StageClock StillMask Style StyleEncoder StyleVector Stylizer StylizerOptions StylizerProtocol
    Term Timeline TimelinePlayer VideoFrame VideoInfo VideoMask VideoPart VideoReader VideoSummary VideoWriter
    VirtualCamera Window add_style blend find_model landscape list_cameras list_devices list_models list_styles
    load_styles make_demo make_grid open_mask open_source parse_blend parse_regions read_image remove_style
    resolve_style_and_model stylize_images stylize_video write_image
"""

WITHOUT_EXAMPLE = {"Frame", "StyleVector", "__version__"}
"""Aliases and texts."""


def public_names() -> list[str]:
    return [name for name in nst_rt.__all__ if not name.startswith("__")]


def test_every_name_loads_and_is_listed() -> None:
    assert len(set(nst_rt.__all__)) == len(nst_rt.__all__)
    assert all(hasattr(nst_rt, name) for name in nst_rt.__all__)
    assert set(nst_rt.__all__) <= set(dir(nst_rt))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        nst_rt.nothing  # noqa: B018


def test_the_public_names_are_exactly_these() -> None:
    """Whoever adds or removes one here changes what programs may rely on."""
    others = [name for name in public_names() if not name.endswith("Error")]
    assert others == NAMES.split()


def test_importing_the_package_loads_only_errors_and_version() -> None:
    code = "import sys, nst_rt; print(sorted(m for m in sys.modules if m.startswith('nst_rt') or m == 'numpy'))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "['nst_rt', 'nst_rt.errors', 'nst_rt.version']"


def test_every_error_is_public() -> None:
    errors = {
        name
        for name, value in vars(nst_rt.errors).items()
        if isinstance(value, type) and issubclass(value, nst_rt.NstError)
    }
    assert errors <= set(nst_rt.__all__)


def examples() -> list[doctest.DocTest]:
    """The examples of the public names; what they use is there under its public name."""
    given = {name: getattr(nst_rt, name) for name in nst_rt.__all__} | {"Fraction": Fraction, "Path": Path, "np": np}
    finder = doctest.DocTestFinder()
    found = [*finder.find(nst_rt, "nst_rt", globs=given)]
    for name in public_names():
        if name not in WITHOUT_EXAMPLE:
            found += finder.find(getattr(nst_rt, name), name, globs=given)
    return [example for example in found if example.examples]


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_examples_run(example: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux" and example.name.startswith("Share"):
        pytest.skip("shared memory is for Linux")
    monkeypatch.chdir(tmp_path)
    nst_rt.write_image(Path("photo.jpg"), nst_rt.landscape(96, 64))
    make_video(Path("holiday.mp4"), 5, audio="aac")
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE, verbose=False)
    assert runner.run(example, out=told.append).failed == 0, "".join(told)


def test_every_public_docstring_has_an_example() -> None:
    missing = [
        name
        for name in public_names()
        if name not in WITHOUT_EXAMPLE
        and not name.endswith("Error")
        and ">>>" not in (getattr(nst_rt, name).__doc__ or "")
    ]
    assert missing == []


def test_types_of_the_public_functions_resolve() -> None:
    for name in public_names():
        value = getattr(nst_rt, name)
        if callable(value) and not isinstance(value, type) and name not in WITHOUT_EXAMPLE:
            assert "return" in value.__annotations__, name


def test_a_program_that_uses_the_public_api_alone_runs(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, PROGRAM], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "stylized.png").exists()
    assert (tmp_path / "stylized.mp4").exists()


def test_that_program_is_typed(tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api")
    options = ["--strict", "--no-error-summary", "--cache-dir", str(tmp_path), "--follow-imports", "silent"]
    said, errors, code = api.run([*options, str(PROGRAM)])
    assert code == 0, said + errors

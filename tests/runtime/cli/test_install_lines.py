"""Install lines name what pip can really take: nst-rt is on no index."""

import shlex
from importlib.metadata import metadata
from pathlib import Path

import pytest
from nst_rt.errors import install_line

CHECKOUT = Path(__file__).parents[3]


def test_a_line_names_an_extra_and_where_it_works() -> None:
    assert install_line("openvino") == 'pip install ".[openvino]"  # in the checkout of nst-rt'
    assert install_line("cuda", "tensorrt-cu13<11").startswith('pip install ".[cuda]" "tensorrt-cu13<11"  # ')
    assert install_line("export").startswith('pip install -c constraints.txt ".[export]"  # ')
    # All of it can be pasted.
    pasted = shlex.split(f"pip uninstall -y onnxruntime && {install_line('cuda', 'tensorrt-cu13<11')}", comments=True)
    assert pasted[-4:] == ["pip", "install", ".[cuda]", "tensorrt-cu13<11"]


@pytest.mark.parametrize("extra", ["cpu", "cuda", "openvino", "export", "tensorflow", "bench", "virtual-camera"])
def test_the_extras_that_messages_name_are_there(extra: str) -> None:
    assert extra in (metadata("nst-rt").get_all("Provides-Extra") or [])


def test_no_message_and_no_page_sends_anybody_to_an_index() -> None:
    pages = [
        path for folder in ("runtime", "export", "bench", "docs", "examples") for path in (CHECKOUT / folder).rglob("*")
    ]
    texts = [path for path in (*pages, CHECKOUT / "README.md") if path.suffix in (".py", ".md")]
    assert len(texts) > 100
    assert [str(path) for path in texts if "nst-rt[" in path.read_text(encoding="utf-8")] == []

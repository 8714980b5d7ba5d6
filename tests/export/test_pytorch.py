import sys

import pytest
import torch
from nst_export.pytorch import require_torch
from nst_rt.errors import DependencyError


def test_without_pytorch_there_is_an_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DependencyError, match=r'training needs PyTorch: pip install -c .* "\.\[export\]"'):
        require_torch("training")


def test_threads_are_set_only_where_they_were_asked_for() -> None:
    before = torch.get_num_threads()
    try:
        require_torch("training", before + 1)
        assert torch.get_num_threads() == before + 1
        require_torch("training")
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)

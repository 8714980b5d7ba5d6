from pathlib import Path

import pytest
from nst_bench.harness.result_cache import ResultCache
from nst_rt.errors import OutputError


def test_a_result_is_found_by_the_same_key_only(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path / "kept")
    key = {"kind": "losses", "model": "a"}
    assert cache.find(key) is None
    assert not (tmp_path / "kept").exists()
    cache.keep(key, {"style": [0.5]})
    assert ResultCache(tmp_path / "kept").find(key) == {"style": [0.5]}
    assert cache.find({**key, "model": "b"}) is None


def test_a_file_that_was_cut_is_no_result(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    key = {"kind": "losses", "model": "a"}
    cache.keep(key, {"style": [0.5]})
    cache.path(key).write_text(cache.path(key).read_text()[:20])
    assert cache.find(key) is None


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        ResultCache(tmp_path / "file" / "kept").keep({"kind": "losses"}, {})

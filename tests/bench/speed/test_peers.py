"""Every peer runs the same network as ours and sees the same image."""

import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from nst_bench.harness.workload import Case, Target, moving_frames
from nst_bench.speed.backend import NstRtBackend
from nst_bench.speed.networks import Network, built_in_network, johnson_network, open_network
from nst_bench.speed.peers import NATIVE, peers
from nst_bench.speed.peers.peer import to_float, to_frame
from nst_bench.speed.roofline import operations
from nst_rt.engine.gpu import Driver
from nst_rt.engine.session import read_model
from nst_rt.errors import ModelError
from nst_rt.models.catalog import ModelFiles
from nst_rt.styles.styles_file import read_styles
from onnx import helper, numpy_helper

CASE = Case(48, 32)


@pytest.fixture(scope="module", params=["Johnson-8", "built-in"])
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    threads = torch.get_num_threads()
    yield open_network(request.param, tmp_path_factory.mktemp("network"))
    torch.set_num_threads(threads)


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    return 10 * math.log10(255**2 / max(1e-9, float(np.mean((first.astype(float) - second) ** 2))))


@pytest.mark.parametrize(
    "name", ["PyTorch eager", "ONNX Runtime, plain", "OpenVINO Python API, f32", "ncnn", "OpenCV DNN"]
)
def test_a_peer_computes_what_ours_does(network: Network, name: str) -> None:
    peer = next(peer for peer in peers(network, compiled=False, threads=1) if peer.name == name)
    if reason := peer.unavailable():
        pytest.skip(reason)
    ours = NstRtBackend(network, Target("cpu", "fp32", threads=1))
    frame = moving_frames(CASE)[1]
    for backend in (ours, peer):
        backend.prepare(CASE)
    theirs = peer.call(frame)
    assert (theirs.shape, theirs.dtype) == (frame.shape, np.uint8)
    assert psnr(ours.call(frame), theirs) > 40
    assert np.array_equal(peer.call(frame), theirs)
    for backend in (ours, peer):
        backend.close()


@pytest.mark.parametrize("name", ["ONNX Runtime, plain, int8", "OpenVINO Python API, int8"])
def test_a_peer_runs_our_int8_file(tmp_path: Path, name: str) -> None:
    network = built_in_network(tmp_path)
    peer = next(peer for peer in peers(network, compiled=False, threads=1) if peer.name == name)
    if reason := peer.unavailable():
        pytest.skip(reason)
    ours, exact = (
        NstRtBackend(network, Target("cpu", "int8", threads=1)),
        NstRtBackend(network, Target("cpu", "fp32", threads=1)),
    )
    frame = moving_frames(CASE)[1]
    for backend in (ours, exact, peer):
        assert backend.unavailable() == ""
        backend.prepare(CASE)
    theirs = peer.call(frame)
    assert psnr(ours.call(frame), theirs) > 45 > psnr(exact.call(frame), theirs)
    assert np.array_equal(peer.call(frame), theirs)
    for backend in (ours, exact, peer):
        backend.close()


def test_peers_have_names_of_their_own(network: Network) -> None:
    names = [peer.name for peer in peers(network, compiled=True)]
    assert len(set(names)) == len(names)
    assert "torch.compile" in names
    assert "torch.compile" not in [peer.name for peer in peers(network, compiled=False)]


def test_on_a_machine_with_a_gpu_pytorch_runs_there_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("networks", "peers"):
        monkeypatch.setattr(f"nst_bench.speed.{module}.nvidia_driver", lambda: Driver("13.0", ()))
    network = johnson_network(tmp_path, 4, blocks=0)
    names = [peer.name for peer in peers(network, compiled=True)]
    assert {"PyTorch eager CUDA fp32", "torch.compile CUDA fp16"} <= set(names)
    # nst-rt gets the fp16 file that it takes on a GPU.
    assert [read_model(path).precision for path in ModelFiles(network.file).variants] == ["fp32", "fp16"]


def test_the_built_in_network_is_read_back_with_its_weights(tmp_path: Path) -> None:
    network = built_in_network(tmp_path)
    assert network.weights == "as shipped"
    assert network.style.shape == (read_model(network.file).style_size,)
    assert np.array_equal(network.style, read_styles(ModelFiles(network.file).styles)[0].vector)


def test_a_model_that_cannot_be_read_back_still_has_its_cost(tinting: Path) -> None:
    with pytest.raises(ModelError, match=r"tinting\.onnx: of the family test, and peers run conditional networks"):
        built_in_network(tinting.parent, tinting)
    model = onnx.load(tinting)
    next(entry for entry in model.metadata_props if entry.key.endswith("family")).value = "conditional"
    onnx.save(model, tinting)
    network = built_in_network(tinting.parent, tinting)
    assert network.weights.startswith("random in PyTorch, for the network of this version")
    assert (network.file, network.style.tolist()) == (tinting, [1, 1, 0])  # type: ignore[union-attr]


def test_float_images_there_and_back() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    for white in (1.0, 255.0):
        image = to_float(frame, white)
        assert image.shape == (1, 3, 5, 7)
        assert image[0, 0, 2, 3] == pytest.approx(frame[2, 3, 2] * white / 255)  # red comes first
        assert np.array_equal(to_frame(image[0], white), frame)
    assert to_frame(np.array([-1.0, 0.5, 2.0], np.float32).reshape(3, 1, 1), 1.0).tolist() == [[[255, 128, 0]]]


def test_arithmetic_is_counted_as_the_file_does_it(tmp_path: Path) -> None:
    # Johnson, 4 channels, no blocks, 16x16: 9x9 from 3 to 4 at 16x16, 3x3 from 4 to 8 at 8x8, from 8 to 16 at 4x4;
    # the two up-convolutions as four phases at the lower resolution (2x2 from 16 to 4 * 8 at 5x5, 8 to 4 * 4 at 9x9);
    # 9x9 from 4 to 3 at 16x16 as phases too (5x5 from 4 * 4 to 4 * 3 at 8x8).
    network = johnson_network(tmp_path, 4, blocks=0)
    down = 81 * 3 * 4 * 256 + 9 * 4 * 8 * 64 + 9 * 8 * 16 * 16
    up = 4 * 16 * 32 * 25 + 4 * 8 * 16 * 81 + 25 * 16 * 12 * 64
    counted = operations(network.file, Case(16, 16))
    assert counted == 2 * (down + up)
    twice = operations(network.file, Case(16, 16, batch=2))
    assert twice == 2 * counted


def test_matrix_products_are_counted_whichever_way_their_weights_lie(tmp_path: Path) -> None:
    for transposed, shape in ((0, (3, 5)), (1, (5, 3))):
        node = helper.make_node("Gemm", ["x", "w"], ["y"], transB=transposed)
        values = [helper.make_tensor_value_info(name, 1, size) for name, size in (("x", [2, 3]), ("y", [2, 5]))]
        weights = numpy_helper.from_array(np.ones(shape, np.float32), "w")
        graph = helper.make_graph([node], "g", values[:1], values[1:], [weights])
        path = tmp_path / f"{transposed}.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
        assert operations(path, Case(16, 16)) == 2 * 2 * 3 * 5


def test_a_peer_is_tried_in_a_process_of_its_own() -> None:
    assert NATIVE
    command = [sys.executable, "-m", "nst_bench.speed.peers.trial", "Johnson-4", "OpenCV DNN"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

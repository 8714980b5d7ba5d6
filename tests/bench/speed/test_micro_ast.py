"""MicroAST's architecture: its size, and what its modulated convolutions compute."""

from pathlib import Path

import pytest
import torch
from nst_bench.harness.workload import Case, moving_frames
from nst_bench.speed.micro_ast import STRIDE, MicroAst, ModulatedBlock
from nst_bench.speed.networks import OwnNetwork, open_network
from nst_bench.speed.peers import peers
from torch import nn


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_whole_network_has_the_papers_number_of_parameters() -> None:
    content_encoder, decoder = MicroAst()
    assert (parameters(content_encoder), parameters(decoder)) == (157_792, 153_843)
    # The style encoder is a second content encoder; the modulator has four 3x3 convolutions, one filter for each of 64
    # channels: a weight and a bias for both levels.
    modulator = 4 * 64 * (9 + 1)
    assert round((2 * parameters(content_encoder) + modulator + parameters(decoder)) / 1e6, 3) == 0.472


def test_a_modulated_convolution_is_weight_times_it_plus_bias_times_its_input() -> None:
    block = ModulatedBlock(1)
    for convolution, factor in ((block.first, 2.0), (block.second, -3.0)):
        nn.init.zeros_(convolution.weight)
        nn.init.zeros_(convolution.bias)
        convolution.weight.data[0, 0, 1, 1] = factor
    signals = {"mean": 5.0, "deviation": 4.0, "weight": 0.5, "bias": 0.25}
    for name, value in signals.items():
        getattr(block, name).fill_(value)
    # Mean 0 and deviation 1 already: 9 and 1 with the style's.
    features = torch.tensor([1.0, -1.0]).repeat(8).reshape(1, 1, 4, 4)
    # hidden = 0.5 * 2 s + 0.25 s; changed = 0.5 * -3 hidden + 0.25 hidden; s + changed.
    expected = [s + (-1.5 + 0.25) * 1.25 * s for s in (9.0, 1.0)]
    with torch.no_grad():
        made = block(features)
    assert made.flatten()[:2].tolist() == pytest.approx(expected, rel=1e-4)


def test_images_keep_their_size_and_peers_agree(tmp_path: Path) -> None:
    network = open_network("MicroAST", tmp_path)
    assert not isinstance(network, OwnNetwork)
    case = Case(48 + STRIDE, 32)
    frame = moving_frames(case)[0]
    by_name = {peer.name: peer for peer in peers(network, compiled=False, threads=1)}
    assert not any("OpenVINO" in name or "int8" in name for name in by_name)  # these take files of ours
    images = []
    threads = torch.get_num_threads()
    for name in ("PyTorch eager", "ONNX Runtime, plain"):
        by_name[name].prepare(case)
        images.append(by_name[name].call(frame))
        by_name[name].close()
    torch.set_num_threads(threads)
    assert images[0].shape == frame.shape
    # Not a blank one: then it would prove nothing that they agree.
    assert images[0].std() > 10
    assert abs(images[0].astype(int) - images[1]).max() <= 1
    again = open_network("MicroAST", tmp_path)
    weights = zip(network.module.parameters(), again.module.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in weights)

"""examples/triton_client.py against a server that speaks Triton's protocol and knows two models."""

import importlib.util
import sys
from concurrent import futures
from pathlib import Path

import cv2
import numpy as np
import pytest

grpc = pytest.importorskip("grpc", reason="needs tritonclient[grpc]")
pytest.importorskip("tritonclient.grpc", reason="needs tritonclient[grpc]")

from nst_export.serving.repository import export_triton  # noqa: E402
from tiny_models import name_styles, tinting_model  # noqa: E402
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc  # noqa: E402

EXAMPLE = Path(__file__).parents[3] / "examples" / "triton_client.py"
TYPES = {"UINT8": np.uint8, "FP32": np.float32}


class Server(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Serves a repository's configurations, and tints frames by style vectors."""

    def __init__(self, repository):
        from google.protobuf import text_format

        self.configs = {
            path.parent.name: text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())
            for path in repository.glob("*/config.pbtxt")
        }
        self.styles = {"blue": [100, 0, 0], "red": [0, 0, 100]}
        self.called = []

    def ModelConfig(self, request, context):  # noqa: N802 - the protocol's name
        return service_pb2.ModelConfigResponse(config=self.configs[request.name])

    def ModelInfer(self, request, context):  # noqa: N802 - the protocol's name
        wanted = {tensor.name: list(tensor.dims) for tensor in self.configs[request.model_name].input}
        given = {}
        for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True):
            assert len(tensor.shape) == 1 + len(wanted[tensor.name])
            if tensor.datatype == "BYTES":
                given[tensor.name] = raw[4:].decode()
            else:
                given[tensor.name] = np.frombuffer(raw, TYPES[tensor.datatype]).reshape(tensor.shape)
        if set(given) != set(wanted):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"expected {sorted(wanted)}, got {sorted(given)}")
        self.called.append(request.model_name)
        if "style_name" in given:
            if given["style_name"] not in self.styles:
                context.abort(grpc.StatusCode.INTERNAL, "indices element out of data bounds")
            given["style"] = np.float32([self.styles[given["style_name"]]])
        made = np.clip(given["frame"] * 0.5 + given["style"][:, None, None], 0, 255).astype(np.uint8)
        answer = service_pb2.ModelInferResponse(model_name=request.model_name)
        answer.outputs.add(name="stylized", datatype="UINT8", shape=made.shape)
        answer.raw_output_contents.append(made.tobytes())
        return answer


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("NST_RT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    model = tinting_model(tmp_path / "net.onnx", rows="styles")
    name_styles(tmp_path / "net.onnx", "0" * 64)
    export_triton(tmp_path / "served", model)
    servicer = Server(tmp_path / "served")
    running = grpc.server(futures.ThreadPoolExecutor(4))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, running)
    servicer.url = f"grpc://localhost:{running.add_insecure_port('localhost:0')}"
    running.start()
    yield servicer
    running.stop(None)


@pytest.fixture
def client(server, monkeypatch):
    spec = importlib.util.spec_from_file_location("triton_client", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def call(*arguments):
        line = [str(EXAMPLE), *arguments, "--server", server.url, "--model", "net"]
        monkeypatch.setattr(sys, "argv", line)
        module.main()

    return call


def test_a_image_by_a_styles_name(server, client):
    cv2.imwrite("in.png", np.full((20, 30, 3), 100, np.uint8))
    client("in.png", "-o", "out.png", "--style", "red")
    assert server.called == ["net"]
    assert np.unique(cv2.imread("out.png").reshape(-1, 3), axis=0).tolist() == [[50, 50, 150]]


def test_a_blend_by_the_vectors_beside_the_models(server, client):
    cv2.imwrite("in.png", np.full((20, 30, 3), 100, np.uint8))
    client("in.png", "-o", "out.png", "--style", "red:3+blue", "--styles", "served/net.styles.json")
    assert server.called == ["net_cpu"]
    assert np.unique(cv2.imread("out.png").reshape(-1, 3), axis=0).tolist() == [[75, 50, 125]]
    with pytest.raises(SystemExit, match=r"no style named 'gren'\. There are blue, red"):
        client("in.png", "-o", "out.png", "--style", "gren", "--styles", "served/net.styles.json")


def test_the_servers_errors_come_through(client):
    from tritonclient.utils import InferenceServerException

    cv2.imwrite("in.png", np.full((20, 30, 3), 100, np.uint8))
    with pytest.raises(InferenceServerException, match="out of data bounds"):
        client("in.png", "-o", "out.png", "--style", "nobody")
    assert not Path("out.png").exists()


@pytest.mark.parametrize("output", ["no/where/out{}", "out.nothing"])
@pytest.mark.parametrize("ending", [".png", ".avi"])
def test_what_cannot_be_written_is_said(client, output, ending):
    frame = np.full((48, 64, 3), 100, np.uint8)
    cv2.imwrite("in.png", frame)
    writer = cv2.VideoWriter("in.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    writer.write(frame)
    writer.release()
    with pytest.raises(SystemExit, match=r"cannot be written\. Check the folder and the ending"):
        client(f"in{ending}", "-o", output.format(ending), "--style", "red")


def test_a_videos_frames_stay_in_order(server, client):
    writer = cv2.VideoWriter("in.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for index in range(12):
        writer.write(np.full((48, 64, 3), 10 + 18 * index, np.uint8))
    writer.release()
    client("in.avi", "-o", "out.mp4", "--style", "blue", "--in-flight", "5")
    video = cv2.VideoCapture("out.mp4")
    found = []
    while (read := video.read())[0]:
        found.append(float(read[1][..., 1].mean()))
    assert len(found) == len(server.called) == 12
    assert found == sorted(found)
    assert abs(found[-1] - 104) < 6

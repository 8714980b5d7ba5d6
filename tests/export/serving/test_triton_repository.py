"""`nst-rt export triton`: what the repository holds, and that its models compute what ours do."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from nst_export.checkpoints.conditional_checkpoint import ConditionalWeights
from nst_export.commands import app
from nst_export.export_options import ExportOptions
from nst_export.families.adain_export import AdainExport
from nst_export.families.conditional_export import export_conditional_weights
from nst_export.model_files.model_reader import read_model_file
from nst_export.networks.adain_network import AdaIn, build_decoder, build_encoder
from nst_export.parity.sample_images import draw_image
from nst_export.serving.batching import batched, check_batched
from nst_export.serving.kserve import service_name
from nst_export.serving.repository import export_triton
from nst_export.serving.triton_options import TritonOptions
from nst_rt import Stylizer
from nst_rt.errors import InputError, ModelError, NstError, OutputError
from tiny_models import RECORD, inverting_model, mean_color_encoder, tinting_model
from tiny_networks import graph_of
from typer.testing import CliRunner


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("NST_RT_HOME", str(tmp_path / "home"))


@pytest.fixture
def styled(tiny_conditional, style_of, tmp_path):
    """A conditional network with two styles, fp32 and fp16."""
    styles = {name: style_of(tiny_conditional, seed)[0] for seed, name in enumerate(("one", "two"))}
    weights = ConditionalWeights(tiny_conditional, styles, {}, None, "3 steps")
    return export_conditional_weights(weights, tmp_path / "own.onnx", ExportOptions(precision="both"))[0].path


def tinting(folder, name="net"):
    """A network whose styles are tints, its styles file and its encoder."""
    model = tinting_model(folder / f"{name}.onnx", rows="styles")
    styles = [{"name": "blue", "vector": [100, 0, 0]}, {"name": "red", "vector": [0, 0, 100], "painting": "/secret"}]
    (folder / f"{name}.styles.json").write_text(json.dumps({"source_sha256": "0" * 64, "styles": styles}))
    mean_color_encoder(folder / f"{name}.encoder.onnx")
    return model


def session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def tree(folder):
    return {name: (folder / name).read_bytes() for name in names_in(folder)}


def configs(folder):
    """Every config.pbtxt, read by the schema that the server reads it by."""
    pytest.importorskip("tritonclient.grpc", reason="needs tritonclient[grpc]")
    from google.protobuf import text_format
    from tritonclient.grpc.model_config_pb2 import ModelConfig

    return {
        path.parent.name: text_format.Parse(path.read_text(), ModelConfig()) for path in folder.glob("*/config.pbtxt")
    }


def test_what_a_repository_holds(tmp_path):
    model = tinting(tmp_path)
    told = export_triton(tmp_path / "served", model)
    assert names_in(tmp_path / "served") == [
        "net.kserve.yaml",
        "net.styles.json",
        "net/1/ensemble",
        "net/config.pbtxt",
        "net_cpu/1/model.onnx",
        "net_cpu/config.pbtxt",
        "net_encoder/1/model.onnx",
        "net_encoder/config.pbtxt",
        "net_styles/1/model.onnx",
        "net_styles/config.pbtxt",
    ]
    assert told.name == "net"
    assert told.styles == ("blue", "red")
    assert "/secret" not in (tmp_path / "served" / "net.styles.json").read_text()
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_frames_of_different_clients_in_one_batch(styled, tmp_path):
    export_triton(tmp_path / "served", styled)
    network = session(tmp_path / "served" / "own_cpu" / "1" / "model.onnx")
    assert [(tensor.name, tensor.shape[0]) for tensor in network.get_inputs()] == [
        ("frame", "batch"),
        ("style", "batch"),
        ("strength", "batch"),
        ("color", "batch"),
    ]
    table = session(tmp_path / "served" / "own_styles" / "1" / "model.onnx")
    wanted = [("two", 1.0, 1.0), ("one", 0.3, 1.0), ("one", 1.0, 0.0), ("two", 0.0, 0.5)]
    frames = np.stack([draw_image(50, 70, seed=seed) for seed in range(4)])
    names = np.array([[style] for style, _, _ in wanted], object)
    (vectors,) = table.run(None, {"style_name": names})
    feeds = {"frame": frames, "style": vectors}
    feeds |= {
        key: np.array([[entry[index]] for entry in wanted], np.float32)
        for index, key in ((1, "strength"), (2, "color"))
    }
    (together,) = network.run(None, feeds)
    for frame, made, (style, strength, color) in zip(frames, together, wanted, strict=True):
        with Stylizer.load(style, model=styled, device="cpu", threads=1, strength=strength, color=color) as stylizer:
            assert np.abs(stylizer(frame).astype(int) - made).max() <= 1
    np.testing.assert_array_equal(together[3], frames[3])  # strength 0


def test_a_name_that_is_not_there_fails(tmp_path):
    export_triton(tmp_path / "served", tinting(tmp_path))
    table = session(tmp_path / "served" / "net_styles" / "1" / "model.onnx")
    for name in ("green", "", "Blue"):
        with pytest.raises(Exception, match="out of data bounds"):
            table.run(None, {"style_name": np.array([[name]], object)})


def test_features_that_strength_mixes_are_mixed_for_each_frame(tiny_vgg):
    """AdaIN has its strength on vectors of two dimensions and on features of four."""
    preprocessing, encoder, decoder = tiny_vgg(3)
    network = AdaIn(build_encoder(preprocessing, encoder), build_decoder(decoder)).eval().requires_grad_(False)
    record = replace(RECORD, style_size=2 * network.channels, strength_blends="features")
    model = graph_of(AdainExport(network), record)
    vectors = [np.full(record.style_size, value, np.float32) for value in (0.4, 1.2)]
    check_batched(model, batched(model, "adain.onnx"), record, vectors, "adain.onnx")


def test_a_batch_that_mixes_frames_is_found_out(styled):
    model = onnx.load(styled)
    record = read_model_file(styled, "it")[1]
    broken = batched(model, "own.onnx")
    for graph in (broken.graph, *(entry.g for node in broken.graph.node for entry in node.attribute)):
        for node in graph.node:
            node.input[:] = ["first" if name == "strength" else name for name in node.input]
    broken.graph.node.insert(0, onnx.helper.make_node("Slice", ["strength", "zero", "one_row"], ["first"]))
    for name, value in (("zero", 0), ("one_row", 1)):
        broken.graph.initializer.append(onnx.numpy_helper.from_array(np.array([value], np.int64), name))
    vectors = [np.ones(record.style_size, np.float32)] * 2
    with pytest.raises(ModelError, match="a frame gives another image"):
        check_batched(model, broken, record, vectors, "own.onnx")


def test_configurations_keep_tritons_schema(styled, tmp_path):
    variants = ("tensorrt", "cuda", "openvino", "cpu")
    export_triton(
        tmp_path / "served",
        styled,
        TritonOptions(variants=variants, size=(48, 64), max_batch=4, queue_delay=1.5, instances=2, threads=3),
    )
    read = configs(tmp_path / "served")
    assert sorted(read) == ["own", "own_cpu", "own_cuda", "own_openvino", "own_styles", "own_tensorrt"]
    for name, config in read.items():
        assert config.name == name
        if name == "own":
            continue
        graph = onnx.load(tmp_path / "served" / name / "1" / "model.onnx").graph
        for tensors, values in ((config.input, graph.input), (config.output, graph.output)):
            assert [tensor.name for tensor in tensors] == [value.name for value in values]
            for tensor, value in zip(tensors, values, strict=True):
                shape = [dimension.dim_value or -1 for dimension in value.type.tensor_type.shape.dim]
                assert [-1, *tensor.dims] == shape
    cpu, tensorrt = read["own_cpu"], read["own_tensorrt"]
    assert (cpu.backend, cpu.max_batch_size) == ("onnxruntime", 4)
    assert [list(tensor.dims) for tensor in cpu.input] == [[48, 64, 3], [cpu.input[1].dims[0]], [1], [1]]
    assert cpu.dynamic_batching.max_queue_delay_microseconds == 1500
    assert (cpu.instance_group[0].count, cpu.instance_group[0].kind) == (2, cpu.instance_group[0].KIND_CPU)
    assert cpu.parameters["intra_op_thread_count"].string_value == "3"
    assert [warm.batch_size for warm in cpu.model_warmup] == [1]
    assert list(cpu.model_warmup[0].inputs["frame"].dims) == [48, 64, 3]
    assert not cpu.optimization.HasField("execution_accelerators")
    (accelerator,) = tensorrt.optimization.execution_accelerators.gpu_execution_accelerator
    assert (accelerator.name, accelerator.parameters["precision_mode"]) == ("tensorrt", "FP16")
    assert tensorrt.instance_group[0].kind == tensorrt.instance_group[0].KIND_GPU
    assert [warm.batch_size for warm in tensorrt.model_warmup] == [1, 4]
    (accelerator,) = read["own_openvino"].optimization.execution_accelerators.cpu_execution_accelerator
    assert accelerator.name == "openvino"
    assert read["own_styles"].max_batch_size == 1
    ensemble = read["own"]
    assert (ensemble.platform, ensemble.max_batch_size) == ("ensemble", 1)
    assert [step.model_name for step in ensemble.ensemble_scheduling.step] == ["own_styles", "own_tensorrt"]
    assert [tensor.name for tensor in ensemble.input] == ["frame", "style_name", "strength", "color"]
    flow = {tensor.name for tensor in ensemble.input}
    for step in ensemble.ensemble_scheduling.step:
        model = read[step.model_name]
        assert set(step.input_map) == {tensor.name for tensor in model.input}
        assert set(step.input_map.values()) <= flow
        flow |= set(step.output_map.values())
    assert {tensor.name for tensor in ensemble.output} <= flow


def test_one_style_baked_in_needs_no_name(tmp_path):
    model = inverting_model(tmp_path / "mosaic.onnx")
    told = export_triton(tmp_path / "served", model)
    assert [entry.name for entry in told.entries] == ["mosaic", "mosaic_cpu"]
    read = configs(tmp_path / "served")
    assert [tensor.name for tensor in read["mosaic"].input] == ["frame", "strength", "color"]


def test_one_size_is_in_the_graph_itself(styled, tmp_path):
    export_triton(tmp_path / "served", styled, TritonOptions(size=(48, 64)))
    network = session(tmp_path / "served" / "own_cpu" / "1" / "model.onnx")
    assert network.get_inputs()[0].shape == ["batch", 48, 64, 3]
    assert network.get_outputs()[0].shape == ["batch", 48, 64, 3]


def test_kserves_manifest(styled, tmp_path):
    yaml = pytest.importorskip("yaml", reason="needs PyYAML")
    export_triton(tmp_path / "served", styled, TritonOptions(name="Own_Model"))
    told = yaml.safe_load((tmp_path / "served" / "Own_Model.kserve.yaml").read_text())
    assert (told["apiVersion"], told["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert told["metadata"]["name"] == "own-model"
    model = told["spec"]["predictor"]["model"]
    assert (model["modelFormat"]["name"], model["protocolVersion"]) == ("triton", "v2")
    assert model["storageUri"] == "pvc://nst-rt/served"
    assert "nvidia.com/gpu" not in model["resources"]["limits"]
    export_triton(tmp_path / "gpu", styled, TritonOptions(variants=("cuda",), storage_uri="s3://bucket/models"))
    model = yaml.safe_load((tmp_path / "gpu" / "own.kserve.yaml").read_text())["spec"]["predictor"]["model"]
    assert model["storageUri"] == "s3://bucket/models"
    assert model["resources"]["limits"]["nvidia.com/gpu"] == "1"
    export_triton(tmp_path / "gpu", tinting(tmp_path), TritonOptions(overwrite=True))  # beside one that needs it
    model = yaml.safe_load((tmp_path / "gpu" / "net.kserve.yaml").read_text())["spec"]["predictor"]["model"]
    assert model["resources"]["limits"]["nvidia.com/gpu"] == "1"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("conditional", "conditional"),
        ("Own_Model.v2", "own-model-v2"),
        ("2nd", "nst-2nd"),
        ("_", "rt"),
        ("a" * 39 + "-b", "a" * 39),
        ("7" * 100, "nst-" + "7" * 36),
    ],
)
def test_names_that_kserve_takes(name, wanted):
    assert service_name(name) == wanted
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", wanted)


def test_a_folder_that_holds_something_is_refused(tmp_path):
    model = tinting(tmp_path)
    served = tmp_path / "served"
    served.mkdir()
    export_triton(served, model)  # empty is as good as missing
    before = tree(served)
    with pytest.raises(OutputError, match="is not empty\\. Give another folder, or allow overwriting"):
        export_triton(served, model)
    assert tree(served) == before


def test_overwriting_takes_only_what_was_ours(tmp_path):
    model = tinting(tmp_path)
    served = tmp_path / "served"
    export_triton(served, model, TritonOptions(variants=("openvino",)))
    (served / "other").mkdir()
    (served / "other" / "config.pbtxt").write_text('name: "other"\n')
    export_triton(served, tinting(tmp_path, "second"), TritonOptions(overwrite=True))
    export_triton(served, model, TritonOptions(overwrite=True))
    found = sorted(path.name for path in served.iterdir() if path.is_dir())
    assert found == [
        *("net", "net_cpu", "net_encoder", "net_styles", "other"),
        *("second", "second_cpu", "second_encoder", "second_styles"),
    ]
    assert (served / "other" / "config.pbtxt").read_text() == 'name: "other"\n'


def test_styles_that_are_gone_leave_no_file(tmp_path):
    export_triton(tmp_path / "served", tinting(tmp_path))
    export_triton(
        tmp_path / "served", inverting_model(tmp_path / "plain.onnx"), TritonOptions(name="net", overwrite=True)
    )
    assert names_in(tmp_path / "served") == [
        "net.kserve.yaml",
        "net/1/ensemble",
        "net/config.pbtxt",
        "net_cpu/1/model.onnx",
        "net_cpu/config.pbtxt",
    ]


def test_a_model_of_somebody_else_under_our_name_stays(tmp_path):
    model = tinting(tmp_path)
    taken = tmp_path / "served" / "net_cpu"
    taken.mkdir(parents=True)
    (taken / "config.pbtxt").write_text('name: "net_cpu"\n')
    before = tree(tmp_path / "served")
    with pytest.raises(OutputError, match="net_cpu: holds a model that was not written for net by nst-rt"):
        export_triton(tmp_path / "served", model, TritonOptions(overwrite=True))
    assert tree(tmp_path / "served") == before


@pytest.mark.parametrize("ending", ["styles.json", "kserve.yaml"])
def test_a_file_of_somebody_else_under_our_name_stays(tmp_path, ending):
    model = tinting(tmp_path)
    served = tmp_path / "served"
    served.mkdir()
    (served / f"net.{ending}").write_text("mine")
    with pytest.raises(OutputError, match=rf"net\.{ending}: was not written by nst-rt"):
        export_triton(served, model, TritonOptions(overwrite=True))
    assert tree(served) == {f"net.{ending}": b"mine"}


def test_the_models_own_folder_keeps_its_styles(tmp_path):
    model = tinting(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(OutputError, match=r"net\.styles\.json: the styles file of the model itself"):
        export_triton(tmp_path, model, TritonOptions(overwrite=True))
    assert tree(tmp_path) == before
    export_triton(tmp_path, model, TritonOptions(name="served", overwrite=True))
    export_triton(tmp_path, model, TritonOptions(name="served", overwrite=True))
    assert before.items() <= tree(tmp_path).items()


@pytest.mark.parametrize("moment", ["writing", "moving"])
def test_a_failure_leaves_the_old_repository(tmp_path, monkeypatch, moment):
    model = tinting(tmp_path)
    served = tmp_path / "served"
    export_triton(served, model)
    before = tree(served)
    if moment == "writing":
        write = Path.write_text

        def stop_at_the_manifest(self, *arguments, **options):
            if self.name.endswith(".kserve.yaml"):
                raise KeyboardInterrupt
            return write(self, *arguments, **options)

        monkeypatch.setattr(Path, "write_text", stop_at_the_manifest)
        failure = KeyboardInterrupt
    else:
        rename, renamed = Path.rename, []

        def stop_at_the_eighth(self, target):
            renamed.append(target)
            if len(renamed) == 8:
                raise OSError(28, "No space left on device")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", stop_at_the_eighth)
        failure = OutputError
    with pytest.raises(failure):
        export_triton(served, model, TritonOptions(variants=("openvino",), overwrite=True))
    assert tree(served) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"model": "nowhere.onnx"}, ModelError, "nowhere.onnx: no such model file"),
        ({"model": "net.encoder.onnx"}, ModelError, "a style encoder, not a stylising model"),
        ({"model": "foreign.onnx"}, ModelError, "foreign.onnx"),
        ({"model": "old.onnx"}, ModelError, "takes one style for a whole batch"),
        ({"variants": ("tensorrt",)}, InputError, "builds its engine for one frame size"),
        ({"size": (8, 640)}, InputError, "640x8 px, and a side must have 16"),
        ({"name": "a/b"}, InputError, "'a/b' cannot be the name of a model"),
        ({"precision": "fp16"}, ModelError, "no fp16 file beside it"),
        ({"variants": ("cpu", "cpu")}, InputError, "given twice"),
        ({"folder": "net.onnx"}, OutputError, "net.onnx: a file, not a folder"),
        ({"folder": "no/where"}, OutputError, "there is no folder"),
    ],
)
def test_what_cannot_be_served_is_said(tmp_path, monkeypatch, arguments, error, said):
    monkeypatch.chdir(tmp_path)
    tinting(tmp_path)
    tinting_model(tmp_path / "old.onnx")
    foreign = onnx.load(tmp_path / "net.onnx")
    del foreign.metadata_props[:]
    onnx.save(foreign, tmp_path / "foreign.onnx")
    options = dict(arguments)
    folder, model = Path(options.pop("folder", "served")), options.pop("model", "net.onnx")
    with pytest.raises(error, match=re.escape(said)):
        export_triton(folder, model, TritonOptions(**options))
    assert not Path("served").exists()


def test_the_command(tmp_path):
    model = tinting(tmp_path)
    line = ["triton", str(tmp_path / "served"), "-m", str(model), "--variant", "openvino", "--variant", "cpu"]
    result = CliRunner().invoke(app, [*line, "--size", "64x48", "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert list(told["models"]) == ["net", "net_openvino", "net_cpu", "net_styles", "net_encoder"]
    assert told["styles"] == ["blue", "red"]
    assert f"tritonserver --model-repository {tmp_path / 'served'}" in result.stderr
    with pytest.raises(NstError, match="is not empty"):
        CliRunner().invoke(app, line, catch_exceptions=False)

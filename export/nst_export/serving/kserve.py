"""The manifest with which KServe serves a Triton model repository.

https://kserve.github.io/website/docs/reference/crd-api (InferenceService, serving.kserve.io/v1beta1)
"""

import json
import re
from typing import Any


def service_name(name: str) -> str:
    """A model's name as a DNS label that begins with a letter (RFC 1035), which KServe requires.

    It has at most 40 characters, because KServe makes longer labels of it, and a label may have 63.
    """
    label = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "rt"
    if not label[0].isalpha():
        label = f"nst-{label}"
    return label[:40].strip("-")


def manifest(name: str, storage: str, *, gpu: bool) -> str:
    """The InferenceService, as YAML.

    Args:
        name: the model that clients call.
        storage: URI of the repository: `pvc://claim/folder`, `s3://bucket/folder`, `gs://...`.
        gpu: whether a model of the repository needs one.
    """
    resources: dict[str, Any] = {"requests": {"cpu": "2", "memory": "2Gi"}, "limits": {"memory": "4Gi"}}
    if gpu:
        resources["limits"]["nvidia.com/gpu"] = "1"
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": service_name(name)},
        "spec": {
            "predictor": {
                "model": {
                    "modelFormat": {"name": "triton", "version": "2"},
                    "runtime": "kserve-tritonserver",
                    "protocolVersion": "v2",
                    "storageUri": storage,
                    "resources": resources,
                }
            }
        },
    }
    return _yaml(service)


def _yaml(value: dict[str, Any], indent: str = "") -> str:
    """YAML of nested mappings of strings; the strings are quoted as in JSON, which YAML accepts."""
    lines = []
    for key, entry in value.items():
        if isinstance(entry, dict):
            lines.append(f"{indent}{key}:\n{_yaml(entry, indent + '  ')}")
        else:
            lines.append(f"{indent}{key}: {json.dumps(entry)}\n")
    return "".join(lines)

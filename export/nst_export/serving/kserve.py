"""The manifest that has KServe run a Triton model repository.

https://kserve.github.io/website/docs/reference/crd-api (InferenceService, serving.kserve.io/v1beta1)
"""

import json
import re
from typing import Any


def service_name(name: str) -> str:
    """A model's name as KServe takes it: a DNS label that begins with a letter (RFC 1035).

    Of 40 characters at most, because KServe makes longer labels of it, and 63 are what a label may have.
    """
    label = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "rt"
    if not label[0].isalpha():
        label = f"nst-{label}"
    return label[:40].strip("-")


def manifest(name: str, storage: str, *, gpu: bool) -> str:
    """The InferenceService, as YAML.

    Args:
        name: of the model that clients call.
        storage: URI of the repository: `pvc://claim/folder`, `s3://bucket/folder`, `gs://...`.
        gpu: a model of the repository needs one.
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
    """Mappings of strings; quoted as in JSON, which YAML reads too."""
    lines = []
    for key, entry in value.items():
        if isinstance(entry, dict):
            lines.append(f"{indent}{key}:\n{_yaml(entry, indent + '  ')}")
        else:
            lines.append(f"{indent}{key}: {json.dumps(entry)}\n")
    return "".join(lines)

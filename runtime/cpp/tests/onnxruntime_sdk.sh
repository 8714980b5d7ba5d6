#!/usr/bin/env bash
# Makes a folder for ONNXRUNTIME_ROOT out of what a test machine has: Debian's headers and the library in the Python
# wheel. ONNX Runtime's wheels carry no headers, and Debian 12 has no package of it; its C API only ever grows, so that
# headers of 1.21 fit a newer library. Tests then run the very library that the Python side runs.
#
#     runtime/cpp/tests/onnxruntime_sdk.sh FOLDER        (python: the environment with onnxruntime)
set -euo pipefail
folder=${1:?usage: onnxruntime_sdk.sh FOLDER}
library=$(python -c "import importlib.util, pathlib
print(next(pathlib.Path(importlib.util.find_spec('onnxruntime').origin).parent.glob('capi/libonnxruntime.so.*')))")

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/lists/partial" "$scratch/archives/partial" "$folder/lib"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main" \
    >"$scratch/sources.list"
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$scratch/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$scratch/lists" -o "Dir::Cache=$scratch" -o "APT::Sandbox::User=$(id -un)")
"${apt[@]}" update
(cd "$scratch" && "${apt[@]}" download libonnxruntime-dev)
dpkg-deb -x "$scratch"/libonnxruntime-dev_*.deb "$scratch/package"
cp -r "$scratch/package/usr/include/onnxruntime" "$folder/include"
for name in "${library##*/}" libonnxruntime.so.1 libonnxruntime.so; do
    ln -sf "$library" "$folder/lib/$name"
done
echo "ONNX Runtime's headers of Debian trixie and $library are in $folder" >&2

#!/usr/bin/env bash
# Makes a Python that can import transformers, for check_exports.py, and prints its path.
#
#   tests/interop/make_python.sh FOLDER    FOLDER is made anew; a download of about 40 MB
#
# It shares the torch that ./nvlm has installed (.venv, or NVLM_TORCH). That one comes without the
# CUDA libraries, 2 GB that nothing here calls; but Python's half of torch is linked to them. Empty
# libraries of their names satisfy the loader, as long as functions are looked up when called
# (TORCH_USE_RTLD_GLOBAL).
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
folder=$(realpath -m "$1")
cuda_libraries=(
  libcublas.so.13 libcublasLt.so.13 libcudnn.so.9 libcufft.so.12 libcufile.so.0 libcurand.so.10
  libcusolver.so.12 libcusparse.so.12 libcusparseLt.so.0 libnccl.so.2 libnvshmem_host.so.3
)

torch=${NVLM_TORCH:-$(echo "$root"/.venv/lib/python3*/site-packages/torch)}
[[ -f $torch/__init__.py ]] || { echo "no Python torch in $torch" >&2; exit 1; }

python3 -m venv --clear "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check -r "$root/tests/interop/requirements.txt" >&2
dirname "$torch" >"$(echo "$folder"/lib/python3*/site-packages)/torch.pth"

mkdir "$folder/cuda"
for library in "${cuda_libraries[@]}"; do
  g++ -shared -x c++ /dev/null -o "$folder/cuda/$library" -Wl,-soname,"$library"
done

cat >"$folder/python" <<EOF
#!/bin/sh
LD_LIBRARY_PATH="$folder/cuda\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}" TORCH_USE_RTLD_GLOBAL=1 \\
  exec "$folder/bin/python" "\$@"
EOF
chmod +x "$folder/python"
"$folder/python" -c 'import torch, transformers' >&2
echo "$folder/python"

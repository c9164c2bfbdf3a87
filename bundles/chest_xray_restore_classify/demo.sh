#!/usr/bin/env bash
# Copyright (c) monai_r2c contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# The whole way on phantom radiographs: draw, train, evaluate, restore. Usage: demo.sh [OUTPUT_DIR]
set -euo pipefail
out=${1:-runs/demo}
configs=$(dirname "$0")/configs
bundle() { python -W ignore -m monai.bundle run "$@"; }

rm -rf "$out"
echo "== phantom radiographs"
python -W ignore -m monai_r2c phantom "$out/phantoms" --size 64 --train 64 --validation 12 --test 16
echo "== training"
bundle training --config_file "['$configs/train.yaml','$configs/demo.yaml']" \
    --dataset_dir "$out/phantoms" --output_dir "$out"
echo "== evaluation on the test phantoms"
bundle evaluating --config_file "['$configs/train.yaml','$configs/evaluate.yaml']" --output_dir "$out" --device cpu
echo "== restoring a folder"
python -W ignore -m monai_r2c restore "$out/phantoms/test/poor" --model "$out/model.pt" --output "$out/restored_folder" \
    --device cpu

cat <<EOF

poor | restored | cycled     $(ls "$out"/panels/*.png | tail -n 1)
model                        $out/model.pt
scores                       $out/evaluation.csv
predictions                  $out/predictions.csv
restored images              $out/restored
report                       $out/report.html
TensorBoard                  tensorboard --logdir $out/tensorboard
EOF

#!/usr/bin/env bash
# SGLang 0.5.23, --init-expert-location with a physical_to_logical_map that holds an expert twice on one GPU, and an
# all-to-all backend.
#
# Valid input: the map is what SGLang's own EPLB makes of eight loads (sglang.srt.eplb.eplb_algorithms.deepseek): its
# last GPU holds expert 1 in both slots.
#
# Expected: the weights of every slot are loaded, for tokens are sent to every slot.
# Seen: with --moe-a2a-backend deepep, slot 15 (the second replica on GPU 7) gets no weights, and rank 6 sends its
# tokens for expert 1 there. Nothing is said. With --moe-a2a-backend none all slots are loaded.
#
# Why: _compute_logical_to_all_physical_map keeps of an expert's slots only the nearest to a rank, the first of its
# own GPU where it has one, and FusedMoE.weight_loader fills the slots of that map. Other ranks still choose among all
# slots.
#
# Output:
#   the map                     [0, 1, 2, 1, 3, 1, 0, 4, 0, 5, 0, 6, 0, 7, 1, 1]
#   loaded with deepep          [0, 1, 2, 1, 3, 1, 0, 4, 0, 5, 0, 6, 0, 7, 1, None]
#   expert 1 of each rank is at [1, 3, 5, 3, 5, 1, 15, 14]
#   loaded with none            [0, 1, 2, 1, 3, 1, 0, 4, 0, 5, 0, 6, 0, 7, 1, 1]
#
# No GPU is needed. The wheels are 5 GB, for PyPI's PyTorch brings the CUDA libraries. Exits 0 if all is as described,
# 1 if not.
# Tried on Linux with Python 3.11; PYTHON names another.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
install() { "$folder/venv/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check "$@"; }
install --no-deps sglang==0.5.23
# What SGLang asks for of these, and of the rest what its MoE layer imports.
install torch==2.14.1 transformers==5.19.0 torchvision numpy==2.4.6 orjson==3.13.0 psutil==7.2.2 pybase64==1.5.1 requests==2.34.2 \
  packaging==26.4 pillow==13.0.0 starlette==1.10.0 msgspec==0.23.0 pyzmq==27.3.0 tqdm==4.70.1 ipython==9.18.1 pydantic==2.14.4 \
  aiohttp==3.14.5 dill==0.4.1 apache-tvm-ffi==0.1.15.post2 sentencepiece==0.2.3 einops==0.8.2 compressed-tensors==0.20.1 \
  gguf==0.19.0 openai==3.57.0 partial-json-parser==0.2.1.1.post7 2>&1 | grep -v 'dependency resolver\|^sglang 0.5.23 requires' || true
cd "$folder"
cat > run.py <<'PYTHON'
import json
import warnings

warnings.simplefilter("ignore")
import torch
import sglang.srt.eplb.expert_location as location
from sglang.srt.eplb.eplb_algorithms import deepseek
from sglang.srt.layers.moe.fused_moe_triton.layer import FusedMoE
from sglang.srt.runtime_context import get_context, get_parallel

EXPERTS, SLOTS, GPUS = 8, 16, 8
loads = torch.tensor([[600, 560, 120, 120, 20, 10, 10, 10]])
placed, _, _ = deepseek.rebalance_experts(
    weight=loads, num_replicas=SLOTS, num_groups=1, num_nodes=1, num_gpus=GPUS, enable_hierarchical=False
)
with open("placement.json", "w") as file:
    json.dump({"physical_to_logical_map": placed.tolist()}, file)
# Instead of a model's config.json.
sizes = location.ModelConfigForExpertLocation(num_layers=1, num_logical_experts=EXPERTS)
location.ModelConfigForExpertLocation.from_model_config = staticmethod(lambda config: sizes)


def start(backend, algorithm):
    """Per slot the expert whose weights were loaded, or None; per rank the slot that it sends tokens of expert 1 to."""
    loaded, sent = [], []
    flags = dict(tp_size=GPUS, ep_size=GPUS, ep_num_redundant_experts=SLOTS - EXPERTS, device="cpu")
    flags.update(init_expert_location="placement.json", moe_a2a_backend=backend, ep_dispatch_algorithm=algorithm)
    with get_context().override_server_args(**flags):
        for rank in range(GPUS):
            with get_parallel().override(moe_ep_rank=rank, moe_tp_rank=0, tp_rank=rank):
                metadata = location.compute_initial_expert_location_metadata(None, moe_ep_rank=rank)
                location.set_global_expert_location_metadata(metadata, allow_overwrite=True)
                layer = FusedMoE(num_experts=SLOTS, top_k=2, hidden_size=4, intermediate_size=4, layer_id=0)
                layer.w2_weight.data.fill_(-1)
                for expert in range(EXPERTS):
                    weight = torch.full((4, 4), float(expert))
                    layer.weight_loader(layer.w2_weight, weight, "experts.w2_weight", "w2", expert)
                first = layer.w2_weight[:, 0, 0].tolist()
                loaded += [None if value < 0 else int(value) for value in first]
                if metadata.logical_to_rank_dispatch_physical_map is not None:
                    sent.append(int(metadata.logical_to_rank_dispatch_physical_map[0, 1]))
    return loaded, sent


print("the map                    ", placed[0].tolist())
loaded, sent = start("deepep", "static")
print("loaded with deepep         ", loaded)
print("expert 1 of each rank is at", sent)
all_loaded, _ = start("none", "dynamic")
print("loaded with none           ", all_loaded)
row = placed[0].tolist()
as_described = row[14:] == [1, 1] and loaded == row[:15] + [None] and 15 in sent and all_loaded == row
print("as described" if as_described else "NOT as described")
raise SystemExit(0 if as_described else 1)
PYTHON
"$folder/venv/bin/python" run.py 2> run.log || { status=$?; tail -5 run.log; exit "$status"; }

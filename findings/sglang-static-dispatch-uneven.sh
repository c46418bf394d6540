#!/usr/bin/env bash
# SGLang 0.5.23, --init-expert-location with an all-to-all backend and the dispatch algorithm that it then takes by
# default, static.
#
# Valid input: 256 experts in 288 slots of 32 GPUs on one node, placed by SGLang's own EPLB, so that all GPUs get the
# same load if each replica gets an equal share of its expert's tokens.
#
# Expected: static dispatch gives the replicas of an expert as many ranks each.
# compute_logical_to_rank_dispatch_physical_map does so (its _fair_choices shuffles an equal number of each, and all
# ranks draw from the same seed), when it gets all slots of an expert: 16 and 16 of 32 ranks.
# Seen: init_by_mapping gives it a map in which the experts of a rank's own GPU are cut down to one slot. Each rank
# then draws at other places, so that the ranks' draws no longer fit together: 20 and 12 ranks, in one case 23 and 9.
# The mean over the largest GPU load of these layers is 0.70 to 0.85 where equal shares give 0.999.
# --ep-dispatch-algorithm dynamic draws a replica for each token, and gives 0.99 and more.
#
# Output:
#   static     balancedness of the layers [0.791, 0.846, 0.696, 0.812]
#   all slots  balancedness of the layers [0.959, 0.988, 0.987, 0.98]
#   dynamic    balancedness of the layers [0.999, 0.99, 1.0, 0.99]
#   two replicas, ranks of the one that more use: number of experts {16: 8, 17: 15, 18: 19, 19: 5, 20: 1, 21: 1, 22: 1, 23: 1}
#   the same, where all slots are given                             {16: 51}
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
import collections
import random
import warnings

warnings.simplefilter("ignore")
import torch
import sglang.srt.eplb.expert_location as location
from sglang.srt.eplb.eplb_algorithms import deepseek
from sglang.srt.runtime_context import get_context

LAYERS, EXPERTS, SLOTS, GPUS = 4, 256, 288, 32
random.seed(0)
loads = [[int(1000 * random.expovariate(1) ** 2) + 1 for _ in range(EXPERTS)] for _ in range(LAYERS)]
placed, _, _ = deepseek.rebalance_experts(
    weight=torch.tensor(loads), num_replicas=SLOTS, num_groups=1, num_nodes=1, num_gpus=GPUS, enable_hierarchical=False
)
# Instead of a model's config.json.
sizes = location.ModelConfigForExpertLocation(num_layers=LAYERS, num_logical_experts=EXPERTS)
location.ModelConfigForExpertLocation.from_model_config = staticmethod(lambda config: sizes)


def slots_of(algorithm):
    """[ranks][layers][experts]: the slots that a rank sends tokens of an expert to, in equal shares."""
    flags = dict(tp_size=GPUS, ep_size=GPUS, ep_num_redundant_experts=SLOTS - EXPERTS, device="cpu")
    flags.update(moe_a2a_backend="deepep", ep_dispatch_algorithm="static" if algorithm == "all slots" else algorithm)
    ranks = []
    with get_context().override_server_args(**flags):
        for rank in range(GPUS):
            metadata = location.ExpertLocationMetadata.init_by_mapping(None, placed, moe_ep_rank=rank)
            table = metadata.logical_to_all_physical_map
            if algorithm == "static":
                table = metadata.logical_to_rank_dispatch_physical_map.unsqueeze(-1)
            if algorithm == "all slots":
                whole = location._compute_logical_to_all_physical_map(placed, EXPERTS, GPUS, None)
                one = location.compute_logical_to_rank_dispatch_physical_map(whole, GPUS, SLOTS, rank)
                table = one.unsqueeze(-1)
            ranks.append([[[slot for slot in slots if slot >= 0] for slots in layer] for layer in table.tolist()])
    return ranks


def balancedness(ranks):
    """Of each layer, if every rank has the same tokens."""
    result = []
    for layer in range(LAYERS):
        gpus = [0.0] * GPUS
        for table in ranks:
            for expert, slots in enumerate(table[layer]):
                for slot in slots:
                    gpus[slot // (SLOTS // GPUS)] += loads[layer][expert] / GPUS / len(slots)
        result.append(round(sum(gpus) / GPUS / max(gpus), 3))
    return result


def most_ranks(ranks):
    """Of the experts with two replicas: how many ranks use the replica that more of them use."""
    most = collections.Counter()
    for layer, row in enumerate(placed.tolist()):
        for expert in range(EXPERTS):
            if row.count(expert) == 2:
                most[max(collections.Counter(table[layer][expert][0] for table in ranks).values())] += 1
    return dict(sorted(most.items()))


seen = {algorithm: slots_of(algorithm) for algorithm in ("static", "all slots", "dynamic")}
for algorithm, ranks in seen.items():
    print(f"{algorithm:10} balancedness of the layers {balancedness(ranks)}")
static, whole = most_ranks(seen["static"]), most_ranks(seen["all slots"])
print("two replicas, ranks of the one that more use: number of experts", static)
print("the same, where all slots are given                            ", whole)
as_described = (
    max(static) >= 20
    and max(whole) == GPUS // 2
    and max(balancedness(seen["static"])) < 0.9
    and min(balancedness(seen["all slots"])) > 0.95
    and min(balancedness(seen["dynamic"])) > 0.98
)
print("as described" if as_described else "NOT as described")
raise SystemExit(0 if as_described else 1)
PYTHON
"$folder/venv/bin/python" run.py 2> run.log || { status=$?; tail -5 run.log; exit "$status"; }

"""Loads schedule files into PyTorch's runtime for schedules, and prints what it has made of them, as JSON: a list of rows for each file.

Each argument is `FORMAT:STAGES:RANKS:MICROBATCHES:FILE`; FORMAT is PyTorch's, `compute_only` or `compute_comms`.
"""

import json
import sys
import warnings
from types import SimpleNamespace

warnings.filterwarnings("ignore")  # torch warns that NumPy is missing

import torch
from torch.distributed.pipelining.schedules import _PipelineScheduleRuntime


def load(argument: str) -> dict:
    file_format, stages, ranks, microbatches, file = argument.split(":", 4)
    # What the runtime asks of a stage before it runs one.
    stage = SimpleNamespace(num_stages=int(stages), group_size=int(ranks), group_rank=0, has_backward=False)
    runtime = _PipelineScheduleRuntime([stage], int(microbatches))
    runtime._load_csv(file, format=file_format)
    rows = [[str(action) for action in runtime.pipeline_order_with_comms[rank]] for rank in range(int(ranks))]
    compute = [[str(action) for action in runtime.pipeline_order.get(rank, [])] for rank in range(int(ranks))]
    return {"compute_only": compute, "compute_comms": rows}


print(json.dumps({"torch": torch.__version__, "schedules": [load(argument) for argument in sys.argv[1:]]}))

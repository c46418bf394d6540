"""Loads a checkpoint with Hugging Face transformers and compares its logits with those of doubletrack.

usage: npx doubletrack eval --checkpoint DIR --tokens TOKENS.json --logits LOGITS.safetensors
       python scripts/check-transformers.py DIR TOKENS.json LOGITS.safetensors
Needs torch, transformers >= 5 and safetensors. Exits with 1 if a logit differs by more than 1e-4.
"""
import json
import sys

import torch
from safetensors.torch import load_file
from transformers import DeepseekV3ForCausalLM

folder, tokens, logits = sys.argv[1:]
model = DeepseekV3ForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
with open(tokens) as file:
    ids = torch.tensor(json.load(file)["input_ids"])
with torch.no_grad():
    difference = (model(input_ids=ids, use_cache=False).logits - load_file(logits)["logits"]).abs().max().item()
print(f"largest difference of a logit: {difference:.2e}")
sys.exit(difference > 1e-4)

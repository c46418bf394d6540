/** The start of a config: a model that trains a step in milliseconds. */
export const tinyModel = `[model]
hidden_size = 16
intermediate_size = 24
moe_intermediate_size = 8
num_attention_heads = 2
n_routed_experts = 4
kv_lora_rank = 8
qk_rope_head_dim = 4
qk_nope_head_dim = 4
v_head_dim = 4
`;

import type { ModelConfig } from '../../config/index.js';
import type { GraphBuilder, Tensor } from '../../graph/index.js';
import type { BatchShape, Parameters } from './shapes.js';

/*
 * Dims: B sequences, S tokens of each, T = B S, D hidden, H heads, N + R dims of a query or key without and with position, V of a value,
 * C of the compressed keys and values.
 */

/** Queries that are worked on together: smaller blocks skip more of the causal square but make smaller products. */
const QUERY_BLOCK = 128;

/**
 * Multi-head latent attention with rotary position embedding, causal; x `[T, D]` -> `[T, D]`.
 * Source: DeepSeek-V2 report (arXiv 2405.04434) section 2.1; names and layout as Hugging Face's DeepseekV3Attention.
 */
export function latentAttention(
  b: GraphBuilder,
  x: Tensor,
  model: ModelConfig,
  batch: BatchShape,
  parameters: Parameters,
): Tensor {
  const { numAttentionHeads: heads, qkNopeHeadDim: nope, qkRopeHeadDim: rope, vHeadDim: vDim } = model;
  const { sequences, sequenceLength } = batch;
  const tokens = sequences * sequenceLength;
  const angles = rotaryAngles(b, model, sequenceLength);
  const rotate = (y: Tensor) =>
    b.rotate(y, angles.cos, angles.sin, { interleaved: model.ropeInterleave, inverse: false });
  const byHead = (y: Tensor, dim: number) =>
    b.transpose(b.reshape(y, [sequences, sequenceLength, heads, dim]), [0, 2, 1, 3]);

  const query = byHead(queries(b, x, model, parameters), nope + rope);
  const q = b.concat([b.slice(query, 3, 0, nope), rotate(b.slice(query, 3, nope, nope + rope))], 3);

  const compressed = b.matmul(x, parameters('self_attn.kv_a_proj_with_mqa.weight'), { transposeB: true });
  const rank = model.kvLoraRank;
  const latent = normalize(b, b.slice(compressed, 1, 0, rank), model, parameters('self_attn.kv_a_layernorm.weight'));
  const keyPosition = b.reshape(b.slice(compressed, 1, rank, rank + rope), [sequences, 1, sequenceLength, rope]);
  const keyValue = byHead(
    b.matmul(latent, parameters('self_attn.kv_b_proj.weight'), { transposeB: true }),
    nope + vDim,
  );
  const everyHead = b.broadcast(rotate(keyPosition), [sequences, heads, sequenceLength, rope]);
  const k = b.concat([b.slice(keyValue, 3, 0, nope), everyHead], 3);
  const v = b.slice(keyValue, 3, nope, nope + vDim);

  const mixed = causalAttention(b, { q, k, v, sequenceLength, scale: (nope + rope) ** -0.5 });
  const joined = b.reshape(b.transpose(mixed, [0, 2, 1, 3]), [tokens, heads * vDim]);
  return b.matmul(joined, parameters('self_attn.o_proj.weight'), { transposeB: true });
}

function queries(b: GraphBuilder, x: Tensor, model: ModelConfig, parameters: Parameters): Tensor {
  if (model.qLoraRank === 0) return b.matmul(x, parameters('self_attn.q_proj.weight'), { transposeB: true });
  const compressed = b.matmul(x, parameters('self_attn.q_a_proj.weight'), { transposeB: true });
  const latent = normalize(b, compressed, model, parameters('self_attn.q_a_layernorm.weight'));
  return b.matmul(latent, parameters('self_attn.q_b_proj.weight'), { transposeB: true });
}

/** RMSNorm with its weight. */
export function normalize(b: GraphBuilder, x: Tensor, model: ModelConfig, weight: Tensor): Tensor {
  return b.multiply(b.rmsNormalize(x, model.rmsNormEps), weight);
}

interface AttentionInputs {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly sequenceLength: number;
  readonly scale: number;
}

/** softmax(scale q k^T + mask) v, a block of queries at a time, each over the keys that its last query may see. */
function causalAttention(b: GraphBuilder, { q, k, v, sequenceLength, scale }: AttentionInputs): Tensor {
  const blocks: Tensor[] = [];
  for (let start = 0; start < sequenceLength; start += QUERY_BLOCK) {
    const end = Math.min(start + QUERY_BLOCK, sequenceLength);
    const scores = b.matmul(b.slice(q, 2, start, end), b.slice(k, 2, 0, end), { transposeB: true, scale });
    const weights = b.softmax(b.add(scores, causalMask(b, start, end)));
    blocks.push(b.matmul(weights, b.slice(v, 2, 0, end)));
  }
  return blocks.length === 1 ? blocks[0] : b.concat(blocks, 2);
}

/** `[end - start, end]`: 0 where a query of the block may look, very negative where not. */
function causalMask(b: GraphBuilder, start: number, end: number): Tensor {
  const mask = new Float32Array((end - start) * end);
  for (let query = start; query < end; query++) {
    mask.fill(-1e9, (query - start) * end + query + 1, (query - start + 1) * end);
  }
  return b.constant(mask, [end - start, end]);
}

/** cos and sin `[S, R / 2]` of position x frequency. Source: RoFormer (arXiv 2104.09864) section 3.2.2. */
function rotaryAngles(b: GraphBuilder, model: ModelConfig, sequenceLength: number): { cos: Tensor; sin: Tensor } {
  const half = model.qkRopeHeadDim / 2;
  const cos = new Float32Array(sequenceLength * half);
  const sin = new Float32Array(sequenceLength * half);
  for (let position = 0; position < sequenceLength; position++) {
    for (let pair = 0; pair < half; pair++) {
      const angle = position * model.ropeTheta ** (-pair / half);
      cos[position * half + pair] = Math.cos(angle);
      sin[position * half + pair] = Math.sin(angle);
    }
  }
  return { cos: b.constant(cos, [sequenceLength, half]), sin: b.constant(sin, [sequenceLength, half]) };
}

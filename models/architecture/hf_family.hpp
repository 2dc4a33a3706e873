#pragma once
// One reader per family of Hugging Face models: fills architecture.layers (and what differs) from
// the keys. hf_config.cpp chooses by model_type; a new family is one hf_<family>.cpp, one
// declaration here and one branch there. Private to models/architecture.
// All of them record what is wrong in keys.problems() and may leave the architecture unfinished.
// Defaults for absent keys are those of the transformers config classes (4.51), named in the
// origin table. Source: https://github.com/huggingface/transformers, src/transformers/models/
// <model_type>/configuration_<model_type>.py, read 2026-11-23.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/architecture/hf_keys.hpp"
#include "models/architecture/smoe_architecture.hpp"

namespace moeplan::models {

// hf_llama.cpp: llama, mistral.
void read_llama(HfKeys& keys, SmoeArchitecture& architecture);
void read_mistral(HfKeys& keys, SmoeArchitecture& architecture);
// hf_qwen.cpp.
void read_qwen2(HfKeys& keys, SmoeArchitecture& architecture);
void read_qwen3(HfKeys& keys, SmoeArchitecture& architecture);
void read_qwen2_moe(HfKeys& keys, SmoeArchitecture& architecture);
void read_qwen3_moe(HfKeys& keys, SmoeArchitecture& architecture);
// hf_mixtral.cpp: mixtral, olmoe.
void read_mixtral(HfKeys& keys, SmoeArchitecture& architecture);
void read_olmoe(HfKeys& keys, SmoeArchitecture& architecture);
// hf_deepseek.cpp: deepseek_v2, deepseek_v3, kimi_k2.
void read_deepseek_v2(HfKeys& keys, SmoeArchitecture& architecture);
void read_deepseek_v3(HfKeys& keys, SmoeArchitecture& architecture);
// hf_gpt_oss.cpp.
void read_gpt_oss(HfKeys& keys, SmoeArchitecture& architecture);
// hf_llama4.cpp: llama4, llama4_text.
void read_llama4(HfKeys& keys, SmoeArchitecture& architecture);
// hf_glm4_moe.cpp: glm4_moe, minimax_m2.
void read_glm4_moe(HfKeys& keys, SmoeArchitecture& architecture);
void read_minimax_m2(HfKeys& keys, SmoeArchitecture& architecture);
// hf_ernie.cpp: ernie4_5_moe.
void read_ernie4_5_moe(HfKeys& keys, SmoeArchitecture& architecture);
// hf_dbrx.cpp.
void read_dbrx(HfKeys& keys, SmoeArchitecture& architecture);
// hf_encoder_decoder.cpp: switch_transformers, nllb-moe.
void read_switch(HfKeys& keys, SmoeArchitecture& architecture);
void read_nllb_moe(HfKeys& keys, SmoeArchitecture& architecture);
// hf_jamba.cpp: only when every layer is attention.
void read_jamba(HfKeys& keys, SmoeArchitecture& architecture);
// hf_mimo.cpp, hf_gemma4.cpp (gemma4, gemma4_text), hf_step3.cpp (step3p5, step3p7).
void read_mimo_v2_flash(HfKeys& keys, SmoeArchitecture& architecture);
void read_gemma4(HfKeys& keys, SmoeArchitecture& architecture);
void read_step3(HfKeys& keys, SmoeArchitecture& architecture);
// hf_refused.cpp: families with layers that cannot be costed, sorted (also with the suffix _text).
// refuse_family records an E_VALUE that names those layers, why, and what can be costed.
const std::vector<std::string>& hf_refused_types();
bool is_refused_family(const std::string& model_type);
void refuse_family(HfKeys& keys, const std::string& model_type);
// The end of such a message: what can be costed.
std::string what_can_be_costed();
// hf_gpt2.cpp.
void read_gpt2(HfKeys& keys, SmoeArchitecture& architecture);

// --- shared pieces (hf_common.cpp) ---

// hidden, vocabulary, max_positions, tied_embeddings.
void read_head(HfKeys& keys, SmoeArchitecture& architecture, bool tied_by_default);
// num_hidden_layers, 1 to 10000; 0 when wrong.
std::int64_t read_layer_count(HfKeys& keys);
// weight_precision and expert_precision from torch_dtype (dtype) and quantization_config.
void read_precision(HfKeys& keys, SmoeArchitecture& architecture);

enum class HeadDim { own, hidden_over_heads };
// Heads, KV heads and head size. HeadDim::own: the family has an independent head_dim (Qwen3,
// Mistral), which wins over hidden / heads; else a head_dim that differs from it is E_VALUE.
// kv_default_heads: an absent num_key_value_heads means as many as heads; else it is E_MISSING.
GroupedQueryAttention read_grouped_query(HfKeys& keys, const SmoeArchitecture& architecture,
                                         HeadDim rule, bool kv_default_heads);

// Expert count, top-k and width: moe.experts, moe.top_k, moe.intermediate, with their limits.
void read_experts(HfKeys& keys, MoeFfn& moe, const HfNames& width_names);
// Experts, router (scoring_func, topk_method, norm_topk_prob, groups) and shared experts under
// DeepSeek's keys (hf_deepseek.cpp); the other arguments are the family's defaults.
void read_scored_moe(HfKeys& keys, MoeFfn& moe, const char* scoring, const char* method,
                     bool normalise);
// n_group, topk_group (null: 1).
void read_groups(HfKeys& keys, MoeFfn& moe);

// [layers], the sliding window of each layer. layer_types wins; else layers from first_windowed on
// have `window`.
std::vector<std::optional<std::int64_t>> layer_windows(HfKeys& keys, std::int64_t layers,
                                                       std::optional<std::int64_t> window,
                                                       std::int64_t first_windowed);

// --- which layers are MoE (hf_moe_layers.cpp) ---

// True when a list has one entry per layer, else E_VALUE with both numbers.
// entries: what they are ("0 or 1").
bool right_length(HfKeys& keys, const std::string& name, std::size_t size, std::int64_t layers,
                  const char* entries);
// [layers], true where there are experts. In this order: the list mlp_layer_types of dense and
// sparse (GLM-5.2); the list moe_layer_freq of 0 and 1 (MiMo); else i >= first_k_dense_replace and
// i % moe_layer_freq == 0.
std::vector<bool> read_first_k_dense(HfKeys& keys, std::int64_t layers);
// The width of dense layers, asked for only when there are any (else understood).
DenseFfn read_dense_where_needed(HfKeys& keys, const std::vector<bool>& is_moe,
                                 const HfNames& width_names);
// num_nextn_predict_layers, num_mtp_modules: a warning that they are not counted.
void warn_about_prediction_layers(HfKeys& keys);
// MoE where is_moe says, else dense, all with the same attention.
void add_mixed_layers(SmoeArchitecture& architecture, const GroupedQueryAttention& attention,
                      const std::vector<std::optional<std::int64_t>>& windows,
                      const std::vector<bool>& is_moe, const MoeFfn& moe, const DenseFfn& dense);
// head_dim must be written where hidden / heads would be wrong (gpt-oss, GLM-4.5, MiniMax-M2).
void require_head_dim(HfKeys& keys);
// moe.shared_intermediate = moe.shared_experts x moe.intermediate, or E_OVERFLOW.
void set_shared_width(HfKeys& keys, MoeFfn& moe, const std::string& count_key);

// Appends `count` layers; is_moe says which get `moe`, the others get `dense`.
void add_layers(SmoeArchitecture& architecture, std::int64_t count,
                const GroupedQueryAttention& attention,
                const std::vector<std::optional<std::int64_t>>& windows,
                const std::function<Ffn(std::int64_t)>& ffn);

}  // namespace moeplan::models

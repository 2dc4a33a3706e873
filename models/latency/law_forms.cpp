#include "models/latency/law_forms.hpp"

namespace moeplan::models {

const std::vector<LawForm>& law_forms() {
  static const std::vector<LawForm> forms{
      {.name = "tiled_experts_v1",
       .kernels = {"expert"},
       .theta = {"launch_s", "bandwidth_Bps", "compute_flops", "norm"},
       .optional = {"inner_s", "expert_parallel_s", "traffic_Bps", "local_traffic_Bps",
                    "token_traffic_Bps", "reread", "top1_s"},
       .constants = {"multiprocessors", "tile_rule"},
       .axes = {"tokens", "pairs", "active_experts", "hidden", "intermediate", "top_k"}},
      {.name = "dense_pnorm_v1",
       .kernels = {"dense"},
       .theta = {"launch_s", "bandwidth_Bps", "compute_flops", "norm"},
       .optional = {"inner_s", "quantise_elements_per_s"},
       .constants = {},
       .axes = {"rows", "columns", "inner"}},
      {.name = "attention_prefill_v1",
       .kernels = {"attention_prefill"},
       .theta = {"launch_s", "compute_flops", "bandwidth_Bps"},
       .optional = {},
       .constants = {},
       .axes = {"chunk", "history", "heads", "kv_heads", "head_dim"}},
      {.name = "attention_decode_v1",
       .kernels = {"attention_decode"},
       .theta = {"launch_s", "bandwidth_Bps"},
       .optional = {"sequence_s"},
       .constants = {},
       .axes = {"sequences", "kv_tokens", "heads", "kv_heads", "head_dim"}},
      {.name = "mla_decode_v1",
       .kernels = {"mla"},
       .theta = {"launch_s", "bandwidth_Bps", "compute_flops"},
       .optional = {"sequence_s", "head_s"},
       .constants = {"projection_bits"},
       .axes = {"sequences", "kv_tokens", "heads", "latent_row", "value_dim"}},
      {.name = "mla_prefill_v1",
       .kernels = {"mla"},
       .theta = {"launch_s", "compute_flops", "bandwidth_Bps"},
       .optional = {"token_s"},
       .constants = {"projection_bits", "absorbed"},
       .axes = {"chunk", "history", "heads", "latent_row", "value_dim"}},
      {.name = "message_pnorm_v1",
       .kernels = {"allreduce", "allgather", "reducescatter", "all2all"},
       .theta = {"launch_s", "bandwidth_Bps", "norm"},
       .optional = {},
       .constants = {"ranks"},
       .axes = {"bytes"}},
      {.name = "two_tier_v1",
       .kernels = {"all2all"},
       .theta = {"launch_s", "near_Bps", "norm"},
       .optional = {"far_Bps", "staged_Bps", "own_Bps", "token_s"},
       .constants = {"ranks", "nodes", "combine", "multiprocessors", "fabric_Bps", "uplink_Bps"},
       .axes = {"tokens", "hidden", "top_k", "experts"}},
      {.name = "stream_v1",
       .kernels = {"router", "permute"},
       .theta = {"launch_s", "bandwidth_Bps"},
       .optional = {},
       .constants = {},
       .axes = {"bytes"}},
      {.name = "host_v1",
       .kernels = {"host"},
       .theta = {"step_s"},
       .optional = {"sequence_s", "prompt_layer_s", "prompt_moe_layer_s"},
       .constants = {},
       .axes = {"sequences"}},
      {.name = "static_forward_v1",
       .kernels = {"static_forward"},
       .theta = {"layer_s"},
       .optional = {"moe_layer_s", "expert_s"},
       .constants = {"wait_fraction_per_gpu"},
       .axes = {"tokens", "local_experts", "hidden", "gpus"}},
  };
  return forms;
}

const LawForm* find_law_form(std::string_view name) {
  for (const LawForm& form : law_forms()) {
    if (form.name == name) {
      return &form;
    }
  }
  return nullptr;
}

std::vector<std::string> law_form_names() {
  std::vector<std::string> names;
  for (const LawForm& form : law_forms()) {
    names.emplace_back(form.name);
  }
  return names;
}

}  // namespace moeplan::models

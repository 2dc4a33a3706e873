#include "app/pretrain_json.hpp"

#include "app/subcommand.hpp"

namespace moeplan::app {
namespace {

using text::Json;

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json seconds_json(const std::optional<Seconds>& time) {
  return time ? Json(in_seconds(*time)) : Json();
}

Json pretraining_json(const sim::PretrainingCost& c) {
  return Json::object()
      .set("experts_pretrained", c.experts)
      .set("infeasible", text_or_null(c.why_not))
      .set("expert_ranks", c.expert_ranks)
      .set("parameters", c.parameters)
      .set("active_parameters", c.active_parameters)
      .set("steps", c.steps)
      .set("model_flop", c.model_flops.value())
      .set("executed_flop", c.executed_flops.value())
      .set("expert_capacity_rows", c.capacity)
      .set("all2all_bytes", in_bytes(c.exchange_bytes))
      .set("all2alls_per_step", c.exchanges_per_step)
      .set("gradient_bytes", in_bytes(c.gradient_bytes))
      .set("step_compute_s", in_seconds(c.step.compute))
      .set("step_all2all_s", in_seconds(c.step.exchange))
      .set("step_gradients_s", in_seconds(c.step.gradients))
      .set("step_s", in_seconds(c.step.total()))
      .set("duration_s", in_seconds(c.duration))
      .set("duration_low_s", in_seconds(c.duration_low))
      .set("duration_high_s", in_seconds(c.duration_high))
      .set("gpus", c.gpus)
      .set("gpu_h", c.gpu_hours(c.duration))
      .set("gpu_h_low", c.gpu_hours(c.duration_low))
      .set("gpu_h_high", c.gpu_hours(c.duration_high))
      .set("cost_usd", in_usd(c.cost))
      .set("cost_usd_low", in_usd(c.cost_low))
      .set("cost_usd_high", in_usd(c.cost_high))
      .set("price", c.price_id)
      .set("instances", c.instances)
      .set("rent_usd_per_h", in_usd_per_hour(c.rent))
      .set("state_bytes_per_gpu", in_bytes(c.memory.state()))
      .set("weight_bytes_per_gpu", in_bytes(c.memory.weights))
      .set("gradient_buffer_bytes_per_gpu", in_bytes(c.memory.gradients))
      .set("optimizer_bytes_per_gpu", in_bytes(c.memory.optimizer))
      .set("activation_bytes_per_gpu", in_bytes(c.memory.activations))
      .set("memory_bytes_per_gpu", in_bytes(c.memory.total()))
      .set("fewest_expert_ranks", c.fewest_expert_ranks)
      .set("gpu_memory_bytes", in_bytes(c.gpu_memory))
      .set("extrapolated", c.extrapolated);
}

// The run of a pruned model: its keys are those of pretraining.
Json finetuning_json(const sim::PretrainingCost& c) {
  return Json::object()
      .set("experts_kept", c.experts)
      .set("infeasible", text_or_null(c.why_not))
      .set("expert_ranks", c.expert_ranks)
      .set("steps", c.steps)
      .set("duration_s", in_seconds(c.duration))
      .set("gpu_h", c.gpu_hours(c.duration))
      .set("cost_usd", in_usd(c.cost))
      .set("cost_usd_low", in_usd(c.cost_low))
      .set("cost_usd_high", in_usd(c.cost_high))
      .set("memory_bytes_per_gpu", in_bytes(c.memory.total()));
}

Json inference_json(const sim::InferenceCost& c) {
  const bool runs = c.latency > Seconds();
  return Json::object()
      .set("experts_kept", c.kept)
      .set("infeasible", text_or_null(c.why_not))
      .set("layout", text_or_null(c.layout))
      .set("latency_s", runs ? Json(in_seconds(c.latency)) : Json())
      .set("latency_low_s", seconds_json(c.latency_low))
      .set("latency_high_s", seconds_json(c.latency_high))
      .set("memory_bytes_per_gpu", in_bytes(c.memory))
      .set("gpus", c.gpus)
      .set("price", text_or_null(c.price_id))
      .set("rent_usd_per_h", in_usd_per_hour(c.rent))
      .set("cost_usd_per_million_tokens",
           runs ? Json(in_usd_per_million_tokens(c.per_token)) : Json())
      .set("extrapolated", c.extrapolated);
}

Json option_json(const sim::StudyResult& result, std::size_t index) {
  const sim::StudyOption& o = result.options[index];
  const sim::MeasuredQuality& q = o.quality;
  const auto if_works = [&](double value) { return o.works ? Json(value) : Json(); };
  return Json::object()
      .set("index", index)
      .set("experts_pretrained", q.pretrained)
      .set("experts_kept", q.kept)
      .set("method", q.method)
      .set("accuracy", q.accuracy)
      .set("accuracy_standard_error", q.standard_error)
      .set("loss_from_scratch", q.loss)
      .set("loss_standard_error", q.loss_standard_error)
      .set("latency_s", if_works(in_seconds(o.merit.latency)))
      .set("memory_bytes_per_gpu", in_bytes(result.inference[o.inference].memory))
      .set("cost_usd_per_million_tokens", if_works(in_usd_per_million_tokens(o.merit.inference)))
      .set("pretraining_usd", if_works(in_usd(result.pretraining[o.pretraining].cost)))
      .set("finetuning_usd",
           if_works(o.finetuning ? in_usd(result.finetuning[*o.finetuning].cost) : 0.0))
      .set("lifetime_usd", if_works(in_usd(o.lifetime_cost)))
      .set("lifetime_usd_low", if_works(in_usd(o.lifetime_cost_low)))
      .set("lifetime_usd_high", if_works(in_usd(o.lifetime_cost_high)))
      .set("pareto", o.on_front)
      .set("refused", text_or_null(o.why_not));
}

Json factor_json(const std::optional<double>& factor) {
  return factor && *factor > 0.0 ? Json(*factor) : Json();
}

Json threshold_json(const sim::StudyThreshold& found) {
  return Json::object()
      .set("method", found.method)
      .set("experts_pretrained", found.pretrained)
      .set("factor", factor_json(found.threshold.factor))
      .set("factor_low", factor_json(found.threshold.low_factor))
      .set("factor_high", factor_json(found.threshold.high_factor))
      .set("distinguishable", found.threshold.distinguishable);
}

template <class Items, class ToJson>
Json list(const Items& items, ToJson to_json) {
  Json array = Json::array();
  for (const auto& item : items) {
    array.push(to_json(item));
  }
  return array;
}

Json study_json(const sim::PretrainingStudy& study) {
  const sim::StudyObjectives& o = study.objectives;
  return Json::object()
      .set("name", study.name)
      .set("architecture", study.architecture.name)
      .set("accuracy_table", study.table.description.id)
      .set("methods", study.methods)
      .set("pretraining_tokens", in_tokens(study.pretraining.tokens))
      .set("node", study.pretraining.node)
      .set("nodes", study.pretraining.nodes)
      .set("recompute", sim::recompute_text(study.pretraining.recompute))
      .set("finetuning_tokens",
           study.finetuning ? Json(in_tokens(study.finetuning->tokens)) : Json())
      .set("latency_of", sim::latency_name(study))
      .set("lifetime_tokens", in_tokens(study.lifetime))
      .set("quality_floor", o.quality_floor)
      .set("quality_tolerance", o.quality_tolerance)
      .set("pretraining_budget_usd",
           o.pretraining_budget ? Json(in_usd(*o.pretraining_budget)) : Json())
      .set("latency_limit_s", seconds_json(o.latency));
}

}  // namespace

Json pretrain_json(const sim::PretrainingStudy& study, const sim::StudyResult& result) {
  Json options = Json::array();
  for (std::size_t i = 0; i < result.options.size(); ++i) {
    options.push(option_json(result, i));
  }
  return Json::object()
      .set("schema_version", 1)
      .set("study", study_json(study))
      .set("recommendation", result.recommended ? option_json(result, *result.recommended) : Json())
      .set("pareto", result.pareto)
      .set("options", std::move(options))
      .set("pretraining", list(result.pretraining, pretraining_json))
      .set("finetuning", list(result.finetuning, finetuning_json))
      .set("inference", list(result.inference, inference_json))
      .set("thresholds", list(result.thresholds, threshold_json))
      .set("by_lifetime", list(result.by_lifetime,
                               [](const sim::CheapestFrom& part) {
                                 return Json::object()
                                     .set("from_tokens", in_tokens(part.from))
                                     .set("option", part.option);
                               }))
      .set("break_even", list(result.break_even,
                              [](const sim::StudyBreakEven& found) {
                                return Json::object()
                                    .set("option", found.option)
                                    .set("from_scratch", found.scratch)
                                    .set("accuracy_difference", found.quality_difference)
                                    .set("pays_from_tokens", found.pays_from
                                                                 ? Json(in_tokens(*found.pays_from))
                                                                 : Json());
                              }))
      .set("gains", list(result.gains,
                         [](const sim::StudyGain& gain) {
                           return Json::object()
                               .set("option", gain.option)
                               .set("from_scratch", gain.scratch)
                               .set("accuracy_gain", gain.quality_gain)
                               .set("standard_error", gain.standard_error)
                               .set("extra_pretraining_usd", in_usd(gain.extra_cost));
                         }))
      .set("not_measured", list(result.not_measured,
                                [](const sim::NotMeasured& missing) {
                                  return Json::object()
                                      .set("experts_pretrained", missing.pretrained)
                                      .set("experts_kept", missing.kept)
                                      .set("method", missing.method)
                                      .set("reason", missing.reason);
                                }))
      .set("reasons", result.reasons)
      .set("warnings", result.warnings)
      .set("provenance", Json::object()
                             .set("tool", "moeplan")
                             .set("version", kVersion)
                             .set("study_file", study.file)
                             .set("study_sha256", study.sha256)
                             .set("study_source", study.source)
                             .set("price_book", study.prices.book.id())
                             .set("price_day", study.prices.as_of.text()));
}

}  // namespace moeplan::app

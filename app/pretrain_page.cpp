#include "app/pretrain_page.hpp"

#include <fmt/format.h>

#include "app/pretrain_json.hpp"
#include "models/units/parse.hpp"

namespace moeplan::app {
namespace {

using sim::StudyOption;
using sim::StudyResult;

std::string count_text(std::int64_t count) { return fmt::format("{}", count); }
std::string billions(std::int64_t count) {
  return fmt::format("{:.3g}B", static_cast<double>(count) * 1e-9);
}
std::string usd_text(Usd amount) { return fmt::format("{:.0f}", in_usd(amount)); }
std::string range_text(double low, double high) {
  return fmt::format("{:.0f} to {:.0f}", low, high);
}
std::string days_text(Seconds time) { return fmt::format("{:.2f}", in_hours(time) / 24.0); }
std::string ms_text(Seconds time) { return fmt::format("{:.2f}", in_milliseconds(time)); }
std::string gib_text(Bytes amount) { return fmt::format("{:.2f}", in_gibibytes(amount)); }

std::string band_text(const sim::InferenceCost& cost) {
  const auto end = [](const std::optional<Seconds>& time) {
    return time ? ms_text(*time) : std::string("overloaded");
  };
  return cost.why_not.empty() ? end(cost.latency_low) + " to " + end(cost.latency_high) : "-";
}

PageTable pretraining_table(const StudyResult& result) {
  PageTable table{"Pretraining",
                  {{"experts", "parameters", "GPUs per group", "step ms: compute", "all-to-all",
                    "gradients", "days", "GPU-hours", "USD", "USD, low to high", "state GiB/GPU",
                    "activations GiB/GPU", "fits"}}};
  for (const sim::PretrainingCost& c : result.pretraining) {
    table.rows.push_back(
        {count_text(c.experts), billions(c.parameters), count_text(c.expert_ranks),
         ms_text(c.step.compute), ms_text(c.step.exchange), ms_text(c.step.gradients),
         days_text(c.duration), fmt::format("{:.0f}", c.gpu_hours(c.duration)), usd_text(c.cost),
         range_text(in_usd(c.cost_low), in_usd(c.cost_high)), gib_text(c.memory.state()),
         gib_text(c.memory.activations), c.why_not.empty() ? "yes" : "no: " + c.why_not});
  }
  return table;
}

PageTable finetuning_table(const sim::PretrainingStudy& study, const StudyResult& result) {
  PageTable table{
      fmt::format("Fine-tuning after pruning, {:.3g} tokens", in_tokens(study.finetuning->tokens)),
      {{"experts kept", "GPUs per group", "days", "GPU-hours", "USD", "USD, low to high", "fits"}}};
  for (const sim::PretrainingCost& c : result.finetuning) {
    table.rows.push_back({count_text(c.experts), count_text(c.expert_ranks), days_text(c.duration),
                          fmt::format("{:.0f}", c.gpu_hours(c.duration)), usd_text(c.cost),
                          range_text(in_usd(c.cost_low), in_usd(c.cost_high)),
                          c.why_not.empty() ? "yes" : "no: " + c.why_not});
  }
  return table;
}

PageTable inference_table(const sim::PretrainingStudy& study, const StudyResult& result) {
  PageTable table{"Inference",
                  {{"experts kept", "on", sim::latency_name(study) + " ms", "5 to 95 %",
                    "memory GiB/GPU", "USD/h", "USD per million tokens", "runs"}}};
  for (const sim::InferenceCost& c : result.inference) {
    const bool priced = c.latency > Seconds();
    table.rows.push_back(
        {count_text(c.kept), c.layout, priced ? ms_text(c.latency) : "-", band_text(c),
         gib_text(c.memory), fmt::format("{:.2f}", in_usd_per_hour(c.rent)),
         priced ? fmt::format("{:.4g}", in_usd_per_million_tokens(c.per_token)) : "-",
         c.why_not.empty() ? "yes" : "no: " + c.why_not});
  }
  return table;
}

PageTable option_table(const sim::PretrainingStudy& study, const StudyResult& result) {
  PageTable table{
      "Options (P: on the Pareto front of accuracy, latency and pretraining cost; *: recommended)",
      {{"", "pretrain", "keep", "method", "accuracy %", "+-", "loss to scratch",
        sim::latency_name(study) + " ms", study.finetuning ? "training USD" : "pretraining USD",
        "life USD", "out because"}}};
  for (std::size_t i = 0; i < result.options.size(); ++i) {
    const StudyOption& o = result.options[i];
    const bool best = result.recommended && *result.recommended == i;
    table.rows.push_back(
        {std::string(best ? "*" : " ") + (o.on_front ? "P" : ""), count_text(o.quality.pretrained),
         count_text(o.quality.kept), o.quality.method,
         fmt::format("{:.2f}", 100 * o.quality.accuracy),
         o.quality.standard_error ? fmt::format("{:.2f}", 100 * *o.quality.standard_error) : "?",
         o.quality.pruned() ? fmt::format("{:+.2f}", 100 * o.quality.loss) : "-",
         o.works ? ms_text(o.merit.latency) : "-", o.works ? usd_text(o.merit.pretraining) : "-",
         o.works ? usd_text(o.lifetime_cost) : "-", o.why_not});
  }
  return table;
}

void add_csv(const StudyResult& result, Page& page) {
  page.csv = {{"experts_pretrained", "experts_kept", "method", "accuracy",
               "accuracy_standard_error", "loss_from_scratch", "latency_s", "memory_bytes_per_gpu",
               "cost_usd_per_million_tokens", "pretraining_usd", "lifetime_usd", "pareto",
               "recommended", "refused"}};
  for (std::size_t i = 0; i < result.options.size(); ++i) {
    const StudyOption& o = result.options[i];
    const auto if_works = [&](double value) {
      return o.works ? number_text(value) : std::string();
    };
    page.csv.push_back({count_text(o.quality.pretrained), count_text(o.quality.kept),
                        o.quality.method, number_text(o.quality.accuracy),
                        o.quality.standard_error ? number_text(*o.quality.standard_error) : "",
                        number_text(o.quality.loss), if_works(in_seconds(o.merit.latency)),
                        number_text(in_bytes(result.inference[o.inference].memory)),
                        if_works(in_usd_per_million_tokens(o.merit.inference)),
                        if_works(in_usd(o.merit.pretraining)), if_works(in_usd(o.lifetime_cost)),
                        o.on_front ? "true" : "false",
                        result.recommended && *result.recommended == i ? "true" : "false",
                        o.why_not});
  }
}

}  // namespace

Page pretrain_page(const sim::PretrainingStudy& study, const StudyResult& result) {
  Page page;
  page.title = "Pretraining study: " + study.name;
  page.tables.push_back(option_table(study, result));
  page.tables.push_back(pretraining_table(result));
  if (study.finetuning) {
    page.tables.push_back(finetuning_table(study, result));
  }
  page.tables.push_back(inference_table(study, result));
  if (!result.not_measured.empty()) {
    PageTable missing{"Not measured, so left out", {{"pretrain", "keep", "method", "reason"}}};
    for (const sim::NotMeasured& row : result.not_measured) {
      missing.rows.push_back(
          {count_text(row.pretrained), count_text(row.kept), row.method, row.reason});
    }
    page.tables.push_back(std::move(missing));
  }
  page.notes = result.reasons;
  page.notes.insert(page.notes.end(), result.warnings.begin(), result.warnings.end());
  page.json = pretrain_json(study, result);
  add_csv(result, page);
  return page;
}

Page study_values_page(const sim::PretrainingStudy& study,
                       const std::vector<sim::StudyValue>& values) {
  Page page;
  page.title = "Values of " + study.file;
  PageTable table{"", {{"key", "value", "from"}}};
  for (const sim::StudyValue& value : values) {
    table.rows.push_back({value.key, value.value, value.from});
    page.json.set(value.key,
                  text::Json::object().set("value", value.value).set("from", value.from));
  }
  page.csv = table.rows;
  page.tables.push_back(std::move(table));
  return page;
}

}  // namespace moeplan::app

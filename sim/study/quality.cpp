#include "sim/study/quality.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moeplan::sim {
namespace {

using models::AccuracyPoint;
using models::AccuracyRow;
using models::AccuracyTable;

// The mean over all tasks, or the tasks that the row lacks.
struct Mean {
  std::optional<AccuracyPoint> point;
  std::vector<std::string> lacking;
};

Mean mean_of(const AccuracyTable& table, const AccuracyRow& row) {
  Mean mean;
  std::vector<double> values;
  for (const models::AccuracyTask& task : table.description.tasks) {
    const auto found = row.values.find(task.name);
    if (found == row.values.end()) {
      mean.lacking.push_back(task.name);
    } else {
      values.push_back(found->second);
    }
  }
  if (mean.lacking.empty()) {
    mean.point = models::aggregate(table.description.tasks, values, row.kept, row.source);
  }
  return mean;
}

void add_option(const PretrainingStudy& study, std::int64_t pretrained, std::int64_t kept,
                const std::string& method, StudyQualities& out) {
  const AccuracyRow* row = study.table.find(method, pretrained, kept);
  if (row == nullptr) {
    out.not_measured.push_back({pretrained, kept, method, "the accuracy table has no such row"});
    return;
  }
  const Mean mean = mean_of(study.table, *row);
  const Mean reference = mean_of(study.table, study.table.row(kFromScratch, kept, kept));
  if (!mean.point || !reference.point) {
    out.not_measured.push_back(
        {pretrained, kept, method,
         fmt::format("not evaluated on {}",
                     joined(mean.point ? reference.lacking : mean.lacking))});
    return;
  }
  MeasuredQuality quality{.pretrained = pretrained,
                          .kept = kept,
                          .method = method,
                          .accuracy = mean.point->value,
                          .standard_error = mean.point->standard_error,
                          .loss = reference.point->value - mean.point->value,
                          .loss_standard_error = std::nullopt};
  if (quality.pruned() && mean.point->standard_error && reference.point->standard_error) {
    quality.loss_standard_error =
        std::hypot(*mean.point->standard_error, *reference.point->standard_error);
  }
  out.options.push_back(std::move(quality));
}

// Only where all its rows can be averaged: a threshold over some of the rows would be another.
void add_threshold(const PretrainingStudy& study, std::int64_t pretrained,
                   const std::string& method, StudyQualities& out) {
  bool any = false;
  for (const AccuracyRow& row : study.table.rows) {
    if (row.method != method || row.pretrained != pretrained || row.kept >= pretrained) {
      continue;
    }
    const AccuracyRow* reference = study.table.find(kFromScratch, row.kept, row.kept);
    if (reference == nullptr || !mean_of(study.table, row).point ||
        !mean_of(study.table, *reference).point) {
      return;
    }
    any = true;
  }
  if (any) {
    models::ThresholdRule rule;
    rule.reference = models::ThresholdRule::Reference::from_scratch_same_size;
    out.thresholds.push_back(
        {pretrained, method, models::threshold(study.table, method, pretrained, rule)});
  }
}

}  // namespace

std::string MeasuredQuality::name() const {
  return pruned() ? fmt::format("{} -> {} by {}", pretrained, kept, method)
                  : fmt::format("{} from scratch", pretrained);
}

StudyQualities measured_qualities(const PretrainingStudy& study) {
  StudyQualities out;
  for (const std::int64_t pretrained : study.pretraining.experts) {
    add_option(study, pretrained, pretrained, kFromScratch, out);
    for (auto kept = study.experts_kept.rbegin(); kept != study.experts_kept.rend(); ++kept) {
      for (const std::string& method : study.methods) {
        if (*kept < pretrained) {
          add_option(study, pretrained, *kept, method, out);
        }
      }
    }
    for (const std::string& method : study.methods) {
      add_threshold(study, pretrained, method, out);
    }
  }
  return out;
}

}  // namespace moeplan::sim

#pragma once
// Every figure of a report: a function of the result's JSON; nullopt where the result has not what
// it shows. Data rows carry the unit in their field's name (house.md 3.2, for people: ms, GiB, %).

#include <optional>
#include <vector>

#include "models/text/node.hpp"
#include "sim/report/html/figure.hpp"

namespace moeplan::sim {

// Of a plan.
std::optional<ReportFigure> pareto_figure(const text::Node& plan);     // cost, p99 TPOT, accuracy
std::optional<ReportFigure> accuracy_figure(const text::Node& plan);   // curve, band, allowed loss
std::optional<ReportFigure> intervals_figure(const text::Node& plan);  // 5 to 95 % of every figure
std::optional<ReportFigure> tornado_figure(
    const text::Node& plan);  // what the uncertainty comes from
std::optional<ReportFigure> infeasible_table(const text::Node& plan);  // why designs fell out

// USD a month at every tier against hours of use a day, with break-evens.
std::optional<ReportFigure> rent_or_buy_figure(const text::Node& plan);
// Traffic by hour; for every design of plan.day the engines by hour of each way to pay for them
// (kept, following, base and peak); their money.
std::vector<ReportFigure> day_figures(const text::Node& plan);

// Of a plan and of a simulation.
std::optional<ReportFigure> ttft_figure(const text::Node& result);  // CDF against the objectives
std::optional<ReportFigure> tpot_figure(const text::Node& result);  //
std::optional<ReportFigure> phases_figure(
    const text::Node& result);  // a step by phase, exchange share
std::optional<ReportFigure> memory_figure(const text::Node& result);  // one GPU's memory
std::optional<ReportFigure> budget_figure(const text::Node& result);  // USD a month by kind
std::optional<ReportFigure> law_errors_figure(const text::Node& result);

// Of a validation: per family of kernels with measured points, time against work, measured and as
// the laws predict it; exchanges and collectives first; at most kMostFits.
inline constexpr std::size_t kMostFits = 12;
std::vector<ReportFigure> fit_figures(const text::Node& validation);
std::optional<ReportFigure> validation_table(const text::Node& validation);

// Of a comparison.
std::optional<ReportFigure> compared_phases_figure(const text::Node& comparison);
std::optional<ReportFigure> compared_figures_table(const text::Node& comparison);
std::optional<ReportFigure> differences_table(const text::Node& comparison);

}  // namespace moeplan::sim

// Rent or buy: what a month costs at every tier, against the hours that the fleet is used.
#include <fmt/format.h>

#include <algorithm>

#include "sim/report/html/figures.hpp"
#include "sim/report/html/result_node.hpp"
#include "sim/report/html/vega_spec.hpp"

namespace moeplan::sim {
namespace {

using text::Json;
using text::Node;

constexpr double kHoursOfADay = 24.0;

Json row(const std::string& tier, double hours, double usd) {
  return Json::object().set("tier", tier).set("hours", hours).set("usd_per_month", usd);
}

struct Crossing {
  std::string tier;
  double hours = 0.0;
  double usd = 0.0;
};

}  // namespace

std::optional<ReportFigure> rent_or_buy_figure(const Node& plan) {
  const std::vector<Node>& tiers = items_at(plan, "rent_or_buy");
  std::vector<std::string> names;
  std::vector<Json> lines;
  std::vector<Crossing> crossings;
  ReportTable table{{"tier", "offer", "provider", "seen", "instances", "paid GPUs", "USD a month",
                     "paid", "cheaper than on demand from"},
                    {}};
  for (const Node& offer : tiers) {
    const auto month = number_at(offer, "cost_usd_per_month");
    if (!month) {
      continue;
    }
    const std::string tier = text_at(offer, "tier");
    const bool by_the_hour = is_true(offer, "by_the_hour");
    const auto even = number_at(offer, "break_even_hours_per_day");
    names.push_back(tier);
    lines.push_back(row(tier, 0.0, by_the_hour ? 0.0 : *month));
    lines.push_back(row(tier, kHoursOfADay, *month));
    if (even && *even <= kHoursOfADay) {
      crossings.push_back({tier, *even, *month});
    }
    table.rows.push_back({tier, text_at(offer, "price_id"), text_at(offer, "provider"),
                          text_at(offer, "price_as_of"), text_at(offer, "instances"),
                          text_at(offer, "paid_gpus"), whole_text(month),
                          by_the_hour ? "by the hour" : "all the time",
                          !even                  ? "-"
                          : *even > kHoursOfADay ? "never"
                                                 : fmt::format("{:.1f} h of use a day", *even)});
  }
  if (names.size() < 2) {
    return std::nullopt;
  }
  const auto place = [] {
    return Json::object()
        .set("x", channel("hours", "quantitative", "hours of use a day")
                      .set("scale", Json::object()
                                        .set("domain", std::vector<double>{0.0, kHoursOfADay})
                                        .set("nice", false))
                      .set("axis",
                           Json::object().set("values", std::vector<int>{0, 4, 8, 12, 16, 20, 24})))
        .set("y", channel("usd_per_month", "quantitative", "USD a month")
                      .set("axis", Json::object().set("format", "~s")));
  };
  std::vector<Json> layers = {
      layer(mark("line").set("strokeWidth", 2.5),
            place()
                .set("color", colors("tier", "", names))
                .set("tooltip",
                     hover({{"tier", "tier", ""}, {"usd_per_month", "USD a month", ",.0f"}})))
          .set("data", Json::object().set("values", lines))};
  // A line from every break-even down to its hours. Texts stand at different heights, and away from
  // the edges and the other lines: two break-evens may be close together.
  constexpr int kLineOfText = 15;
  std::sort(crossings.begin(), crossings.end(),
            [](const Crossing& a, const Crossing& b) { return a.hours < b.hours; });
  for (std::size_t i = 0; i < crossings.size(); ++i) {
    const Crossing& at = crossings[i];
    const bool to_the_left = at.hours > 18.0 || (i == 0 && at.hours > 6.0);
    const Json data = Json::object().set(
        "values",
        Json::array().push(row(at.tier, at.hours, at.usd)
                               .set("label", fmt::format("{} from {:.1f} h", at.tier, at.hours))));
    layers.push_back(
        layer(mark("point").set("filled", true).set("size", 70), place()).set("data", data));
    layers.push_back(layer(mark("rule").set("strokeDash", std::vector<int>{2, 3}),
                           place().set("y2", Json::object().set("value", "height")))
                         .set("data", data));
    layers.push_back(layer(mark("text")
                               .set("align", to_the_left ? "right" : "left")
                               .set("baseline", "bottom")
                               .set("dx", to_the_left ? -5 : 5)
                               .set("dy", -5 - kLineOfText * static_cast<int>(i)),
                           Json::object()
                               .set("x", channel("hours", "quantitative", "hours of use a day"))
                               .set("y", Json::object().set("value", "height"))
                               .set("text", channel("label", "nominal", "")))
                         .set("data", data));
  }
  return ReportFigure{
      "rent_or_buy", "Rent or buy",
      "The recommended fleet at every tier of the price book, by the hours a day that it is used: "
      "what is rented by the hour costs by use, what is committed to or owned costs the same "
      "always. Dots: from so many hours on, it is cheaper than on demand.",
      layered(280, layers), std::move(table)};
}

}  // namespace moeplan::sim

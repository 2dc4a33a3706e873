#pragma once
// The parts of a plan's report on how long machines are paid for: rent or buy, and the day.

#include "models/text/json.hpp"
#include "sim/plan/plan.hpp"
#include "sim/report/report_writer.hpp"

namespace moeplan::sim {

// [{tier, price_id, provider, instances, paid_gpus, price_as_of, by_the_hour, cost_usd_per_month,
// break_even_hours_per_day}]; the last is null by the hour, and without an on-demand offer.
text::Json rent_or_buy_json(const Plan& plan);
// [{design, requests_per_s_per_engine, at_least, hours: [{hour, requests_per_s, engines}],
// peak_engines, fewest_engines, mean_engines, fixed, following, mixed}]; the last three null or
// {base_engines, base_price_id, hourly_price_id, engine_hours_per_day, cost_usd_per_month}.
text::Json day_json(const Plan& plan);

// Sections with their tables; nothing where the plan has none.
void add_rent_or_buy(const Plan& plan, ReportWriter& out);
void add_day(const Plan& plan, const Scenario& scenario, ReportWriter& out);

}  // namespace moeplan::sim

// Suite calibrate of ./moeplan bench: how far our exchanges and laws are from what they stand for.
//   all2all_ratio_to_plain_loop  our osu mode over a plain OSU-style loop in the same run, two
//   ranks;
//                                of the sizes 16 KiB to 1 MiB of a rank the ratio farthest from 1
//   layer_closure_median_error, _p90_error, layer_repeat_median_error  20 SMoE layers over two
//   ranks
//                                against the laws of their parts (layer_figures.hpp)
//   netns_ratio_min, _max        measured over predicted exchanges of four hosts (netbox.hpp); null
//                                where namespaces are not permitted
#include <fstream>
#include <optional>

#include "calibrate/all2all/launcher.hpp"
#include "models/text/json.hpp"
#include "tests/calibrate/all2all/netbox.hpp"
#include "tests/calibrate/all2all/ranks.hpp"
#include "tests/speed/bench_main.hpp"
#include "tests/speed/layer_figures.hpp"

namespace moeplan::speed {
namespace {

double ratio_to_plain_loop() {
  const tests::TemporaryDirectory directory;
  const std::string file = (directory / "ratio").string();
  std::vector<std::string> command = calibrate::launcher_arguments(tests::launcher(2));
  command.insert(command.end(), {MOEPLAN_EXCHANGE_LOOP, file});
  const std::string out = (directory / "out").string();
  if (tests::run_into(command, out) != 0) {
    throw std::runtime_error(tests::read_bytes(out));
  }
  fmt::print(stderr, "{}", tests::read_bytes(out));
  double ratio = 0.0;
  std::ifstream(file) >> ratio;
  return ratio;
}

void print(bool json) {
  if (!tests::why_no_ranks().empty()) {
    throw std::runtime_error(tests::why_no_ranks());
  }
  const double ratio = ratio_to_plain_loop();
  const LayerFigures layers = layer_figures(MOEPLAN_MEASURE_PROGRAM);
  fmt::print(stderr, "{}measured and fitted in {:.0f} s\n", layers.rows, layers.fitting_seconds);
  std::optional<tests::NetboxFigures> hosts;
  try {
    hosts = tests::netbox_figures(MOEPLAN_MEASURE_PROGRAM);
    fmt::print(stderr, "{}rate {:.3f} of the configured one\n", hosts->rows,
               hosts->bandwidth_ratio);
  } catch (const std::runtime_error& error) {
    fmt::print(stderr, "no hosts out of namespaces: {}\n", error.what());
  }
  if (json) {
    fmt::print("{}", text::Json::object()
                         .set("layer_closure_median_error", layers.median_error)
                         .set("layer_closure_p90_error", layers.p90_error)
                         .set("layer_repeat_median_error", layers.repeat_error)
                         .set("all2all_ratio_to_plain_loop", ratio)
                         .set("netns_ratio_min", hosts ? text::Json(hosts->lowest) : text::Json())
                         .set("netns_ratio_max", hosts ? text::Json(hosts->highest) : text::Json())
                         .pretty());
    return;
  }
  fmt::print("whole layers against their parts                  {:.1f} % median, {:.1f} % p90\n",
             100.0 * layers.median_error, 100.0 * layers.p90_error);
  fmt::print("launches of a layer against its median            {:.1f} % median\n",
             100.0 * layers.repeat_error);
  fmt::print("our exchange over a plain loop, farthest from 1   {:.3f}\n", ratio);
  if (hosts) {
    fmt::print("measured over predicted, four hosts               {:.3f} to {:.3f}\n",
               hosts->lowest, hosts->highest);
  }
}

}  // namespace
}  // namespace moeplan::speed

int main(int argc, char** argv) {
  return moeplan::speed::bench_main(argc, argv, "calibrate_bench", moeplan::speed::print);
}
